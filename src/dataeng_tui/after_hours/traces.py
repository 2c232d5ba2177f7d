"""From a report and its statements to the step in the weekly figure and its explanations."""

from array import array
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from dataeng_tui.after_hours.activity import SLOT, Column, Columns, microseconds
from dataeng_tui.after_hours.calendar import Calendar, Piece
from dataeng_tui.after_hours.certainty import Certainty, Names, Place, assess
from dataeng_tui.after_hours.hours import Report, Week
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.after_hours.steps import strongest_step

KINDS: Final = ("program", "warehouse", "role", "tag", "query")
"""What may be new about a statement, in the order of a row's values."""
Row = tuple[int, str, str, str, str, str]
"""The start in whole minutes since 1970 in UTC, then program, warehouse, role, tag and parameterised hash."""
_MINUTE: Final = 60_000_000


def certainty(report: Report, statements: Iterable[Statement], machines: Machines | None = None) -> Certainty:
    """The strongest step in the report's known weeks, those away on leave left out, and its explanations.

    ``statements`` are those of the report's days, in any order and as often as they like; those that are a
    machine's by the rules are not in the figure, and so explain nothing.
    """
    rules = machines or Machines()
    persons = (s for s in statements if not s.is_own and rules.reason(s) is None)
    return certainty_of(report, (_row(statement) for statement in persons))


def certainty_of(report: Report, rows: Iterable[Row]) -> Certainty:
    """The same from the person's statements as bare rows, which are looked at only where there is a step."""
    looked_at = [week for week in report.known_weeks if not _is_away(week, report.calendar)]
    weeks = tuple(week.start for week in looked_at)
    hours = tuple(week.figures.after_hours_minutes / 60 for week in looked_at)
    if strongest_step(hours) is None:
        return Certainty(weeks, hours)
    return assess(weeks, _places(report), _starts(rows), report.calendar.leave)


def _is_away(week: Week, calendar: Calendar) -> bool:
    """A week of leave in which nothing ran after hours: to be away for long is no change of habit."""
    if week.figures.after_hours_minutes:
        return False
    kinds = {calendar.kind(week.start + timedelta(day)) for day in range(7)}
    return "leave" in kinds and "workday" not in kinds


def stretches(pieces: Iterable[Piece]) -> Iterator[tuple[int, int]]:
    """The unbroken stretches after hours, from and to before, in seconds of UTC."""
    held: tuple[int, int] | None = None
    for piece in pieces:
        if piece.part == "work":
            continue
        if held is not None and held[1] == piece.start:
            held = (held[0], piece.end)
            continue
        if held is not None:
            yield held
        held = (piece.start, piece.end)
    if held is not None:
        yield held


def _places(report: Report) -> dict[int, Place]:
    """Where each of the person's slots after hours lies."""
    person = Columns(report.activity.person)
    found: dict[int, Place] = {}
    for piece in report.pieces:
        if piece.part != "work" and (slots := person.slots_between(piece.start, piece.end)):
            day = piece.day
            leave = day if day in report.calendar.leave else None
            place = Place(day - timedelta(day.weekday()), leave, piece.offset // 60)
            found.update((slot // SLOT, place) for slot in slots)
    return found


def _starts(rows: Iterable[Row]) -> dict[Names, Column]:
    """The minutes of each combination of names; the same again within the minute says nothing more."""
    found: dict[tuple[str, ...], Column] = {}
    for row in rows:
        minute, values = row[0], row[1:]
        minutes = found.get(values)
        if minutes is None:
            found[values] = array("q", (minute,))
        elif minutes[-1] != minute:
            minutes.append(minute)
    return {
        tuple((kind, value) for kind, value in zip(KINDS, values, strict=True) if value): minutes
        for values, minutes in found.items()
    }


def _row(statement: Statement) -> Row:
    s = statement
    return (microseconds(s.start) // _MINUTE, s.program, s.warehouse, s.role, s.tag, s.parameterized_hash)
