"""Parts of the pane "Replay": faults by single keys, and what one opens, compares, edits and copies."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.reactive import reactive

from dataeng_tui.errors import UserError
from dataeng_tui.replay import files, sandbox
from dataeng_tui.replay.sandbox import Edited, Scene
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.schedule import Schedule, sentences
from dataeng_tui.replay.verdict import Counterexample, FaultVerdict
from dataeng_tui.text import clean
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.widgets.replay_log import EventLog
from dataeng_tui.tui.widgets.replay_verdicts import Verdicts

if TYPE_CHECKING:
    from dataeng_tui.replay.matrix import MatrixCell

LOOK = 1.0  # seconds between two looks at the scenario's files


class Sandbox(Pane):
    """What the parts have in common: the designs, the schedule, and where one stands in it."""

    designs: tuple[Scenario, ...] = ()
    schedule: Schedule = ()
    scene: reactive[Scene | None] = reactive(None, init=False)
    at: reactive[int] = reactive(0, init=False)

    @abstractmethod
    def stage(self, schedule: Schedule, at: int) -> None:
        """Play the schedule on the designs and stand at ``at``."""

    @abstractmethod
    def use(self, designs: tuple[Scenario, ...]) -> None:
        """Show these designs, from the start."""

    @abstractmethod
    def counterexample(self, fault: str | None) -> tuple[Scenario, FaultVerdict] | None:
        """The first design that the fault breaks, and how."""

    @abstractmethod
    def play_counterexample(self, design: Scenario, fault: str, found: Counterexample) -> None:
        """Play it, with the same events without the fault beside it."""

    def complain(self, sentence: str) -> None:
        """Say what cannot be done."""
        self.notify(clean(sentence, 400), severity="error", markup=False, timeout=8)

    def whisper(self, sentence: str) -> None:
        """Say what happened, or why nothing did."""
        self.notify(clean(sentence, 400), markup=False, timeout=4)


class ByHand(Sandbox):
    """Faults made by single keys; each can be taken back."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.undo: list[tuple[Schedule, int]] = []

    def _fault(self, edited: Edited, why_not: str) -> None:
        if edited is None:
            self.whisper(why_not)
            return
        self.undo.append((self.schedule, self.at))
        self.stage(*edited)

    def _here(self) -> tuple[Schedule, int]:
        """The schedule that is shown: of a counterexample, the side with the fault."""
        scene = self.scene
        if scene is None or scene.kind == "play":
            return self.schedule, self.at
        if scene.parts is None:
            return scene.steps, self.at
        return scene.steps[: scene.parts], min(self.at, scene.parts)

    def action_lose_ack(self) -> None:
        """The delivery just made comes again."""
        self._fault(sandbox.lose_ack(*self._here()), "Step to a delivery first.")

    def action_redeliver(self) -> None:
        """The chosen event comes now."""
        event = self.query_one(EventLog).chosen
        self._fault(sandbox.redeliver(*self._here(), event), "An event is half written: step on first.")

    def action_swap(self) -> None:
        """The delivery just made and the next change places."""
        self._fault(sandbox.swap(*self._here()), "Step between two deliveries first.")

    def action_rewind(self) -> None:
        """The consumer goes back to the chosen event's offset."""
        event = self.query_one(EventLog).chosen
        self._fault(sandbox.rewind(*self._here(), event), "The chosen event was not delivered yet.")

    def action_crash(self) -> None:
        """The worker dies within the delivery just made."""
        most = max((len(design.transactions) for design in self.designs), default=1)
        why = "Step to a delivery first." if most > 1 else "The write is one transaction."
        self._fault(sandbox.crash(*self._here(), most), why)

    def action_undo(self) -> None:
        """Take the last fault back."""
        if self.undo:
            self.stage(*self.undo.pop())
        else:
            self.action_reset()

    def action_reset(self) -> None:
        """The log's order again, without any fault, all of it delivered."""
        if self.designs:
            self.undo.clear()
            events = len(self.designs[0].events)
            self.stage(sandbox.in_log_order(events), events)


class Opening(Sandbox):
    """Scenarios opened, put side by side, edited, and their counterexamples copied."""

    def open(self, where: Sequence[str]) -> None:
        """Open the scenarios of these names or folders, side by side. A failure is told."""
        try:
            found = tuple(self.services.replay.load(each) for each in where)
        except UserError as error:
            self.complain(str(error))
            return
        if len({tuple(map(repr, (event.fields for event in each.events))) for each in found}) > 1:
            self.complain(f"{found[1].name} has another log than {found[0].name}: only one log is delivered.")
            return
        self._stamps = tuple(map(files.stamp, found))
        self.use(found)

    def _where(self, design: Scenario) -> str:
        return design.name if design.builtin or design.folder is None else str(design.folder)

    def action_open(self) -> None:
        """Choose a scenario from a list, or write its folder's path."""
        self._choose("Open", lambda where: self.open([where]))

    def action_beside(self) -> None:
        """Put another design beside this one; take it away when there is one."""
        if not self.designs:
            return
        first = self._where(self.designs[0])
        if len(self.designs) > 1:
            self.open([first])
        else:
            self._choose(f"Beside {self.designs[0].name}", lambda where: self.open([first, where]))

    def _choose(self, title: str, then: Callable[[str], None]) -> None:
        from dataeng_tui.tui.screens.replay_open import OpenScreen

        def chosen(where: str | None) -> None:
            if where:
                then(where)

        self.app.push_screen(OpenScreen(title, self.services.replay.scenarios()), chosen)

    def action_matrix(self) -> None:
        """Strategies against faults."""
        from dataeng_tui.tui.screens.replay_matrix import MatrixScreen

        def chosen(cell: "MatrixCell | None") -> None:
            if cell is not None and cell.fault is not None and cell.fault.counterexample is not None:
                self.use((cell.scenario,))
                self.play_counterexample(cell.scenario, cell.fault.fault, cell.fault.counterexample)

        self.app.push_screen(MatrixScreen(self.services.replay), chosen)

    def action_edit(self) -> None:
        """Open the write's SQL in one's own editor; a built-in's in a copy."""
        from textual.app import SuspendNotSupported

        if not self.designs:
            return
        design = self.designs[0]
        try:
            folder = files.to_edit(design)
            with self.app.suspend():
                files.edit(design, folder)
        except UserError as error:
            self.complain(str(error))
            return
        except SuspendNotSupported:
            self.complain(f"No editor can be opened here: edit the files in {folder}.")
            return
        self.app.refresh()
        self.open([str(folder), *(self._where(other) for other in self.designs[1:])])

    def watch_files(self) -> None:
        """Look at the files now and then, and open the scenario anew when one has changed."""
        self.set_interval(LOOK, self._look)

    def _look(self) -> None:
        if not self.display or not self.designs or self.designs[0].builtin:
            return
        designs = self.designs

        def look() -> None:
            self.app.call_from_thread(self._looked, designs, tuple(map(files.stamp, designs)))

        self.run_worker(look, thread=True, group="files", exclusive=True, exit_on_error=False)

    _stamps: tuple[files.Stamp, ...] = ()

    def _looked(self, designs: tuple[Scenario, ...], stamps: tuple[files.Stamp, ...]) -> None:
        if designs is self.designs and stamps != self._stamps:
            self.open([self._where(design) for design in designs])
            self.whisper("The scenario's files have changed: opened anew.")

    def action_copy(self) -> None:
        """Put the chosen fault's counterexample on the clipboard, as text."""
        found = self.counterexample(self.query_one(Verdicts).fault)
        if found is None or found[1].counterexample is None:
            self.whisper("There is no counterexample to copy.")
            return
        design, verdict = found
        self.app.copy_to_clipboard(as_text(design, verdict))
        self.whisper("The counterexample is on the clipboard.")


def as_text(design: Scenario, verdict: FaultVerdict) -> str:
    """A counterexample in plain lines."""
    found = verdict.counterexample
    assert found is not None
    steps = sentences(found.schedule, len(design.transactions))
    lines = [f"{design.name}: {verdict.verdict} under {verdict.fault}, in {found.length} deliveries", ""]
    lines += [f"{number}. {sentence}" for number, sentence in enumerate(steps, 1)]
    lines += ["", "with the fault:", *(f"  {dict(row)}" for row in found.rows)]
    lines += [
        "without it:" if found.versus else "expected:",
        *(f"  {dict(row)}" for row in found.versus_rows),
    ]
    return "\n".join(lines) + "\n"
