"""INSERT, UPDATE, DELETE and SELECT: a write's statements, each as one or more of SQLite's."""

from typing import Any

from dataeng_tui.replay.dialects.merge import insert_columns, into, known_column, merge, one_row, target_table
from dataeng_tui.replay.dialects.named import named
from dataeng_tui.replay.dialects.query import columns_of
from dataeng_tui.replay.dialects.render import Renderer, expressions
from dataeng_tui.replay.dialects.tables import SQLITE_TYPE, Column, Table, quoted


def written(r: Renderer, node: Any) -> tuple[str, ...]:
    """One statement of a write. Raises UserError for a statement or clause that has no faithful form."""
    statements = _lowered(r, node)
    rows = named(r, node)
    if rows is not None:
        r.named |= dict.fromkeys(statements, rows)
    return statements


def _lowered(r: Renderer, node: Any) -> tuple[str, ...]:
    name = type(node).__name__
    if name == "Merge":
        return merge(r, node)
    if name == "Insert":
        return _insert(r, node)
    if name == "Update":
        return _update(r, node)
    if name == "Delete":
        return _delete(r, node)
    if name in ("Select", "Union", "Values", "Subquery"):
        return (r.query(node),)
    return r.refuse(
        node, "a write is made of MERGE, INSERT, UPDATE, DELETE and SELECT; its file is the transaction"
    )


def _insert(r: Renderer, node: Any) -> tuple[str, ...]:
    r.only(node, "this", "expression", "conflict", "alternative", "by_name", "with_")
    if node.args.get("with_"):
        r.refuse(node.args["with_"], "put the WITH behind the INSERT INTO, before its SELECT")
    target, names = into(node)
    rows = node.expression
    table = target_table(r, target)
    if node.args.get("by_name"):
        columns = [known_column(r, table, column) for column in columns_of(r, rows)]
    else:
        columns = insert_columns(r, table, names, _width(r, rows))
    listed = ", ".join(quoted(column.name) for column in columns)
    alias = f" AS {quoted(target.alias)}" if target.alias else ""
    head = f"INSERT INTO {quoted(table.name)}{alias} ({listed})"
    tail = _conflict(r, node, table, columns)
    body = _rows(r, rows, columns)
    if tail and type(rows).__name__ != "Values":
        # SQLite would read the ON of ON CONFLICT as a join's, were there no WHERE in between.
        body = f"SELECT * FROM ({body}) WHERE TRUE"
    if "DO UPDATE" not in tail or one_row(rows):
        return (f"{head} {body}{tail}",)
    return _once_a_key(r, table, columns, head, body, tail)


def _once_a_key(
    r: Renderer, table: Table, columns: list[Column], head: str, body: str, tail: str
) -> tuple[str, ...]:
    """Several rows and a DO UPDATE: the dialects refuse a key that comes twice, SQLite would update twice."""
    stage = r.next_stage()
    keys = [key for key in table.unique if all(column in [c.name for c in columns] for column in key)]
    typed = ", ".join(f"{quoted(c.name)} {SQLITE_TYPE[c.kind.family]}" for c in columns)
    unique = "".join(f", UNIQUE ({', '.join(map(quoted, key))})" for key in keys)
    r.staging.append(f"CREATE TABLE {stage} ({typed}{unique})")
    names = ", ".join(quoted(column.name) for column in columns)
    return (
        f"INSERT INTO {stage} ({names}) {body}",
        f"{head} SELECT {names} FROM {stage} WHERE TRUE ORDER BY rowid{tail}",
        f"DELETE FROM {stage}",
    )


def _width(r: Renderer, rows: Any) -> int:
    if type(rows).__name__ == "Values":
        return len(rows.expressions[0].expressions)
    columns = columns_of(r, rows)
    if not columns:
        r.refuse(rows, "name its columns one by one")
    return len(columns)


def _rows(r: Renderer, rows: Any, columns: list[Column]) -> str:
    if type(rows).__name__ != "Values":
        if any(column.kind.family == "decimal" for column in columns):
            _no_sums(r, rows)
        return r.query(rows)
    r.only(rows, "expressions")
    return "VALUES " + ", ".join(
        f"({', '.join(r.assigned(c, v) for c, v in zip(columns, row.expressions, strict=True))})"
        for row in rows.expressions
    )


def _no_sums(r: Renderer, rows: Any) -> None:
    for part in rows.walk():
        if type(part).__name__ in ("Add", "Sub", "Mul"):
            r.refuse(part, "SQLite has no exact decimals: write the row as VALUES")


def _conflict(r: Renderer, node: Any, table: Table, columns: list[Column]) -> str:
    alternative = (node.args.get("alternative") or "").upper()
    if alternative == "IGNORE":
        return " ON CONFLICT DO NOTHING"
    if alternative == "REPLACE":
        if len(table.unique) != 1:
            r.refuse("INSERT OR REPLACE", f"{table.name} has not just one key")
        key = table.unique[0]
        sets = ", ".join(
            f"{quoted(c.name)} = excluded.{quoted(c.name)}" for c in columns if c.name not in key
        )
        return f" ON CONFLICT ({', '.join(map(quoted, key))}) DO " + (
            f"UPDATE SET {sets}" if sets else "NOTHING"
        )
    if alternative:
        r.refuse(f"INSERT OR {alternative}")
    conflict = node.args.get("conflict")
    if not conflict:
        return ""
    r.only(conflict, "action", "conflict_keys", "expressions", "where")
    keys = [key.this.name for key in conflict.args.get("conflict_keys") or ()]
    target = f" ({', '.join(map(quoted, keys))})" if keys else ""
    action = conflict.args["action"].name.upper()
    if action == "DO NOTHING":
        return f" ON CONFLICT{target} DO NOTHING"
    if not keys and len(table.unique) != 1:
        r.refuse("ON CONFLICT DO UPDATE", "name the key that it is about")
    sets = ", ".join(_set(r, table, item) for item in conflict.expressions)
    where = f" WHERE {r.expr(conflict.args['where'].this)}" if conflict.args.get("where") else ""
    return f" ON CONFLICT{target} DO UPDATE SET {sets}{where}"


def _set(r: Renderer, table: Table, item: Any) -> str:
    if type(item).__name__ != "EQ" or type(item.this).__name__ != "Column":
        r.refuse(item)
    column = known_column(r, table, item.this.name)
    return f"{quoted(column.name)} = {r.assigned(column, item.expression)}"


def _update(r: Renderer, node: Any) -> tuple[str, ...]:
    r.only(node, "this", "expressions", "where", "from_")
    table = target_table(r, node.this)
    if node.args.get("from_"):
        # Which of several matching rows an UPDATE takes is nowhere said; as a MERGE it stops at them.
        then = expressions().Update(expressions=node.expressions)
        return merge(r, _as_merge(r, node, node.args["from_"].this, then))
    sets = ", ".join(_set(r, table, item) for item in node.expressions)
    if any(item.this.name.lower() in table.keys for item in node.expressions):
        r.refuse(node, "it changes a key, and SQLite looks at keys row by row")
    where = f" WHERE {r.expr(node.args['where'].this)}" if node.args.get("where") else ""
    return (f"UPDATE {r.table(node.this)} SET {sets}{where}",)


def _delete(r: Renderer, node: Any) -> tuple[str, ...]:
    r.only(node, "this", "where", "using")
    table = target_table(r, node.this)
    where = f" WHERE {r.expr(node.args['where'].this)}" if node.args.get("where") else ""
    if not node.args.get("using"):
        return (f"DELETE FROM {r.table(node.this)}{where}",)
    if len(node.args["using"]) == 1 and one_row(node.args["using"][0]) and where:
        return merge(r, _as_merge(r, node, node.args["using"][0], expressions().Var(this="DELETE")))
    name = quoted(node.this.alias or node.this.name)
    sources = ", ".join(r.table(source) for source in node.args["using"])
    chosen = f"SELECT {name}.{table.rowid} FROM {r.table(node.this)}, {sources}{where}"
    return (f"DELETE FROM {quoted(table.name)} WHERE {table.rowid} IN ({chosen})",)


def _as_merge(r: Renderer, node: Any, source: Any, then: Any) -> Any:
    exp = expressions()
    if source.args.get("joins") or not node.args.get("where"):
        r.refuse(node, "an UPDATE … FROM needs one source and a WHERE that ties it to the table")
    when = exp.When(matched=True, source=False, then=then)
    return exp.Merge(
        this=node.this, using=source, on=node.args["where"].this, whens=exp.Whens(expressions=[when])
    )
