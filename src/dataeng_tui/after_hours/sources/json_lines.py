"""Statements from JSON lines: an object a line with QUERY_HISTORY's column names, in any case."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dataeng_tui.after_hours.sources.opening import open_text
from dataeng_tui.after_hours.sources.rows import COLUMNS, REQUIRED, BadRow, row_reader
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError


def read_json_lines(path: Path) -> Iterator[Statement]:
    """The statements in the file's order. Raises UserError that names the line."""
    read = row_reader(COLUMNS, str(path))
    number = 0
    with open_text(path) as stream:
        try:
            for line in stream:
                number += 1
                if line.strip():
                    yield _statement(line, read)
        except BadRow as error:
            raise UserError(f"{path}, line {number}: {error}.") from None
        except UnicodeError:
            raise UserError(f"{path}, after line {number}: the text is not UTF-8; export it again.") from None


def _statement(line: str, read: Callable[[Sequence[str]], Statement]) -> Statement:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRow("not a JSON object; the file is cut short, or not JSON lines") from None
    if isinstance(found, list):
        raise BadRow("a JSON array; write an object a line, as  jq -c '.[]'  does")
    if not isinstance(found, dict):
        raise BadRow("not a JSON object with QUERY_HISTORY's column names")
    values = {str(name).upper(): value for name, value in found.items()}
    absent = [name for name in REQUIRED if values.get(name) is None]
    if absent:
        raise BadRow(f"no {' and no '.join(absent)}")
    return read([_text(values.get(name)) for name in COLUMNS])


def _text(value: object) -> str:
    return "" if value is None else str(value)
