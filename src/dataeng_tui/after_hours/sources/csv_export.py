"""Statements from a CSV with QUERY_HISTORY's column names, such as Snowsight's own download."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dataeng_tui.after_hours.sources.opening import open_binary, open_text
from dataeng_tui.after_hours.sources.rows import BadRow, row_reader
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError
from dataeng_tui.text import clean

_LONGEST_FIELD: Final = 2**24  # an export may hold QUERY_TEXT, which is passed over


def read_csv(path: Path) -> Iterator[Statement]:
    """The statements in the file's order. Raises UserError that names the line."""
    csv.field_size_limit(_LONGEST_FIELD)
    with open_text(path, _encoding(path)) as stream:
        rows = csv.reader(stream, delimiter=_delimiter(path))
        try:
            header = next(rows, None)
            if not header:
                raise UserError(f"{path} is empty: export QUERY_HISTORY as CSV, with its header.")
            read, width = row_reader(header, str(path)), len(header)
            for row in rows:
                if len(row) != width:
                    if not row:
                        continue
                    raise BadRow(
                        f"{len(row)} of {width} columns; the file is cut short or damaged"
                        if len(row) < width
                        else f"{len(row)} columns under a header of {width}; a quote is missing"
                    )
                yield read(row)
        except (BadRow, csv.Error) as error:
            raise UserError(f"{path}, line {rows.line_num}: {clean(error)}.") from None
        except UnicodeError:
            raise UserError(
                f"{path}, after line {rows.line_num}: the text is not UTF-8; export it again."
            ) from None


def _encoding(path: Path) -> str:
    with open_binary(path) as stream:
        return "utf-16" if stream.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _delimiter(path: Path) -> str:
    """What stands most often in the header: a comma, a semicolon or a tab."""
    with open_text(path, _encoding(path), errors="replace") as stream:
        header = stream.readline(100_000)
    return max(",;\t", key=header.count)
