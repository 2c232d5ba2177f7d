"""CREATE TABLE: the dialect's types as STRICT tables, and of its constraints those that it enforces."""

from dataclasses import dataclass, field
from typing import Any, Final

from dataeng_tui.replay.dialects.merge import target_table
from dataeng_tui.replay.dialects.parsing import name_of
from dataeng_tui.replay.dialects.render import Renderer
from dataeng_tui.replay.dialects.tables import SQLITE_TYPE, Column, Table, canonical, quoted, spelled
from dataeng_tui.replay.dialects.types import kind_of

# Whose PRIMARY KEY, UNIQUE and FOREIGN KEY are words to the reader; only NOT NULL holds.
UNENFORCED: Final = frozenset({"snowflake", "databricks"})
_STORAGE: Final = frozenset(
    {
        "FileFormatProperty",
        "LocationProperty",
        "PartitionedByProperty",
        "SchemaCommentProperty",
        "Property",
        "TransientProperty",
    }
)


@dataclass
class _Draft:
    """A table while it is read."""

    name: str
    lines: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    primary: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = field(default_factory=list)


def created(r: Renderer, node: Any) -> tuple[Table | None, tuple[str, ...]]:
    """A CREATE TABLE or CREATE INDEX: the table that it makes, if any, and SQLite's statements."""
    if node.args["kind"] == "INDEX":
        return None, _index(r, node)
    r.only(node, "this", "kind", "replace", "exists", "properties")
    if node.args["kind"] != "TABLE" or type(node.this).__name__ != "Schema":
        r.refuse(
            f"CREATE {node.args['kind']} {node.this.name}", "a schema is made of tables with their columns"
        )
    for said in node.args["properties"].expressions if node.args.get("properties") else ():
        if type(said).__name__ not in _STORAGE:
            r.refuse(said)
    draft = _Draft(node.this.this.name)
    for part in node.this.expressions:
        if type(part).__name__ == "ColumnDef":
            _column(r, draft, part)
        else:
            _constraint(r, draft, part)
    return _finished(r, draft)


def _finished(r: Renderer, draft: _Draft) -> tuple[Table, tuple[str, ...]]:
    keys = [*([draft.primary] if draft.primary else []), *draft.unique]
    lines, after = list(draft.lines), []
    for number, key in enumerate(keys, 1):
        columns = ", ".join(map(quoted, key))
        if r.dialect in UNENFORCED:
            after.append(
                f"CREATE INDEX {quoted(f'{draft.name}_key_{number}')} ON {quoted(draft.name)} ({columns})"
            )
        else:
            lines.append(f"{'PRIMARY KEY' if key == draft.primary else 'UNIQUE'} ({columns})")
    body = ",\n  ".join(lines)
    table = Table(draft.name, tuple(draft.columns), () if r.dialect in UNENFORCED else tuple(keys))
    return table, (f"CREATE TABLE {quoted(draft.name)} (\n  {body}\n) STRICT", *after)


def _column(r: Renderer, draft: _Draft, node: Any) -> None:
    r.only(node, "this", "kind", "constraints")
    if not node.args.get("kind"):
        r.refuse(f"the column {node.name}", "it has no type")
    column = Column(node.name, kind_of(node.args["kind"], r.dialect))
    words = [f"{quoted(node.name)} {SQLITE_TYPE[column.kind.family]}"]
    check = canonical(column.kind, quoted(node.name))
    draft.columns.append(column)
    for constraint in node.args.get("constraints") or ():
        words += _column_constraint(r, draft, column, constraint.kind)
    if check:
        words.append(f"CONSTRAINT {quoted(f'{node.name} must be {spelled(column.kind)}')} CHECK ({check})")
    draft.lines.append(" ".join(words))


def _column_constraint(r: Renderer, draft: _Draft, column: Column, kind: Any) -> list[str]:
    name = type(kind).__name__
    if name == "NotNullColumnConstraint":
        return [] if kind.args.get("allow_null") else ["NOT NULL"]
    if name == "PrimaryKeyColumnConstraint":
        draft.primary = (column.name,)
        return ["NOT NULL"]
    if name == "UniqueColumnConstraint":
        r.only(kind)
        draft.unique.append((column.name,))
        return []
    if name == "DefaultColumnConstraint":
        return [f"DEFAULT ({r.assigned(column, kind.this)})"]
    if name == "CheckColumnConstraint":
        return [_check(r, kind)]
    if name == "CommentColumnConstraint":
        return []
    if name == "Reference" and r.dialect in UNENFORCED:
        return []
    return r.refuse(f"{name_of(kind, r.dialect)} of {draft.name}.{column.name}")


def _check(r: Renderer, kind: Any) -> str:
    r.only(kind, "this")
    return f"CHECK ({r.expr(kind.this)})"


def _constraint(r: Renderer, draft: _Draft, node: Any) -> None:
    name = type(node).__name__
    if name == "Constraint":
        for part in node.expressions:
            _constraint(r, draft, part)
    elif name == "PrimaryKey":
        r.only(node, "expressions", "include")
        draft.primary = tuple(_key(r, part) for part in node.expressions)
        if r.dialect == "snowflake":  # the one promise that its PRIMARY KEY keeps
            draft.lines += [f"CHECK ({quoted(column)} IS NOT NULL)" for column in draft.primary]
    elif name == "UniqueColumnConstraint":
        r.only(node, "this")
        draft.unique.append(tuple(_key(r, part) for part in node.this.expressions))
    elif name == "CheckColumnConstraint":
        draft.lines.append(_check(r, node))
    elif not (name == "ForeignKey" and r.dialect in UNENFORCED):
        r.refuse(node)


def _key(r: Renderer, node: Any) -> str:
    name = node.this.name if type(node).__name__ == "Ordered" else node.name
    if not name or type(node.this).__name__ not in ("Column", "Identifier", "str"):
        r.refuse(f"the key {name_of(node, r.dialect)}", "a key is made of columns")
    return str(name)


def unique_index(node: Any) -> tuple[str, tuple[str, ...]]:
    """The table, in lower case, and the key of a CREATE UNIQUE INDEX."""
    columns = node.this.args["params"].args["columns"]
    return node.this.args["table"].name.lower(), tuple(str(part.this.name) for part in columns)


def _index(r: Renderer, node: Any) -> tuple[str, ...]:
    """An index that is not unique changes nothing that a reader sees."""
    r.only(node, "this", "kind", "unique", "exists")
    index = node.this
    if not node.args.get("unique"):
        return ()
    r.only(index, "this", "table", "params")
    r.only(index.args["params"], "columns")
    columns = ", ".join(quoted(_key(r, part)) for part in index.args["params"].args["columns"])
    target_table(r, index.args["table"])
    return (f"CREATE UNIQUE INDEX {quoted(index.name)} ON {quoted(index.args['table'].name)} ({columns})",)
