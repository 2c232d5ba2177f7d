"""The sandbox as the command line and the screen use it: scenarios, checks to be called off, timelines.

The built-in scenarios run right here; everybody else's SQL runs in a process that can be killed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dataeng_tui.errors import UserError
from dataeng_tui.replay import scenario as scenarios
from dataeng_tui.replay import story, timeline
from dataeng_tui.replay.check import check
from dataeng_tui.replay.contained import Contained
from dataeng_tui.replay.explore import Cancelled, Progress
from dataeng_tui.replay.matrix import Matrix, matrix
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.schedule import Schedule
from dataeng_tui.replay.story import Story
from dataeng_tui.replay.timeline import Timeline
from dataeng_tui.replay.verdict import Counterexample, Verdict

if TYPE_CHECKING:
    from dataeng_tui.replay.sandbox import Scene

T = TypeVar("T")

__all__ = ["Cancelled", "Listed", "Replay"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario: ``where`` is what ``load`` takes; ``problem`` says why it cannot be opened, if so."""

    where: str
    title: str
    about: str
    builtin: bool
    problem: str = ""


class Replay:
    """``folders`` stand beside the built-in scenarios; ``seconds``: the budget where none is named."""

    def __init__(self, folders: Iterable[str] = (), seconds: float = 20.0) -> None:
        self.folders = tuple(folders)
        self.seconds = seconds
        self._contained = Contained()

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
        names = None if faults is None else tuple(faults)
        return self._run(check, (scenario, names, self._budget(scenario)), progress or _unheard)

    def matrix(self, paths: Iterable[str] = ()) -> Matrix:
        """The built-in strategies, or these scenarios, against every fault."""
        found = [self.load(path) for path in tuple(paths) or scenarios.builtin_names()]
        return matrix(
            found, lambda one, faults: self._run(check, (one, faults, self._budget(one), None, False))
        )

    def stories(self, scenario: Scenario, faults: Iterable[str] | None = None) -> tuple[Story, ...]:
        """Each fault's shortest counterexample in which the whole log is told, played."""
        names = tuple(faults or scenario.faults)
        return self._run(story.stories, (scenario, names, self._budget(scenario)))

    def timeline(self, scenario: Scenario, schedule: Schedule) -> Timeline:
        """The schedule, played. Raises UserError for SQL that does not hold."""
        return self._run(timeline.play, (scenario, schedule))

    def compare(self, designs: tuple[Scenario, ...], schedule: Schedule) -> "Scene":
        """The same schedule played on each of the designs. Raises UserError for SQL that does not hold."""
        from dataeng_tui.replay import sandbox

        return self._run(sandbox.compare, (tuple(designs), schedule))

    def shown(self, design: Scenario, found: Counterexample) -> "Scene":
        """The counterexample played, then the same events without the fault. Raises UserError."""
        from dataeng_tui.replay import sandbox

        return self._run(sandbox.shown, (design, found))

    def _budget(self, scenario: Scenario) -> float:
        return scenario.seconds or self.seconds

    def _run(
        self, function: Callable[..., T], arguments: tuple[Any, ...], progress: Progress | None = None
    ) -> T:
        """A function of the slice whose first argument is a scenario or several."""
        designs = arguments[0] if isinstance(arguments[0], tuple) else arguments[:1]
        if all(scenario.builtin for scenario in designs):
            return function(*arguments, **({} if progress is None else {"progress": progress}))
        seconds = sum(self._budget(scenario) for scenario in designs)
        return self._contained.call(function, arguments, seconds, progress)

    def close(self) -> None:
        """End the processes that were started; safe to call twice."""
        self._contained.close()


def _unheard(*news: object) -> None:
    """Progress that nobody wants to see; that it is heard shows the other process that we are still there."""


def _listed(where: str, *, builtin: bool) -> Listed:
    try:
        found = scenarios.load(where)
    except UserError as error:
        return Listed(where, Path(where).name, "", builtin, str(error))
    return Listed(where, found.title, found.about, builtin)
