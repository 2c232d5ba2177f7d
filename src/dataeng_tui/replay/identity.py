"""What makes a row the row it is: which of its columns, and whether its rowid, tell two states apart."""

import marshal
from collections.abc import Sequence
from dataclasses import dataclass

from dataeng_tui.errors import UserError
from dataeng_tui.replay.database import Database, Row, Table, quote
from dataeng_tui.replay.dialects import STAGING
from dataeng_tui.replay.order import (
    depends_on_order,
    names_rowid,
    reader_depends_on_order,
    staged_depends_on_order,
)
from dataeng_tui.replay.program import words
from dataeng_tui.replay.scenario import Value


@dataclass(frozen=True, slots=True)
class Identity:
    """How one table's rows are told apart. A row is ``(rowid or None, *columns)``.

    ``kept`` are the columns that count; ``with_rowid``: the rowid counts, too; ``own_rowid``: nothing looks
    at it, so that we may give out rowids of our own; ``bag``: equal rows may occur more than once.
    """

    table: Table
    kept: tuple[int, ...]
    with_rowid: bool
    own_rowid: bool
    bag: bool

    @property
    def logged(self) -> tuple[str, ...]:
        """What the change log has to tell of a row, quoted."""
        rowid = (self.table.rowid,) if self.with_rowid and self.table.rowid else ()
        return (*rowid, *map(quote, self.table.columns))

    @property
    def whole(self) -> bool:
        """Whether exactly the table's columns count."""
        return len(self.kept) == len(self.table.columns) and not self.with_rowid

    def unlogged(self, values: Sequence[Value]) -> Row:
        """A row from what the log told of it."""
        return tuple(values) if self.with_rowid else (None, *values)

    def key(self, number: int, row: Row) -> bytes:
        """The row's identity, exactly: marshalled, so that 1, 1.0 and '1' stay apart."""
        if self.whole:
            return marshal.dumps((number, row[1:]), 2)
        rowid = row[0] if self.with_rowid else None
        return marshal.dumps((number, rowid, tuple(row[1 + column] for column in self.kept)), 2)

    def insert(self, rowid: int | None, row: Row) -> tuple[str, Row]:
        """The statement that puts the row into the table."""
        columns = list(map(quote, self.table.columns))
        values = list(row)
        if self.table.key is not None:
            if self.own_rowid:
                values[self.table.key] = rowid
        elif self.table.rowid and rowid is not None:
            columns.append(self.table.rowid)
            values.append(rowid)
        marks = ", ".join("?" * len(values))
        return f"INSERT INTO {self.table.quoted} ({', '.join(columns)}) VALUES ({marks})", tuple(values)

    def delete(self, rowid: int | None, row: Row) -> tuple[str, Row]:
        """The statement that takes the row out."""
        name = self.table.quoted
        if self.table.key is not None and not self.own_rowid:
            return f"DELETE FROM {name} WHERE {quote(self.table.columns[self.table.key])} = ?", (
                row[self.table.key],
            )
        if self.table.rowid and rowid is not None:
            return f"DELETE FROM {name} WHERE {self.table.rowid} = ?", (rowid,)
        test = " AND ".join(f"{quote(self.table.columns[column])} IS ?" for column in self.kept) or "1"
        values = tuple(row[column] for column in self.kept)
        if not self.table.rowid:
            return f"DELETE FROM {name} WHERE {test}", values
        rowids = f"SELECT {self.table.rowid} FROM {name} WHERE {test} LIMIT 1"
        return f"DELETE FROM {name} WHERE {self.table.rowid} = ({rowids})", values


def identities(database: Database) -> tuple[Identity, ...]:
    """The tables' identities. Anything that a statement could notice counts."""
    ignored = _ignored(database)
    free = not _rowids_matter(database)
    return tuple(
        _identity(database, table, ignored.get(table.name, set()), free) for table in database.tables
    )


def _identity(database: Database, table: Table, ignored: set[int], free: bool) -> Identity:
    unread = {column for column in ignored if _unread(database, table, column)}
    kept = tuple(column for column in range(len(table.columns)) if column not in unread)
    own = table.rowid is not None and free and (table.key is None or table.key in unread)
    with_rowid = table.rowid is not None and table.key is None and not own
    unique = (
        with_rowid
        or table.rowid is None
        or (table.key is not None and not own)
        or _has_key(database, table, kept)
    )
    return Identity(table, kept, with_rowid, own, not unique)


def _has_key(database: Database, table: Table, kept: tuple[int, ...]) -> bool:
    """Whether some UNIQUE over columns that count and are never null forbids two equal rows."""
    run = database.connection.execute
    strict = {
        name for (name,) in run('SELECT name FROM pragma_table_xinfo(?) WHERE "notnull"', (table.name,))
    }
    names = {table.columns[column] for column in kept} & strict
    for (index,) in run(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table.name,)
    ).fetchall():
        columns = {name for (name,) in run("SELECT name FROM pragma_index_info(?)", (index,))}
        if columns <= names:
            return True
    return False


def _ignored(database: Database) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    tables = {table.name.lower(): table for table in database.tables}
    for item in database.scenario.ignore:
        name, column = item.split(".")
        table = tables.get(name.lower())
        lower = [known.lower() for known in table.columns] if table else []
        if table is None or column.lower() not in lower:
            raise UserError(
                f"{database.scenario.name}: ignore names {item!r}, which the schema does not have."
            )
        found.setdefault(table.name, set()).add(lower.index(column.lower()))
    return found


def _unread(database: Database, table: Table, column: int) -> bool:
    """Whether nothing can notice the column's value: no statement, no constraint, no index."""
    name = table.columns[column]
    if (table.name.lower(), name.lower()) in database.reads:
        return False
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    schema = database.connection.execute(query).fetchall()
    # Its own definition is the one place where the name may stand.
    if sum(list(words(sql)).count(name.upper()) for (sql,) in schema) != 1:
        return False
    return column != table.key or not _is_referenced(database, table)


def _is_referenced(database: Database, table: Table) -> bool:
    run = database.connection.execute
    return any(
        target.lower() == table.name.lower()
        for other in database.tables
        for (target,) in run('SELECT "table" FROM pragma_foreign_key_list(?)', (other.name,)).fetchall()
    )


def _rowids_matter(database: Database) -> bool:
    """Whether a statement, a trigger or the reader may notice rowids or the order of rows."""
    scenario, connection = database.scenario, database.connection
    values = [value for event in scenario.events for value in event.fields.values()]
    fractions = any(isinstance(value, float) for value in values)
    schema = connection.execute("SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    fractions = fractions or any("REAL" in words(sql) or "NUMERIC" in words(sql) for _, sql in schema)
    if any(kind == "trigger" or names_rowid(sql) for kind, sql in schema):
        return True
    for bound in (bound for part in scenario.transactions for bound in part.statements):
        if scenario.dialect != "sqlite" and STAGING in bound.sql:
            if staged_depends_on_order(bound.sql):
                return True
        elif names_rowid(bound.sql) or depends_on_order(
            connection, bound.bound, len(bound.parameters), fractions=fractions
        ):
            return True
    query = scenario.observe
    return query is not None and (
        names_rowid(query) or reader_depends_on_order(connection, query, fractions=fractions)
    )
