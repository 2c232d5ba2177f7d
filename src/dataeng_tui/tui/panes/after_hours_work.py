"""What the after-hours pane asks of its service, from a worker's thread: one question at a time."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from textual.message import Message

from dataeng_tui.after_hours.measures import Measure
from dataeng_tui.services import Services

if TYPE_CHECKING:
    from dataeng_tui.after_hours.certainty import Certainty
    from dataeng_tui.after_hours.details import DayDetail
    from dataeng_tui.after_hours.hours import Now, Report
    from dataeng_tui.after_hours.syncing import Syncing
    from dataeng_tui.tui.widgets.after_hours_lines import Shown

RANGES: Final[tuple[tuple[int | None, str], ...]] = (
    (52, "a year"),
    (26, "half a year"),
    (13, "a quarter"),
    (None, "all there is"),
)
"""Weeks before the present one, and what they are called; None is all that the settings ask for."""

OLD: Final = timedelta(days=14)


class Loaded(Message):
    """A report has been made of a range, with machines counted in or not."""

    def __init__(self, data: "Shown", range_: int, counting: bool) -> None:
        super().__init__()
        self.data, self.asked = data, (range_, counting)


class Found(Message):
    """The weeks of a report have been looked at."""

    def __init__(self, data: "Shown", found: "Certainty") -> None:
        super().__init__()
        self.data, self.found = data, found


class Detailed(Message):
    """A day has been looked at closely."""

    def __init__(self, detail: "DayDetail") -> None:
        super().__init__()
        self.detail = detail


class Said(Message):
    """A line for the person; ``wrong`` is a failure, ``over`` the end of a sync."""

    def __init__(self, text: str, *, wrong: bool = False, over: bool = False) -> None:
        super().__init__()
        self.text, self.wrong, self.over = text, wrong, over


class Work:
    """Blocks, but for ``now``: to be called from a worker's thread. Everything may raise UserError."""

    def __init__(self, services: Services, clock: Callable[[], datetime]) -> None:
        self._services = services
        self._clock = clock
        self._lock = Lock()

    def load(self, range_: int, counting: bool, progress: Callable[[str, int], None]) -> "Shown":
        """The report of a range, with machines counted in or not; files are read first, and tell how far."""
        from dataeng_tui.tui.widgets.after_hours_lines import Shown

        with self._lock:
            service = self._services.after_hours
            service.open(progress)
            weeks, name = RANGES[range_]
            since, until = self._days(weeks)
            plain = service.report(since, until)
            report = plain
            if counting:
                report = service.report(since, until, tuple(plain.activity.machines))
            now, status = service.now(plain, self._clock()), service.status()
            totals = plain.totals
            return Shown(
                report, plain, status, name, counting,
                totals.after_hours_minutes, totals.with_machines_minutes, now,
                nothing_to_ask=not status.statements and not service.can_sync,
            )  # fmt: skip

    def certainty(self, report: "Report") -> "Certainty":
        """The step in a report's weeks."""
        with self._lock:
            return self._services.after_hours.certainty(report)

    def day(self, report: "Report", day: date) -> "DayDetail":
        """A day looked at closely."""
        with self._lock:
            return self._services.after_hours.day(report, day)

    def export(self, format_: str, data: "Shown", measure: Measure, found: "Certainty | None") -> Path:
        """Write what is seen; returns the file."""
        from dataeng_tui.after_hours.seen import Seen

        with self._lock:
            seen = Seen(measure, data.counting, found)
            return self._services.after_hours.export(format_, data.report, seen)

    def syncing(self, progress: Callable[[str, int], None]) -> "Syncing | None":
        """A sync to run, or None where there is no Snowflake to ask."""
        with self._lock:
            service = self._services.after_hours
            return service.syncing(progress) if service.can_sync else None

    def now(self, report: "Report") -> "Now":
        """The present moment; the one question that asks no history and does not block."""
        return self._services.after_hours.now(report, self._clock())

    def _days(self, weeks: int | None) -> tuple[date | None, date | None]:
        """The first and last day of a range: whole weeks, and the present one up to today.

        A history that ended a while ago, such as an old file, is shown up to where it ended.
        """
        if weeks is None:
            return None, None
        service = self._services.after_hours
        until = service.calendar.day_of(self._clock())
        last = service.status().last
        if last is not None and until - service.calendar.day_of(last) > OLD:
            until = service.calendar.day_of(last)
        return until - timedelta(until.weekday()) - timedelta(weeks=weeks), until
