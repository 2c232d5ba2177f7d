"""What the replay pane has done for it in the background: threads that post messages and touch no widget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textual.message import Message
from textual.worker import get_current_worker

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import redelivery
from dataeng_tui.replay.sandbox import Scene
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.schedule import Schedule
from dataeng_tui.replay.service import Cancelled, Replay
from dataeng_tui.replay.verdict import Counterexample, FaultVerdict, Verdict

Post = Callable[[Message], object]
EVERY = 0.25  # seconds between two signs of life


@dataclass
class Staged(Message):
    """A scene is ready, to be looked at from position ``at``."""

    scene: Scene
    at: int
    play: bool = False


@dataclass
class Failed(Message):
    """It cannot be done, and why."""

    sentence: str


@dataclass
class Searching(Message):
    """A design's fault is being searched: so many states so far. A newer one replaces an older one."""

    design: int
    fault: str
    nodes: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Searching) and (message.design, message.fault) == (self.design, self.fault)


@dataclass
class Judged(Message):
    """A fault's verdict, or the sentence why there is none."""

    design: int
    fault: str
    verdict: FaultVerdict | str


@dataclass
class Concluded(Message):
    """All faults of a design are judged; its words (bounds, what is forgotten) are in ``verdict``."""

    design: int
    verdict: Verdict


def stage(post: Post, replay: Replay, designs: tuple[Scenario, ...], schedule: Schedule, at: int) -> None:
    """Play the schedule on the designs."""
    worker = get_current_worker()
    try:
        scene = replay.compare(designs, schedule)
    except UserError as error:
        post(Failed(str(error)))
        return
    if not worker.is_cancelled:
        post(Staged(scene, at))


def stage_counterexample(post: Post, replay: Replay, design: Scenario, found: Counterexample) -> None:
    """Play a counterexample, with and without its fault."""
    worker = get_current_worker()
    try:
        scene = replay.shown(design, found)
    except UserError as error:
        post(Failed(str(error)))
        return
    if not worker.is_cancelled:
        post(Staged(scene, 0, play=True))


def judge(post: Post, replay: Replay, asked: Sequence[tuple[Scenario, Sequence[str]]]) -> None:
    """Check every design for its faults, one by one, until done or called off."""
    import time

    worker = get_current_worker()
    told = time.monotonic()

    def progress(fault: str, nodes: int, transitions: int, deep: int) -> None:
        nonlocal told
        if worker.is_cancelled:
            raise Cancelled
        if time.monotonic() - told > EVERY:
            told = time.monotonic()
            post(Searching(number, fault, nodes))

    for number, (design, faults) in enumerate(asked):
        last: Verdict | None = None
        for fault in faults:
            try:
                last = replay.check(design, [fault], progress)
            except Cancelled:
                return
            except UserError as error:
                post(Judged(number, fault, str(error)))
                continue
            if worker.is_cancelled:
                return
            post(Judged(number, fault, last.faults[0]))
        if last is not None:
            bounds = replace(last.bounds, redelivery=redelivery(faults))
            post(Concluded(number, replace(last, bounds=bounds)))
