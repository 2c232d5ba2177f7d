"""The after-hours service: everything the pane and the command line show, and nothing of how they show it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dataeng_tui.after_hours import origins
from dataeng_tui.after_hours.calendar import Calendar
from dataeng_tui.after_hours.details import DayDetail, day_detail
from dataeng_tui.after_hours.history import History, Owner
from dataeng_tui.after_hours.hours import Now, Report
from dataeng_tui.after_hours.machines import Machines, parse_rules
from dataeng_tui.after_hours.origins import Progress
from dataeng_tui.after_hours.owners import chosen
from dataeng_tui.after_hours.personal import parse_date, personal_calendar
from dataeng_tui.after_hours.reckoning import now, report
from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from dataeng_tui.after_hours.certainty import Certainty
    from dataeng_tui.after_hours.seen import Seen
    from dataeng_tui.after_hours.sources.demo import DemoHistory
    from dataeng_tui.after_hours.syncing import Syncing


@dataclass(frozen=True, slots=True)
class Options:
    """What the person set, as plain values; see the settings for what each means."""

    connection: str | None = None
    user: str | None = None
    history: tuple[str, ...] = ()
    timezone: str | None = None
    work_hours: str = "Mon-Fri 09:00-17:00"
    day_starts: str = "04:00"
    holidays: str | None = None
    leave: tuple[str, ...] = ()
    changes: tuple[Mapping[str, object], ...] = ()
    machines: tuple[Mapping[str, object], ...] = ()
    passcode: str | None = None
    since: str | None = None
    until: str | None = None
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Where the figures come from and how far they reach.

    ``source`` is ``demo``, ``files``, ``snowflake`` or ``none``; ``complete_until`` is the latest END_TIME
    up to which nothing is missing; ``note`` says what is, if anything is known to be.
    """

    source: str
    account: str = ""
    user: str = ""
    statements: int = 0
    first: datetime | None = None
    last: datetime | None = None
    synced_at: datetime | None = None
    complete_until: datetime | None = None
    note: str = ""


class AfterHours:
    """One person's hours. Everything that reads or writes blocks: call it from a worker.

    ``open`` first (files are read, a new history is made), then ask.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._history: History | None = None
        self._syncing: Syncing | None = None
        self._tell: Progress = lambda stage, rows: None
        self._closed = False

    @cached_property
    def calendar(self) -> Calendar:
        """The person's calendar; the demo's person has holidays and leave of their own. Raises UserError."""
        o = self.options
        made = personal_calendar(o.timezone, o.work_hours, o.day_starts, o.holidays, o.leave, o.changes)
        if o.demo:
            return replace(made, holidays=self._demo.holidays, leave=self._demo.leave)
        return made

    @cached_property
    def machines(self) -> Machines:
        """The rules for machines, the person's own first. Raises UserError."""
        return Machines(parse_rules(self.options.machines))

    @property
    def history(self) -> History:
        """The open history."""
        if self._history is None:
            self._history = self._open()
        return self._history

    def open(self, progress: Progress | None = None) -> None:
        """Open the history; reads the files that were named, if any, and tells of it. Raises UserError."""
        self._tell, self._closed = progress or self._tell, False
        _ = self.calendar, self.machines, self.range, self.history

    def close(self) -> None:
        """Let go of the history, stop a sync and the reading of files that go on; safe to call twice."""
        self._closed = True
        if self._syncing is not None:
            self._syncing.cancel()
        if self._history is not None:
            self._history.close()
            self._history = None

    @property
    def source(self) -> str:
        """``demo``, ``files``, ``snowflake``, or ``none``: neither a connection nor a history."""
        if self.options.demo:
            return "demo"
        if self.options.history:
            return "files"
        return "snowflake" if self.options.connection or self._has_history else "none"

    @cached_property
    def _has_history(self) -> bool:
        return origins.own_file().exists() and bool(self.history.owners())

    @cached_property
    def range(self) -> tuple[date | None, date | None]:
        """The first and the last day asked for. Raises UserError."""
        o = self.options
        since = parse_date(o.since, "--since") if o.since else None
        until = parse_date(o.until, "--until") if o.until else None
        if since and until and until < since:
            raise UserError(f"--until {until} lies before --since {since}.")
        return since, until

    def owner(self) -> Owner | None:
        """Whose report it is; None where there is nothing yet. Raises UserError where one has to choose."""
        owners = self.history.owners()
        if self.options.connection and not (self.options.demo or self.options.history):
            known = self.history.connection_owner(self.options.connection)
            if known is None:
                return None
            if self.options.user is None:
                return known
            owners = [owner for owner in owners if owner.account == known.account]
        return chosen(owners, self.options.user, self.machines)

    def report(
        self, since: date | None = None, until: date | None = None, counting: Collection[str] = ()
    ) -> Report:
        """The report of these days (left out: of the days asked for by the options, else of all there are).

        ``counting`` names machines' reasons to be counted as the person.
        """
        owner = self.owner()
        activity = self.history.activity(owner) if owner else origins.NOTHING
        synced = self.history.synced(owner) if owner else None
        low, high = self.range
        as_of = synced.at if synced else None
        return report(activity, self.calendar, since or low, until or high, counting, as_of)

    def day(self, shown: Report, day: date) -> DayDetail:
        """A day's sessions, programs and warehouses."""
        owner = self.owner()
        pieces = [piece for piece in shown.pieces if piece.day == day]
        if owner is None or not pieces:
            return day_detail(shown, day, ())
        start = datetime.fromtimestamp(pieces[0].start, UTC)
        end = datetime.fromtimestamp(pieces[-1].end, UTC)
        return day_detail(shown, day, self.history.statements(owner, start, end))

    def certainty(self, shown: Report) -> "Certainty":
        """The step in the weekly figure and how sure one may be of its explanations."""
        from dataeng_tui.after_hours.traces import certainty_of, stretches

        owner = self.owner()
        return certainty_of(shown, self.history.rows(owner, stretches(shown.pieces)) if owner else ())

    def now(self, shown: Report, at: datetime | None = None) -> Now:
        """What time it is for the person: work, or after hours, and since when."""
        return now(shown, at or datetime.now(UTC))

    def status(self) -> Status:
        """Where the figures come from and how far they reach."""
        owner = self.owner()
        if owner is None:
            return Status(self.source, user=self.options.user or "")
        synced = self.history.synced(owner)
        count, first, last = self.history.count(owner)
        return Status(
            self.source,
            owner.account,
            owner.user,
            count,
            first,
            last,
            synced.at if synced else None,
            synced.mark if synced else None,
            synced.note if synced else "",
        )

    def export(self, format_: str, shown: Report, seen: "Seen") -> Path:
        """Write what is seen into the working folder; returns the file. Raises UserError."""
        from dataeng_tui.after_hours.report import export

        return export(format_, shown, self.status(), seen)

    def blog_rows(self) -> tuple[datetime, list[list[object]]] | None:
        """When the blog's own SQL last ran on Snowflake, and its rows; None if it never did."""
        owner = self.owner()
        return self.history.blog_rows(owner) if owner else None

    @property
    def can_sync(self) -> bool:
        """Whether there is a Snowflake to ask."""
        return self.source == "snowflake" and self.options.connection is not None

    def syncing(self, progress: Progress | None = None, may_prompt: bool = False) -> "Syncing":
        """A sync from Snowflake: call its ``run`` in a worker's thread, and ``cancel`` from anywhere.

        What has arrived until it is cancelled stays. ``may_prompt`` says that the terminal is free for a
        login by browser. Raises UserError, one sentence with the next step.
        """
        from dataeng_tui.after_hours.syncing import Syncing, sync

        o = self.options
        connection = o.connection
        if not self.can_sync or connection is None:
            raise UserError("There is no Snowflake to ask: name a connection, e.g.  --connection dev")
        history = self.history
        self._syncing = Syncing(lambda: sync(history, connection, o.user, progress, o.passcode, may_prompt))
        return self._syncing

    @property
    def asks_in_a_browser(self) -> bool:
        """Whether a sync needs the terminal for a login by browser: do it before the screen opens."""
        from dataeng_tui.after_hours.sources.snowflake import logs_in_by_browser

        return self.can_sync and logs_in_by_browser(self.options.connection or "")

    @cached_property
    def _demo(self) -> "DemoHistory":
        from dataeng_tui.after_hours.sources.demo import demo_history

        plain = personal_calendar(self.options.timezone)
        now = datetime.now(plain.zone)
        return demo_history(now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0), plain.zone)

    def _how_far(self, stage: str, rows: int) -> None:
        """Tell of the reading, and end it when nobody waits for it any more."""
        if self._closed:
            raise UserError("The files were not read to their end.")
        self._tell(stage, rows)

    def _open(self) -> History:
        if self.options.demo:
            return origins.demo_history_file(self._demo, self.machines)
        if self.options.history:
            return origins.files_history(
                [Path(name).expanduser() for name in self.options.history], self.machines, self._how_far
            )
        return origins.own_history(self.machines)
