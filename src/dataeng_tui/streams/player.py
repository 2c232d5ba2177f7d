"""A recording, played as if its sources answered now; one can stop it, go back, and go on faster."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.streams.board import Board, Judge
from dataeng_tui.streams.recording import observations
from dataeng_tui.streams.snapshot import Observation, Problem, Snapshot
from dataeng_tui.streams.watch import Watcher

_STEP = 0.1  # seconds of ours between two looks at what is next


class Player(Watcher):
    """A watcher whose sources are a recording, played at the pace at which it was recorded.

    ``interval`` is how long a recorded second takes. It does not begin again at its end. Raises UserError
    when ``path`` is no recording.
    """

    def __init__(self, path: Path, judge: Judge, *, interval: float = 1.0, history: int = 100) -> None:
        self._path = path
        first = next(observations(path), None)
        self._first = self._now = self._reached = first.at if first else 0.0
        super().__init__((), judge, interval=interval, history=history, clock=lambda: self._now)
        self._fresh_board = partial(Board, judge, history)
        self._playing: threading.Thread | None = None
        self._over = threading.Event()
        self._wake = threading.Event()
        self._target: float | None = None

    @property
    def finished(self) -> bool:
        """Whether all of it has been played."""
        return self._over.is_set()

    @property
    def position(self) -> float:
        """The recorded moment that is shown, in seconds since the epoch."""
        return self._now

    def seek(self, seconds: float) -> None:
        """Go so many recorded seconds on, or back."""
        aimed = self._now if self._target is None else self._target
        self._target = max(self._first, aimed + seconds)
        self._wake.set()

    def start(self) -> None:
        super().start()
        self._playing = threading.Thread(target=self._play, name="streams recording", daemon=True)
        self._playing.start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        super().stop()

    def resume(self) -> None:
        super().resume()
        self._wake.set()

    def once(self, timeout: float = 15.0) -> Snapshot:
        """All of it at once: the picture at its end."""
        for observation in observations(self._path):
            self._now = max(self._now, observation.at)
            self.accept(observation)
        with self._lock:
            return self._board.snapshot(self._now)

    def _play(self) -> None:
        recorded = self._from_the_beginning()
        upcoming = next(recorded, None)
        while not self._stopped.is_set():
            target, self._target = self._target, None
            if target is not None and target < self._now:
                recorded = self._from_the_beginning()
                upcoming = next(recorded, None)
            if target is not None:
                self._now = target
                self._changed.set()
            while upcoming is not None and upcoming.at <= self._now and not self._stopped.is_set():
                self._reached = max(self._reached, upcoming.at)
                self.accept(upcoming)
                upcoming = next(recorded, None)
            if upcoming is None:
                self._now = min(self._now, self._reached)
                self._end()
            else:
                self._go_on(upcoming.at)

    def _from_the_beginning(self) -> Iterator[Observation]:
        with self._lock:
            self._board = self._fresh_board()
        self._reached = self._first
        self._over.clear()
        try:
            yield from observations(self._path)
        except UserError as error:
            problem = Problem("recording", str(error))
            yield Observation("driver-ui", "recording", self._now, problems=(problem,))

    def _go_on(self, until: float) -> None:
        """Let time go by, at most to the recorded moment ``until``."""
        began = time.monotonic()
        left = (until - self._now) * self.interval
        woken = self._wake.wait(None if self.paused else min(left, _STEP))
        self._wake.clear()
        if woken:
            went = 0.0 if self.paused else (time.monotonic() - began) / self.interval
        else:
            went = min(left, _STEP) / self.interval
        self._now = min(until, self._now + went)

    def _end(self) -> None:
        """Wait at the end, from which one can go back."""
        if not self._wake.wait(0.5):  # the last of it is still to be shown
            self._over.set()
            self._wake.wait()
        self._wake.clear()
