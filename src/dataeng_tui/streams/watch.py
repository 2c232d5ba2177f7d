"""Asks every source in turn, each on a thread of its own, and hands frozen snapshots to whoever listens."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from dataeng_tui.streams.board import Board, Judge
from dataeng_tui.streams.snapshot import Focus, Observation, Problem, Snapshot, Source, StreamingQuery

_TOGETHER, _EACH = 0.09, 0.01  # seconds for all sources at most, and for each of them

Subscriber = Callable[[Snapshot], None]
MakeSource = Callable[[str, bool], Source]


class Watcher:
    """Polls sources and publishes snapshots.

    A thread a source: its polls cannot overlap, and a source that hangs delays no other. Subscribers are
    called on the publishing thread, one snapshot at a time, and only when something has changed.

    ``make_driver`` makes the source for a driver URL that another source found: YARN knows that there is one,
    so what is wrong with it is to be told (True); an open port is a guess (False).
    """

    def __init__(
        self,
        sources: Iterable[Source],
        judge: Judge,
        *,
        interval: float = 1.0,
        history: int = 100,
        make_driver: MakeSource | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.interval = interval
        self._clock = clock
        self._board = Board(judge, history)
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._resumed = threading.Event()
        self._resumed.set()
        self._focus = Focus()
        self._subscribers: list[Subscriber] = []
        self._listeners: list[Callable[[Observation], None]] = []
        self._make_driver = make_driver
        self._pollers: dict[str, _Poller] = {}
        self._found: dict[str, set[str]] = {}  # who found it -> what
        self._latest = Snapshot(clock())
        self._publisher: threading.Thread | None = None
        for source in sources:
            self._pollers[source.where] = _Poller(source, self)
        self._named = frozenset(self._pollers)

    @property
    def latest(self) -> Snapshot:
        """The last snapshot published; empty before the first."""
        return self._latest

    @property
    def unanswered(self) -> tuple[Problem, ...]:
        """What is wrong with the sources that were named and did not answer the last time."""
        with self._lock:
            return self._board.unanswered(self._named)

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to come; what lives never is."""
        return False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` with every new snapshot; the function returned ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber) if subscriber in self._subscribers else None

    def overhear(self, listener: Callable[[Observation], None]) -> None:
        """Call ``listener`` with all that any source says, from now on, one at a time."""
        self._listeners.append(listener)

    def recall(self, remembered: StreamingQuery) -> None:
        """Put in batches of a run, and starts of earlier runs, that were seen before."""
        with self._lock:
            self._board.recall(remembered)
        self._changed.set()

    def start(self) -> None:
        """Begin; returns at once."""
        self._publisher = threading.Thread(target=self._publish, name="streams", daemon=True)
        self._publisher.start()
        with self._lock:
            for poller in self._pollers.values():
                poller.start()

    def stop(self) -> None:
        """End every poll; waits a moment for threads, but not for a source that hangs."""
        self._stopped.set()
        self._resumed.set()
        self._changed.set()
        with self._lock:
            pollers = list(self._pollers.values())
        for poller in pollers:
            poller.stop()
        deadline = time.monotonic() + 0.5
        for poller in pollers:
            poller.join(max(0.0, deadline - time.monotonic()))
        if self._publisher is not None and self._publisher is not threading.current_thread():
            self._publisher.join(1.0)

    def pause(self) -> None:
        """Ask nothing until ``resume``."""
        self._resumed.clear()

    def resume(self) -> None:
        """Go on asking."""
        self._resumed.set()

    @property
    def paused(self) -> bool:
        """Whether nothing is being asked."""
        return not self._resumed.is_set()

    def add(self, source: Source) -> None:
        """Ask one more source, from now on; one for the same place is asked already."""
        with self._lock:
            if source.where in self._pollers or self._stopped.is_set():
                return
            self._pollers[source.where] = poller = _Poller(source, self)
            if self._publisher is not None:
                poller.start()

    def refresh(self) -> None:
        """Ask every source now instead of when its time comes."""
        with self._lock:
            for poller in self._pollers.values():
                poller.wake()

    def look_at(self, focus: Focus) -> None:
        """Say what is looked at, so that it is asked for more, and sooner."""
        self._focus = focus

    def once(self, timeout: float = 30.0) -> Snapshot:
        """Ask every source one time, those that are found on the way too, and give the one picture."""
        self._focus = Focus(everything=True)
        deadline = time.monotonic() + timeout
        done: set[str] = set()
        while fresh := {where: one for where, one in list(self._pollers.items()) if where not in done}:
            done |= fresh.keys()
            for poller in fresh.values():
                poller.start(once=True)
            for poller in fresh.values():
                poller.join(max(0.0, deadline - time.monotonic()))
                if poller.busy:
                    self.accept(_silent(poller.source, self._clock(), timeout))
        with self._lock:
            return self._board.snapshot(self._clock())

    def accept(self, observation: Observation) -> None:
        """Take in what a source said."""
        with self._lock:
            self._board.accept(observation)
            self._watch_found(observation)
            for listener in self._listeners:
                listener(observation)
        self._changed.set()

    def _watch_found(self, observation: Observation) -> None:
        if self._make_driver is None or not observation.answered:
            return
        before = self._found.get(observation.where, set())
        self._found[observation.where] = set(observation.drivers)
        for url in observation.drivers:
            if url not in self._pollers:
                driver = self._make_driver(url, observation.layer != "driver-ui")
                self._pollers[url] = _Poller(driver, self)
                if self._publisher is not None:
                    self._pollers[url].start()
        for url in before.difference(*self._found.values()):
            if poller := self._pollers.pop(url, None):
                poller.stop()
                # What it showed is the past now; a port that closed is no problem to tell.
                gone = Observation(poller.source.layer, poller.source.where, observation.at, answered=False)
                self._board.accept(gone)

    def _publish(self) -> None:
        while not self._stopped.is_set():
            # Time alone changes something too: a query that says nothing becomes stalled.
            self._changed.wait(timeout=max(1.0, self.interval))
            # What arrives together is shown together: a snapshot for each of forty drivers would cost more.
            self._stopped.wait(min(_TOGETHER, _EACH * len(self._pollers)))
            self._changed.clear()
            with self._lock:
                snapshot = self._board.snapshot(self._clock())
            if replace(snapshot, at=self._latest.at) == self._latest or self._stopped.is_set():
                continue
            self._latest = snapshot
            for subscriber in list(self._subscribers):
                subscriber(snapshot)


class _Poller:
    """One source on one thread."""

    def __init__(self, source: Source, watcher: Watcher) -> None:
        self.source = source
        self.busy = False
        self._watcher = watcher
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, once: bool = False) -> None:
        self.busy = True
        self._thread = threading.Thread(
            target=self._once if once else self._run, name=f"streams {self.source.where}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        watcher = self._watcher
        while not self._stopped.is_set():
            watcher._resumed.wait()
            began = time.monotonic()
            self._ask()
            # From one start to the next, and never two at a time.
            self._woken.wait(max(0.05, watcher.interval - (time.monotonic() - began)))
            self._woken.clear()
        self.source.close()

    def _once(self) -> None:
        self._ask()
        self.source.close()

    def _ask(self) -> None:
        watcher = self._watcher
        if not self._stopped.is_set():
            said = self._said(watcher._clock(), watcher._focus)
            if not self._stopped.is_set():
                watcher.accept(said)
        self.busy = False

    def _said(self, now: float, focus: Focus) -> Observation:
        try:
            return self.source.poll(now, focus)
        except Exception as error:  # a defect: told, or the last picture would stay as if it were true
            why = f"a mistake of this program's: {type(error).__name__}: {error}"
            problem = Problem(self.source.where, why)
            return Observation(self.source.layer, self.source.where, now, problems=(problem,), answered=False)


def _silent(source: Source, now: float, timeout: float) -> Observation:
    problem = Problem(source.where, f"no answer within {timeout:g} s")
    return Observation(source.layer, source.where, now, problems=(problem,), answered=False)
