"""The report: each day's figures by measures that are never mixed, and what they add up to.

After hours is what lies outside the person's own configured hours (Microsoft Viva Insights); office hours
differ from person to person, so no common ones are assumed (Claes et al., "Do programmers work at night or
during the weekend?", ICSE 2018).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import cached_property

from dataeng_tui.after_hours.activity import Activity, Columns
from dataeng_tui.after_hours.calendar import Calendar, DayKind, Part, Piece
from dataeng_tui.after_hours.measures import MEASURES as MEASURES
from dataeng_tui.after_hours.measures import Measure as Measure
from dataeng_tui.after_hours.sessions import GAP, GAPS, Session, overlaps, runs, sessions_touching


@dataclass(frozen=True, slots=True)
class Figures:
    """What is added up, over a day or over many. ``blog_hours`` is None where nothing came after 17:59."""

    after_hours_minutes: int = 0
    evening_minutes: int = 0
    early_minutes: int = 0
    day_off_minutes: int = 0
    session_minutes: float = 0
    blog_hours: float | None = None
    corrected_hours: float | None = None
    statements: int = 0
    machine_statements: int = 0
    with_machines_minutes: int = 0  # after_hours_minutes, were the machines' statements the person's

    def minutes(self, measure: str) -> float:
        """This figure by the measure of that name, in minutes."""
        if measure == "slots":
            return self.after_hours_minutes
        if measure == "sessions":
            return self.session_minutes
        return 60 * ((self.blog_hours if measure == "blog" else self.corrected_hours) or 0)

    @classmethod
    def total(cls, figures: Iterable["Figures"]) -> "Figures":
        """The sum; hours that are None in all of them stay None."""
        columns: dict[str, list[float]] = {field.name: [] for field in fields(cls)}
        for one in figures:
            for name, values in columns.items():
                if (value := getattr(one, name)) is not None:
                    values.append(value)
        sums = {name: sum(values) for name, values in columns.items() if values}
        for name in ("blog_hours", "corrected_hours"):
            if name in sums:
                sums[name] = round(sums[name], 2)
        return cls(**sums)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Day:
    """A day from its start (04:00) to the next; ``holiday`` is its name where it has one."""

    day: date
    kind: DayKind
    figures: Figures = Figures()
    holiday: str | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday."""

    start: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What machines ran under the person's name, by reason; ``minutes`` is what the slots would rise by."""

    reason: str
    statements: int
    minutes: int


@dataclass(frozen=True)
class Report:
    """A person's hours between two days, both included. Days without a statement are not in ``days``.

    ``known`` are the first and the last of these days that the history tells of, None where it tells of none:
    a day without statements outside them is not a day without work.
    """

    calendar: Calendar
    activity: Activity
    since: date
    until: date
    days: tuple[Day, ...]
    pieces: tuple[Piece, ...]
    known: tuple[date, date] | None

    @cached_property
    def totals(self) -> Figures:
        """All days together."""
        return Figures.total(day.figures for day in self.days)

    @cached_property
    def by_day(self) -> dict[date, Day]:
        """The days that have statements."""
        return {day.day: day for day in self.days}

    def day(self, day: date) -> Day:
        """Any day, with statements or not."""
        return self.by_day.get(day) or Day(day, self.calendar.kind(day), holiday=self.calendar.holiday(day))

    @cached_property
    def weeks(self) -> tuple[Week, ...]:
        """Every week from the first to the last, those without statements too."""
        found: dict[date, list[Figures]] = {}
        at = _monday(self.since)
        while at <= self.until:
            found[at] = []
            at += timedelta(7)
        for day in self.days:
            found[_monday(day.day)].append(day.figures)
        return tuple(Week(start, Figures.total(figures)) for start, figures in found.items())

    @cached_property
    def known_weeks(self) -> tuple[Week, ...]:
        """The weeks that lie wholly in what is known."""
        return tuple(
            w for w in self.weeks if self.is_known(w.start) and self.is_known(w.start + timedelta(6))
        )

    def is_known(self, day: date) -> bool:
        """Whether the history tells of this day of the report."""
        return self.known is not None and self.known[0] <= day <= self.known[1]

    @cached_property
    def punch(self) -> tuple[tuple[int, ...], ...]:
        """Active minutes by weekday (Monday first) and hour of the wall clock: 7 rows of 24."""
        return self._punch(self.pieces)

    @cached_property
    def after_hours_punch(self) -> tuple[tuple[int, ...], ...]:
        """The same, of the slots after hours alone."""
        return self._punch([piece for piece in self.pieces if piece.part != "work"])

    @cached_property
    def sensitivity(self) -> dict[int, float]:
        """The session minutes by the gap that ends a session, in minutes."""
        free = [piece for piece in self.pieces if piece.part != "work"]
        return {
            gap: sum(shared for _, _, shared in overlaps(runs(self.activity.person, gap), free)) / 60e6
            for gap in GAPS
        }

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The machines' statements by reason, the most first."""
        person = Columns(self.activity.person)
        found = []
        for reason, track in self.activity.machines.items():
            columns = Columns(track)
            statements = sum(columns.statements(p.start, p.end) for p in self.pieces)
            minutes = 15 * sum(
                len(set(ran).difference(person.slots_between(p.start, p.end)))
                for p in self.pieces
                if p.part != "work" and (ran := columns.slots_between(p.start, p.end))
            )
            if statements:
                found.append(LeftOut(reason, statements, minutes))
        return tuple(sorted(found, key=lambda one: (-one.statements, one.reason)))

    def sessions(self, day: date, gap: int = GAP) -> list[Session]:
        """The sessions that touch a day."""
        return sessions_touching(runs(self.activity.person, gap), [p for p in self.pieces if p.day == day])

    def free_evenings(self, today: date) -> int:
        """How many days in a row before ``today``, from the last known one back, had nothing after hours."""
        if self.known is None:
            return 0
        at, count = min(today - timedelta(1), self.known[1]), 0
        while at >= self.known[0] and not self.day(at).figures.after_hours_minutes:
            at, count = at - timedelta(1), count + 1
        return count

    def _punch(self, pieces: Iterable[Piece]) -> tuple[tuple[int, ...], ...]:
        week = [0] * 168
        columns = Columns(self.activity.person)
        for piece in pieces:
            shift = piece.offset + 3 * 86_400  # the epoch was a Thursday
            for slot in columns.slots_between(piece.start, piece.end):
                week[(slot + shift) // 3600 % 168] += 15
        return tuple(tuple(week[day * 24 : day * 24 + 24]) for day in range(7))


@dataclass(frozen=True, slots=True)
class Now:
    """The present moment on the person's clock; ``since`` is when the present part of the day began.

    ``minutes_today`` is None where the history does not reach up to today.
    """

    at: datetime
    day: date
    part: Part
    since: datetime
    minutes_today: int | None


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())
