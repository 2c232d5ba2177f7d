"""A scenario's SQL as SQLite will run it: as it was written, or lowered from another dialect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.replay.program import Transaction, split, statement, transaction


@dataclass(frozen=True, slots=True)
class Sql:
    """``schema`` in statements; ``observe`` is one SELECT, or None for every table, whole."""

    schema: tuple[str, ...]
    transactions: tuple[Transaction, ...]
    observe: str | None


def compiled(
    dialect: str, schema: str, sources: Mapping[str, str], observe: str | None, folder: Path, file: Path
) -> Sql:
    """The SQL of a scenario. ``sources`` are the texts of the write's files by their names in ``folder``.

    Raises UserError, naming the file, for what cannot be read or lowered faithfully.
    """
    if dialect == "sqlite":
        transactions = tuple(transaction(text, str(folder / name)) for name, text in sources.items())
        return Sql(tuple(split(schema)), transactions, None if observe is None else _one(observe, file))
    from dataeng_tui.replay.dialects import lower

    try:
        lowered = lower(dialect, schema, sources, observe)
    except UserError as error:
        raise UserError(f"{file.parent}: {error}") from None
    made = []
    for name, statements in lowered.writes.items():
        where = str(folder / name)
        if not statements:
            transaction("", where)
        told = (replace(statement(sql, where), named=lowered.named.get(sql)) for sql in statements)
        made.append(Transaction(where, tuple(told)))
    seen = None if lowered.observe is None else _one(lowered.observe, file)
    return Sql((*lowered.schema, *lowered.staging), tuple(made), seen)


def _one(sql: str, file: Path) -> str:
    parts = split(sql)
    if len(parts) != 1 or statement(parts[0], str(file)).parameters:
        raise UserError(f"{file}: observe must be one SELECT without parameters.")
    return parts[0]
