"""The figures once more, slowly and by another road: one statement and one minute at a time.

It shares nothing with the program but the calendar's settings: wall times come from zoneinfo instant by
instant, work is looked up in a list of wall-clock intervals, sessions are walked minute by minute.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Shift = tuple[time, time]
MINUTE = timedelta(minutes=1)


class Oracle:
    """``shifts`` maps a weekday (Monday is 0) to its hours; an end before its start is the next day's."""

    def __init__(
        self,
        zone: str,
        shifts: Mapping[int, Sequence[Shift]],
        day_starts: time = time(4),
        off: Iterable[date] = (),
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.shifts = shifts
        self.day_starts = day_starts
        self.off = set(off)

    def wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def day(self, instant: datetime) -> date:
        wall = self.wall(instant)
        return wall.date() if wall.time() >= self.day_starts else wall.date() - timedelta(1)

    def works(self, instant: datetime) -> bool:
        wall = self.wall(instant)
        for begun in (wall.date() - timedelta(1), wall.date(), wall.date() + timedelta(1)):
            for start, end in self.of(begun):
                if start <= wall < end:
                    return True
        return False

    def of(self, begun: date) -> list[tuple[datetime, datetime]]:
        if begun in self.off:
            return []
        found = []
        for start, end in self.shifts.get(begun.weekday(), ()):
            last = begun if end > start else begun + timedelta(1)
            found.append((datetime.combine(begun, start), datetime.combine(last, end)))
        return found

    def part(self, instant: datetime) -> str:
        if self.works(instant):
            return "work"
        own = self.of(self.day(instant))
        if not own:
            return "day_off"
        return "early" if self.wall(instant) < min(start for start, _ in own) else "evening"

    def days(self, statements: Iterable[tuple[str, datetime, bool]]) -> dict[date, dict[str, Any]]:
        """By day, from ``(query_id, start, is a machine's)``."""
        once = {query_id: (start, machine) for query_id, start, machine in statements}.values()
        found: dict[date, dict[str, Any]] = defaultdict(
            lambda: {
                "early": 0,
                "evening": 0,
                "day_off": 0,
                "session": 0.0,
                "blog": None,
                "statements": 0,
                "machines": 0,
            }
        )
        slots = set()
        for start, machine in once:
            slot = datetime.fromtimestamp(start.timestamp() // 900 * 900, UTC)
            day = found[self.day(slot)]
            day["statements"] += 1
            day["machines"] += machine
            if not machine:
                slots.add(slot)
        for slot in slots:
            part = self.part(slot)
            if part != "work":
                found[self.day(slot)][part] += 15
        self._sessions(sorted(start for start, machine in once if not machine), found)
        self._blog(sorted(start for start, _ in once), found)
        return dict(found)

    def _sessions(self, starts: list[datetime], found: Any) -> None:
        for one, other in pairwise(starts):
            if other - one > timedelta(minutes=60):
                continue
            at = one
            while at < other:  # from change to change, as all of them fall on whole minutes
                ahead = min(other, at.replace(second=0, microsecond=0) + MINUTE)
                if self.part(at) != "work":
                    found[self.day(at)]["session"] += (ahead - at).total_seconds() / 60
                at = ahead

    def _blog(self, starts: list[datetime], found: Any) -> None:
        spans: dict[date, list[datetime]] = defaultdict(list)
        for start in starts:
            if self.wall(start).hour > 17:
                spans[self.wall(start).date()].append(start)
        for day, of_day in spans.items():
            first, last = (int(at.timestamp() // 60) for at in (min(of_day), max(of_day)))
            found[day]["blog"] = round((last - first) / 60, 2)
