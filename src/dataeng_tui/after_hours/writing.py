"""Writing to the history: what comes twice counts once, and the days follow in the same transaction."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from typing import Final

from dataeng_tui.after_hours.activity import Track, microseconds
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement

BATCH: Final = 500  # more would be no faster, and 5,000 take 8 MiB
_PLAIN: Final = ("session_id", "user_type", "role", "warehouse", "query_type", "tag", "status")
_LATER: Final = ("agent_type", "program", "client")  # what one source knows and another leaves empty
_MERGED: Final = ("start", "end", *_PLAIN, "client_generated", "parameterized_hash", *_LATER)
_COLUMNS: Final = ("owner", "query_id", *_MERGED, "reason")


def _merge(column: str) -> str:
    """What becomes of a column when a QUERY_ID comes again, whatever the order the rows come in.

    The row that ends later wins (a statement seen running, then done); of two alike the greater value.
    """
    old, new = f'statements."{column}"', f'excluded."{column}"'
    if column in _LATER:
        return f'"{column}" = max({old}, {new})'
    if column == "end":
        return f'"end" = max({old}, {new})'
    return (
        f'"{column}" = CASE WHEN excluded."end" > statements."end" THEN {new} '
        f'WHEN excluded."end" < statements."end" THEN {old} ELSE max({old}, {new}) END'
    )


def _names(columns: Iterable[str], table: str = "") -> str:
    return ", ".join(f'{table}"{column}"' for column in columns)


_UPSERT: Final = (
    f"INSERT INTO statements ({_names(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT (owner, query_id) DO UPDATE SET {', '.join(map(_merge, _MERGED))} "
    f"WHERE ({_names(_MERGED, 'excluded.')}) IS NOT ({_names(_MERGED, 'statements.')})"
)
_JUDGED: Final = (
    "user_type", "role", "warehouse", "query_type", "tag",
    "client_generated", "agent_type", "program", "client",
)  # fmt: skip
_DAY: Final = 86_400_000_000  # microseconds
_JUDGEMENT: Final = f"machine_reason(owner, {_names(_JUDGED)})"


def _touch(row: str) -> str:
    """Note a row's day. "OR IGNORE" would not do: inside a trigger the outer statement's rule holds."""
    day = f"{row}.start / {_DAY}"
    known = f"SELECT 1 FROM touched WHERE owner = {row}.owner AND day = {day}"
    return f"INSERT INTO touched SELECT {row}.owner, {day} WHERE NOT EXISTS ({known})"


_TOUCHED: Final = f"""
CREATE TEMP TABLE IF NOT EXISTS touched (
  owner INTEGER, day INTEGER, PRIMARY KEY (owner, day)) WITHOUT ROWID;
CREATE TEMP TRIGGER IF NOT EXISTS came AFTER INSERT ON main.statements BEGIN
  {_touch("new")};
END;
CREATE TEMP TRIGGER IF NOT EXISTS changed AFTER UPDATE OF start, reason ON main.statements BEGIN
  {_touch("old")};
  {_touch("new")};
END;
CREATE TEMP TRIGGER IF NOT EXISTS judged AFTER UPDATE OF {_names(_JUDGED)} ON main.statements BEGIN
  UPDATE statements SET reason = {_JUDGEMENT} WHERE rowid = new.rowid;
END;
"""
_SLOTS_OF_A_DAY: Final = """
SELECT reason, start / 900000000 * 900 AS slot, count(*), min(start), max(start)
FROM statements WHERE owner = ? AND start >= ? AND start < ?
GROUP BY reason, slot ORDER BY reason, slot
"""
_KEEP_DAY: Final = "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_APPLY_SESSIONS: Final = """
UPDATE statements
SET program = max(statements.program, opened.program), client = max(statements.client, opened.client)
FROM sessions opened
WHERE statements.owner = ? AND opened.owner = ? AND statements.session_id = opened.session_id
  AND statements.start >= ?
  AND (statements.program < opened.program OR statements.client < opened.client)
"""


class Writer:
    """One transaction: rows in, days kept right, all of it or nothing."""

    def __init__(self, connection: sqlite3.Connection, machines: Machines) -> None:
        self._connection = connection
        self._machines = machines
        held = connection.execute("SELECT id, account, user FROM owners").fetchall()
        self._owners: dict[tuple[str, str], int] = {(account, user): number for number, account, user in held}
        self._users: dict[int, str] = {number: user for number, _, user in held}

    def owner(self, account: str, user: str) -> int:
        """The owner's id, made if it is new."""
        key = (account, user)
        if key not in self._owners:
            cursor = self._connection.execute("INSERT INTO owners (account, user) VALUES (?, ?)", key)
            assert cursor.lastrowid is not None
            self._owners[key] = cursor.lastrowid
            self._users[cursor.lastrowid] = user
        return self._owners[key]

    def add(self, account: str, statements: Iterable[Statement]) -> int:
        """Take statements in, each under its user; our own are passed over. Returns how many were read."""
        count = 0
        waiting = iter(statements)
        while batch := list(islice(waiting, BATCH)):
            count += len(batch)
            self._connection.executemany(
                _UPSERT, [self._row(account, statement) for statement in batch if not statement.is_own]
            )
        return count

    def add_sessions(self, owner: int, sessions: Iterable[tuple[str, str, str, int]]) -> None:
        """What opened sessions: ``(session_id, program, client, created)``, the last in microseconds."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO sessions (owner, session_id, program, client, created) "
            "VALUES (?, ?, ?, ?, ?)",
            ((owner, *session) for session in sessions),
        )

    def apply_sessions(self, owner: int, since: int) -> None:
        """Give the statements that started since then (microseconds) the program of their session."""
        self._connection.execute(_APPLY_SESSIONS, (owner, owner, since))

    def judge_again(self) -> None:
        """Ask the rules about every statement."""
        self._connection.execute(f"UPDATE statements SET reason = {_JUDGEMENT} WHERE reason <> {_JUDGEMENT}")

    def keep_days(self) -> None:
        """Work out the slots of the days that were touched. A day at a time: memory does not grow."""
        for owner, day in self._connection.execute("SELECT owner, day FROM touched").fetchall():
            self._connection.execute("DELETE FROM days WHERE owner = ? AND day = ?", (owner, day))
            rows = self._connection.execute(_SLOTS_OF_A_DAY, (owner, day * _DAY, day * _DAY + _DAY))
            for reason, group in groupby(rows.fetchall(), key=itemgetter(0)):
                track = Track.of(row[1:] for row in group)
                figures = (sum(track.counts), track.firsts[0], track.lasts[-1])
                self._connection.execute(_KEEP_DAY, (owner, day, reason, *figures, *track.packed()))
        self._connection.execute("DELETE FROM touched")

    def reason_for(self, owner: int, *seen: str | int) -> str:
        """The SQL function behind the triggers: the reason, or an empty string for a person."""
        at = _JUDGED.index("client_generated")
        words = [str(value) for value in seen]
        words[at] = "true" if seen[at] else ""
        return self._machines.reason_for((self._users[owner], *words)) or ""

    def _row(self, account: str, s: Statement) -> tuple[object, ...]:
        end = microseconds(s.end) if s.end else 0
        return (
            self.owner(account, s.user), s.query_id, microseconds(s.start), end,
            s.session_id, s.user_type, s.role, s.warehouse, s.query_type, s.tag, s.status,
            int(s.client_generated), s.parameterized_hash, s.agent_type, s.program, s.client,
            self._machines.reason(s) or "",
        )  # fmt: skip


@contextmanager
def writing(connection: sqlite3.Connection, machines: Machines) -> Iterator[Writer]:
    """A transaction; when it ends well the touched days are worked out anew, and all of it is kept."""
    connection.executescript(_TOUCHED)
    connection.execute("BEGIN IMMEDIATE")
    try:
        writer = Writer(connection, machines)  # it reads the owners: nobody else may add any from here on
        connection.create_function("machine_reason", 1 + len(_JUDGED), writer.reason_for, deterministic=True)
        yield writer
        writer.keep_days()
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
