"""What the statements need to know of the tables: columns in order, their kinds, what is unique.

A kind keeps the dialect's promise with a CHECK in a STRICT table, so that a value which SQLite would take and
the dialect would refuse, round or read in another way is an error here and never a wrong proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A column's type. ``family`` is int, real, decimal, text, bool, date, timestamp or blob."""

    family: str
    bits: int = 0  # of an int, where the dialect bounds it
    digits: int = 0  # of a decimal, or the characters of a text; 0: unbounded
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the dialect's table."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the dialect knows it; ``unique`` holds the enforced keys, each a tuple of column names."""

    name: str
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """By name, in whatever case it is written."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    @property
    def keys(self) -> frozenset[str]:
        """The columns, in lower case, of the enforced keys."""
        return frozenset(name.lower() for key in self.unique for name in key)

    @property
    def rowid(self) -> str:
        """A name for SQLite's row id that no column hides."""
        taken = {name.lower() for name in self.names}
        return next(name for name in ("rowid", "_rowid_", "oid") if name not in taken)


Tables = Mapping[str, Table]  # by name in lower case

# Tables whose names begin so hold a statement's intermediate rows and are empty after it: never state.
STAGING: Final = "dataeng_staged_"
SQLITE_TYPE: Final = {
    "int": "INT", "bool": "INT", "real": "REAL", "decimal": "REAL",
    "text": "TEXT", "date": "TEXT", "timestamp": "TEXT", "blob": "BLOB",
}  # fmt: skip
_DATE: Final = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"
_TIME: Final = "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
# Largest whole number of digits that a float tells apart from its neighbours.
EXACT_DIGITS: Final = 15


def canonical(kind: Kind, value: str) -> str | None:
    """The SQL condition under which ``value`` stands for itself and nothing else does; None: always.

    Dates and times are compared as text, which is their order only while each has one way of being written.
    """
    if kind.family == "int" and kind.bits:
        bound = 2 ** (kind.bits - 1)
        return f"{value} BETWEEN {-bound} AND {bound - 1}"
    if kind.family == "int" and 0 < kind.digits < 19:
        return f"{value} BETWEEN {1 - 10**kind.digits} AND {10**kind.digits - 1}"
    if kind.family == "decimal":
        return f"(round({value}, {kind.scale}) = {value} AND abs({value}) < 1e{kind.digits - kind.scale})"
    if kind.family == "bool":
        return f"{value} IN (0, 1)"
    if kind.family == "date":
        return f"{value} GLOB '{_DATE}'"
    if kind.family == "timestamp":
        whole = f"{value} GLOB '{_DATE} {_TIME}'"
        digits = f"{value} NOT GLOB '*.*[^0-9]*' AND {value} NOT GLOB '*0'"
        return f"({whole} OR ({value} GLOB '{_DATE} {_TIME}.[0-9]*' AND {digits}))"
    if kind.family == "text" and kind.digits:
        return f"length({value}) <= {kind.digits}"
    return None


def spelled(kind: Kind) -> str:
    """What a value has to look like, for the sentence of a failed CHECK."""
    if kind.family == "int":
        return (
            f"a whole number of {kind.bits} bits" if kind.bits else f"a whole number of {kind.digits} digits"
        )
    if kind.family == "decimal":
        return f"a number with {kind.digits} digits, {kind.scale} of them decimals"
    if kind.family == "text":
        return f"a text of at most {kind.digits} characters"
    return {"date": "a date as YYYY-MM-DD", "timestamp": "a time as YYYY-MM-DD HH:MM:SS"}.get(
        kind.family, "a truth value"
    )


def quoted(name: str) -> str:
    """An identifier for SQLite, in brackets: an unknown name in double quotes would silently be a string."""
    return f"[{name.replace(']', '_')}]"


def literal(text: str) -> str:
    """A string literal for SQLite."""
    return "'" + text.replace("'", "''") + "'"
