"""Statements from Parquet, where pyarrow is installed."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dataeng_tui.after_hours.sources.rows import COLUMNS, REQUIRED, BadRow, row_reader
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError


def read_parquet(path: Path) -> Iterator[Statement]:
    """The statements in the file's order, a row group at a time. Raises UserError that names the row."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise UserError(f"Reading {path} needs pyarrow: run  pip install pyarrow") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            names = {name.upper(): name for name in file.schema_arrow.names}
            held = [name for name in COLUMNS if name in names]
            read = row_reader(held if set(REQUIRED) <= set(held) else list(names), str(path))
            for batch in file.iter_batches(batch_size=5_000, columns=[names[name] for name in held]):
                columns = [batch.column(names[name]).to_pylist() for name in held]
                for row in zip(*columns, strict=True):
                    number += 1
                    yield read([_text(value) for value in row])
    except BadRow as error:
        raise UserError(f"{path}, row {number}: {error}.") from None
    except arrow.ArrowException as error:
        raise UserError(
            f"{path} is not a whole Parquet file: {str(error).splitlines()[0].rstrip('.')}."
        ) from None


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)
