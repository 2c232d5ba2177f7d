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
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Final

from dataeng_tui.after_hours.steps import ALPHA, Step, further_steps, levels, pettitt, strongest_step

SLOT_HOURS: Final = 0.25
# What the rungs ask for.
AROUND: Final = 2  # weeks from the step within which a candidate must have appeared
STRAY: Final = 0.05  # the part of its slots that may lie on the other side of the step
MOST: Final = 0.5  # of the rise
CLOCK_MINUTES: Final = 12  # of the hour's 60 (a refresh every five minutes), in which …
CLOCK_SHARE: Final = 0.8  # … so much of its starts fall
FEWEST_STARTS: Final = 60  # before which a clock is not told from chance
LEAVE_SHARE: Final = 0.5  # of the days of leave on which it ran all the same


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


@dataclass(frozen=True, slots=True)
class Trace:
    """One after-hours statement of the person, as far as an explanation needs it.

    ``slot`` identifies the 15 minutes, ``week`` is its Monday, ``minute`` the minute of the hour on the wall.
    ``names`` pairs a kind ("program", "warehouse", "role", "query", "tag") with this statement's value.
    """

    slot: int
    week: date
    minute: int
    leave: date | None
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A candidate and its evidence. ``names`` are its names that come with exactly the same slots.

    ``rung`` is the highest one reached with all below it; ``reached`` tells each rung by itself.
    ``rise_share`` is 1 where the whole rise comes from it; ``p_without`` is Pettitt's p without it.
    """

    names: tuple[tuple[str, str], ...]
    rung: Rung
    reached: Mapping[Rung, bool]
    first_week: date
    rise_share: float
    hours_a_week: float
    clock_share: float
    starts: int
    leave_days: int
    leave_days_run: int
    p_without: float
    without: tuple[float, ...] = field(repr=False)

    @property
    def evidence(self) -> Mapping[Rung, str]:
        """The numbers behind each rung, in words."""
        weekly = f"{self.hours_a_week:.1f} h a week"
        clock = (
            f"{self.clock_share:.0%} of its {self.starts} starts fall in {CLOCK_MINUTES} minutes of the hour"
        )
        leave = (
            f"; it ran on {self.leave_days_run} of {self.leave_days} days of leave" if self.leave_days else ""
        )
        return {
            Rung.COINCIDES: f"first seen in the week of {self.first_week:%-d %B %Y}",
            Rung.MOST_OF_THE_RISE: f"{max(self.rise_share, 0):.0%} of the change; {weekly} are its alone",
            Rung.BY_THE_CLOCK: clock + leave,
            Rung.STEP_VANISHES: f"without it p = {self.p_without:.2g} (a step needs p < {ALPHA:g})",
        }

    @property
    def further(self) -> str:
        """What would take it one rung up, or beyond the ladder."""
        return _FURTHER[self.rung]


_FURTHER: Final[Mapping[Rung, str]] = {
    Rung.COINCIDES: f"It would have to account for at least {MOST:.0%} of the change: see what came with it.",
    Rung.MOST_OF_THE_RISE: "See whether it runs while you are away (put your days of leave into the "
    "settings), or ask who schedules it.",
    Rung.BY_THE_CLOCK: "Something else holds the figure up as well: look at the next explanation with it.",
    Rung.STEP_VANISHES: "Only an experiment goes further: stop it, or give it a user of its own, for three "
    "weeks, and see whether the figure falls.",
}


@dataclass(frozen=True, slots=True)
class Certainty:
    """The weekly figure (hours, one a complete week), its strongest step and what may explain it, best first.

    ``step`` is None where there is none at ``ALPHA``; ``others`` are steps inside the parts it leaves.
    """

    weeks: tuple[date, ...]
    hours: tuple[float, ...]
    step: Step | None = None
    others: tuple[Step, ...] = ()
    explanations: tuple[Explanation, ...] = ()

    @property
    def best(self) -> Explanation | None:
        """The explanation that got highest."""
        return self.explanations[0] if self.explanations else None


def assess(weeks: Sequence[date], traces: Iterable[Trace], leave: Iterable[date] = ()) -> Certainty:
    """The step in the figure of ``weeks`` (complete ones, by their Mondays, in order) and its explanations.

    ``leave`` are all days of leave in those weeks, whether or not anything ran on them.
    """
    place = {week: index for index, week in enumerate(weeks)}
    inside = [trace for trace in traces if trace.week in place]
    hours = _weekly({(place[trace.week], trace.slot) for trace in inside}, len(weeks))
    step = strongest_step(hours)
    if step is None:
        return Certainty(tuple(weeks), hours)
    evidence = _Evidence(tuple(weeks), place, inside, hours, step, frozenset(leave))
    found = sorted(_explanations(evidence), key=lambda e: (-e.rung, -e.rise_share, e.names))
    return Certainty(tuple(weeks), hours, step, further_steps(hours, step), tuple(found))


@dataclass(frozen=True, slots=True)
class _Evidence:
    weeks: tuple[date, ...]
    place: Mapping[date, int]
    traces: list[Trace]
    hours: tuple[float, ...]
    step: Step
    leave: frozenset[date]

    def belongs(self, week: int) -> bool:
        """Whether a candidate is to be there in that week: after a rise, before a fall."""
        return (week >= self.step.index) == (self.step.rise > 0)


def _explanations(evidence: _Evidence) -> Iterable[Explanation]:
    by_name: dict[tuple[str, str], list[Trace]] = {}
    for trace in evidence.traces:
        for name in trace.names:
            by_name.setdefault(name, []).append(trace)
    same: dict[frozenset[int], list[tuple[str, str]]] = {}
    for name, traces in by_name.items():
        if _coincides(evidence, {(evidence.place[trace.week], trace.slot) for trace in traces}):
            same.setdefault(frozenset(map(id, traces)), []).append(name)
    for names in same.values():
        yield _explanation(evidence, tuple(names), by_name[names[0]])


def _coincides(evidence: _Evidence, slots: set[tuple[int, int]]) -> bool:
    weeks = sorted(week for week, _ in slots)
    stray = sum(not evidence.belongs(week) for week in weeks)
    edge = next(week for week in weeks if evidence.belongs(week)) if stray < len(weeks) else None
    if edge is None or stray > STRAY * len(weeks):
        return False
    if evidence.step.rise < 0:
        edge = max(week for week in weeks if evidence.belongs(week)) + 1
    return abs(edge - evidence.step.index) <= AROUND


def _explanation(evidence: _Evidence, names: tuple[tuple[str, str], ...], traces: list[Trace]) -> Explanation:
    mine = set(map(id, traces))
    rest = {(evidence.place[t.week], t.slot) for t in evidence.traces if id(t) not in mine}
    without = _weekly(rest, len(evidence.weeks))
    before, after = levels(without, evidence.step.index)
    share = 1 - (after - before) / evidence.step.rise
    weeks = [evidence.place[trace.week] for trace in traces]
    active = [week for week in range(len(evidence.weeks)) if evidence.belongs(week)]
    clock, starts = _clock(traces)
    away = {day for day in evidence.leave if min(weeks) <= _place(evidence.weeks, day) <= max(weeks)}
    ran = {trace.leave for trace in traces if trace.leave in away}
    p_without = pettitt(without)[1]
    reached = {
        Rung.COINCIDES: True,
        Rung.MOST_OF_THE_RISE: share >= MOST,
        Rung.BY_THE_CLOCK: (starts >= FEWEST_STARTS and clock >= CLOCK_SHARE)
        or (bool(away) and len(ran) >= LEAVE_SHARE * len(away)),
        Rung.STEP_VANISHES: p_without >= ALPHA,
    }
    return Explanation(
        names=names,
        rung=max(rung for rung in Rung if all(reached[lower] for lower in Rung if lower <= rung)),
        reached=reached,
        first_week=evidence.weeks[min(weeks)],
        rise_share=share,
        hours_a_week=sum(evidence.hours[week] - without[week] for week in active) / len(active),
        clock_share=clock,
        starts=starts,
        leave_days=len(away),
        leave_days_run=len(ran),
        p_without=p_without,
        without=without,
    )


def _weekly(slots: Iterable[tuple[int, int]], weeks: int) -> tuple[float, ...]:
    counts = Counter(week for week, _ in slots)
    return tuple(counts[week] * SLOT_HOURS for week in range(weeks))


def _clock(traces: Iterable[Trace]) -> tuple[float, int]:
    """The part of all starts that falls in the fullest ``CLOCK_MINUTES`` of the hour, and how many starts.

    Statements of one minute are one start, so that a burst of a person's does not look like a clock.
    """
    minutes = Counter(minute for _, minute in {(trace.slot, trace.minute) for trace in traces})
    starts = minutes.total()
    return sum(count for _, count in minutes.most_common(CLOCK_MINUTES)) / starts, starts


def _place(weeks: Sequence[date], day: date) -> int:
    """The index of the week that ``day`` is in."""
    return bisect_right(weeks, day) - 1
