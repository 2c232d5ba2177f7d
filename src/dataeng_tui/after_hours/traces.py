"""From a report and its statements to the step in the weekly figure and its explanations."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from dataeng_tui.after_hours.activity import microseconds, slot_of
from dataeng_tui.after_hours.calendar import Calendar, Piece
from dataeng_tui.after_hours.certainty import Certainty, Trace, assess
from dataeng_tui.after_hours.hours import Report
from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement

KINDS: Final = (
    ("program", "program"),
    ("warehouse", "warehouse"),
    ("role", "role"),
    ("tag", "tag"),
    ("query", "parameterized_hash"),
)
"""What may be new about a statement: the word for it and the statement's field."""


def certainty(report: Report, statements: Iterable[Statement], machines: Machines | None = None) -> Certainty:
    """The strongest step in the report's complete weeks and its explanations.

    ``statements`` are those of the report's days, in any order and as often as they like; those that are a
    machine's by the rules are not in the figure, and so explain nothing.
    """
    rules = machines or Machines()
    calendar = report.calendar
    weeks = complete_weeks(report)
    leave = [day for day in calendar.leave if weeks and weeks[0] <= day < weeks[-1] + timedelta(7)]
    persons = (s for s in statements if not s.is_own and rules.reason(s) is None)
    return assess(weeks, after_hours_traces(persons, report.pieces, calendar), leave)


def complete_weeks(report: Report) -> list[date]:
    """The Mondays of the weeks that lie wholly inside the report."""
    return [
        week.start
        for week in report.weeks
        if week.start >= report.since and week.start + timedelta(6) <= report.until
    ]


def after_hours_traces(
    statements: Iterable[Statement], pieces: tuple[Piece, ...], calendar: Calendar
) -> Iterator[Trace]:
    """A trace for each statement whose slot begins outside the working hours."""
    starts = [piece.start for piece in pieces]
    for statement in statements:
        at = microseconds(statement.start)
        slot = slot_of(at)
        place = bisect_right(starts, slot) - 1
        if place < 0 or slot >= pieces[place].end or pieces[place].part == "work":
            continue
        piece = pieces[place]
        yield Trace(
            slot=slot,
            week=piece.day - timedelta(piece.day.weekday()),
            minute=(at // 1_000_000 + piece.offset) // 60 % 60,
            leave=piece.day if piece.day in calendar.leave else None,
            names=tuple((kind, value) for kind, field in KINDS if (value := getattr(statement, field))),
        )
