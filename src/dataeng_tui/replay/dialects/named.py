"""Which rows a statement names by ``column = :field``, as far as its tree tells for certain.

Only a statement that reads no table but its target, and takes its rows from at most one row of a source, is
told anything of. The columns of that source stand for the expressions that it gives them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from dataeng_tui.replay.dialects.merge import into, one_row
from dataeng_tui.replay.dialects.parsing import parameter
from dataeng_tui.replay.dialects.query import columns_of
from dataeng_tui.replay.dialects.render import Renderer, expressions
from dataeng_tui.replay.dialects.types import kind_of
from dataeng_tui.replay.program import Named

# A cast to these leaves a value's text as it is, or fails: see ``Renderer.exactly``.
_SAME_TEXT: Final = ("int", "text", "date", "timestamp")


def named(r: Renderer, node: Any) -> Named | None:
    """The rows that a statement names, which has been lowered already; None where that is not sure."""
    kind = type(node).__name__
    if kind not in ("Merge", "Insert", "Update", "Delete"):
        return None
    sources = _sources(node, kind)
    if len(sources) > 1 or not _by_itself(node, sources):
        return None
    statement = _Statement(r, into(node)[0], *sources)
    if kind == "Merge":
        statement.merges(node)
    elif kind == "Insert":
        statement.inserts(node)
    elif node.args.get("where"):
        statement.ties(node.args["where"].this)
        statement.sets(node.expressions if kind == "Update" else ())
    return Named(statement.table.name, statement.fields, frozenset(statement.assigned))


def _sources(node: Any, kind: str) -> list[Any]:
    """Where a statement takes rows from beside its target."""
    if kind == "Merge":
        return [node.args["using"]]
    if kind == "Insert":
        return [node.expression]
    if kind == "Update":
        return [node.args["from_"].this] if node.args.get("from_") else []
    return list(node.args.get("using") or ())


def _by_itself(node: Any, sources: list[Any]) -> bool:
    """Whether the rows are one, and no query beside them looks at others."""
    exp = expressions()
    own = [_rows(source) for source in sources]
    queries = node.find_all(exp.Select, exp.Values, exp.SetOperation)
    return all(map(one_row, sources)) and all(any(query is rows for rows in own) for query in queries)


def _rows(source: Any) -> Any:
    return source.this if type(source).__name__ == "Subquery" else source


def _conjuncts(condition: Any) -> Iterator[Any]:
    """The conditions that all have to hold."""
    condition = condition.unnest()
    if type(condition).__name__ == "And":
        yield from _conjuncts(condition.this)
        yield from _conjuncts(condition.expression)
    else:
        yield condition


class _Statement:
    """What the names in a statement stand for, and what it says of its rows. Columns are in lower case.

    ``fields``: the event's field that a column of every row equals; ``assigned``: columns that are given
    another value.
    """

    def __init__(self, r: Renderer, target: Any, source: Any = None) -> None:
        self.r, self.table = r, r.tables[target.name.lower()]
        self.alias = (target.alias or target.name).lower()
        self.source = source.alias.lower() if source is not None else ""
        self.values = [] if source is None else [self._parameter(value.unalias()) for value in _row(source)]
        self.given: dict[str, str] = {}  # the source's columns, "" for those that are no field
        for name, field in zip(columns_of(r, source) if self.values else (), self.values, strict=True):
            self.given[name.lower()] = "" if name.lower() in self.given else field
        self.fields: dict[str, str] = {}
        self.assigned: set[str] = set()

    def merges(self, node: Any) -> None:
        """A MERGE: its ON names the rows, and each INSERT has to name the same."""
        if node.args.get("on"):
            self.ties(node.args["on"])
        else:
            keys = (key.name.lower() for key in node.args["using_cond"])
            self.fields = {key: self.given[key] for key in keys if self.given.get(key)}
        tied = self.fields
        for then in (when.args["then"] for when in node.args["whens"].expressions):
            kind = type(then).__name__
            if kind == "Update" and _short(then.args.get("expressions")):
                self._assign((name, self.given.get(name, "")) for name in self._columns([]))
            elif kind == "Update":
                self.sets(then.expressions)
            elif kind == "Insert":
                row = self._inserted(then)
                tied = {column: field for column, field in tied.items() if row.get(column) == field}
        self.fields = tied

    def _inserted(self, then: Any) -> dict[str, str]:
        given = then.args.get("expression")
        if not given:
            return self.given
        columns = self._columns(then.this.expressions if then.args.get("this") else [])
        values = (self._field(value, alone=True) for value in given.expressions)
        return dict(zip(columns, values, strict=True))

    def inserts(self, node: Any) -> None:
        """An INSERT of one row: it names the row that it puts, and so that with which it is in conflict."""
        row = zip(self._columns(into(node)[1]), self.values, strict=True)
        self.fields = {column: field for column, field in row if field}
        conflict = node.args.get("conflict")
        self.assigned = {item.this.name.lower() for item in (conflict.expressions if conflict else ())}

    def ties(self, condition: Any) -> None:
        """Add what a condition ties to fields."""
        for part in _conjuncts(condition):
            if type(part).__name__ in ("EQ", "NullSafeEQ"):
                for one, other in ((part.this, part.expression), (part.expression, part.this)):
                    column, field = self._column(one.unnest()), self._field(other)
                    if column and field:
                        self.fields[column] = field

    def sets(self, items: Iterable[Any]) -> None:
        """Add what a SET assigns; a column that is set to what it equals stays as it is."""
        self._assign((item.this.name.lower(), self._field(item.expression)) for item in items)

    def _assign(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.assigned |= {column for column, field in pairs if not field or self.fields.get(column) != field}

    def _columns(self, names: list[Any]) -> list[str]:
        return [name.name.lower() for name in names] or [name.lower() for name in self.table.names]

    def _parameter(self, node: Any) -> str:
        return parameter(self._bare(node))

    def _bare(self, node: Any) -> Any:
        """The expression without what leaves its text as it is."""
        while type(node).__name__ == "Paren" or (
            type(node).__name__ == "Cast" and kind_of(node.args["to"], self.r.dialect).family in _SAME_TEXT
        ):
            node = node.this
        return node

    def _field(self, node: Any, *, alone: bool = False) -> str:
        """The field that an expression is; "" for anything else. ``alone``: only the source is in sight."""
        node = self._bare(node)
        if type(node).__name__ != "Column" or parameter(node):
            return parameter(node)
        name, of = node.name.lower(), node.table.lower()
        if of == self.source if of else alone or self.table.column(name) is None:
            return "" if self.source == self.alias else self.given.get(name, "")
        return ""

    def _column(self, node: Any) -> str:
        """The target's column that an expression is; "" for anything else."""
        if type(node).__name__ != "Column" or parameter(node) or self.table.column(node.name) is None:
            return ""
        name, of = node.name.lower(), node.table.lower()
        mine = of == self.alias != self.source if of else name not in self.given
        return name if mine else ""


def _row(source: Any) -> list[Any]:
    """The expressions of a source's one row."""
    rows = _rows(source)
    values = rows.expressions[0] if type(rows).__name__ == "Values" else rows
    return list(values.expressions)


def _short(items: Any) -> bool:
    """Whether a SET is one of the short forms, that name no column."""
    return not items or type(items[0]).__name__ == "Star"
