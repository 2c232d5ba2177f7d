"""A write as its author wrote it: transactions, their statements, and the parameters these take."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from dataeng_tui.errors import UserError

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
  | (?P<parameter>[:@$][A-Za-z_][A-Za-z0-9_]*|\?[0-9]*)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of SQL: ``kind`` is blank, text (quoted), parameter, number, word or other."""

    kind: str
    text: str


def tokens(sql: str) -> Iterator[Token]:
    """``sql`` in its words, comments and blanks included, so that joining the texts gives ``sql`` again."""
    return iter(_tokens(sql))


@lru_cache(maxsize=512)
def _tokens(sql: str) -> tuple[Token, ...]:
    # A topic's keys are checked one by one, all with the same few statements.
    return tuple(Token(match.lastgroup or "other", match.group()) for match in _TOKEN.finditer(sql))


def named(token: Token) -> str:
    """What the token names, in capitals and without its quotes; a text in single quotes names nothing."""
    return (token.text if token.text.startswith("'") else token.text.strip('"`[]')).upper()


def words(sql: str) -> tuple[str, ...]:
    """The unquoted words of ``sql``, in capitals: keywords, names and functions."""
    return tuple(token.text.upper() for token in tokens(sql) if token.kind == "word")


def stands_alone(sql: str) -> bool:
    """Whether the statement only writes, and cannot tell which statement ran before it."""
    found = words(sql)
    return found[0] in _WRITES and not {"RETURNING", "CHANGES"} & set(found)


@dataclass(frozen=True, slots=True)
class Named:
    """The rows of a table that a statement can touch: those in which each column equals the event's field.

    ``assigned`` are columns that it gives another value. Columns are in lower case.
    """

    table: str
    fields: Mapping[str, str]
    assigned: frozenset[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. ``sql`` is the author's; ``bound`` the same with ``?`` for each of ``parameters``.

    ``named``: the rows that it touches, where its own text does not show them.
    """

    sql: str
    bound: str
    parameters: tuple[str, ...]
    file: str
    named: Named | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """The statements of one file, committed together."""

    file: str
    statements: tuple[Statement, ...]


def split(sql: str) -> list[str]:
    """The statements of a script, without the blanks and comments around them."""
    found, start = [], 0
    position = 0
    for token in tokens(sql):
        position += len(token.text)
        if token.text == ";" and sqlite3.complete_statement(sql[start:position]):
            found.append(sql[start:position])
            start = position
    found.append(sql[start:])
    return [part for part in map(_trim, found) if part]


def transaction(sql: str, file: str) -> Transaction:
    """The transaction that the file's text describes. Raises UserError where it has no statement."""
    statements = tuple(statement(part, file) for part in split(sql))
    if not statements:
        raise UserError(f"{file} has no statement: write at least one, or leave the file out of `write`.")
    return Transaction(file, statements)


def statement(sql: str, file: str) -> Statement:
    """One statement, its named parameters found. Raises UserError for parameters without a name."""
    bound, parameters = [], []
    for token in tokens(sql):
        if token.kind == "parameter":
            if token.text.startswith("?"):
                raise UserError(
                    f"{file}: a parameter needs the name of an event's field, e.g. :id, not {token.text}."
                )
            parameters.append(token.text[1:])
            bound.append("?")
        else:
            bound.append(token.text)
    return Statement(sql, "".join(bound), tuple(parameters), file)


def _trim(sql: str) -> str:
    parts = list(tokens(sql))
    while parts and (parts[-1].kind == "blank" or parts[-1].text == ";"):
        parts.pop()
    first = next(
        (i for i, token in enumerate(parts) if token.kind != "blank" and token.text != ";"), len(parts)
    )
    return "".join(token.text for token in parts[first:])
