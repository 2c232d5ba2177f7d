"""How each kind of expression is written for SQLite: the list of what means the same."""

from collections.abc import Callable
from typing import Any, Final

from dataeng_tui.replay.dialects.parsing import parameter
from dataeng_tui.replay.dialects.render import Renderer, expressions
from dataeng_tui.replay.dialects.tables import literal, quoted
from dataeng_tui.replay.dialects.types import kind_of

Writer = Callable[[Renderer, Any], str]


def _column(r: Renderer, node: Any) -> str:
    r.only(node, "this", "table")
    if isinstance(node.this, expressions().Star):
        return f"{quoted(node.table)}.*" if node.table else "*"
    if parameter(node):
        return f":{parameter(node)}"
    name = quoted(node.name)
    return f"{quoted(node.table)}.{name}" if node.table else name


def _literal(r: Renderer, node: Any) -> str:
    return literal(node.name) if node.is_string else str(node.name)


def _is(r: Renderer, node: Any) -> str:
    r.only(node, "this", "expression")
    if type(node.expression).__name__ not in ("Null", "Boolean", "Not"):
        r.refuse(node)
    return f"({r.expr(node.this)} IS {r.expr(node.expression)})"


def _in(r: Renderer, node: Any) -> str:
    r.only(node, "this", "expressions", "query")
    inner = r.query(node.args["query"].unnest()) if node.args.get("query") else _list(r, node.expressions)
    return f"({r.expr(node.this)} IN ({inner}))"


def _between(r: Renderer, node: Any) -> str:
    r.only(node, "this", "low", "high")
    return f"({r.expr(node.this)} BETWEEN {r.expr(node.args['low'])} AND {r.expr(node.args['high'])})"


def _case(r: Renderer, node: Any) -> str:
    r.only(node, "this", "ifs", "default")
    whens = " ".join(
        f"WHEN {r.expr(when.this)} THEN {r.expr(when.args['true'])}" for when in node.args["ifs"]
    )
    head = f" {r.expr(node.this)}" if node.this else ""
    default = f" ELSE {r.expr(node.args['default'])}" if node.args.get("default") else ""
    return f"CASE{head} {whens}{default} END"


def _if(r: Renderer, node: Any) -> str:
    r.only(node, "this", "true", "false")
    otherwise = r.expr(node.args["false"]) if node.args.get("false") else "NULL"
    return f"CASE WHEN {r.expr(node.this)} THEN {r.expr(node.args['true'])} ELSE {otherwise} END"


def _divided(r: Renderer, node: Any) -> str:
    """By a whole number other than 0, and of a whole number: the rest differs from dialect to dialect."""
    r.only(node, "this", "expression")
    by = node.expression.unnest()
    if not (r.is_int(node.this) and isinstance(by, expressions().Literal) and r.is_int(by) and int(by.name)):
        r.refuse(node, "only a whole number divided by a whole number other than 0 is the same in SQLite")
    left, right = r.expr(node.this), r.expr(by)
    name = type(node).__name__
    if name == "Mod":
        return f"({left} % {right})"
    if name == "IntDiv" or r.dialect == "postgres":
        return f"({left} / {right})"
    if r.dialect == "snowflake":
        r.refuse(node, "SQLite has no exact decimals")
    return f"(CAST({left} AS REAL) / {right})"


def _coalesce(r: Renderer, node: Any) -> str:
    r.only(node, "this", "expressions", "is_nvl", "is_null")
    return f"coalesce({_list(r, [node.this, *node.expressions])})"


def _extreme(r: Renderer, node: Any) -> str:
    r.only(node, "this", "expressions")
    function = "max" if type(node).__name__ == "Greatest" else "min"
    values = [r.expr(value) for value in (node.this, *node.expressions)]
    if r.dialect == "snowflake" and not node.args.get("ignore_nulls"):
        return f"{function}({', '.join(values)})"
    total = values[0]  # the others leave NULLs out; SQLite's gives NULL
    for value in values[1:]:
        total = f"coalesce({function}({total}, {value}), {total}, {value})"
    return total


def _call(name: str) -> Writer:
    def write(r: Renderer, node: Any) -> str:
        r.only(node, "this", "expression")
        r.exact(node)
        arguments = [node.this, *([node.expression] if node.args.get("expression") else [])]
        return f"{name}({_list(r, arguments)})"

    return write


def _count(r: Renderer, node: Any) -> str:
    r.only(node, "this")
    if isinstance(node.this, expressions().Distinct):
        if len(node.this.expressions) != 1:
            r.refuse(node)
        return f"count(DISTINCT {r.expr(node.this.expressions[0])})"
    return f"count({'*' if isinstance(node.this, expressions().Star) else r.expr(node.this)})"


def _cast(r: Renderer, node: Any) -> str:
    r.only(node, "this", "to")
    return r.exactly(r.expr(node.this), kind_of(node.args["to"], r.dialect))


def _list(r: Renderer, nodes: list[Any]) -> str:
    return ", ".join(r.expr(node) for node in nodes)


def _unary(form: str) -> Writer:
    def write(r: Renderer, node: Any) -> str:
        r.only(node, "this")
        r.exact(node)
        return form.format(r.expr(node.this))

    return write


WRITERS: Final[dict[str, Writer]] = {
    "Column": _column, "Literal": _literal, "Is": _is, "In": _in, "Between": _between, "Case": _case,
    "If": _if,
    "Div": _divided, "Mod": _divided, "IntDiv": _divided, "Coalesce": _coalesce, "Cast": _cast,
    "Count": _count, "Greatest": _extreme, "Least": _extreme, "Nullif": _call("nullif"), "Abs": _call("abs"),
    "Length": _call("length"), "Sum": _call("sum"), "Max": _call("max"), "Min": _call("min"),
    "Paren": _unary("({})"), "Not": _unary("(NOT {})"), "Neg": _unary("(- {})"),
    "Null": lambda r, node: "NULL", "Boolean": lambda r, node: "TRUE" if node.this else "FALSE",
    "CurrentTimestamp": lambda r, node: "CURRENT_TIMESTAMP", "CurrentDate": lambda r, node: "CURRENT_DATE",
    "Subquery": lambda r, node: f"({r.query(node.this)})",
    "Exists": lambda r, node: f"EXISTS ({r.query(node.this)})",
    "Tuple": lambda r, node: f"({_list(r, node.expressions)})", "Star": lambda r, node: "*",
    "Placeholder": lambda r, node: r.refuse(node, "name the parameter, as in :id"),
}  # fmt: skip
