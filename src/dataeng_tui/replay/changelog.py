"""Triggers of our own, which log what a transaction changes, and what in a schema they could miss."""

import sqlite3
from collections.abc import Sequence

from dataeng_tui.replay.guard import LOG
from dataeng_tui.replay.identity import Identity
from dataeng_tui.replay.rows import DELETE, INSERT, UPDATE, Change


def watch(connection: sqlite3.Connection, identities: Sequence[Identity], log: list[Change]) -> None:
    """Put our triggers on every table; they fire for the rows that REPLACE takes away as well."""
    connection.execute("PRAGMA recursive_triggers = ON")
    connection.create_function(LOG, -1, lambda *change: log.append(change))
    for number, identity in enumerate(identities):
        old, new = ([f"{age}.{column}" for column in identity.logged] for age in ("OLD", "NEW"))
        for kind, name, values in (
            (INSERT, "INSERT", new),
            (UPDATE, "UPDATE", old + new),
            (DELETE, "DELETE", old),
        ):
            code = number * 3 + kind
            connection.execute(
                f"CREATE TEMP TRIGGER {LOG}_{code} AFTER {name} ON main.{identity.table.quoted} "
                f"BEGIN SELECT {LOG}({', '.join([str(code), *values])}); END"
            )


def own_triggers(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """The schema's triggers: name and text."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
    return connection.execute(query).fetchall()


def has_foreign_keys(connection: sqlite3.Connection, identities: Sequence[Identity]) -> bool:
    """Whether a table refers to another."""
    query = "SELECT 1 FROM pragma_foreign_key_list(?)"
    return any(connection.execute(query, (identity.table.name,)).fetchone() for identity in identities)


def sequences_matter(connection: sqlite3.Connection, identities: Sequence[Identity]) -> bool:
    """Whether AUTOINCREMENT has counted in sqlite_sequence, and what it counts tells states apart."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    used = any(identity.table.key is not None and not identity.own_rowid for identity in identities)
    return used and connection.execute(query).fetchone() is not None
