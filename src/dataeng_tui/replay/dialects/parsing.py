"""From a dialect's text to sqlglot's tree, with every style of named parameter made one."""

import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from sqlglot import exp

DIALECTS: Final = ("snowflake", "databricks", "postgres", "duckdb")
# A parameter travels through the parser as a quoted identifier that no table has, whatever word it is.
PARAMETER: Final = "$"

_COMMENT = r"--[^\n]*|/\*.*?\*/"
_QUOTED = r"\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"
_PARAMETERS = r"%\((?P<pyformat>\w+)\)s|(?<![:\w\])\"'])[:](?P<colon>[A-Za-z_]\w*)|\$(?P<dollar>[A-Za-z_]\w*)"
_POSITIONAL = r"(?P<positional>(?<![\w%])%s\b|\$\d+|\?)"
_STRINGS: Final = {False: r"'(?:[^']|'')*'", True: r"'(?:[^'\\]|\\.|'')*'"}


def refuse(dialect: str, clause: str, why: str = "") -> NoReturn:
    """Raise the sentence for what has no faithful form in SQLite."""
    reason = why or "it has no form in SQLite that means the same in every case"
    raise UserError(f"{dialect}: {' '.join(clause.split())[:120]} is not lowered: {reason}.")


def parse(sql: str, dialect: str) -> "list[exp.Expr]":
    """The statements of ``sql``, a parameter being a column whose quoted name starts with ``$``.

    Raises UserError for what the dialect's grammar does not know, and for parameters without a name.
    """
    import logging

    import sqlglot
    from sqlglot.errors import SqlglotError

    # sqlglot warns on its logger about what it parses only by half; the trees are checked here node by node.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        trees = sqlglot.parse(_with_one_style(sql, dialect), dialect=dialect)
    except SqlglotError as error:
        first = getattr(error, "errors", [{}])[0] if getattr(error, "errors", None) else {}
        where = f" in line {first['line']}" if first.get("line") else ""
        what = first.get("description") or str(error).splitlines()[0]
        what = re.sub(r"<Token .*?text: (.*?), line: .*>", r"'\1'", what)
        raise UserError(f"{dialect}: the SQL is not understood{where}: {what.rstrip('.')}.") from None
    except RecursionError:
        raise UserError(f"{dialect}: the SQL is nested too deeply.") from None
    return [tree for tree in trees if tree is not None]


def _with_one_style(sql: str, dialect: str) -> str:
    backslashes = dialect in ("snowflake", "databricks")
    quote = "`" if dialect == "databricks" else '"'
    pattern = "|".join((_COMMENT, _STRINGS[backslashes], _QUOTED, _PARAMETERS, _POSITIONAL))

    def replaced(match: re.Match[str]) -> str:
        if match["positional"]:
            refuse(
                dialect,
                f"the parameter {match[0]}",
                "an event's fields are bound by name, as in :id or %(id)s",
            )
        name = match["pyformat"] or match["colon"] or match["dollar"]
        return f"{quote}{PARAMETER}{name}{quote}" if name else match[0]

    return re.sub(pattern, replaced, sql, flags=re.DOTALL)


def name_of(node: "exp.Expr", dialect: str) -> str:
    """How the user wrote it, shortened, its parameters as ``:name``."""
    text = node.sql(dialect=dialect, comments=False)
    return re.sub(r"[\"`]\$(\w+)[\"`]", r":\1", text)


def parameter(node: Any) -> str:
    """The name of the parameter that an expression is; empty for any other."""
    named = type(node).__name__ == "Column" and node.this.args.get("quoted")
    return str(node.name[1:]) if named and node.name.startswith(PARAMETER) else ""
