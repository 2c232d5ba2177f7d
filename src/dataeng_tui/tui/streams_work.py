"""What the streams pane asks of the services, off the screen's thread; it answers with messages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from dataeng_tui.errors import UserError
from dataeng_tui.services import Services

if TYPE_CHECKING:
    from dataeng_tui.demo.spark import Progress
    from dataeng_tui.streams.snapshot import Snapshot

Post = Callable[[Message], object]  # thread-safe: a pane's post_message


class Seen(Message):
    """Another snapshot; one that nobody has looked at yet is replaced by the next."""

    def __init__(self, snapshot: "Snapshot") -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Seen)


class Starting(Message):
    """How far the demo's Spark is; ``problem`` when it cannot go on; ``done`` when its driver answers."""

    def __init__(self, step: str, problem: str | None, done: bool) -> None:
        super().__init__()
        self.step, self.problem, self.done = step, problem, done


class Refused(Message):
    """The streams cannot be watched, in one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class Forgetful(Message):
    """What is seen cannot be kept, in one sentence; it is shown all the same."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


def watch(post: Post, services: Services) -> None:
    """Begin to watch; with ``--demo``, start the demo's Spark too. Returns when all is under way."""
    try:
        watcher = services.streams
    except UserError as error:
        post(Refused(str(error)))
        return

    def seen(snapshot: "Snapshot") -> None:
        post(Seen(snapshot))

    def starting(told: "Progress") -> None:
        post(Starting(told.step, told.problem, told.ui is not None))

    watcher.subscribe(seen)
    try:
        services.remember_streams()
    except UserError as error:
        post(Forgetful(str(error)))
    watcher.start()
    if services.settings.demo:
        services.start_demo(starting)


def seek(services: Services, seconds: float) -> None:
    """Go so many recorded seconds on, or back, in the recording that is played."""
    from dataeng_tui.streams.player import Player

    if isinstance(services.streams, Player):
        services.streams.seek(seconds)
