"""The local SQLite history: private, idempotent, and quick to open however much it holds.

It keeps every statement once, by account and QUERY_ID, and beside them what each quarter of an hour of UTC
comes to, packed by the day. A report is read from those slots alone. They are the same in every zone and
under all working hours; only other rules for machines make it judge the statements again.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataeng_tui.after_hours.activity import Activity, Track, instant, microseconds
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.schema import connect, unreadable
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.after_hours.writing import Writer, writing
from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from dataeng_tui.after_hours.traces import Row

BREAK_OFF: Final = 5.0  # seconds that closing waits for other threads to come out
_FOREVER: Final = 2**62
_SESSIONS_READ: Final = "sessions read"
_COLUMNS: Final = (
    'query_id, start, "end", session_id, user_type, role, warehouse, query_type, tag, status, '
    "client_generated, parameterized_hash, agent_type, program, client"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose statements they are; ``account`` is empty for those that came from files."""

    id: int
    account: str
    user: str


@dataclass(frozen=True, slots=True)
class Synced:
    """How far an owner's history reaches: ``mark`` is the latest END_TIME that is whole.

    ``at`` is the moment up to which the last sync asked; of one that was broken off, how far it came.
    """

    source: str
    mark: datetime | None
    at: datetime
    note: str = ""


class History:
    """An open history file. Close it; several processes may have it open, and one at a time writes."""

    def __init__(self, path: Path, machines: Machines | None = None) -> None:
        self.path = path
        self.machines = machines or Machines()
        self._connection = connect(path)
        self._left = threading.Condition()
        self._inside = 0  # how many threads' calls are inside the connection
        self._closed = False

    def close(self) -> None:
        """Let go of the file; what another thread is doing with it is broken off, and ends as a UserError.

        Whoever is still inside the connection after some seconds keeps it: to close it there is a crash.
        """
        until = time.monotonic() + BREAK_OFF
        with self._left:
            self._closed = True
            while self._inside and time.monotonic() < until:
                self._connection.interrupt()  # again, as between two statements it interrupts nothing
                self._left.wait(0.02)
            if not self._inside:
                self._connection.close()

    def owners(self) -> list[Owner]:
        """Everybody whose statements are here, by account and name."""
        rows = self._read("SELECT id, account, user FROM owners ORDER BY account, user")
        return [Owner(*row) for row in rows]

    def owner(self, account: str, user: str) -> Owner | None:
        """The owner of that account and name, if there is one."""
        rows = self._read(
            "SELECT id, account, user FROM owners WHERE account = ? AND user = ?", account, user
        )
        return Owner(*rows[0]) if rows else None

    def activity(self, owner: Owner) -> Activity:
        """All of an owner's slots."""
        rows = self._read(
            "SELECT slots, counts, firsts, lasts, reason FROM days WHERE owner = ? ORDER BY reason, day",
            owner.id,
        )
        tracks = {
            reason: Track.unpacked(row[:4] for row in group)
            for reason, group in groupby(rows, key=itemgetter(4))
        }
        return Activity(tracks.pop("", Track()), tracks)

    def statements(
        self,
        owner: Owner,
        since: datetime | None = None,
        until: datetime | None = None,
        machines: bool = True,
    ) -> Iterator[tuple[Statement, str | None]]:
        """``(statement, a machine's reason or None)`` by start, from ``since`` to before ``until``."""
        low = microseconds(since) if since else 0
        high = microseconds(until) if until else _FOREVER
        persons = "" if machines else "AND reason = '' "
        query = (
            f"SELECT {_COLUMNS}, reason FROM statements "
            f"WHERE owner = ? AND start >= ? AND start < ? {persons}ORDER BY start, query_id"
        )
        with self._mended():
            for row in self._connection.execute(query, (owner.id, low, high)):
                (
                    query_id,
                    start,
                    end,
                    session_id,
                    *middle,
                    generated,
                    hashed,
                    agent,
                    program,
                    client,
                    reason,
                ) = row
                statement = Statement._make((
                    query_id, instant(start), instant(end) if end else None, owner.user, session_id, *middle,
                    bool(generated), hashed, agent, program, client,
                ))  # fmt: skip
                yield statement, reason or None

    def rows(self, owner: Owner, stretches: Iterable[tuple[int, int]]) -> "Iterator[Row]":
        """A person's own statements by start, bare, in some stretches of time (seconds of UTC)."""
        query = (
            "SELECT start / 60000000, program, warehouse, role, tag, parameterized_hash FROM statements "
            "WHERE owner = ? AND start >= ? AND start < ? AND reason = '' ORDER BY start"
        )
        with self._mended():
            for start, end in stretches:
                yield from self._connection.execute(query, (owner.id, start * 1_000_000, end * 1_000_000))

    def count(self, owner: Owner) -> tuple[int, datetime | None, datetime | None]:
        """How many statements an owner has, and the first and last start."""
        ((count, first, last),) = self._read(
            "SELECT coalesce(sum(statements), 0), min(first), max(last) FROM days WHERE owner = ?", owner.id
        )
        return count, None if first is None else instant(first), None if last is None else instant(last)

    def synced(self, owner: Owner) -> Synced | None:
        """The last sync of an owner."""
        rows = self._read("SELECT source, mark, at, note FROM syncs WHERE owner = ?", owner.id)
        if not rows:
            return None
        source, mark, at, note = rows[0]
        return Synced(source, instant(mark) if mark else None, instant(at), note)

    def connection_owner(self, name: str) -> Owner | None:
        """Who a connection of connections.toml turned out to be when it was last used."""
        rows = self._read(
            "SELECT id, account, user FROM owners WHERE id = (SELECT owner FROM connections WHERE name = ?)",
            name,
        )
        return Owner(*rows[0]) if rows else None

    def blog_rows(self, owner: Owner) -> tuple[datetime, list[list[object]]] | None:
        """When the blog's own SQL last ran on the server, and the rows that it gave."""
        rows = self._read("SELECT at, rows FROM blog WHERE owner = ?", owner.id)
        return (instant(rows[0][0]), json.loads(rows[0][1])) if rows else None

    def sessions_read(self, owner: Owner) -> datetime | None:
        """When SESSIONS was last read for an owner, if it ever was."""
        held = self.value(f"{_SESSIONS_READ} {owner.id}")
        return instant(int(held)) if held else None

    def value(self, key: str) -> str | None:
        """A value kept beside the statements."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def judge(self) -> None:
        """Bring the machines' reasons up to date if the rules have changed since they were given."""
        if self.value("rules") != self.machines.fingerprint:
            with self.writing() as writer:
                writer.judge_again()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """A transaction. Raises UserError for a file that cannot be written."""
        with self._mended(), writing(self._connection, self.machines) as writer:
            yield writer
            self.keep("rules", self.machines.fingerprint)

    def add(self, account: str, statements: Iterable[Statement]) -> int:
        """Take statements in, all of them or none; returns how many were read."""
        with self.writing() as writer:
            return writer.add(account, statements)

    # What follows is to be called inside `writing`.

    def keep(self, key: str, value: str) -> None:
        """Keep a value beside the statements."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def keep_synced(self, owner: int, synced: Synced) -> None:
        """Say how far an owner's history reaches; the mark never goes back."""
        self._connection.execute(
            "INSERT INTO syncs (owner, source, mark, at, note) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (owner) DO UPDATE "
            "SET source = excluded.source, mark = max(coalesce(mark, 0), coalesce(excluded.mark, 0)), "
            "at = max(at, excluded.at), note = excluded.note",
            (
                owner,
                synced.source,
                synced.mark and microseconds(synced.mark),
                microseconds(synced.at),
                synced.note,
            ),
        )

    def keep_connection(self, name: str, owner: int) -> None:
        """Remember whose a connection is, so that the next start need not ask."""
        self._connection.execute("INSERT OR REPLACE INTO connections VALUES (?, ?)", (name, owner))

    def keep_sessions_read(self, owner: int, at: datetime) -> None:
        """Say when SESSIONS was read."""
        self.keep(f"{_SESSIONS_READ} {owner}", str(microseconds(at)))

    def keep_blog_rows(self, owner: int, at: datetime, rows: list[list[object]]) -> None:
        """Keep what the blog's SQL gave."""
        self._connection.execute(
            "INSERT OR REPLACE INTO blog VALUES (?, ?, ?)", (owner, microseconds(at), json.dumps(rows))
        )

    def _read(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._mended():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _mended(self) -> Iterator[None]:
        """SQLite's errors as one sentence; and the connection is not closed meanwhile."""
        let_go = UserError(f"The history {self.path} was let go of.")
        with self._left:
            if self._closed:
                raise let_go
            self._inside += 1
        try:
            yield
        except sqlite3.Error as error:
            raise let_go if self._closed else unreadable(self.path, error) from None
        finally:
            with self._left:
                self._inside -= 1
                self._left.notify_all()
