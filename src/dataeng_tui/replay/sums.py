"""Which columns only ever have something added to them, so that no statement can tell what they come to.

States that differ in nothing else are one to whatever runs: it is enough to know what each delivery adds.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from dataeng_tui.replay.database import Database, Table
from dataeng_tui.replay.program import Token, tokens

_VALUES = {"parameter", "number"}
_OR_ZERO = ("COALESCE", "IFNULL")  # a sum that is null is not taken for one when it is met


def sums(database: Database) -> Mapping[int, tuple[int, ...]]:
    """By the table's number, its columns that are sums, by index."""
    run = database.connection.execute
    schema = run("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    if any(token.text.upper() == "CHECK" for (sql,) in schema for token in tokens(sql)):
        return {}
    statements = [
        [token for token in tokens(statement.sql) if token.kind != "blank"]
        for part in database.scenario.transactions
        for statement in part.statements
    ]
    if any(_reads_all(words) for words in statements):
        return {}
    found: dict[int, tuple[int, ...]] = {}
    for number, table in enumerate(database.tables):
        used = [words for words in statements if table.name.upper() in map(_name, words)]
        if table.columns != table.shown or table.name.upper() == "EXCLUDED" or any(map(_takes_away, used)):
            continue
        columns = _unindexed_integers(database, table)
        found[number] = tuple(
            c for c in columns if all(_adds(w, table, table.columns[c]) for w in statements)
        )
    return found


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


def _unindexed_integers(database: Database, table: Table) -> list[int]:
    run = database.connection.execute
    query = "SELECT name FROM pragma_table_xinfo(?) WHERE upper(type) LIKE '%INT%' AND NOT pk"
    names = {name for (name,) in run(query, (table.name,)).fetchall()}
    query = "SELECT i.name FROM pragma_index_list(?) AS l JOIN pragma_index_xinfo(l.name) AS i"
    indexed = {name for (name,) in run(query, (table.name,)).fetchall()}
    return [c for c, name in enumerate(table.columns) if name in names - indexed]


def _adds(words: Sequence[Token], table: Table, column: str) -> bool:
    """Whether the statement names the column only to give a new row its value, or to add to it."""
    wanted = column.upper()
    listed = _listed(words)
    at = 0
    while at < len(words):
        if _name(words[at]) == wanted and at not in listed:
            end = _item(words, at)
            if end is None or not _adds_up(words[at + 2 : end], table, wanted):
                return False
            at = end
        at += 1
    return True


def _listed(words: Sequence[Token]) -> range:
    """Where an INSERT lists its columns."""
    texts = [word.text.upper() for word in words]
    if texts[0] != "INSERT":
        return range(0)
    start = texts.index("(")
    return range(start, texts.index(")", start))


def _item(words: Sequence[Token], at: int) -> int | None:
    """Where the item ``column = …`` of a SET ends that begins here; None: it is none."""
    texts = [word.text.upper() for word in words]
    if texts[at + 1 : at + 2] != ["="] or texts[at - 1] not in {"SET", ","} or "SET" not in texts[:at]:
        return None
    depth = 0
    for end in range(at + 2, len(texts)):
        depth += (texts[end] == "(") - (texts[end] == ")")
        if depth == 0 and texts[end] in {",", "WHERE", "ON"}:
            return end
    return len(texts)


def _adds_up(words: Sequence[Token], table: Table, column: str) -> bool:
    """Whether this is the column itself, once, plus or minus what is not read from the table."""
    plain = [[column], [table.name.upper(), ".", column]]
    itself = plain + [[name, "(", *named, ",", "0", ")"] for name in _OR_ZERO for named in plain]
    terms: list[tuple[str, list[Token]]] = [("+", [])]
    for word in words:
        if word.text in {"+", "-"}:
            terms.append((word.text, []))
        else:
            terms[-1][1].append(word)
    selves = [sign for sign, term in terms if [_name(word) for word in term] in itself]
    others = [term for _, term in terms if [_name(word) for word in term] not in itself]
    return selves == ["+"] and all(
        (len(term) == 1 and term[0].kind in _VALUES)
        or [_name(word) for word in term] == ["EXCLUDED", ".", column]
        for term in others
    )


def _name(token: Token) -> str:
    """What the token names, in capitals and without its quotes; a text in single quotes names nothing."""
    return (token.text if token.text.startswith("'") else token.text.strip('"`[]')).upper()
