"""From a report and its statements to the step in the weekly figure and its explanations."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from dataeng_tui.after_hours.activity import microseconds, slot_of
from dataeng_tui.after_hours.calendar import Calendar, Piece
from dataeng_tui.after_hours.certainty import Certainty, Trace, assess
from dataeng_tui.after_hours.hours import Report
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.after_hours.steps import strongest_step

KINDS: Final = ("program", "warehouse", "role", "tag", "query")
"""What may be new about a statement, in the order of a row's values."""
Row = tuple[int, str, str, str, str, str]
"""The start in microseconds of UTC, then program, warehouse, role, tag and the parameterised hash."""
_MINUTE: Final = 60_000_000


def certainty(report: Report, statements: Iterable[Statement], machines: Machines | None = None) -> Certainty:
    """The strongest step in the report's complete weeks and its explanations.

    ``statements`` are those of the report's days, in any order and as often as they like; those that are a
    machine's by the rules are not in the figure, and so explain nothing.
    """
    rules = machines or Machines()
    persons = (s for s in statements if not s.is_own and rules.reason(s) is None)
    return certainty_of(report, (_row(statement) for statement in persons))


def certainty_of(report: Report, rows: Iterable[Row]) -> Certainty:
    """The same from the person's statements as bare rows, which are looked at only where there is a step."""
    calendar = report.calendar
    weeks = complete_weeks(report)
    minutes = {week.start: week.figures.after_hours_minutes for week in report.weeks}
    hours = tuple(minutes[week] / 60 for week in weeks)
    if strongest_step(hours) is None:
        return Certainty(tuple(weeks), hours)
    leave = [day for day in calendar.leave if weeks and weeks[0] <= day < weeks[-1] + timedelta(7)]
    return assess(weeks, after_hours_traces(rows, report.pieces, calendar), leave)


def complete_weeks(report: Report) -> list[date]:
    """The Mondays of the weeks that lie wholly inside the report."""
    return [
        week.start
        for week in report.weeks
        if week.start >= report.since and week.start + timedelta(6) <= report.until
    ]


def after_hours_traces(rows: Iterable[Row], pieces: Sequence[Piece], calendar: Calendar) -> Iterator[Trace]:
    """A trace for each minute and combination of names whose slot begins outside the working hours."""
    starts = [piece.start for piece in pieces]
    named: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    slot, piece, last = -1, None, None
    for at, *rest in rows:
        if slot_of(at) != slot:  # rows come sorted, most of the time
            slot = slot_of(at)
            place = bisect_right(starts, slot) - 1
            piece = pieces[place] if place >= 0 and slot < pieces[place].end else None
        if piece is None or piece.part == "work":
            continue
        minute, values = at // _MINUTE, tuple(rest)
        if (minute, values) == last:
            continue  # the same again within the minute says nothing more
        last = (minute, values)
        if values not in named:
            named[values] = tuple((kind, value) for kind, value in zip(KINDS, values, strict=True) if value)
        yield Trace(
            slot=slot,
            week=piece.day - timedelta(piece.day.weekday()),
            minute=(minute + piece.offset // 60) % 60,
            leave=piece.day if piece.day in calendar.leave else None,
            names=named[values],
        )


def _row(statement: Statement) -> Row:
    s = statement
    return (microseconds(s.start), s.program, s.warehouse, s.role, s.tag, s.parameterized_hash)
