"""Queries: SELECT, UNION, VALUES, and what stands in a FROM."""

from typing import Any, Final

from dataeng_tui.replay.dialects.render import Renderer
from dataeng_tui.replay.dialects.tables import quoted

# The columns of a VALUES that names none; {} counts from `first`.
_UNNAMED: Final = {
    "snowflake": ("column{}", 1), "postgres": ("column{}", 1), "databricks": ("col{}", 1),
    "duckdb": ("col{}", 0),
}  # fmt: skip


def query(r: Renderer, node: Any) -> str:
    """A query whose rows are the same in SQLite."""
    name = type(node).__name__
    if name == "Select":
        return _select(r, node)
    if name in ("Union", "Except", "Intersect"):
        r.only(node, "this", "expression", "distinct", "with_")
        both = " UNION ALL " if name == "Union" and not node.args.get("distinct") else f" {name.upper()} "
        if name != "Union" and not node.args.get("distinct"):
            r.refuse(node)
        return f"{_with(r, node)}{query(r, node.this)}{both}{query(r, node.expression)}"
    if name == "Values":
        r.only(node, "expressions")
        return "VALUES " + ", ".join(r.expr(row) for row in node.expressions)
    if name == "Subquery" and not node.args.get("alias"):
        r.only(node, "this")
        return query(r, node.this)
    return r.refuse(node)


def _select(r: Renderer, node: Any) -> str:
    r.only(
        node,
        "expressions",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "distinct",
        "with_",
    )
    if node.args.get("limit") and not node.args.get("order"):
        r.refuse(node.args["limit"], "without an ORDER BY it may be any row")
    distinct = node.args.get("distinct")
    if distinct:
        r.only(distinct)
    columns = ", ".join(_named(r, column) for column in node.expressions)
    parts = [f"{_with(r, node)}SELECT {'DISTINCT ' if distinct else ''}{columns}"]
    if node.args.get("from_"):
        parts.append(f"FROM {source(r, node.args['from_'].this)}")
    parts += [_join(r, join) for join in node.args.get("joins") or ()]
    if node.args.get("where"):
        parts.append(f"WHERE {r.expr(node.args['where'].this)}")
    if node.args.get("group"):
        r.only(node.args["group"], "expressions")
        parts.append("GROUP BY " + ", ".join(r.expr(e) for e in node.args["group"].expressions))
    if node.args.get("having"):
        parts.append(f"HAVING {r.expr(node.args['having'].this)}")
    if node.args.get("order"):
        parts.append("ORDER BY " + ", ".join(_ordered(r, e) for e in node.args["order"].expressions))
    if node.args.get("limit"):
        parts.append(f"LIMIT {r.expr(node.args['limit'].expression)}")
    return " ".join(parts)


def _named(r: Renderer, node: Any) -> str:
    if type(node).__name__ == "Alias":
        r.only(node, "this", "alias")
        return f"{r.expr(node.this)} AS {quoted(node.alias)}"
    if type(node).__name__ == "Star":
        r.only(node)
    return r.expr(node)


def _ordered(r: Renderer, node: Any) -> str:
    r.only(node, "this", "desc")
    nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{r.expr(node.this)}{' DESC' if node.args.get('desc') else ''} NULLS {nulls}"


def _with(r: Renderer, node: Any) -> str:
    with_ = node.args.get("with_")
    if not with_:
        return ""
    r.only(with_, "expressions")
    for cte in with_.expressions:
        r.only(cte, "this", "alias")
    parts = (f"{_alias(cte)} AS ({query(r, cte.this)})" for cte in with_.expressions)
    return f"WITH {', '.join(parts)} "


def _alias(node: Any) -> str:
    columns = [quoted(column.name) for column in node.args["alias"].args.get("columns") or ()]
    return quoted(node.alias) + (f"({', '.join(columns)})" if columns else "")


def _join(r: Renderer, node: Any) -> str:
    r.only(node, "this", "on", "using", "side", "kind")
    side, kind = (node.args.get("side") or "").upper(), (node.args.get("kind") or "").upper()
    if side not in ("", "LEFT") or kind not in ("", "INNER", "OUTER", "CROSS"):
        r.refuse(node)
    join = f"{side + ' ' if side else ''}JOIN {source(r, node.this)}"
    if node.args.get("on"):
        return f"{join} ON {r.expr(node.args['on'])}"
    if node.args.get("using"):
        return f"{join} USING ({', '.join(quoted(column.name) for column in node.args['using'])})"
    if kind != "CROSS" and side:
        r.refuse(node)
    return join


def source(r: Renderer, node: Any) -> str:
    """A table, a subquery or VALUES with its alias, whose column names SQLite takes from a WITH."""
    name = type(node).__name__
    if name == "Table":
        r.only(node, "this", "alias", "db", "catalog")
        if type(node.this).__name__ != "Identifier":
            r.refuse(node)
        alias = node.args.get("alias")
        if alias and alias.args.get("columns"):
            r.refuse(node)
        return quoted(node.name) + (f" AS {quoted(node.alias)}" if node.alias else "")
    if name not in ("Subquery", "Values"):
        r.refuse(node)
    r.only(node, *(("this", "alias") if name == "Subquery" else ("expressions", "alias")))
    inner = node.this if name == "Subquery" else node
    rows = (
        query(r, inner)
        if name == "Subquery"
        else "VALUES " + ", ".join(r.expr(row) for row in node.expressions)
    )
    alias = quoted(node.alias or "unnamed")
    named = columns_of(r, node)
    if named and (name == "Values" or _renamed(node) or type(inner).__name__ == "Values"):
        return f"(WITH {alias}({', '.join(map(quoted, named))}) AS ({rows}) SELECT * FROM {alias}) AS {alias}"
    return f"({rows}) AS {alias}"


def _renamed(node: Any) -> list[Any]:
    alias = node.args.get("alias")
    return list(alias.args.get("columns") or ()) if alias else []


def columns_of(r: Renderer, node: Any) -> tuple[str, ...]:
    """The names of a source's columns; empty where they cannot be told without running it."""
    name = type(node).__name__
    renamed = tuple(column.name for column in _renamed(node))
    if name == "Table":
        table = r.tables.get(node.name.lower())
        return table.names if table else ()
    if name == "Values":
        form, first = _UNNAMED[r.dialect]
        unnamed = tuple(form.format(first + at) for at in range(len(node.expressions[0].expressions)))
        return renamed + unnamed[len(renamed) :]
    if name == "Subquery":
        inner = columns_of(r, node.this)
        return renamed + inner[len(renamed) :] if inner else renamed
    if name == "Select":
        if any(e.is_star for e in node.expressions):
            one = len(node.expressions) == 1 and not node.args.get("joins") and node.args.get("from_")
            return columns_of(r, node.args["from_"].this) if one else ()
        return tuple(e.alias_or_name for e in node.expressions)
    return columns_of(r, node.this) if name in ("Union", "Except", "Intersect") else ()
