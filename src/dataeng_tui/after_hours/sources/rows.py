"""Rows with QUERY_HISTORY's column names, from any file, as statements."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from operator import itemgetter
from typing import Final

from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError
from dataeng_tui.text import clean

COLUMNS: Final = (
    "QUERY_ID",
    "START_TIME",
    "END_TIME",
    "USER_NAME",
    "SESSION_ID",
    "USER_TYPE",
    "ROLE_NAME",
    "WAREHOUSE_NAME",
    "QUERY_TYPE",
    "QUERY_TAG",
    "EXECUTION_STATUS",
    "IS_CLIENT_GENERATED_STATEMENT",
    "QUERY_PARAMETERIZED_HASH",
    "AGENT_TYPE",
    "PROGRAM",
    "CLIENT_APPLICATION_ID",
)
"""What is looked at, in the order of `Statement`'s fields; the last two come from SESSIONS, if at all."""
REQUIRED: Final = ("QUERY_ID", "START_TIME")
_NULLS: Final = frozenset({"", "NULL", "null", "\\N", "None"})
_TRUE: Final = frozenset({"true", "True", "TRUE", "1", "t", "yes", "Yes"})


def parse_instant(text: str) -> datetime:
    """``2026-03-12 15:04:55.583 -0400`` or ISO 8601 with an offset, in UTC. Raises ValueError.

    The other ways in which a session may have Snowflake write it are read, too: ``Thu, 12 Mar 2026 15:04:55
    -0400``, and a space in front of ``-04:00``, ``-04``, ``Z`` or ``UTC``.
    """
    # What datetime does not read itself: Snowflake writes a space in front of the offset.
    try:
        when = datetime.fromisoformat(text[:-6] + text[-5:] if text[-6:-5] == " " else text)
    except ValueError:
        when = _otherwise_written(text.strip())
    if when.tzinfo is None:
        raise ValueError("no offset")
    if when.year >= 2200:
        raise ValueError("no month of our time")
    return when.astimezone(UTC)


def _otherwise_written(text: str) -> datetime:
    if text[:3].isalpha():
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text)
    moment, _, offset = text.rpartition(" ")
    return datetime.fromisoformat(moment + ("Z" if offset.upper() in ("UTC", "GMT") else offset))


def row_reader(header: Sequence[str], where: str) -> Callable[[Sequence[str]], Statement]:
    """A function that makes a row of texts under this header a statement.

    Raises UserError for a header without the required columns; the function raises BadRow.
    """
    places = {name.strip().strip('"').upper().replace(" ", "_"): number for number, name in enumerate(header)}
    absent = [name for name in REQUIRED if name not in places]
    if absent:
        close = get_close_matches(absent[0], places, 1, 0.6)
        hint = (
            f"is {clean(close[0], 60)} meant?" if close else "export QUERY_HISTORY with its own column names."
        )
        raise UserError(f"{where} has no column {' and no column '.join(absent)}: {hint}")
    width = len(header)
    pick = itemgetter(*(places.get(name, width) for name in COLUMNS))

    def read(row: Sequence[str]) -> Statement:
        query_id, start, end, user, session, *middle, generated, hashed, agent, program, client = pick(
            (*row, "")
        )
        if query_id in _NULLS:
            raise BadRow("the QUERY_ID is empty")
        return Statement._make((
            query_id, _start(start), _end(end), _text(user), session, *map(_text, middle),
            generated in _TRUE, _text(hashed), _text(agent), _text(program), _text(client),
        ))  # fmt: skip

    return read


class BadRow(ValueError):
    """What is wrong with a row, to be said with the file and the line."""


def _text(value: str) -> str:
    return "" if value in _NULLS else value


def _start(text: str) -> datetime:
    try:
        start = parse_instant(text)
        if start.year < 2000:
            raise ValueError("before Snowflake")
        return start
    except (ValueError, OverflowError):
        raise BadRow(_not_a_time("START_TIME", text)) from None


def _end(text: str) -> datetime | None:
    if text in _NULLS:
        return None
    try:
        end = parse_instant(text)
    except (ValueError, OverflowError):
        raise BadRow(_not_a_time("END_TIME", text)) from None
    return end if end.year > 1970 else None  # 1970 stands for "still running"


def _not_a_time(column: str, text: str) -> str:
    return (
        f"{column} {clean(text, 40)!r} is not a time with an offset, such as 2026-03-12 15:04:55.583 -0400 "
        "or 2026-03-12T15:04:55-04:00"
    )
