"""Each slice's service, made from the settings, once, when it is first asked for.

The command line and the screen both come here, so that everything on the screen can be had headless.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from dataeng_tui.settings import Settings

if TYPE_CHECKING:
    from dataeng_tui.after_hours.service import AfterHours
    from dataeng_tui.demo.spark import DemoSpark, Progress
    from dataeng_tui.replay.service import Replay
    from dataeng_tui.streams.watch import Watcher


class Services:
    """The services of one run. Nothing is imported, opened or started before it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._to_close: list[Callable[[], None]] = []

    @cached_property
    def after_hours(self) -> "AfterHours":
        """The person's hours, not yet opened."""
        from dataeng_tui.after_hours.service import AfterHours, Options

        given = self.settings.after_hours
        return AfterHours(
            Options(
                connection=given.connection,
                user=given.user,
                history=given.history,
                timezone=given.timezone,
                work_hours=given.work_hours,
                day_starts=given.day_starts,
                holidays=given.holidays,
                leave=given.leave,
                changes=given.changes,
                machines=given.machines,
                passcode=given.passcode,
                since=given.since,
                until=given.until,
                demo=self.settings.demo,
            )
        )

    @cached_property
    def streams(self) -> "Watcher":
        """The watcher of streaming queries, not yet started. Raises UserError for what cannot be a source."""
        from dataeng_tui.streams.health import Thresholds
        from dataeng_tui.streams.opening import open_player, open_watcher, record

        given = self.settings.streams
        thresholds = Thresholds(
            stalled_after=given.stalled_after,
            behind_batches=given.behind_batches,
            slow_batches=given.slow_batches,
            trigger=given.trigger,
            state_growth=given.state_growth,
            watermark_batches=given.watermark_batches,
            restarts=given.restarts,
            restarts_within=given.restarts_within,
        )
        if given.replay:
            watcher: Watcher = open_player(given.replay, interval=given.interval, thresholds=thresholds)
        else:
            watcher = open_watcher(
                given.driver,
                given.event_log,
                given.yarn,
                given.checkpoint,
                interval=given.interval,
                thresholds=thresholds,
            )
        if given.record:
            self._to_close.append(record(watcher, given.record, redact=given.redact))
        return watcher

    def remember_streams(self) -> None:
        """Keep what is seen across restarts, and bring back what was seen before; a demo leaves no trace."""
        given = self.settings
        if given.streams.remember and not given.demo and not given.streams.replay:
            from dataeng_tui.locations import data_folder
            from dataeng_tui.streams.memory import Memory

            memory = Memory(data_folder() / "streams.db", self.streams.recall)
            self.streams.subscribe(memory.take)
            self._to_close.append(memory.close)

    @cached_property
    def demo(self) -> "DemoSpark":
        """The demo's real local Spark, not yet started."""
        from dataeng_tui.demo.spark import DemoSpark

        return DemoSpark()

    def start_demo(self, progress: "Callable[[Progress], None]") -> None:
        """Start the demo's Spark, watch it when it answers, and say from another thread how far it is."""
        from dataeng_tui.streams.sources.driver_ui import DriverUi
        from dataeng_tui.streams.sources.event_log import EventLogSource

        def told(step: "Progress") -> None:
            if step.ui:
                self.streams.add(DriverUi(step.ui))
            if step.event_log:
                self.streams.add(EventLogSource(step.event_log))
            progress(step)

        self.demo.start(told)

    @cached_property
    def replay(self) -> "Replay":
        """The sandbox: the built-in scenarios and the user's own, checks and timelines."""
        from dataeng_tui.replay.service import Replay

        return Replay(self.settings.replay.scenarios, self.settings.replay.seconds)

    def close(self) -> None:
        """Let go of everything that was opened; safe to call twice."""
        if "after_hours" in self.__dict__:
            self.after_hours.close()
        if "streams" in self.__dict__:
            self.streams.stop()
        while self._to_close:
            self._to_close.pop()()
        if "replay" in self.__dict__:
            self.replay.close()
        if "demo" in self.__dict__:
            self.demo.close()
