"""Statements from a file: CSV, JSON lines or Parquet, told apart by the name, else by the first bytes.

CSV and JSON lines may be packed with gzip.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dataeng_tui.after_hours.sources.csv_export import read_csv
from dataeng_tui.after_hours.sources.json_lines import read_json_lines
from dataeng_tui.after_hours.sources.opening import open_binary
from dataeng_tui.after_hours.sources.parquet import read_parquet
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError

Reader = Callable[[Path], Iterator[Statement]]
_BY_NAME: Final[dict[str, Reader]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}


def read_file(path: Path) -> Iterator[Statement]:
    """The statements of a file, as they come; memory does not grow with the file.

    Raises UserError, with the line where there are lines, for what cannot be read.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder: name the file with the query history.")
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is a pipe or a device: save the query history to a file first.")
        yield from (_BY_NAME.get(path.suffix.lower()) or _by_content(path))(path)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (EOFError, zlib.error):
        raise UserError(f"{path} is cut short or damaged: what it packs cannot be read to its end.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None


def _by_content(path: Path) -> Reader:
    with open_binary(path) as stream:
        first = stream.read(4)
    if first == b"PAR1":
        return read_parquet
    return read_json_lines if first.lstrip()[:1] in (b"{", b"[") else read_csv
