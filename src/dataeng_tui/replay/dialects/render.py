"""Expressions and queries: written anew for SQLite, node by node, from a list of what means the same.

Nothing passes by default. A node that is not in the list, or an argument of a node that its writer does not
read, is refused with its own words.
"""

from typing import TYPE_CHECKING, Any, Final, NoReturn

from dataeng_tui.replay.dialects.parsing import name_of, refuse
from dataeng_tui.replay.dialects.tables import STAGING, Column, Kind, Tables, canonical
from dataeng_tui.replay.dialects.types import kind_of
from dataeng_tui.replay.program import Named

if TYPE_CHECKING:
    from sqlglot import exp

BINARY: Final = {
    "EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "And": "AND", "Or": "OR",
    "Add": "+", "Sub": "-", "Mul": "*", "DPipe": "||", "NullSafeEQ": "IS", "NullSafeNEQ": "IS NOT",
}  # fmt: skip
ARITHMETIC: Final = ("Add", "Sub", "Mul", "Div", "Mod", "IntDiv", "Neg", "Sum", "Abs")
# Words that the tree keeps about its source and that change nothing in what it means.
HARMLESS: Final = {
    "safe",
    "typed",
    "big_int",
    "_type",
    "binary",
    "ignore_nulls",
    "nulls_first",
    "quoted",
    "sysdate",
}
# Overflows, and so stops the statement: the value has no exact form in the wanted type.
ERROR: Final = "abs(-9223372036854775807 - 1)"


class Renderer:
    """Writes one dialect's trees as SQLite's SQL. ``tables`` are those of the scenario's schema.

    ``staging`` and ``named`` are as in ``Lowered``.
    """

    def __init__(self, dialect: str, tables: Tables) -> None:
        self.dialect = dialect
        self.tables = tables
        self.staging: list[str] = []
        self.named: dict[str, Named] = {}

    def next_stage(self) -> str:
        """The name of a staging table yet to be made; whoever asks adds its CREATE TABLE to ``staging``."""
        return f"{STAGING}{len(self.staging) + 1}"

    def refuse(self, node: "exp.Expr | str", why: str = "") -> NoReturn:
        refuse(self.dialect, node if isinstance(node, str) else name_of(node, self.dialect), why)

    def only(self, node: "exp.Expr", *known: str) -> None:
        """Refuse ``node`` if it says more than the arguments in ``known``."""
        for argument, value in node.args.items():
            if value not in (None, False, []) and argument not in known and argument not in HARMLESS:
                said = name_of(value, self.dialect) if hasattr(value, "sql") else argument.strip("_").upper()
                self.refuse(f"{said} in {name_of(node, self.dialect)}")

    def expr(self, node: "exp.Expr") -> str:
        """An expression, in parentheses where that could matter."""
        from dataeng_tui.replay.dialects.writers import WRITERS

        name = type(node).__name__
        if name in BINARY:
            self.only(node, "this", "expression")
            self.exact(node)
            return f"({self.expr(node.this)} {BINARY[name]} {self.expr(node.expression)})"
        writer = WRITERS.get(name)
        if writer is None:
            self.refuse(node)
        return writer(self, node)

    def exact(self, node: "exp.Expr") -> None:
        """Refuse arithmetic on what SQLite keeps as a float or a text but the dialect does not."""
        if type(node).__name__ not in ARITHMETIC:
            return
        for column in node.find_all(expressions().Column):
            families = {kind.family for kind in self._kinds(column)}
            if families & {"decimal", "date", "timestamp"}:
                self.refuse(node, f"SQLite has no exact arithmetic on a {min(families)}")

    def _kinds(self, column: "exp.Column") -> list[Kind]:
        """The kinds that a column of this name has in any table: its table need not be known."""
        found = (table.column(column.name) for table in self.tables.values())
        return [column.kind for column in found if column is not None]

    def is_int(self, node: "exp.Expr") -> bool:
        """Whether the value is a whole number (or NULL) for certain."""
        exp = expressions()
        node = node.unnest()
        if isinstance(node, exp.Literal):
            return not node.is_string and node.name.isdigit()
        if isinstance(node, exp.Neg):
            return self.is_int(node.this)
        if isinstance(node, exp.Column):
            kinds = self._kinds(node)
            return bool(kinds) and all(kind.family == "int" for kind in kinds)
        if isinstance(node, exp.Cast):
            return kind_of(node.args["to"], self.dialect).family == "int"
        return (
            isinstance(node, exp.Add | exp.Sub | exp.Mul)
            and self.is_int(node.left)
            and self.is_int(node.right)
        )

    def assigned(self, column: Column, node: "exp.Expr") -> str:
        """The value of ``node`` as it is stored in ``column``; decimals are added exactly.

        A sum of decimals in floats is off by far less than half a unit of the last digit, so that rounding to
        the column's scale gives the exact sum; where it is not that near, the column's CHECK sees the rest.
        """
        exp = expressions()
        if column.kind.family != "decimal" or not isinstance(node.unnest(), exp.Add | exp.Sub):
            return self.expr(node)
        total = self._sum(node, column.kind.scale)
        scale = column.kind.scale
        rounded = f"round({total}, {scale})"
        return f"CASE WHEN abs({total} - {rounded}) < 1e-{scale + 3} THEN {rounded} ELSE {total} END"

    def _sum(self, node: "exp.Expr", scale: int) -> str:
        exp = expressions()
        node = node.unnest()
        if isinstance(node, exp.Add | exp.Sub):
            sign = BINARY[type(node).__name__]
            return f"({self._sum(node.this, scale)} {sign} {self._sum(node.expression, scale)})"
        if isinstance(node, exp.Coalesce) and all(
            isinstance(n, exp.Column | exp.Literal) for n in node.flatten()
        ):
            return self.expr(node)
        if isinstance(node, exp.Column) and any(k.scale > scale for k in self._kinds(node)):
            self.refuse(node, "its decimals are more than those of the column it is added to")
        return self.expr(node)

    def exactly(self, value: str, kind: Kind) -> str:
        """``value`` where it is of ``kind`` already, in the one way to write it; else the statement fails."""
        if kind.family in ("int", "bool"):
            whole = f"typeof({value}) = 'text' AND CAST(CAST({value} AS INTEGER) AS TEXT) = {value}"
            text = f"WHEN {whole} THEN CAST({value} AS INTEGER)"
            value = f"CASE WHEN typeof({value}) IN ('integer', 'null') THEN {value} {text} ELSE {ERROR} END"
        elif kind.family in ("real", "decimal"):
            value = (
                f"CASE WHEN typeof({value}) IN ('text', 'blob') THEN {ERROR} ELSE CAST({value} AS REAL) END"
            )
        elif kind.family == "text":
            value = (
                f"CASE WHEN typeof({value}) IN ('real', 'blob') THEN {ERROR} ELSE CAST({value} AS TEXT) END"
            )
        check = canonical(kind, value)
        return f"CASE WHEN {value} IS NULL OR {check} THEN {value} ELSE {ERROR} END" if check else value

    def query(self, node: "exp.Expr") -> str:
        """A SELECT, UNION or VALUES as it stands in front of nothing else."""
        from dataeng_tui.replay.dialects.query import query

        return query(self, node)

    def table(self, node: "exp.Expr") -> str:
        """What stands in a FROM."""
        from dataeng_tui.replay.dialects.query import source

        return source(self, node)


def expressions() -> Any:
    """sqlglot's node classes, imported when the first tree is read."""
    from sqlglot import exp

    return exp
