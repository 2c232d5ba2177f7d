"""A watcher for what was asked for: drivers, YARN, event logs, checkpoints, and this machine's drivers."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataeng_tui.errors import UserError
from dataeng_tui.streams.health import Thresholds, judge
from dataeng_tui.streams.snapshot import Source
from dataeng_tui.streams.sources.local_ports import LocalPorts
from dataeng_tui.streams.watch import Watcher

if TYPE_CHECKING:
    from dataeng_tui.streams.player import Player
    from dataeng_tui.streams.sources.driver_ui import Budget


def open_watcher(
    drivers: Sequence[str] = (),
    event_logs: Sequence[str] = (),
    yarn: str | None = None,
    checkpoints: Sequence[str] = (),
    *,
    discover: bool = True,
    interval: float = 1.0,
    thresholds: Thresholds | None = None,
) -> Watcher:
    """A watcher, not yet started. Raises UserError for what cannot be a URL or an interval.

    ``interval`` is seconds between polls; ``discover`` looks for drivers on localhost, ports 4040 to 4050.
    """
    if not 0.1 <= interval <= 3600:
        raise UserError(f"The interval must be between 0.1 and 3600 seconds, not {interval:g}.")
    make_driver = _Drivers()
    sources: dict[str, Source] = {}
    for url in drivers:
        driver = make_driver(url, given=True)
        sources.setdefault(driver.where, driver)
    if event_logs:
        from dataeng_tui.streams.sources.event_log import EventLogSource

        sources.update((log.where, log) for log in map(EventLogSource, event_logs))
    if checkpoints:
        from dataeng_tui.streams.sources.checkpoint import Checkpoints

        sources.update((folder.where, folder) for folder in map(Checkpoints, checkpoints))
    if yarn:
        from dataeng_tui.streams.sources.yarn import Yarn

        sources.setdefault(yarn, Yarn(yarn))
    if discover:
        sources.setdefault(LocalPorts.where, LocalPorts())
    return Watcher(
        sources.values(),
        partial(judge, thresholds=thresholds or Thresholds()),
        interval=interval,
        make_driver=make_driver,
    )


class _Drivers:
    """Makes the sources of drivers and of a history server's applications, which share one budget.

    Their code is loaded with the first of them.
    """

    def __init__(self) -> None:
        self._budget: Budget | None = None

    def __call__(self, url: str, given: bool) -> Source:
        from dataeng_tui.streams.sources.driver_ui import Budget, DriverUi

        self._budget = self._budget or Budget()
        if "/history/" in url or url.rstrip("/").endswith("/history"):
            from dataeng_tui.streams.sources.history_server import HistoryApplication, HistoryServer

            if url.rstrip("/").endswith("/history"):
                return HistoryServer(url)
            return HistoryApplication(url, given=given, budget=self._budget)
        return DriverUi(url, given=given, budget=self._budget)


def open_player(recording: str, *, interval: float = 1.0, thresholds: Thresholds | None = None) -> "Player":
    """A watcher that plays a recording; a recorded second takes ``interval``. Raises UserError."""
    from dataeng_tui.streams.player import Player

    if not 0.001 <= interval <= 3600:
        raise UserError(f"A recorded second must take between 0.001 and 3600 seconds, not {interval:g}.")
    path = Path(recording).expanduser()
    return Player(path, partial(judge, thresholds=thresholds or Thresholds()), interval=interval)


def record(watcher: Watcher, file: str, *, redact: bool = False) -> Callable[[], None]:
    """Write all that the watcher's sources say to ``file``; what is returned ends it. Raises UserError."""
    from dataeng_tui.streams.recording import Recorder
    from dataeng_tui.streams.redact import Redactor

    recorder = Recorder(Path(file).expanduser(), Redactor() if redact else None)
    watcher.overhear(recorder.take)
    return recorder.close
