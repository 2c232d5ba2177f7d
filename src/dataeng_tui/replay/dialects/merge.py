"""MERGE, in two steps of one transaction: first what every clause would do is written into a staging table,
all of it computed from the table as it was; then it is done, and the staging table is empty again."""

from dataclasses import dataclass, field
from typing import Any

from dataeng_tui.replay.dialects.query import columns_of
from dataeng_tui.replay.dialects.render import Renderer
from dataeng_tui.replay.dialects.tables import Column, Table, quoted


@dataclass
class _Merge:
    """What all clauses of one MERGE share, as SQLite's SQL."""

    r: Renderer
    table: Table
    target: str  # "[campaign] AS [t]"
    target_name: str
    rowid: str  # "[t].rowid"
    source: str
    columns: tuple[str, ...]  # the source's; empty: unknown
    source_name: str
    on: str
    stage: str
    earlier: dict[bool, list[str]] = field(default_factory=lambda: {True: [], False: []})
    width: int = 0
    fills: list[str] = field(default_factory=list)
    equal: list[set[str]] = field(default_factory=list)  # what ON says is the same, both sides as SQL
    # Deletes come first and inserts last, so that a key is free before it is taken.
    deletes: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    inserts: list[str] = field(default_factory=list)


def merge(r: Renderer, node: Any) -> tuple[str, ...]:
    """The statements for a MERGE. Raises UserError, naming it, for a clause that has no such form."""
    r.only(node, "this", "using", "on", "using_cond", "whens")
    table = target_table(r, node.this)
    name = quoted(node.this.alias or node.this.name)
    m = _Merge(
        r, table, r.table(node.this), node.this.alias or node.this.name, f"{name}.{table.rowid}",
        r.table(node.args["using"]), columns_of(r, node.args["using"]), node.args["using"].alias_or_name,
        "", r.next_stage(),
    )  # fmt: skip
    m.on = _on(m, node, name)
    whens = node.args["whens"].expressions
    if r.dialect == "databricks" and not _only_deletes(whens):
        # Delta refuses two source rows for one target row whatever the clauses' conditions say of them.
        m.fills.append(
            f"INSERT INTO {m.stage} (action, target) SELECT 0, {m.rowid} FROM {_joined(m)} WHERE TRUE"
        )
    for number, when in enumerate(whens, 1):
        _clause(m, number, when)
    unique = "action, target" if r.dialect == "databricks" else "target"
    values = "".join(f", v{at}" for at in range(1, m.width + 1))
    r.staging.append(f"CREATE TABLE {m.stage} (action INT, target INT{values}, UNIQUE ({unique}))")
    _keys_hold(m, node.args["using"])
    return (*m.fills, *m.deletes, *m.updates, *m.inserts, f"DELETE FROM {m.stage}")


def one_row(rows: Any) -> bool:
    """Whether a source is a single row for certain."""
    rows = rows.this if type(rows).__name__ == "Subquery" else rows
    if type(rows).__name__ == "Values":
        return len(rows.expressions) == 1
    return type(rows).__name__ == "Select" and not rows.args.get("from_")


def into(node: Any) -> tuple[Any, list[Any]]:
    """What a statement writes into, and the columns that it names behind it."""
    table = node.this
    if type(table).__name__ == "Schema":
        return table.this, table.expressions
    return table, table.args["alias"].args.get("columns") or [] if table.args.get("alias") else []


def target_table(r: Renderer, node: Any) -> Table:
    """The table that is written, which the schema must have."""
    table = r.tables.get(node.name.lower())
    if table is None:
        r.refuse(f"the table {node.name}", "the schema has no such table")
    return table


def _on(m: _Merge, node: Any, target: str) -> str:
    on = node.args.get("on")
    if on:
        parts = on.flatten() if type(on).__name__ == "And" else [on]
        equal = [part.unnest() for part in parts if type(part.unnest()).__name__ == "EQ"]
        m.equal = [{m.r.expr(part.this), m.r.expr(part.expression)} for part in equal]
        return m.r.expr(on)
    source = quoted(m.source_name or "unnamed")
    keys = [quoted(key.name) for key in node.args["using_cond"]]
    m.equal = [{f"{target}.{key}", f"{source}.{key}"} for key in keys]
    return " AND ".join(f"{target}.{key} = {source}.{key}" for key in keys)


def _joined(m: _Merge) -> str:
    return f"{m.source} JOIN {m.target} ON {m.on}"


def _only_deletes(whens: list[Any]) -> bool:
    matched = [when for when in whens if when.args["matched"]]
    return len(matched) <= 1 and all(_is_delete(w) and not w.args.get("condition") for w in matched)


def _is_delete(when: Any) -> bool:
    return type(when.args["then"]).__name__ == "Var" and when.args["then"].name.upper() == "DELETE"


def _clause(m: _Merge, number: int, when: Any) -> None:
    r, then, matched = m.r, when.args["then"], bool(when.args["matched"])
    r.only(when, "matched", "condition", "then", "source")
    if when.args.get("source"):
        r.refuse("WHEN NOT MATCHED BY SOURCE", "it is about rows that the event does not name")
    if "TRUE" in m.earlier[matched]:
        r.refuse(f"a second WHEN {'' if matched else 'NOT '}MATCHED", "the one before it takes every row")
    holds = [f"({condition}) IS NOT TRUE" for condition in m.earlier[matched]]
    condition = r.expr(when.args["condition"]) if when.args.get("condition") else "TRUE"
    m.earlier[matched].append(condition)
    where = " AND ".join([condition, *holds])
    kind = type(then).__name__
    if kind == "Var" and then.name.upper() == "DO NOTHING":
        return
    if matched and _is_delete(when):
        distinct = "DISTINCT " if r.dialect in ("snowflake", "databricks") else ""
        _fill(m, number, f"{distinct}{number}, {m.rowid}", [], f"{_joined(m)} WHERE {where}")
        chosen = f"SELECT target FROM {m.stage} WHERE action = {number}"
        m.deletes.append(f"DELETE FROM {quoted(m.table.name)} WHERE {m.table.rowid} IN ({chosen})")
    elif matched and kind == "Update":
        _update(m, number, then, where)
    elif not matched and kind == "Insert":
        _insert(m, number, then, where)
    else:
        r.refuse(when)


def _fill(m: _Merge, number: int, head: str, values: list[str], rest: str) -> None:
    m.width = max(m.width, len(values))
    into = "".join(f", v{at}" for at in range(1, len(values) + 1))
    m.fills.append(
        f"INSERT INTO {m.stage} (action, target{into}) SELECT {', '.join([head, *values])} FROM {rest}"
    )


def _update(m: _Merge, number: int, then: Any, where: str) -> None:
    r = m.r
    r.only(then, "expressions")
    sets = then.args.get("expressions") or []
    if not sets or type(sets[0]).__name__ == "Star":
        columns = _same_columns(m, "UPDATE *" if sets else "UPDATE", by_position=not sets)
        values = [_from_source(m, column) for column in columns]
    else:
        columns = [known_column(r, m.table, _name(r, item)) for item in sets]
        values = [r.assigned(column, item.expression) for column, item in zip(columns, sets, strict=True)]
    for column, value in zip(columns, values, strict=True):
        if _changes_key(m, column, value):
            r.refuse(f"UPDATE SET {column.name}", "it changes a key, and when keys are checked is not sure")
    _fill(m, number, f"{number}, {m.rowid}", values, f"{_joined(m)} WHERE {where}")
    table, rowid = quoted(m.table.name), m.table.rowid
    names = ", ".join(f"{quoted(column.name)} = m.v{at}" for at, column in enumerate(columns, 1))
    this = f"m.action = {number} AND m.target = {table}.{rowid}"
    m.updates.append(f"UPDATE {table} SET {names} FROM {m.stage} AS m WHERE {this}")


def _keys_hold(m: _Merge, source: Any) -> None:
    """Refuse what takes a key that the same MERGE frees.

    Postgres looks at its keys after every row, in an order of its own; DuckDB does not see that the key of a
    deleted row is free.
    """
    if m.table.unique and m.inserts and m.deletes and not one_row(source):
        m.r.refuse(
            "a MERGE of several rows that deletes and inserts",
            "whether a key is free at the moment depends on the order of the rows",
        )


def _changes_key(m: _Merge, column: Column, value: str) -> bool:
    """Whether a SET can give an enforced key another value than the match has found it with."""
    if column.name.lower() not in m.table.keys:
        return False
    here = f"{quoted(m.target_name)}.{quoted(column.name)}"
    return not any({here, value} <= sides for sides in m.equal)


def _name(r: Renderer, item: Any) -> str:
    if type(item).__name__ != "EQ" or type(item.this).__name__ != "Column":
        r.refuse(item)
    return str(item.this.name)


def _insert(m: _Merge, number: int, then: Any, where: str) -> None:
    r = m.r
    r.only(then, "this", "expression")
    named, given = then.args.get("this"), then.args.get("expression")
    if not given:
        if named is not None and type(named).__name__ != "Star":
            r.refuse(then)
        columns = _same_columns(m, "INSERT *" if named else "INSERT", by_position=not named)
        values = [_from_source(m, column) for column in columns]
    else:
        columns = insert_columns(r, m.table, named.expressions if named else [], len(given.expressions))
        values = [r.assigned(column, value) for column, value in zip(columns, given.expressions, strict=True)]
    unmatched = f"NOT EXISTS (SELECT 1 FROM {m.target} WHERE {m.on})"
    _fill(m, number, f"{number}, NULL", values, f"{m.source} WHERE {where} AND {unmatched}")
    names = ", ".join(quoted(column.name) for column in columns)
    staged = ", ".join(f"v{at}" for at in range(1, len(columns) + 1))
    rows = f"SELECT {staged} FROM {m.stage} WHERE action = {number} ORDER BY rowid"
    m.inserts.append(f"INSERT INTO {quoted(m.table.name)} ({names}) {rows}")


def insert_columns(r: Renderer, table: Table, named: list[Any], values: int) -> list[Column]:
    """The columns that an INSERT's values go to."""
    columns = [known_column(r, table, node.name) for node in named] or list(table.columns)
    if len(columns) != values:
        r.refuse(
            f"INSERT of {values} values into {len(columns)} columns of {table.name}",
            "give each column its value",
        )
    return columns


def known_column(r: Renderer, table: Table, name: str) -> Column:
    """A column of the table that is written."""
    column = table.column(name)
    if column is None:
        r.refuse(f"the column {name}", f"the table {table.name} has no such column")
    return column


def _same_columns(m: _Merge, clause: str, *, by_position: bool) -> list[Column]:
    """For the short forms: the table's columns, where the source has just these."""
    ours, theirs = [n.lower() for n in m.table.names], [n.lower() for n in m.columns]
    if (ours != theirs) if by_position else not set(ours) <= set(theirs):
        m.r.refuse(clause, f"the source must have the columns of {m.table.name}, by name and in its order")
    return list(m.table.columns)


def _from_source(m: _Merge, column: Column) -> str:
    return f"{quoted(m.source_name or 'unnamed')}.{quoted(column.name)}"
