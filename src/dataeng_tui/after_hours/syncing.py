"""Bringing the local history up to date from Snowflake: what is new, and nothing twice.

ACCOUNT_USAGE lags by up to 45 minutes and rows arrive out of order, so each sync goes back by a day from the
latest END_TIME it has; what comes again is recognised by its QUERY_ID. The newest statements come from
QUERY_HISTORY_BY_USER, which has no delay but knows seven days only.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dataeng_tui.after_hours.activity import microseconds
from dataeng_tui.after_hours.history import History, Owner, Synced
from dataeng_tui.after_hours.origins import Progress
from dataeng_tui.after_hours.sources.refusals import Refusal
from dataeng_tui.after_hours.sources.snowflake import (
    Row,
    Session,
    logs_in_by_browser,
    open_session,
    statement_of,
)
from dataeng_tui.after_hours.statement import OWN_TAG
from dataeng_tui.errors import UserError
from dataeng_tui.resources import sql

KEPT: Final = timedelta(days=366)  # how long Snowflake remembers, and a day
OVERLAP: Final = timedelta(hours=24)
LONGEST_STATEMENT: Final = timedelta(days=2)
RECENT: Final = timedelta(minutes=10_079)  # one minute within the seven days that may be asked for
FULL: Final = 10_000  # rows: there may be more
NARROWEST: Final = timedelta(seconds=1)
BLOG_EVERY: Final = timedelta(days=1)
WHOLE, PART = "ACCOUNT_USAGE", "QUERY_HISTORY_BY_USER"
_ONLY_RECENT: Final = (
    "Only the last 7 days could be read, as this role may not see ACCOUNT_USAGE; for the whole year:  GRANT "
    "DATABASE ROLE SNOWFLAKE.GOVERNANCE_VIEWER TO ROLE <role>"
)
_MISSING: Final = re.compile(r"What ran from \S+ to \S+ is missing\.")
_NO_SESSIONS: Final = (
    "Which program ran a statement is not known, as this role may not see SESSIONS; for that:  GRANT "
    "DATABASE ROLE SNOWFLAKE.SECURITY_VIEWER TO ROLE <role>"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a sync brought; ``statements`` counts what was read, old and new."""

    owner: Owner
    statements: int
    source: str
    note: str


async def sync(
    history: History,
    connection: str,
    user: str | None = None,
    progress: Progress | None = None,
    passcode: str | None = None,
    may_prompt: bool = False,
) -> Result:
    """Bring the history of the connection's user (or of ``user``) up to date. Raises UserError.

    Everything is kept a page at a time: what came before it is cancelled or killed is not asked for again.
    """
    if logs_in_by_browser(connection) and not may_prompt:
        raise UserError(
            f"The connection {connection} logs in through a browser and needs the terminal: leave, and run  "
            f"dataeng-tui after-hours --connection {connection}"
        )
    tell = progress or (lambda stage, rows: None)
    tell("Logging in", 0)
    async with open_session(connection, passcode) as session:
        own = History(history.path, history.machines)
        try:
            return await _Sync(own, session, _whose(user, session.user), tell).run()
        finally:
            own.close()


class Syncing:
    """A sync on a loop of its own: ``run`` blocks a worker's thread, ``cancel`` comes from any other."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Result]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Result] | None = None

    def run(self) -> Result | None:
        """The result, or None if it was cancelled. Raises UserError."""
        try:
            return asyncio.run(self._run())
        except asyncio.CancelledError:
            return None

    def cancel(self) -> None:
        """Stop it, and the query on the server; what has come stays."""
        with self._lock:
            self._cancelled = True
            if self._loop is not None and self._task is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> Result:
        with self._lock:
            if self._cancelled:
                raise asyncio.CancelledError
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._make())
        return await self._task


class _Sync:
    def __init__(self, history: History, session: Session, user: str, tell: Progress) -> None:
        self.history, self.session, self.user, self.tell = history, session, user, tell
        self.now = session.began
        self.read = 0
        self.oldest = self.now
        self.notes: list[str] = []
        with history.writing() as writer:
            owner = writer.owner(session.account, user)
            history.keep_connection(session.name, owner)
        self.owner = Owner(owner, session.account, user)

    async def run(self) -> Result:
        before = self.history.synced(self.owner)
        mark = before.mark if before else None
        source = WHOLE
        try:
            mark = await self._whole(mark)
        except Refusal as refused:
            if refused.kind != "privilege":
                raise
            source, mark = PART, None
            self.notes.append(_ONLY_RECENT)
            self.notes += _MISSING.findall(before.note if before else "")
            if before and before.at < self.now - RECENT:
                self.notes.append(
                    f"What ran from {before.at:%Y-%m-%d} to {self.now - RECENT:%Y-%m-%d} is missing."
                )
        await self._recent(mark)
        if source == WHOLE:
            await self._sessions()
            await self._blog()
        note = " ".join(self.notes)
        with self.history.writing():
            self.history.keep_synced(self.owner.id, Synced(source, mark, self.now, note))
        return Result(self.owner, self.read, source, note)

    async def _whole(self, mark: datetime | None) -> datetime | None:
        """ACCOUNT_USAGE from the mark on; returns the new mark."""
        ended = mark - OVERLAP if mark else self.now - KEPT
        statement = "history_agents" if await self._has_agents() else "history"
        values = (self.user, _moment(ended - LONGEST_STATEMENT), _moment(ended), OWN_TAG)
        self.tell("Reading ACCOUNT_USAGE", self.read)
        async for page in self.session.pages(statement, *values):
            mark = self._keep(page, mark or _EARLIEST)
            self.tell("Reading ACCOUNT_USAGE", self.read)
        return mark

    async def _has_agents(self) -> bool:
        try:
            await self.session.rows("agent_type")
        except Refusal as refused:
            if refused.kind != "column":
                raise
            return False
        return True

    async def _recent(self, mark: datetime | None) -> None:
        """What ACCOUNT_USAGE does not have yet, or the seven days that need no privilege."""
        start = max(self.now - RECENT, mark - timedelta(hours=1) if mark else _EARLIEST)
        try:
            await self._window(start, self.now)
        except Refusal as refused:
            if mark is None:
                raise
            self.notes.append(f"The latest 45 minutes may be missing: {refused}")

    async def _window(self, start: datetime, end: datetime) -> None:
        """A window of END_TIME; when it comes back full there may be more, and it is halved."""
        self.tell("Reading the latest", self.read)
        identifier = '"' + self.user.replace('"', '""') + '"'
        rows = await self.session.rows("recent", identifier, _moment(start), _moment(end))
        if len(rows) >= FULL and end - start > NARROWEST:
            middle = start + (end - start) / 2
            await self._window(start, middle)
            await self._window(middle, end)
        elif rows:
            self._keep(rows)

    async def _sessions(self) -> None:
        """Which program opened the sessions since they were last read, or of all that is here.

        Not only of what has just been read: an earlier sync may have been broken off, or not been allowed to.
        """
        self.tell("Reading SESSIONS", self.read)
        read = self.history.sessions_read(self.owner) or self.history.count(self.owner)[1] or self.now
        since = min(self.oldest, read) - timedelta(days=1)
        try:
            rows = await self.session.rows("sessions", self.user, _moment(since))
        except Refusal as refused:
            if refused.kind != "privilege":
                raise
            self.notes.append(_NO_SESSIONS)
            return
        found = [
            (str(n), program or "", client or "", microseconds(_aware(at))) for n, at, client, program in rows
        ]
        with self.history.writing() as writer:
            writer.add_sessions(self.owner.id, found)
            writer.apply_sessions(self.owner.id, microseconds(since))
            self.history.keep_sessions_read(self.owner.id, self.now)

    async def _blog(self) -> None:
        """The blog's own SQL, its user bound, at most once a day: it reads the whole year."""
        held = self.history.blog_rows(self.owner)
        if held and self.now - held[0] < BLOG_EVERY:
            return
        self.tell("Running the blog's SQL", self.read)
        text = sql("after_hours/blog.sql").replace("'<user_name>'", "?")
        rows = [row async for page in self.session.pages_of(text, self.user) for row in page]
        with self.history.writing():
            plain = [[_plain(value) for value in row] for row in rows]
            self.history.keep_blog_rows(self.owner.id, self.now, plain)

    def _keep(self, rows: list[Row], mark: datetime | None = None) -> datetime | None:
        """Take a page in, and with it a mark that has moved on to its latest END_TIME, which is returned."""
        statements = [statement_of(self.user, row) for row in rows]
        with self.history.writing() as writer:
            writer.add(self.session.account, statements)
            if mark is not None:
                mark = max(mark, *(statement.end or mark for statement in statements))
                self.history.keep_synced(self.owner.id, Synced(WHOLE, mark, at=mark))
        self.read += len(statements)
        self.oldest = min(self.oldest, *(statement.start for statement in statements))
        return mark


def _whose(asked: str | None, own: str) -> str:
    """The user asked for. USER_NAME is case-exact in the view; one's own name need not be."""
    return own if asked is None or asked.lower() == own.lower() else asked


_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="microseconds")


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value if isinstance(value, str | int | float) or value is None else float(str(value))
