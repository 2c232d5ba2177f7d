"""The pane "Replay": a log delivered step by step, faults by single keys, and the verdict beside it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer

from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.schedule import Schedule
from dataeng_tui.replay.verdict import WORST, Counterexample, FaultVerdict, Verdict
from dataeng_tui.services import Services
from dataeng_tui.text import clean
from dataeng_tui.tui import replay_work as work
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.panes.replay_parts import ByHand, Opening
from dataeng_tui.tui.widgets.replay_log import EventLog
from dataeng_tui.tui.widgets.replay_steps import Steps
from dataeng_tui.tui.widgets.replay_tables import Tables
from dataeng_tui.tui.widgets.replay_verdicts import Verdicts, words

FIRST = ("additive", "one-to-many")  # what is on the screen at first: the bug, and a cure beside it
BEAT = 0.9  # seconds a step while playing: time enough to read its line


class ReplayPane(ByHand, Opening):
    """One or two designs, a schedule, and where one stands in it."""

    NAME: ClassVar[str] = "Replay"
    HELP_TEXT: ClassVar[str] = """
Every event of the log is delivered to the write, one step after the other. Break something: lose an
acknowledgement, deliver an event again, change the order, rewind, die half way. ▸ marks a cell that the
step changed, ≠ one that the reader would not see without the fault, and beside it what it would be.

The verdict is searched behind the screen: every schedule of each fault, any number of redeliveries.
Enter on a fault plays its shortest counterexample, then the same events without the fault.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "enter,v",
            "show",
            "Show me",
            "replay.show",
            tooltip="how the chosen fault breaks it, in the fewest deliveries",
        ),
        key("right_square_bracket", "step(1)", "Step", "replay.step"),
        key("left_square_bracket", "step(-1)", "Back", "replay.back"),
        key("space", "play", "Play", "replay.play"),
        key("l", "lose_ack", "Lose ack", "replay.lose-ack", tooltip="the delivery just made comes again"),
        key("r", "redeliver", "Redeliver", "replay.redeliver", tooltip="the chosen event comes now"),
        key("w", "swap", "Swap", "replay.swap", tooltip="the delivery just made and the next change places"),
        key("b", "rewind", "Rewind", "replay.rewind", tooltip="to the chosen event's offset"),
        key("x", "crash", "Crash", "replay.crash", tooltip="the worker dies between two transactions"),
        key(
            "a",
            "every_fault",
            "Every fault",
            "replay.every-fault",
            show=False,
            tooltip="search every fault, or the scenario's own again",
        ),
        key("m", "matrix", "Matrix", "replay.matrix", tooltip="strategies against faults"),
        key("o", "open", "Open", "replay.open", tooltip="a scenario's folder, or a built-in one"),
        key("c", "beside", "Beside", "replay.beside", tooltip="another design beside this one, or none"),
        key("e", "edit", "Edit", "replay.edit", tooltip="the SQL, in $VISUAL or $EDITOR"),
        key("u,backspace", "undo", "Undo", "replay.undo", tooltip="take the last fault back"),
        key("escape", "reset", "Log order", "replay.reset", show=False),
        key("left_curly_bracket,home", "step(-1000000)", "Start", "replay.start", show=False),
        key("right_curly_bracket,end", "step(1000000)", "End", "replay.end", show=False),
        key("y", "copy", "Copy the counterexample", "replay.copy", show=False),
    ]
    SCOPED_CSS = False  # the breakpoints' classes are on the screen
    DEFAULT_CSS = """
    ReplayPane .part { border: round $border; border-title-color: $text-muted; }
    ReplayPane .part { background: $surface; padding: 0 1; border-subtitle-color: $text-muted; }
    ReplayPane .part:focus { border: round $primary; border-title-color: $primary; }
    ReplayPane Tables.part { border-subtitle-color: $success; }
    ReplayPane Tables.-differs { border-subtitle-color: $error; border-subtitle-style: bold; }
    ReplayPane #log, ReplayPane #verdict { height: 1fr; }
    ReplayPane #log { width: 1fr; }
    ReplayPane #verdict { width: 47; }
    ReplayPane #top { height: 11; }
    ReplayPane #steps { height: 5; }
    ReplayPane #designs { height: 1fr; }
    ReplayPane #designs Tables { width: 1fr; height: 1fr; }
    .-short ReplayPane #top { height: 6; }
    .-narrow ReplayPane #verdict { width: 40; }
    """

    playing: reactive[bool] = reactive(False, init=False)

    def __init__(self, services: Services, id: str) -> None:
        super().__init__(services, id)
        self._found: dict[tuple[int, str], FaultVerdict | int | str] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._beat: Timer | None = None
        self._broken = ""  # what the counterexample on the screen shows, in a sentence
        self._every = False  # whether every fault is searched, not only the scenarios' own

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield EventLog("log")
            yield Verdicts("verdict")
        yield Steps("steps")
        with Horizontal(id="designs"):
            yield Tables("first")
            yield Tables("second")

    def on_mount(self) -> None:
        self.query_one("#second").display = False
        self.watch_files()
        if self.display:
            self._begin()

    def shown(self) -> None:
        self._begin()
        self.query_one(Verdicts).focus()

    def _begin(self) -> None:
        """Open what is on the screen at first. A pane that nobody looks at starts no search."""
        if not self.designs:
            self.open(self.services.settings.replay.scenarios[:1] or FIRST)

    # Designs

    def use(self, designs: tuple[Scenario, ...]) -> None:
        """Show these designs from the start, and search their verdicts behind the screen."""
        self.designs = designs
        self.undo.clear()
        where = designs[0].name if designs[0].builtin else designs[0].folder
        self.badge, self.status = "", clean(f"{where} · {designs[0].title}")
        self.query_one(EventLog).load([event.fields for event in designs[0].events])
        self.action_reset()
        self._judge()

    def stage(self, schedule: Schedule, at: int) -> None:
        """Play the schedule behind the screen; the scene comes as a message."""
        self.schedule, self.playing = schedule, False
        designs = self.designs
        self.run_worker(
            lambda: work.stage(self.post_message, self.services.replay, designs, schedule, at),
            thread=True, group="stage", exclusive=True, exit_on_error=False,
        )  # fmt: skip

    @on(work.Staged)
    def _staged(self, message: work.Staged) -> None:
        self.set_reactive(ReplayPane.at, message.at)
        self.set_reactive(ReplayPane.scene, message.scene)
        self.query_one("#second").display = len(message.scene.panels) > 1
        self._draw()
        self.playing = message.play

    @on(work.Failed)
    def _failed(self, message: work.Failed) -> None:
        """The SQL does not hold: no table may go on looking as if it were this scenario's."""
        self.playing = False
        self.scene = None
        self.query_one("#second").display = False
        self.query_one("#first", Tables).tell(message.sentence)
        self.query_one(Steps).show(None, 0, False)

    # Verdicts

    def _judge(self) -> None:
        """Search the designs' faults anew, behind the screen."""
        self._found.clear()
        self._verdicts.clear()
        self._tell_verdicts()
        asked = [(design, self._faults(design)) for design in self.designs]
        self.run_worker(
            lambda: work.judge(self.post_message, self.services.replay, asked),
            thread=True, group="judge", exclusive=True, exit_on_error=False,
        )  # fmt: skip

    def _faults(self, design: Scenario) -> tuple[str, ...]:
        return tuple(FAULTS) if self._every else design.faults

    def action_every_fault(self) -> None:
        """Search every fault, or the scenario's own ones again."""
        self._every = not self._every
        self._judge()

    @on(work.Searching)
    def _searching(self, message: work.Searching) -> None:
        self._found[message.design, message.fault] = message.nodes
        self._tell_verdicts()

    @on(work.Judged)
    def _judged(self, message: work.Judged) -> None:
        self._found[message.design, message.fault] = message.verdict
        self._tell_verdicts()

    @on(work.Concluded)
    def _concluded(self, message: work.Concluded) -> None:
        self._verdicts[message.design] = message.verdict
        self._tell_verdicts()

    def _tell_verdicts(self) -> None:
        widget = self.query_one(Verdicts)
        asked = [(n, fault) for n, design in enumerate(self.designs) for fault in self._faults(design)]
        faults, waiting = list(dict.fromkeys(fault for _, fault in asked)), dict.fromkeys(asked, 0)
        found = {**waiting, **self._found}
        problems = dict.fromkeys(said for said in self._found.values() if isinstance(said, str))
        said = [*problems, *words(list(self._verdicts.values()))]
        widget.load(faults, [design.name for design in self.designs], found, said)
        broken = [v for v in self._found.values() if isinstance(v, FaultVerdict) and v.counterexample]
        self.badge = "✗" if broken else ""
        done = all(not isinstance(cell, int) for cell in found.values())
        more = [
            *(["⏎ show me"] if broken else []),
            *(["a: every fault"] if len(faults) < len(FAULTS) else []),
        ]
        widget.border_subtitle = " · ".join(more) if done else "searching"
        known = {cell.verdict for cell in found.values() if isinstance(cell, FaultVerdict)}
        worst = next((outcome for outcome in WORST if outcome in known), "")
        widget.border_title = f"Verdict: {worst}" if done and worst and len(self.designs) == 1 else "Verdict"

    def counterexample(self, fault: str | None) -> tuple[Scenario, FaultVerdict] | None:
        """The first design that the fault breaks, and how."""
        for number, design in enumerate(self.designs):
            found = self._found.get((number, fault or ""))
            if isinstance(found, FaultVerdict) and found.counterexample is not None:
                return design, found
        return None

    def action_show(self) -> None:
        """Play the chosen fault's counterexample; from elsewhere, the first there is where it has none."""
        verdicts = self.query_one(Verdicts)
        chosen = verdicts.fault
        faults = [chosen, *([] if verdicts.has_focus else (fault for _, fault in self._found))]
        self.show_counterexample(next((f for f in faults if self.counterexample(f)), chosen))

    def show_counterexample(self, fault: str | None) -> None:
        """Play it, with the same events without the fault beside it."""
        found = self.counterexample(fault)
        if found is None or found[1].counterexample is None:
            self.whisper(f"There is no counterexample for {fault}.")
            return
        self.play_counterexample(found[0], found[1].fault, found[1].counterexample)

    def play_counterexample(self, design: Scenario, fault: str, found: Counterexample) -> None:
        """Play it, with the same events without the fault beside it."""
        self._broken = f"{fault} breaks {design.name} in {found.length} deliveries, the fewest that do"
        if not found.versus:
            self._broken = f"{design.name} ends otherwise than its scenario expects"
        self.run_worker(
            lambda: work.stage_counterexample(self.post_message, self.services.replay, design, found),
            thread=True, group="stage", exclusive=True, exit_on_error=False,
        )  # fmt: skip

    # Time

    def watch_at(self) -> None:
        self._draw()

    def watch_playing(self, playing: bool) -> None:
        if self._beat is not None:
            self._beat.stop()
        # Only a scene that plays has a timer: an idle screen writes nothing.
        self._beat = self.set_interval(BEAT, self._next) if playing else None
        self._draw()

    def _next(self) -> None:
        if self.scene is None or self.at >= len(self.scene.steps):
            self.playing = False
        else:
            self.at += 1

    def _draw(self) -> None:
        scene = self.scene
        if scene is None:
            return
        self.at = max(0, min(self.at, len(scene.steps)))
        moving = scene.panels[1 if scene.parts is not None and self.at > scene.parts else 0].frames[self.at]
        now = moving.step.event if moving.step is not None and self.at else None
        self.query_one(EventLog).delivered(moving.deliveries, now)
        steps = self.query_one(Steps)
        steps.show(scene, self.at, self.playing)
        shown = scene.kind != "play"
        steps.border_title = (
            Content.styled(clean(self._broken), "bold $error") if shown else Content("Timeline")
        )
        steps.border_subtitle = "esc: the log again" if shown else ""
        for number, widget in enumerate(self.query(Tables)):
            if number < len(scene.panels):
                widget.at(scene, number, self.at)

    def action_step(self, by: int) -> None:
        """Go forward or back; it stops what plays."""
        self.playing = False
        if self.scene is not None:
            self.at = max(0, min(self.at + by, len(self.scene.steps)))

    @on(Steps.Chosen)
    def _chosen(self, message: Steps.Chosen) -> None:
        self.playing = False
        self.at = message.at

    def action_play(self) -> None:
        """Play from here, or from the start when at the end; stop when playing."""
        if self.scene is None:
            return
        if not self.playing and self.at == len(self.scene.steps):
            self.at = 0
        self.playing = not self.playing
