"""The history file's schema: numbered steps, each in a transaction of its own."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataeng_tui.databases import is_locked, private_database
from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS: Final = 60  # how long one process waits for another's write
_STEPS: "list[Callable[[Database], None]]" = []


def _step(change: "Callable[[Database], None]") -> "Callable[[Database], None]":
    """The next step; once released, a step is never changed, only followed by another."""
    _STEPS.append(change)
    return change


@_step
def _statements(db: "Database") -> None:
    """Times are microseconds of UTC; ``reason`` is empty for a person's statement."""
    db.table("owners").create({"id": int, "account": str, "user": str}, pk="id", not_null={"account", "user"})
    db.table("owners").create_index(["account", "user"], unique=True)
    text = dict.fromkeys(("session_id", "user_type", "role", "warehouse", "query_type", "tag", "status"), str)
    more = dict.fromkeys(("parameterized_hash", "agent_type", "program", "client", "reason"), str)
    columns = {
        "owner": int,
        "query_id": str,
        "start": int,
        "end": int,
        **text,
        "client_generated": int,
        **more,
    }
    db.table("statements").create(columns, not_null=set(columns), foreign_keys=[("owner", "owners", "id")])
    db.table("statements").create_index(["owner", "query_id"], unique=True)
    db.table("statements").create_index(["owner", "start", "reason"])


@_step
def _days(db: "Database") -> None:
    """What each day of UTC comes to: its slots, packed column by column. This is what opening reads."""
    figures = {"statements": int, "first": int, "last": int}
    columns = dict.fromkeys(("slots", "counts", "firsts", "lasts"), bytes)
    db.table("days").create(
        {"owner": int, "day": int, "reason": str, **figures, **columns},
        pk=("owner", "day", "reason"),
        not_null={*figures, *columns},
    )


@_step
def _syncs(db: "Database") -> None:
    """How far each owner's history reaches, whose a connection is, what opened each session."""
    db.table("syncs").create(
        {"owner": int, "source": str, "mark": int, "at": int, "note": str},
        pk="owner",
        not_null={"source", "at", "note"},
    )
    db.table("connections").create({"name": str, "owner": int}, pk="name", not_null={"owner"})
    db.table("sessions").create(
        {"owner": int, "session_id": str, "program": str, "client": str, "created": int},
        pk=("owner", "session_id"),
    )
    db.table("blog").create({"owner": int, "at": int, "rows": str}, pk="owner")
    db.table("meta").create({"key": str, "value": str}, pk="key")


def connect(path: Path) -> sqlite3.Connection:
    """The history at ``path``, made (0600) or brought up to date if it has to be. Raises UserError."""
    try:
        connection = private_database(path, BUSY_SECONDS)
        connection.execute("PRAGMA synchronous = NORMAL")
        _bring_up_to_date(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise unreadable(path, error) from None
    return connection


def unreadable(path: Path, error: Exception) -> UserError:
    """The sentence for a history file that does not work."""
    if isinstance(error, sqlite3.Error) and is_locked(error):
        return UserError(
            f"The history {path} is being written by another dataeng-tui: try again when it is done."
        )
    return UserError(
        f"The history {path} cannot be used ({error}): mend it, move it away, "
        "or run  dataeng-tui after-hours forget"
    )


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(_STEPS):
        raise UserError(f"The history {path} was written by a newer dataeng-tui: update this one.")
    if version == len(_STEPS):
        return
    from sqlite_utils import Database  # 0.4 s: only when there is something to do

    db = Database(connection)
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked again under the lock: another process may have done it meanwhile.
            version = _version(connection)
            if version < len(_STEPS):
                _STEPS[version](db)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        if version >= len(_STEPS):
            return


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
