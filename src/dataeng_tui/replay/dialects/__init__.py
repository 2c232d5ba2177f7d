"""Other dialects' SQL, lowered to SQLite's: the same rows in every case, or refused with the clause named.

sqlglot gives the tree only; every node is written here from a list of those that mean the same. What is
proved of the lowered SQL is proved on SQLite's semantics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.replay.dialects.parsing import DIALECTS, parse
from dataeng_tui.replay.dialects.tables import STAGING, Table
from dataeng_tui.replay.program import Named

__all__ = ["DIALECTS", "STAGING", "Lowered", "lower", "not_exact"]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A scenario's SQL for SQLite, a statement each; parameters are written ``:name``.

    ``staging`` makes the tables in which the writes stage their rows; ``writes`` keeps the files' order;
    ``named`` tells, for a statement, which rows it names, where that is known from the dialect's own text.
    """

    schema: tuple[str, ...]
    staging: tuple[str, ...]
    writes: Mapping[str, tuple[str, ...]]
    observe: str | None = None
    named: Mapping[str, Named] = field(default_factory=dict)


def lower(dialect: str, schema: str, writes: Mapping[str, str], observe: str | None = None) -> Lowered:
    """The scenario's SQL, each text a script in ``dialect`` (one of ``DIALECTS``), for SQLite.

    Raises UserError, naming file and clause, for what the dialect does not know or SQLite cannot do alike.
    """
    from dataeng_tui.replay.dialects.render import Renderer
    from dataeng_tui.replay.dialects.write import written

    if dialect not in DIALECTS:
        raise UserError(f"There is no dialect {dialect!r}. Known: sqlite, {', '.join(DIALECTS)}.")
    tables: dict[str, Table] = {}
    renderer = Renderer(dialect, tables)
    made = _in_file("schema", lambda: _schema(renderer, tables, schema))
    lowered = {
        name: _in_file(
            name, lambda text=text: [s for tree in parse(text, dialect) for s in written(renderer, tree)]
        )
        for name, text in writes.items()
    }
    seen = None
    if observe is not None:
        (seen,) = _in_file("observe", lambda: [renderer.query(tree) for tree in parse(observe, dialect)])
    writes_ = {name: tuple(statements) for name, statements in lowered.items()}
    return Lowered(tuple(made), tuple(renderer.staging), writes_, seen, renderer.named)


def _schema(renderer: Any, tables: dict[str, Table], sql: str) -> list[str]:
    from dataeng_tui.replay.dialects.schema import UNENFORCED, created, unique_index
    from dataeng_tui.replay.dialects.write import written

    statements: list[str] = []
    for tree in parse(sql, renderer.dialect):
        if type(tree).__name__ != "Create":
            statements += written(renderer, tree)
            continue
        table, made = created(renderer, tree)
        statements += made
        if table is not None:
            tables[table.name.lower()] = table
        elif made and renderer.dialect not in UNENFORCED:
            name, key = unique_index(tree)
            tables[name] = replace(tables[name], unique=(*tables[name].unique, key))
    return statements


def _in_file(name: str, work: Any) -> list[str]:
    try:
        return list(work())
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def not_exact(message: str) -> str | None:
    """Why a lowered statement failed, if SQLite's ``message`` is about the lowering and not about the write.

    The dialect might have taken the value or picked a row, so that nothing may be concluded from the failure.
    """
    if f"UNIQUE constraint failed: {STAGING}" in message:
        return "several source rows match one row of the table, and which one counts is not determined"
    if message.startswith("cannot store ") or " must be a" in message or message == "integer overflow":
        detail = message.removeprefix("CHECK constraint failed: ")
        return f"a value is not of its type's exact form ({detail})"
    return None
