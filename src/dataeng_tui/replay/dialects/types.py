"""The dialects' types, as kinds."""

from typing import TYPE_CHECKING, Final

from dataeng_tui.replay.dialects.parsing import name_of, refuse
from dataeng_tui.replay.dialects.tables import EXACT_DIGITS, Kind

if TYPE_CHECKING:
    from sqlglot import exp

_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 32, "INT": 32, "BIGINT": 0}
_FAMILIES: Final = {
    "FLOAT": "real", "DOUBLE": "real", "TEXT": "text", "VARCHAR": "text", "NVARCHAR": "text", "UUID": "text",
    "BOOLEAN": "bool", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMPNTZ": "timestamp",
    "TIMESTAMPTZ": "timestamp", "TIMESTAMPLTZ": "timestamp", "DATETIME": "timestamp",
}  # fmt: skip
# Digits and scale of a DECIMAL that gives none.
_DECIMAL: Final = {"snowflake": (38, 0), "databricks": (10, 0), "duckdb": (18, 3)}


def kind_of(type_: "exp.DataType", dialect: str) -> Kind:
    """The kind of a column or a cast. Raises UserError for types that SQLite cannot keep faithfully."""
    name = type_.this.name if hasattr(type_.this, "name") else str(type_.this)
    sizes = [int(size.name) for size in type_.expressions if size.name.isdigit()]
    written = name_of(type_, dialect)
    if name in _BITS:
        # Snowflake's whole numbers are all NUMBER(38, 0).
        return Kind("int", bits=0 if dialect == "snowflake" else _BITS[name])
    if name == "DECIMAL":
        return _decimal(sizes, dialect, written)
    if name == "CHAR":
        refuse(dialect, f"the type {written}", "it pads with spaces, and SQLite does not: use VARCHAR")
    if name == "FLOAT" and dialect != "snowflake":
        refuse(dialect, f"the type {written}", "SQLite has only floats of 64 bits: use DOUBLE")
    if name not in _FAMILIES:
        refuse(dialect, f"the type {written}", "SQLite has nothing like it")
    family = _FAMILIES[name]
    digits = sizes[0] if family == "text" and sizes and dialect != "duckdb" else 0
    return Kind(family, digits=digits)


def _decimal(sizes: list[int], dialect: str, written: str) -> Kind:
    if not sizes and dialect not in _DECIMAL:
        refuse(dialect, f"the type {written}", "give it digits and a scale, as in NUMERIC(12, 2)")
    digits, scale = _DECIMAL[dialect] if not sizes else (sizes[0], sizes[1] if len(sizes) > 1 else 0)
    if not scale:
        return Kind("int", digits=digits)
    if digits > EXACT_DIGITS:
        refuse(
            dialect,
            f"the type {written}",
            f"SQLite keeps {EXACT_DIGITS} digits of a decimal exactly: use as many",
        )
    return Kind("decimal", digits=digits, scale=scale)
