"""A connection on which a stranger's SQL may run: an allow-list, limits, a clock that runs out, and no files.

What these cannot stop (one long call of a C function) is stopped from outside: see ``sandbox``.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Literal

from dataeng_tui.errors import UserError

Phase = Literal["own", "schema", "write"]
LOG = (
    "dataeng_tui_changed"  # the function of the change log's triggers; made only after all SQL was looked at
)
OLDEST = (3, 38)  # with which the tests have passed
PAGE = 1_024  # bytes: a savepoint copies pages, so small ones are undone sooner
PAGES = 131_072  # a database of 128 MiB
OPERATIONS = 5_000  # of SQLite's virtual machine between two looks at the clock

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_WRITING = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_DEFINING = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_TRIGGER,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_ALTER_TABLE,
    sqlite3.SQLITE_REINDEX,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "sqlite_log"}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 8_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 30,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def engine() -> str:
    """What runs the SQL, and its version. Raises UserError where that is too old."""
    if sqlite3.sqlite_version_info < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UserError(
            f"The sandbox needs SQLite {oldest} or later, and this Python has {sqlite3.sqlite_version}: "
            "run it with another Python."
        )
    return f"SQLite {sqlite3.sqlite_version}"


class OutOfTime(Exception):
    """The budget of the whole check has run out."""


class Guard:
    """The guarded connection. ``phase`` says whose SQL is being prepared: our own, a schema, or a write.

    Raises UserError where SQLite is too old.
    """

    def __init__(self, statement_seconds: float = 5.0) -> None:
        engine()
        self.phase: Phase = "own"
        self.refused = ""  # what the authorizer last said no to
        self.reads: set[tuple[str, str]] = set()  # the columns that writes look at: (table, column)
        self.statement_seconds = statement_seconds
        self.deadline = float("inf")  # of everything that runs here, by time.perf_counter
        self._until = self.deadline
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1024)
        self._limit()
        self.connection.set_authorizer(self._authorize)
        self.connection.set_progress_handler(self._out_of_time, OPERATIONS)

    def _limit(self) -> None:
        for category, limit in _LIMITS.items():
            self.connection.setlimit(category, limit)
        self.connection.execute(f"PRAGMA page_size = {PAGE}")
        self.connection.execute(f"PRAGMA max_page_count = {PAGES}")
        self.connection.execute("PRAGMA trusted_schema = OFF")
        self.connection.execute("PRAGMA foreign_keys = ON")

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, inner: str | None
    ) -> int:
        if self.phase == "own":
            return sqlite3.SQLITE_OK
        if self.phase == "write" and action == sqlite3.SQLITE_READ and first and second:
            self.reads.add((first.lower(), second.lower()))
        if self._allowed(action, first, second, database):
            return sqlite3.SQLITE_OK
        self.refused = self.refused or _name(action, first, second)
        return sqlite3.SQLITE_DENY

    def _allowed(self, action: int, first: str | None, second: str | None, database: str | None) -> bool:
        if action in _READING:
            return database in ("main", None)
        if action == sqlite3.SQLITE_FUNCTION:
            return (second or "").lower() not in _FORBIDDEN_FUNCTIONS
        if action in _WRITING:
            return database == "main"
        if self.phase != "schema":
            return False
        if action == sqlite3.SQLITE_PRAGMA:
            return (first or "").lower() == "foreign_keys" and second is not None
        return action in _DEFINING and database in ("main", None) and first != "temp"

    def _out_of_time(self) -> bool:
        return time.perf_counter() > self._until

    def start_clock(self) -> None:
        """Give what runs from now on ``statement_seconds``, or less if the deadline is nearer."""
        self._until = min(time.perf_counter() + self.statement_seconds, self.deadline)

    def stop_clock(self) -> None:
        """From now on only the deadline counts."""
        self._until = self.deadline

    def run(self, phase: Phase, work: Callable[[], object], where: str) -> None:
        """Do ``work``, in which somebody's SQL runs; it fails with a UserError beginning with ``where``."""
        self.phase, self.refused = phase, ""
        self.start_clock()
        try:
            work()
        except (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError) as error:
            raise self.complaint(error, where) from None
        finally:
            self.phase = "own"
            self.stop_clock()

    def complaint(self, error: BaseException, where: str) -> UserError:
        """What went wrong, in one sentence for the SQL's author."""
        if self.refused:
            return UserError(f"{where}: {self.refused} is not allowed in a scenario.")
        if isinstance(error, MemoryError):
            return UserError(f"{where}: it needs more memory than a scenario may have.")
        if time.perf_counter() > self.deadline:
            raise OutOfTime from None
        if "interrupted" in str(error):
            return UserError(
                f"{where}: it ran longer than {self.statement_seconds:g} seconds and was stopped."
            )
        return UserError(f"{where}: SQLite says: {error}.")

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()


def _name(action: int, first: str | None, second: str | None) -> str:
    for name in dir(sqlite3):
        if name.startswith("SQLITE_") and _is_action(name) and getattr(sqlite3, name) == action:
            words = name.removeprefix("SQLITE_").replace("_", " ")
            detail = second if action == sqlite3.SQLITE_FUNCTION else first
            return f"{words} {detail or ''}".strip()
    return "this statement"


def _is_action(name: str) -> bool:
    kinds = ("CREATE", "DROP", "ALTER", "ATTACH", "DETACH", "PRAGMA", "TRANSACTION", "SAVEPOINT", "REINDEX")
    more = ("ANALYZE", "FUNCTION", "READ", "SELECT", "INSERT", "UPDATE", "DELETE", "RECURSIVE")
    return name.removeprefix("SQLITE_").split("_")[0] in kinds + more and name != "SQLITE_READONLY"
