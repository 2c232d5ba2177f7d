"""Whose time it is: working hours, zones, holidays and leave, and what they make of an instant.

All arithmetic on durations is done on UTC seconds; only the question "work or not" looks at the wall clock.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

from dataeng_tui.after_hours.workweek import WorkWeek

DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()

Part = Literal["work", "early", "evening", "day_off"]
DayKind = Literal["workday", "weekend", "holiday", "leave"]


class Holidays(Protocol):
    """Anything that names the holiday of a date, such as the `holidays` package."""

    def get(self, key: date, /) -> str | None:
        """The holiday's name, or None."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time that is all of one part of one day: seconds of UTC, with the zone's offset then."""

    start: int
    end: int
    offset: int
    day: date
    part: Part


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds from ``since`` on (that day's ``day_starts``, in the new zone)."""

    since: date
    zone: ZoneInfo
    week: WorkWeek


@dataclass(frozen=True)
class Calendar:
    """One person's time. ``terms`` are sorted by date; the first holds from the beginning."""

    terms: tuple[Terms, ...]
    day_starts: time = time(4)
    holidays: Holidays | None = None
    leave: frozenset[date] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        """The zone that holds last."""
        return self.terms[-1].zone

    def zone_on(self, day: date) -> ZoneInfo:
        """The zone in which the person was, or will be, on a day."""
        return self._terms_on(day).zone

    @property
    def work_hours(self) -> str:
        """The working hours that hold last, as written."""
        return self.terms[-1].week.text

    def kind(self, day: date) -> DayKind:
        """Leave over holiday over weekend; a weekend is a day without working hours."""
        if day in self.leave:
            return "leave"
        if self.holiday(day):
            return "holiday"
        return "workday" if self._terms_on(day).week.spans[day.weekday()] else "weekend"

    def holiday(self, day: date) -> str | None:
        """The holiday's name, or None."""
        return self.holidays.get(day) if self.holidays is not None else None

    def day_of(self, instant: datetime) -> date:
        """The day an instant belongs to: 01:30 on Tuesday is Monday's evening."""
        return self.classify(instant)[0]

    def classify(self, instant: datetime) -> tuple[date, Part]:
        """The day of an instant and the part of it: ``work``, ``early``, ``evening`` or ``day_off``."""
        second = int(instant.timestamp() // 1)
        for piece in self.pieces(second, second + 1):
            return piece.day, piece.part
        raise AssertionError("every instant has a piece")

    def pieces(self, start: int, end: int) -> list[Piece]:
        """The parts of all days between two seconds of UTC, in order and without gaps."""
        found: list[Piece] = []
        for first, last, offset in self._segments(start, end):
            found += self._pieces_at(first, last, offset)
        return found

    def start_of(self, day: date) -> int:
        """The second of UTC at which ``day`` begins on the wall clock."""
        return int(datetime.combine(day, self.day_starts, self.zone_on(day)).timestamp())

    def clock(self, start: int, end: int, hour: int) -> Iterator[tuple[int, int, date]]:
        """``(from, until, date)`` in seconds of UTC: where it is ``hour`` or later on the wall."""
        for first, last, offset in self._segments(start, end):
            number = (first + offset) // DAY
            while number * DAY < last + offset:
                low = max(first + offset, number * DAY + hour * 3600)
                high = min(last + offset, number * DAY + DAY)
                if low < high:
                    yield low - offset, high - offset, date.fromordinal(_EPOCH + number)
                number += 1

    def _terms_on(self, day: date) -> Terms:
        return self.terms[max(0, bisect_right(self._sinces, day) - 1)]

    @cached_property
    def _sinces(self) -> list[date]:
        return [t.since for t in self.terms]

    @cached_property
    def _changes(self) -> list[int]:
        return [int(datetime.combine(t.since, self.day_starts, t.zone).timestamp()) for t in self.terms[1:]]

    def _segments(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """``(from, until, offset)``: stretches in which neither the zone nor its offset changes."""
        bounds = [start, *(c for c in self._changes if start < c < end), end]
        for first, last in pairwise(bounds):
            yield from constant_offsets(self.terms[bisect_right(self._changes, first)].zone, first, last)

    def _pieces_at(self, first: int, last: int, offset: int) -> Iterator[Piece]:
        """The pieces of a stretch with one offset: here wall time is UTC plus a constant."""
        begins = self.day_starts.hour * 3600 + self.day_starts.minute * 60
        number = (first + offset - begins) // DAY
        while number * DAY + begins < last + offset:
            midnight = number * DAY
            low, high = max(first + offset, midnight + begins), min(last + offset, midnight + DAY + begins)
            day = date.fromordinal(_EPOCH + number)
            for start, end, part in self._parts(day, midnight, low, high):
                yield Piece(start - offset, end - offset, offset, day, part)
            number += 1

    def _parts(self, day: date, midnight: int, low: int, high: int) -> Iterator[tuple[int, int, Part]]:
        """One day's parts between two seconds of wall time. A shift belongs to the day on which it begins:

        the hours of that day hold for it, even if others do when it ends.
        """
        work: list[tuple[int, int]] = []
        for shift in (-1, 0, 1):
            other = day + timedelta(shift)
            for a, b in self._spans(other):
                base = midnight + shift * DAY
                if base + a < high and base + b > low:
                    work.append((base + a, base + b))
        own = self._spans(day)
        noon = midnight + own[0][0] if own else None  # what lies before the day's first work is early
        at = low
        for a, b in sorted(work):
            if b <= at:
                continue
            if a > at:
                yield from _free(at, min(a, high), noon)
            yield max(a, at), min(b, high), "work"
            at = b
        if at < high:
            yield from _free(at, high, noon)

    def _spans(self, day: date) -> Sequence[tuple[int, int]]:
        off = day in self.leave or self.holiday(day)
        return () if off else self._terms_on(day).week.spans[day.weekday()]


def _free(start: int, end: int, work: int | None) -> Iterator[tuple[int, int, Part]]:
    if work is None:
        yield start, end, "day_off"
    else:
        if start < work:
            yield start, min(end, work), "early"
        if end > work:
            yield max(start, work), end, "evening"


def constant_offsets(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """``(from, until, offset)`` in seconds, cut where the zone's offset changes.

    zoneinfo tells no transitions, so they are looked for: a day at a time, then by halving.
    """
    begin, offset, at = start, _offset(zone, start), start
    while at < end:
        ahead = min(at + DAY, end)
        if _offset(zone, ahead) != offset:
            change = _first_change(zone, at, ahead, offset)
            if change < end:
                yield begin, change, offset
                begin, offset = change, _offset(zone, change)
            ahead = min(change, end)
        at = ahead
    yield begin, end, offset


def _first_change(zone: ZoneInfo, low: int, high: int, offset: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    delta = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    assert delta is not None
    return int(delta.total_seconds())
