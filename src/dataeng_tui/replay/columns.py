"""Which columns nothing looks at but their own assignment, so that they matter to no other column.

What becomes of such a column can be followed on its own, with the others of its kind held still. And of one
that only ever has something added to it, what was added is enough to know: never what it comes to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dataeng_tui.replay.database import Database, Table
from dataeng_tui.replay.program import Token, named, tokens

_VALUES = {"parameter", "number"}
_OR_ZERO = ("COALESCE", "IFNULL")  # a sum that is null is not taken for one when it is met
_BINDING = {"CHECK", "STRICT"}  # words of a schema by which a column's value decides whether a row is taken


@dataclass(frozen=True, slots=True)
class Columns:
    """One table's columns of this kind, by index: the ``sums`` and the ``others``."""

    sums: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


def columns_apart(database: Database) -> tuple[Columns, ...]:
    """Each table's columns that matter to no other column."""
    run = database.connection.execute
    schema = run("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    binding = any(token.text.upper() in _BINDING for (sql,) in schema for token in tokens(sql))
    statements = [
        [token for token in tokens(statement.sql) if token.kind != "blank"]
        for part in database.scenario.transactions
        for statement in part.statements
    ]
    if binding or any(_reads_all(words) for words in statements):
        return (Columns(),) * len(database.tables)
    return tuple(_columns(database, table, statements) for table in database.tables)


def has_key_in(database: Database, table: Table, columns: Sequence[int]) -> bool:
    """Whether the table has at most one row for each value of these columns, as long as none is null."""
    run, names = database.connection.execute, {table.columns[column] for column in columns}
    query = 'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial'
    keys = [
        {name for (name,) in run("SELECT name FROM pragma_index_info(?)", (index,)).fetchall()}
        for (index,) in run(query, (table.name,)).fetchall()
    ]
    return table.key in columns or any(key <= names for key in keys)


def _columns(database: Database, table: Table, statements: Sequence[Sequence[Token]]) -> Columns:
    if table.columns != table.shown or table.name.upper() == "EXCLUDED":
        return Columns()
    whole = not any(_takes_away(words) for words in statements if table.name.upper() in map(named, words))
    sums, others = [], []
    for column, integer in _unindexed(database, table).items():
        name = table.columns[column].upper()
        found = [_assigned(words, name) for words in statements]
        if None in found:
            continue
        items = [item for one in found for item in one or ()]
        if items and whole and integer and all(_adds_up(item, table, name) for item in items):
            sums.append(column)
        else:
            others.append(column)
    return Columns(tuple(sums), tuple(others))


def _unindexed(database: Database, table: Table) -> dict[int, bool]:
    """The columns that no key and no index has, and which of them hold whole numbers."""
    run = database.connection.execute
    query = "SELECT name, upper(type) LIKE '%INT%' FROM pragma_table_xinfo(?) WHERE NOT pk"
    free = dict(run(query, (table.name,)).fetchall())
    query = "SELECT i.name FROM pragma_index_list(?) AS l JOIN pragma_index_xinfo(l.name) AS i"
    indexed = {name for (name,) in run(query, (table.name,)).fetchall()}
    return {c: bool(free[n]) for c, n in enumerate(table.columns) if n in free and n not in indexed}


def _reads_all(words: Sequence[Token]) -> bool:
    """Whether ``*`` stands for columns, which are then read without their names."""
    return any(
        word.text == "*" and before.text.upper() in {"SELECT", "DISTINCT", ".", ","}
        for before, word in pairwise(words)
    )


def _takes_away(words: Sequence[Token]) -> bool:
    """Whether a row may go, and with it what was added up."""
    texts = [word.text.upper() for word in words]
    return texts[0] in {"DELETE", "REPLACE"} or texts[1:3] == ["OR", "REPLACE"]


def _assigned(words: Sequence[Token], column: str) -> list[Sequence[Token]] | None:
    """What the statement assigns to the column; None: it names it elsewhere, too, but in an INSERT's list."""
    listed, found, at = _listed(words), [], 0
    while at < len(words):
        if named(words[at]) == column and at not in listed:
            end = _end(words, at)
            if end is None or "SELECT" in map(named, words[at:end]):
                return None
            found.append(words[at + 2 : end])
            at = end
        at += 1
    return found


def _listed(words: Sequence[Token]) -> range:
    """Where an INSERT lists its columns."""
    texts = [word.text.upper() for word in words]
    if texts[0] != "INSERT":
        return range(0)
    start = texts.index("(")
    return range(start, texts.index(")", start))


def _end(words: Sequence[Token], at: int) -> int | None:
    """Where the item ``column = …`` of a SET ends that begins here; None: it is none."""
    texts = [word.text.upper() for word in words]
    if texts[at + 1 : at + 2] != ["="] or texts[at - 1] not in {"SET", ","} or "SET" not in texts[:at]:
        return None
    depth = 0
    for end in range(at + 2, len(texts)):
        depth += (texts[end] in {"(", "CASE"}) - (texts[end] in {")", "END"})
        if depth == 0 and texts[end] in {",", "WHERE", "ON"}:
            return end
    return len(texts)


def _adds_up(words: Sequence[Token], table: Table, column: str) -> bool:
    """Whether this is the column itself, once, plus or minus what is not read from the table."""
    plain = [[column], [table.name.upper(), ".", column]]
    itself = plain + [[call, "(", *way, ",", "0", ")"] for call in _OR_ZERO for way in plain]
    terms: list[tuple[str, list[Token]]] = [("+", [])]
    for word in words:
        if word.text in {"+", "-"}:
            terms.append((word.text, []))
        else:
            terms[-1][1].append(word)
    selves = [sign for sign, term in terms if [named(word) for word in term] in itself]
    others = [term for _, term in terms if [named(word) for word in term] not in itself]
    return selves == ["+"] and all(
        (len(term) == 1 and term[0].kind in _VALUES)
        or [named(word) for word in term] == ["EXCLUDED", ".", column]
        for term in others
    )
