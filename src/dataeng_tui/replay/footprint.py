"""Which rows an event can touch at all, proved from the text of the write; or nothing, where there is doubt.

Each access must name its rows by ``column = :field``, and that column must be in every unique key, so that
not even a conflict reaches a row with another value. Everything else (triggers, foreign keys, statements that
are not recognised) means: not proved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataeng_tui.replay.database import Database, Row, Table
from dataeng_tui.replay.program import tokens
from dataeng_tui.replay.recognise import Access, Unknown, accesses
from dataeng_tui.replay.scenario import Value

_EXACT = 2**53  # up to here a whole number is itself in every affinity

Values = tuple[str, ...]
Place = tuple[int, Values]  # the rows of a table, by its number, that have these values


@dataclass(frozen=True, slots=True)
class Footprints:
    """For each table the columns that tell events apart, the accesses to it, and each event's places."""

    columns: Mapping[int, tuple[int, ...]]
    accesses: tuple[Access, ...]
    events: tuple[frozenset[Place], ...]

    def of_row(self, table: int, row: Row) -> Place:
        """Where a row, ``(rowid, *values)`` without its rowid, belongs."""
        return table, tuple(str(row[column]) for column in self.columns.get(table, ()))

    def of_event(self, fields: Mapping[str, Value]) -> frozenset[Place]:
        """All that a delivery of an event with these fields can touch."""
        return _places(fields, self.accesses, self.columns)

    def components(self) -> list[list[int]]:
        """The events in groups that share no row with one another."""
        return _tied(self.events)


def _tied(events: Sequence[frozenset[Place]]) -> list[list[int]]:
    leader = list(range(len(events)))

    def find(event: int) -> int:
        while leader[event] != event:
            leader[event] = leader[leader[event]]
            event = leader[event]
        return event

    owner: dict[Place, int] = {}
    for event, places in enumerate(events):
        for place in places:
            leader[find(event)] = find(owner.setdefault(place, event))
    groups: dict[int, list[int]] = {}
    for event in range(len(events)):
        groups.setdefault(find(event), []).append(event)
    return list(groups.values())


def footprints(database: Database) -> Footprints | None:
    """The events' footprints, or None where they are not proved."""
    schema = database.connection.execute(
        "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ).fetchall()
    text = [token.text.upper() for _, sql in schema for token in tokens(sql) if token.kind != "blank"]
    if any(kind in {"trigger", "view"} for kind, _ in schema):
        return None
    if {"COLLATE", "REFERENCES", "AUTOINCREMENT", "CONFLICT"} & set(text):
        return None
    try:
        parsed = [
            accesses(database, statement)
            for part in database.scenario.transactions
            for statement in part.statements
        ]
        every = tuple(access for found, _ in parsed for access in found)
        assigned = set().union(*(columns for _, columns in parsed))
        columns = {
            number: _distinguishing(database, number, [a for a in every if a.table == number], assigned)
            for number in {access.table for access in every}
        }
        events = tuple(_places(event.fields, every, columns) for event in database.scenario.events)
        _comparable(database, every, columns)
    except Unknown:
        return None
    return Footprints(columns, every, events)


def _distinguishing(
    database: Database, number: int, accesses: Sequence[Access], assigned: set[tuple[int, int]]
) -> tuple[int, ...]:
    """The columns by which every access names its rows, that each unique key has, and nothing assigns."""
    table = database.tables[number]
    common = set.intersection(*(set(access.fields) for access in accesses))
    common -= {column for other, column in assigned if other == number}
    for key in _unique_keys(database, table):
        common &= key
    if not common:
        raise Unknown
    return tuple(sorted(common))


def _unique_keys(database: Database, table: Table) -> list[set[int]]:
    run = database.connection.execute
    keys = [] if table.key is None else [{table.key}]
    for (index,) in run('SELECT name FROM pragma_index_list(?) WHERE "unique"', (table.name,)).fetchall():
        names = [name for (name,) in run("SELECT name FROM pragma_index_info(?)", (index,))]
        if None in names:  # an expression
            raise Unknown
        keys.append({table.columns.index(name) for name in names if name in table.columns})
    return keys


def _places(
    fields: Mapping[str, Value], accesses: Sequence[Access], columns: Mapping[int, tuple[int, ...]]
) -> frozenset[Place]:
    return frozenset(
        (
            access.table,
            tuple(str(fields[access.fields[column]]) for column in columns[access.table]),
        )
        for access in accesses
    )


def _comparable(
    database: Database, accesses: Sequence[Access], columns: Mapping[int, tuple[int, ...]]
) -> None:
    """Whether two values are equal in the database exactly when their texts are. Raises Unknown where not."""
    run = database.connection.execute
    for access in accesses:
        table = database.tables[access.table]
        types = dict(run("SELECT name, upper(type) FROM pragma_table_xinfo(?)", (table.name,)).fetchall())
        for column in columns[access.table]:
            kind = types[table.columns[column]]
            texts = any(word in kind for word in ("CHAR", "CLOB", "TEXT")) and "INT" not in kind
            for event in database.scenario.events:
                value = event.fields[access.fields[column]]
                whole = isinstance(value, int) and abs(value) < _EXACT and (texts or "INT" in kind)
                if not whole and not (isinstance(value, str) and texts):
                    raise Unknown
