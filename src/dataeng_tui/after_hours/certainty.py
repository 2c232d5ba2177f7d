"""How sure one may be of what a step in the weekly figure comes from.

"Don't always believe your data": Pinterest's daily users rose, and it was an app refreshing by itself.
Andrea Burbank's spectrum (YOW! Sydney, 2016) runs from correlation to causation; here it is a ladder, and
each rung needs those below it. Nothing here says "caused by": the top rung still is the same data, looked at
once more.

Work is in slots: a week's figure is its after-hours slots in hours, and the figure *without* a candidate is
what is left when its statements are taken out; a slot stays as long as anything else is in it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import IntEnum
from functools import cached_property
from itertools import chain
from math import ceil
from typing import Final

from dataeng_tui.after_hours.steps import ALPHA, Step, levels, pettitt, strongest_step

SLOT_HOURS: Final = 0.25
SLOT_MINUTES: Final = 15
SLOTS_AN_HOUR: Final = 4
# What the rungs ask for.
AROUND: Final = 2  # weeks from the step within which a candidate must have appeared
STRAY: Final = 0.05  # the part of its slots that may lie on the other side of the step
STAYS: Final = 0.5  # of the weeks on its own side in which it is there
MOST: Final = 0.5  # of the rise
CLOCK_MINUTES: Final = 12  # of the hour's 60 at most (a refresh every five minutes), and …
CLOCK_SLACK: Final = 3  # … of these as many for each of the starts that an hour has, in which …
CLOCK_SHARE: Final = 0.8  # … so much of its starts fall
FEWEST_STARTS: Final = 60  # before which a clock is not told from chance
TOLD: Final = 6  # explanations
LEAVE_SHARE: Final = 0.5  # of the days of leave on which it ran all the same, and …
FEWEST_DAYS: Final = 3  # … so many of them: on one or two it may have been the person after all


class Rung(IntEnum):
    """How far up the ladder an explanation got."""

    COINCIDES = 1
    MOST_OF_THE_RISE = 2
    BY_THE_CLOCK = 3
    STEP_VANISHES = 4


RUNGS: Final[Mapping[Rung, str]] = {
    Rung.COINCIDES: "coincides in time",
    Rung.MOST_OF_THE_RISE: "most of the rise comes from it",
    Rung.BY_THE_CLOCK: "it runs by the clock, or on days of leave",
    Rung.STEP_VANISHES: "the step vanishes without it",
}


Names = tuple[tuple[str, str], ...]
"""Kinds ("program", "warehouse", "role", "query", "tag"), each with a statement's value."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an after-hours slot lies: the Monday of its week, its day if that is one of leave.

    ``offset`` is by how many minutes the wall clock is ahead of UTC.
    """

    week: date
    leave: date | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A candidate and its evidence. ``names`` are its names that come with exactly the same slots.

    ``rung`` is the highest one reached with all below it; ``reached`` tells each rung by itself.
    ``rise_share`` is 1 where the whole rise, or fall, comes from it; ``edge_week`` is that in which it was
    first seen, or last. ``clock_share`` of its ``starts`` lie in the fullest ``clock_minutes`` of the hour.
    ``p_without`` is Pettitt's p without it.
    """

    names: Names
    rung: Rung
    reached: Mapping[Rung, bool]
    falls: bool
    edge_week: date
    rise_share: float
    hours_a_week: float
    clock_share: float
    clock_minutes: int
    starts: int
    leave_days: int
    leave_days_run: int
    p_without: float
    without: tuple[float, ...] = field(repr=False)

    def told(self, rung: Rung) -> str:
        """A rung in words."""
        return RUNGS[rung].replace("rise", "fall") if self.falls else RUNGS[rung]

    @property
    def evidence(self) -> Mapping[Rung, str]:
        """The numbers behind each rung, in words."""
        share = min(max(self.rise_share, 0), 1)
        clock = (
            f"{self.clock_share:.0%} of its {self.starts} starts in {self.clock_minutes} minutes of the hour"
        )
        edge = "last" if self.falls else "first"
        away = f"; it ran on {self.leave_days_run} of {self.leave_days} days of leave"
        return {
            Rung.COINCIDES: f"{edge} seen in the week of {self.edge_week:%-d %B %Y}",
            Rung.MOST_OF_THE_RISE: f"{share:.0%} of the change, {self.hours_a_week:.1f} h a week",
            Rung.BY_THE_CLOCK: clock + (away if self.leave_days else ""),
            Rung.STEP_VANISHES: f"without it p = {self.p_without:.2g} (a step needs p < {ALPHA:g})",
        }

    @property
    def further(self) -> str:
        """What would take it one rung up, or beyond the ladder."""
        return (_FURTHER_OF_A_FALL if self.falls else _FURTHER)[self.rung]


_FURTHER: Final[Mapping[Rung, str]] = {
    Rung.COINCIDES: f"It would have to account for at least {MOST:.0%} of the change: see what came with it.",
    Rung.MOST_OF_THE_RISE: "See whether it runs while you are away (put your days of leave into the "
    "settings), or ask who schedules it.",
    Rung.BY_THE_CLOCK: "Something else holds the figure up as well: look at the next explanation with it.",
    Rung.STEP_VANISHES: "Only an experiment goes further: stop it, or give it a user of its own, for three "
    "weeks, and see whether the figure falls.",
}
_FURTHER_OF_A_FALL: Final[Mapping[Rung, str]] = {
    Rung.COINCIDES: _FURTHER[Rung.COINCIDES].replace("came", "went"),
    Rung.MOST_OF_THE_RISE: "See whether it ran while you were away (put your days of leave into the "
    "settings), or ask who scheduled it.",
    Rung.BY_THE_CLOCK: "Something else held the figure up as well: look at the next explanation with it.",
    Rung.STEP_VANISHES: "Only an experiment goes further: start it again for three weeks, and see whether "
    "the figure rises.",
}


@dataclass(frozen=True, slots=True)
class Certainty:
    """The weekly figure (hours, one a complete week), its strongest step and what may explain it, best first.

    ``step`` is None where there is none at ``ALPHA``. ``inside`` are the parts of the weeks before and after
    it that have a step of their own, each tested by itself: a hint that more than one thing happened.
    """

    weeks: tuple[date, ...]
    hours: tuple[float, ...]
    step: Step | None = None
    explanations: tuple[Explanation, ...] = ()
    inside: tuple["Certainty", ...] = ()

    @property
    def best(self) -> Explanation | None:
        """The explanation that got highest."""
        return self.explanations[0] if self.explanations else None

    @property
    def foremost(self) -> tuple[Explanation, ...]:
        """Those worth one's time: a new role or tool may bring hundreds of queries that only coincide."""
        return self.explanations[:TOLD]

    @property
    def more(self) -> str:
        """A sentence about the explanations that are not among the foremost, or nothing."""
        rest = self.explanations[TOLD:]
        return (
            f"{len(rest)} more, none beyond rung {rest[0].rung}: {rest[0].told(rest[0].rung)}."
            if rest
            else ""
        )


def assess(
    weeks: Sequence[date],
    places: Mapping[int, Place],
    starts: Mapping[Names, Iterable[int]],
    leave: Iterable[date] = (),
) -> Certainty:
    """The step in the figure of ``weeks`` (complete ones, by their Mondays, in order) and its explanations.

    ``places`` has the after-hours slots, numbered in quarters of an hour of UTC since 1970; ``starts`` the
    minutes since then in which the person started a statement of those names; outside the slots they are
    passed over. ``leave`` are all days of leave, whether or not anything ran on them.
    """
    away = list(leave)
    found = _assess(weeks, places, starts, away)
    if found.step is None:
        return found
    parts = (slice(found.step.index), slice(found.step.index, None))
    stepped = [part for part in parts if strongest_step(found.hours[part]) is not None]
    return replace(found, inside=tuple(_assess(weeks[part], places, starts, away) for part in stepped))


def _assess(
    weeks: Sequence[date],
    places: Mapping[int, Place],
    starts: Mapping[Names, Iterable[int]],
    leave: Iterable[date],
) -> Certainty:
    number = {week: index for index, week in enumerate(weeks)}
    week_of = {slot: number[place.week] for slot, place in places.items() if place.week in number}
    inside = set(week_of)
    ran = list(starts.items())
    slots = [inside.intersection([minute // SLOT_MINUTES for minute in minutes]) for _, minutes in ran]
    hours = _weekly((week_of[slot] for slot in set().union(*slots)), len(weeks))
    step = strongest_step(hours)
    if step is None:
        return Certainty(tuple(weeks), hours)
    away = frozenset(day for day in leave if weeks[0] <= day < weeks[-1] + timedelta(7))
    evidence = _Evidence(tuple(weeks), places, week_of, ran, slots, hours, step, away)
    found = sorted(_explanations(evidence), key=lambda e: (-e.rung, -e.rise_share, e.names))
    return Certainty(tuple(weeks), hours, step, tuple(found))


@dataclass(frozen=True)
class _Evidence:
    """``ran`` and ``slots`` go together: a combination of names with its minutes, and its slots."""

    weeks: tuple[date, ...]
    places: Mapping[int, Place]
    week_of: Mapping[int, int]
    ran: Sequence[tuple[Names, Iterable[int]]]
    slots: Sequence[set[int]]
    hours: tuple[float, ...]
    step: Step
    leave: frozenset[date]

    @cached_property
    def side(self) -> range:
        """The weeks in which a candidate is to be there: after a rise, before a fall."""
        index = self.step.index
        return range(index, len(self.weeks)) if self.step.rise > 0 else range(index)

    @cached_property
    def near(self) -> range:
        """That side and a little beyond: the test may put the step a week or two from where it is."""
        index = self.step.index
        return range(index - AROUND, len(self.weeks)) if self.step.rise > 0 else range(index + AROUND)

    @cached_property
    def in_slot(self) -> Counter[int]:
        """How many combinations of names are in each slot."""
        return Counter(chain.from_iterable(self.slots))

    def gone_without(self, mine: Iterable[int]) -> list[int]:
        """The slots in which there is nothing but these combinations, given by their place in ``ran``."""
        own = Counter(chain.from_iterable(self.slots[number] for number in mine))
        return [slot for slot, count in own.items() if count == self.in_slot[slot]]

    def minutes(self, mine: Iterable[int]) -> set[int]:
        """The minutes of these combinations after hours in the weeks."""
        found = set(chain.from_iterable(self.ran[number][1] for number in mine))
        return {minute for minute in found if minute // SLOT_MINUTES in self.week_of}


def _explanations(evidence: _Evidence) -> Iterable[Explanation]:
    by_name: dict[tuple[str, str], list[int]] = {}
    for number, (names, _) in enumerate(evidence.ran):
        for name in names:
            by_name.setdefault(name, []).append(number)
    # A dashboard's program, warehouse and queries come in the very same slots: they are one candidate.
    same: dict[frozenset[int], list[tuple[str, str]]] = {}
    for name, numbers in by_name.items():
        slots = frozenset().union(*(evidence.slots[number] for number in numbers))
        if _coincides(evidence, slots):
            same.setdefault(slots, []).append(name)
    for slots, alike in same.items():
        yield _explanation(evidence, tuple(alike), {n for name in alike for n in by_name[name]}, slots)


def _coincides(evidence: _Evidence, slots: Iterable[int]) -> bool:
    weeks = Counter(map(evidence.week_of.__getitem__, slots))
    own = sorted(week for week in weeks if week in evidence.side)
    if not own or len(own) < STAYS * len(evidence.side):
        return False
    if sum(count for week, count in weeks.items() if week in evidence.near) < (1 - STRAY) * weeks.total():
        return False
    edge = own[0] if evidence.step.rise > 0 else own[-1] + 1
    return abs(edge - evidence.step.index) <= AROUND


def _explanation(evidence: _Evidence, names: Names, mine: set[int], slots: frozenset[int]) -> Explanation:
    week_of, places = evidence.week_of, evidence.places
    less = _weekly((week_of[slot] for slot in evidence.gone_without(mine)), len(evidence.weeks))
    without = tuple(hours - own for hours, own in zip(evidence.hours, less, strict=True))
    before, after = levels(without, evidence.step.index)
    share = 1 - (after - before) / evidence.step.rise
    weeks = [week_of[slot] for slot in slots]
    hours = len({slot // SLOTS_AN_HOUR for slot in slots})
    clock, clock_minutes, starts = _clock(places, evidence.minutes(mine), hours)
    away = {day for day in evidence.leave if min(weeks) <= _place(evidence.weeks, day) <= max(weeks)}
    ran = {day for slot in slots if (day := places[slot].leave) in away}
    p_without = pettitt(without)[1]
    reached = {
        Rung.COINCIDES: True,
        Rung.MOST_OF_THE_RISE: share >= MOST,
        Rung.BY_THE_CLOCK: (starts >= FEWEST_STARTS and clock >= CLOCK_SHARE)
        or len(ran) >= max(FEWEST_DAYS, LEAVE_SHARE * len(away)),
        Rung.STEP_VANISHES: p_without >= ALPHA,
    }
    return Explanation(
        names=names,
        rung=max(rung for rung in Rung if all(reached[lower] for lower in Rung if lower <= rung)),
        reached=reached,
        falls=evidence.step.rise < 0,
        edge_week=evidence.weeks[min(weeks) if evidence.step.rise > 0 else max(weeks)],
        rise_share=share,
        hours_a_week=sum(less[week] for week in evidence.side) / len(evidence.side),
        clock_share=clock,
        clock_minutes=clock_minutes,
        starts=starts,
        leave_days=len(away),
        leave_days_run=len(ran),
        p_without=p_without,
        without=without,
    )


def _weekly(slots: Iterable[int], weeks: int) -> tuple[float, ...]:
    """The hours of each week, from the week of each slot."""
    counts = Counter(slots)
    return tuple(counts[week] * SLOT_HOURS for week in range(weeks))


def _clock(places: Mapping[int, Place], minutes: Iterable[int], hours: int) -> tuple[float, int, int]:
    """The part of all starts that falls in the fullest minutes of the hour, how many these are, all starts.

    Statements of one minute are one start, so that a burst of a person's does not look like a clock. What
    starts once in each of its ``hours`` has few minutes: a person does it, too, at about the same time every
    evening.
    """
    wall = Counter((minute + places[minute // SLOT_MINUTES].offset) % 60 for minute in minutes)
    starts = wall.total()
    fullest = min(CLOCK_MINUTES, CLOCK_SLACK * ceil(starts / hours))
    return sum(count for _, count in wall.most_common(fullest)) / starts, fullest, starts


def _place(weeks: Sequence[date], day: date) -> int:
    """The index of the week that ``day`` is in."""
    return bisect_right(weeks, day) - 1
