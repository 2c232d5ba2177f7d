"""Can a statement's effect depend on the order in which a table's rows happen to lie?

If none can, two tables with the same rows are the same state, whatever path led to them. What is not
recognised counts as depending on it. Taken for granted: a bare column beside GROUP BY is determined by it.
"""

import sqlite3
from collections.abc import Sequence

from dataeng_tui.replay.program import tokens

_LOOPS = {"Next", "Prev", "SorterNext", "VNext", "RowSetRead"}
_ROWID_WORDS = {"ROWID", "OID", "_ROWID_", "LAST_INSERT_ROWID"}
_ORDERED = {"LIMIT", "OVER", "GROUP_CONCAT", "STRING_AGG", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT"}
_FRACTIONS = {"SUM", "TOTAL", "AVG"}
_AGGREGATES = _FRACTIONS | {"COUNT", "MIN", "MAX"}


def names_rowid(sql: str) -> bool:
    """Whether the text speaks of rowids, quoted or not."""
    return any(token.text.strip("\"'`[]").upper() in _ROWID_WORDS for token in tokens(sql))


def depends_on_order(connection: sqlite3.Connection, sql: str, parameters: int, *, fractions: bool) -> bool:
    """Whether the rows' order may show in what ``sql`` does or returns.

    ``fractions`` says that floats occur: their sums depend on the order in the last digits.
    """
    plan = connection.execute("EXPLAIN " + sql, (None,) * parameters).fetchall()
    if not any(step[1] in _LOOPS for step in plan):
        return False
    words = [token.text.upper() for token in tokens(sql) if token.kind in {"word", "other"}]
    if _ORDERED & set(words) or (fractions and _FRACTIONS & set(words)):
        return True
    first = words[0]
    if first == "DELETE":
        return False
    if first == "UPDATE":
        return (
            "FROM" in _outermost(words) or "OR" in words[:2] or any(step[1] == "IdxInsert" for step in plan)
        )
    if first in {"INSERT", "REPLACE"}:
        return "FROM" in _outermost(words) or not _subqueries_are_sets(words)
    if first == "SELECT":
        return "UNION" in words or "GROUP" in words or not _AGGREGATES & set(_outermost_list(words))
    return True


def staged_depends_on_order(sql: str) -> bool:
    """The same for a statement that we lowered to staged rows.

    A staged rowid only says which row is meant, each row is staged once, and rows are then written without an
    answer to conflicts: so only what asks for an order itself depends on it.
    """
    found = {token.text.upper() for token in tokens(sql) if token.kind == "word"}
    return bool((_ORDERED | {"CONFLICT", "REPLACE"}) & found)


def reader_depends_on_order(connection: sqlite3.Connection, sql: str, *, fractions: bool) -> bool:
    """The same for a reader's query, whose rows are compared without regard to their order."""
    words = {token.text.upper() for token in tokens(sql) if token.kind == "word"}
    plan = connection.execute("EXPLAIN " + sql).fetchall()
    loops = any(step[1] in _LOOPS for step in plan)
    return loops and bool(_ORDERED & words or (fractions and _FRACTIONS & words))


def _outermost(words: Sequence[str]) -> list[str]:
    """The words outside every bracket."""
    depth, found = 0, []
    for word in words:
        depth += (word == "(") - (word == ")")
        if depth == 0:
            found.append(word)
    return found


def _outermost_list(words: Sequence[str]) -> Sequence[str]:
    """The words between the first SELECT and its FROM, those in brackets included."""
    depth = 0
    for index, word in enumerate(words):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "FROM":
            return words[1:index]
    return ()


def _subqueries_are_sets(words: Sequence[str]) -> bool:
    """Whether each bracketed SELECT only asks whether something is there, or sums it up."""
    for index, word in enumerate(words):
        if word == "SELECT" and index and words[index - 1] == "(":
            asks = index > 1 and words[index - 2] in {"EXISTS", "IN"}
            if not asks and not _AGGREGATES & set(_outermost_list(words[index:])):
                return False
    return True
