"""What was done when, by the quarter of an hour: small, and the same in every zone.

All offsets of time zones since 2015 are multiples of 15 minutes, so a slot of UTC lies in one hour, one day
and one working time of every zone. With the first and last start in each slot, sessions of any gap of at
least 15 minutes come out exactly as they would from the statements.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final, TypeAlias

from dataeng_tui.after_hours.machines import Machines
from dataeng_tui.after_hours.statement import Statement

SLOT: Final = 900
"""Seconds in a slot."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


Column: TypeAlias = "array[int]"
"""Whole numbers, packed: a year around the clock is 35,040 slots."""


def _none() -> Column:
    return array("q")


def microseconds(instant: datetime) -> int:
    """Since 1970 in UTC."""
    return (instant - EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """The aware instant, in UTC, of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Track:
    """The slots in which somebody or something started statements: four columns, sorted by slot.

    ``slots`` are seconds of UTC, ``counts`` the statements of each, ``firsts`` and ``lasts`` the first and
    last start in it, in microseconds of UTC.
    """

    slots: Column = field(default_factory=_none)
    counts: Column = field(default_factory=_none)
    firsts: Column = field(default_factory=_none)
    lasts: Column = field(default_factory=_none)

    @classmethod
    def merged(cls, tracks: Iterable["Track"]) -> "Track":
        """One track of several."""
        some = [track for track in tracks if track.slots]
        if len(some) < 2:
            return some[0] if some else cls()
        found: dict[int, tuple[int, int, int]] = {}
        for track in some:
            columns = (track.slots, track.counts, track.firsts, track.lasts)
            for slot, count, first, last in zip(*columns, strict=True):
                held = found.get(slot, (0, first, last))
                found[slot] = (held[0] + count, min(held[1], first), max(held[2], last))
        return cls.of((slot, *found[slot]) for slot in sorted(found))

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int, int]]) -> "Track":
        """The track of ``(slot, count, first, last)`` rows in order."""
        return cls(*(array("q", column) for column in zip(*rows, strict=True)))

    def packed(self) -> tuple[bytes, ...]:
        """The columns as bytes, eight a number, in this machine's order."""
        return tuple(column.tobytes() for column in (self.slots, self.counts, self.firsts, self.lasts))

    @classmethod
    def unpacked(cls, parts: Iterable[Sequence[bytes]]) -> "Track":
        """The track of packed parts, one after the other in time."""
        return cls(*(array("q", b"".join(column)) for column in zip(*parts, strict=True)))


class Columns:
    """A track, ready to be asked about many stretches of time (seconds of UTC)."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._sums = array("q", accumulate(track.counts, initial=0))

    def range(self, start: int, end: int) -> tuple[int, int]:
        """The rows whose slots begin in ``[start, end)``."""
        return bisect_left(self._track.slots, start), bisect_left(self._track.slots, end)

    def statements(self, start: int, end: int) -> int:
        """How many statements lie in the slots that begin there."""
        low, high = self.range(start, end)
        return self._sums[high] - self._sums[low]

    def slots_between(self, start: int, end: int) -> Column:
        """The slots that begin there."""
        low, high = self.range(start, end)
        return self._track.slots[low:high]

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and last start there, in microseconds, or None.

        Where ``start`` or ``end`` lies within a slot, of its starts only the first and the last are known.
        """
        firsts, lasts = self._track.firsts, self._track.lasts
        low, high = self.range(start - SLOT + 1, end)
        since, until = start * 1_000_000, end * 1_000_000
        if low < high and lasts[low] < since:
            low += 1
        if low < high and firsts[high - 1] >= until:
            high -= 1
        if low == high:
            return None
        first = firsts[low] if firsts[low] >= since else lasts[low]
        last = lasts[high - 1] if lasts[high - 1] < until else firsts[high - 1]
        return (first, last) if first <= last else None


@dataclass(frozen=True, slots=True)
class Activity:
    """A person's statements and, by reason, those that machines ran under the same name."""

    person: Track = field(default_factory=Track)
    machines: Mapping[str, Track] = field(default_factory=dict)

    @classmethod
    def of(cls, statements: Iterable[Statement], machines: Machines | None = None) -> "Activity":
        """The activity of statements in any order; a QUERY_ID counts once, our own statements never."""
        rules = machines or Machines()
        seen: set[str] = set()
        tracks: dict[str, dict[int, tuple[int, int, int]]] = {}
        for statement in statements:
            if statement.is_own or statement.query_id in seen:
                continue
            seen.add(statement.query_id)
            at = microseconds(statement.start)
            slots = tracks.setdefault(rules.reason(statement) or "", {})
            count, first, last = slots.get(slot_of(at), (0, at, at))
            slots[slot_of(at)] = (count + 1, min(first, at), max(last, at))
        made = {
            reason: Track.of((slot, *slots[slot]) for slot in sorted(slots))
            for reason, slots in tracks.items()
        }
        return cls(made.pop("", Track()), made)

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The first second of the first slot and the end of the last, or None where there is nothing."""
        tracks = [track for track in (self.person, *self.machines.values()) if track.slots]
        if not tracks:
            return None
        return min(t.slots[0] for t in tracks), max(t.slots[-1] for t in tracks) + SLOT

    def counting(self, reasons: Iterable[str]) -> "Activity":
        """The same with the machines of these reasons counted as the person."""
        taken = set(reasons) & set(self.machines)
        if not taken:
            return self
        person = Track.merged([self.person, *(self.machines[reason] for reason in taken)])
        return Activity(person, {r: t for r, t in self.machines.items() if r not in taken})


def slot_of(microseconds: int) -> int:
    """The slot, in seconds of UTC, of an instant."""
    return microseconds // 1_000_000 // SLOT * SLOT
