"""The sandbox as the command line and the screen use it: scenarios by name, checks that can be called off, timelines."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.replay import scenario as scenarios
from dataeng_tui.replay import timeline
from dataeng_tui.replay.check import check
from dataeng_tui.replay.explore import Cancelled, Progress
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.schedule import Schedule
from dataeng_tui.replay.timeline import Timeline
from dataeng_tui.replay.verdict import Verdict

__all__ = ["Cancelled", "Listed", "Replay"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario that can be opened: ``where`` is what ``load`` takes; ``problem`` says why it cannot be."""

    where: str
    title: str
    about: str
    builtin: bool
    problem: str = ""


class Replay:
    """``folders`` stand beside the built-in scenarios; ``seconds`` is the budget where a scenario names none."""

    def __init__(self, folders: Iterable[str] = (), seconds: float = 20.0) -> None:
        self.folders = tuple(folders)
        self.seconds = seconds

    def scenarios(self) -> tuple[Listed, ...]:
        """The built-in ones in the order of their story, then the user's own."""
        own = tuple(_listed(folder, builtin=False) for folder in self.folders)
        return tuple(_listed(name, builtin=True) for name in scenarios.builtin_names()) + own

    def load(self, where: str | Path) -> Scenario:
        """The scenario of that name or folder, read anew. Raises UserError."""
        return scenarios.load(where)

    def check(
        self, scenario: Scenario, faults: Iterable[str] | None = None, progress: Progress | None = None
    ) -> Verdict:
        """The verdict. ``progress`` may raise Cancelled. Raises UserError for SQL that does not hold."""
        return check(scenario, faults, self.seconds, progress)

    def timeline(self, scenario: Scenario, schedule: Schedule) -> Timeline:
        """The schedule, played. Raises UserError for SQL that does not hold."""
        return timeline.play(scenario, schedule)


def _listed(where: str, *, builtin: bool) -> Listed:
    try:
        found = scenarios.load(where)
    except UserError as error:
        return Listed(where, Path(where).name, "", builtin, str(error))
    return Listed(where, found.title, found.about, builtin)
