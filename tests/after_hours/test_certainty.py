"""The step in the weekly figure and the ladder of its explanations."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.after_hours import certainty
from dataeng_tui.after_hours.certainty import TOLD, Certainty, Names, Place, Rung
from dataeng_tui.after_hours.seen import step_sentences
from dataeng_tui.after_hours.steps import EDGE, FEWEST, levels, pettitt, strongest_step

FIRST = date(2026, 1, 5)
WEEKS = [FIRST + timedelta(weeks=number) for number in range(40)]


def slow_pettitt(values: list[float]) -> tuple[set[int], float]:
    """The test by its definition, a sum of signs: the places that are equally likely, and p without ties."""
    n = len(values)
    sums = {
        t: abs(
            sum((values[i] > values[j]) - (values[i] < values[j]) for i, j in product(range(t), range(t, n)))
        )
        for t in range(1, n)
    }
    spread = {t: sums[t] ** 2 / (t * (n - t)) for t in range(EDGE, n - EDGE + 1)}
    best = {t for t in spread if spread[t] > max(spread.values()) - 1e-9}
    return best, min(1.0, 2 * math.exp(-6 * max(sums.values()) ** 2 / (n**3 + n**2)))


@given(st.lists(st.integers(0, 90), min_size=2 * EDGE, max_size=30).filter(lambda v: len(set(v)) > 1))
def test_it_is_the_test_of_the_definition(values: list[float]) -> None:
    places, p = slow_pettitt(values)
    assert pettitt(values)[0] in places
    assert pettitt(values)[1] <= p + 1e-9
    if len(set(values)) == len(values):
        assert pettitt(values)[1] == pytest.approx(p)


@given(st.lists(st.integers(0, 40), min_size=FEWEST, max_size=60))
def test_only_the_order_of_the_values_counts(values: list[float]) -> None:
    assert pettitt(values) == pettitt([value**3 + 7 for value in values])
    place, p = pettitt(values)
    other, q = pettitt([-value for value in values])
    assert (place, p) == (other, pytest.approx(q))


def test_a_step_near_the_end_is_put_where_it_is() -> None:
    rng = random.Random(4)
    values = [rng.choice([1.0, 2.0, 3.0, 4.0]) + (0.7 if 28 <= week < 40 else 0) for week in range(41)]
    step = strongest_step(values + [9.0, 8.5, 9.5] * 4)
    assert step is not None
    assert step.index == 41


def test_a_flat_or_short_series_has_no_step() -> None:
    assert strongest_step([3.0] * 52) is None
    assert strongest_step([0.0] * 7 + [9.0] * 8) is None
    assert pettitt([]) == (0, 1.0)


def test_a_single_mad_week_is_no_step() -> None:
    assert strongest_step([2.0, 3.0] * 13 + [40.0] + [2.0, 3.0] * 12) is None


class Trace(NamedTuple):
    """One after-hours statement; ``minute`` counts from 1970 in UTC, which the wall clock shows here, too."""

    minute: int
    week: date
    leave: date | None
    names: Names


def statement(
    week: int,
    day: int,
    slot: int,
    minute: int,
    *,
    leave: bool = False,
    program: str = "Snowsight",
    query: str = "",
) -> Trace:
    on = WEEKS[week] + timedelta(days=day)
    names = [("program", program)] + ([("query", query)] if query else [])
    at = (on - date(1970, 1, 1)).days * 1440 + slot * 15 + minute % 15
    return Trace(at, WEEKS[week], on if leave else None, tuple(names))


def assess(weeks: list[date], traces: Iterable[Trace], leave: Iterable[date] = ()) -> Certainty:
    places, starts = {}, defaultdict(list)
    for trace in traces:
        places[trace.minute // 15] = Place(trace.week, trace.leave)
        starts[trace.names].append(trace.minute)
    return certainty.assess(weeks, places, starts, leave)


def habits(seed: int = 1) -> Iterator[Trace]:
    """About two and a half hours a week, any minute, no leave."""
    rng = random.Random(seed)
    for week in range(40):
        for _ in range(rng.randint(8, 12)):
            yield statement(week, rng.randrange(5), rng.randrange(76, 84), rng.randrange(60))


def dashboard(minutes: tuple[int, ...] = (5, 35), leave_week: int = -1, since: int = 26) -> Iterator[Trace]:
    rng = random.Random(2)
    for week, day, slot in product(range(since, 40), range(7), range(28, 32)):
        minute = minutes[slot % len(minutes)] if minutes else rng.randrange(60)
        yield statement(week, day, slot, minute, leave=week == leave_week, program="Pulse", query="abc")


def test_a_dashboard_climbs_to_the_top() -> None:
    found = assess(WEEKS, [*habits(), *dashboard()])
    assert found.step is not None
    assert found.step.index == pytest.approx(26, abs=1)
    best = found.best
    assert best is not None
    assert set(best.names) == {("program", "Pulse"), ("query", "abc")}, (
        "what comes in the same slots is one thing"
    )
    assert best.rung is Rung.STEP_VANISHES
    assert best.rise_share == pytest.approx(1, abs=0.1)
    assert best.hours_a_week == pytest.approx(7.0, abs=0.5)
    assert best.edge_week == WEEKS[26]
    assert found.hours[30] - best.without[30] == pytest.approx(7.0)
    assert "experiment" in best.further


def test_what_runs_at_any_minute_stays_below_the_clock() -> None:
    best = assess(WEEKS, [*habits(), *dashboard(minutes=())]).best
    assert best is not None
    assert best.rung is Rung.MOST_OF_THE_RISE
    assert best.reached[Rung.STEP_VANISHES], "told, though a rung below it is missing"


def test_days_of_leave_stand_in_for_the_clock() -> None:
    leave = [WEEKS[30] + timedelta(days=day) for day in range(5)]
    best = assess(WEEKS, [*habits(), *dashboard(minutes=(), leave_week=30)], leave).best
    assert best is not None
    assert (best.leave_days, best.leave_days_run) == (5, 5)
    assert best.rung is Rung.STEP_VANISHES
    assert "5 of 5 days of leave" in best.evidence[Rung.BY_THE_CLOCK]


def test_a_bystander_only_coincides() -> None:
    rng = random.Random(3)
    bystander = [
        statement(week, rng.randrange(5), 80, rng.randrange(60), program="Notebook") for week in range(26, 40)
    ]
    found = assess(WEEKS, [*habits(), *dashboard(), *bystander])
    notebook = next(e for e in found.explanations if ("program", "Notebook") in e.names)
    assert notebook.rung is Rung.COINCIDES
    assert found.explanations[0].rung is Rung.STEP_VANISHES


def test_hundreds_of_new_queries_are_told_in_one_line() -> None:
    queries = [
        statement(week, day, 80, day, program="Pulse", query=f"q{day}")
        for week in range(26, 40)
        for day in range(7)
    ]
    found = assess(WEEKS, [*habits(), *dashboard(), *queries])
    assert len(found.explanations) > TOLD
    assert found.foremost == found.explanations[:TOLD]
    assert found.more == f"{len(found.explanations) - TOLD} more, none beyond rung 1: coincides in time."
    told = [sentence for _, sentence in step_sentences(found)]
    assert told[-1] == found.more
    assert sum(": rung " in sentence for sentence in told) == TOLD


def test_a_candidate_that_was_always_there_is_none() -> None:
    more = [
        statement(week, day, slot, 11 * day)
        for week in range(26, 40)
        for day in range(5)
        for slot in (86, 87)
    ]
    found = assess(WEEKS, [*habits(), *more])
    assert found.step is not None
    assert found.explanations == ()
    assert found.best is None


def test_a_fall_is_explained_by_what_stopped() -> None:
    ended = [t for t in dashboard(since=0) if t.week < WEEKS[20]]
    found = assess(WEEKS, [*habits(), *ended])
    assert found.step is not None
    assert found.step.rise < 0
    assert found.best is not None
    assert found.best.names[0] == ("program", "Pulse")
    assert found.best.rung is Rung.STEP_VANISHES
    told = " ".join(sentence for _, sentence in step_sentences(found))
    assert f"last seen in the week of {WEEKS[19]:%-d %B %Y}" in told
    assert "most of the fall comes from it" in told
    assert "start it again" in told


def by_hand(pace: float, leave_day: int = -1) -> Iterator[Trace]:
    """A person's own new evenings, in a new tool: from about 20:00, ``pace`` minutes apart."""
    rng = random.Random(4)
    for week, day in product(range(26, 40), range(5)):
        at = rng.uniform(0, 9)
        while at < 60:
            slot, on_leave = 80 + int(at) // 15, week == 30 and day == leave_day
            yield statement(week, day, slot, int(at) % 15, leave=on_leave, program="Notebook")
            at += rng.expovariate(1 / pace)


@pytest.mark.parametrize(
    "pace", [5, 10, 1000], ids=["an hour", "now and then", "once, at about the same time"]
)
def test_a_persons_own_evenings_do_not_run_by_the_clock(pace: float) -> None:
    best = assess(WEEKS, [*habits(), *by_hand(pace)]).best
    assert best is not None
    assert not best.reached[Rung.BY_THE_CLOCK], best.evidence


def test_one_day_of_leave_that_was_worked_is_no_machine() -> None:
    best = assess(WEEKS, [*habits(), *by_hand(5, leave_day=2)], [WEEKS[30] + timedelta(days=2)]).best
    assert best is not None
    assert (best.leave_days, best.leave_days_run) == (1, 1)
    assert best.rung is Rung.MOST_OF_THE_RISE


@given(st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_and_repeats_change_nothing(rng: random.Random) -> None:
    traces = [*habits(), *dashboard()]
    mixed = traces + rng.sample(traces, 200)
    rng.shuffle(mixed)
    one, other = assess(WEEKS, traces), assess(WEEKS, mixed)
    assert (one.hours, one.step) == (other.hours, other.step)
    assert one.best is not None
    assert other.best is not None
    assert (one.best.rung, set(one.best.names)) == (other.best.rung, set(other.best.names))


def test_a_second_step_is_explained_by_itself() -> None:
    """A task that began long before the dashboard: neither explains the other's step."""
    task = [t._replace(names=(("program", "Nightly"),)) for t in dashboard(since=10)]
    later = [t._replace(minute=t.minute + 10 * 60) for t in dashboard()]
    found = assess(WEEKS, [*habits(), *task, *later], [WEEKS[12]])
    assert found.step is not None
    (part,) = found.inside
    steps = {one.weeks[one.step.index]: one for one in (found, part) if one.step is not None}
    first, second = sorted(steps)
    assert abs((first - WEEKS[10]).days) <= 7
    assert abs((second - WEEKS[26]).days) <= 7
    for monday, program in ((first, "Nightly"), (second, "Pulse")):
        best = steps[monday].best
        assert best is not None
        assert ("program", program) in best.names
    told = [sentence for _, sentence in step_sentences(found)]
    assert sum(sentence.startswith("From ") for sentence in told) == 2


def test_weeks_outside_are_left_out() -> None:
    assert assess(WEEKS[:20], [*habits()]).hours == assess(WEEKS, [*habits()]).hours[:20]


def slowly(traces: list[Trace], leave: set[date]) -> dict[frozenset[tuple[str, str]], tuple[object, ...]]:
    """What `assess` tells of each explanation, worked out trace by trace."""
    hours = weekly(traces)
    step = strongest_step(hours)
    if step is None:
        return {}
    side = range(step.index, 40) if step.rise > 0 else range(step.index)
    slots: dict[tuple[str, str], set[int]] = defaultdict(set)
    for trace in traces:
        for name in trace.names:
            slots[name].add(trace.minute // 15)
    found = {}
    for name in slots:
        alike = frozenset(other for other in slots if slots[other] == slots[name])
        own = [trace for trace in traces if alike & set(trace.names)]
        weeks = [WEEKS.index(next(t.week for t in own if t.minute // 15 == slot)) for slot in slots[name]]
        there = sorted({week for week in weeks if week in side})
        edge = there and (there[0] if step.rise > 0 else there[-1] + 1)
        inside = sum(week >= step.index - 2 if step.rise > 0 else week < step.index + 2 for week in weeks)
        if len(there) < 0.5 * len(side) or inside < 0.95 * len(weeks) or abs(edge - step.index) > 2:  # type: ignore[operator]
            continue
        without = weekly([trace for trace in traces if not alike & set(trace.names)])
        before, after = levels(without, step.index)
        wall = Counter(minute % 60 for minute in {trace.minute for trace in own})
        hours = {minute // 60 for minute in {trace.minute for trace in own}}
        fullest = min(12, 3 * -(-wall.total() // len(hours)))
        clock = sum(count for _, count in wall.most_common(fullest)) / wall.total()
        away = {day for day in leave if min(weeks) <= (day - FIRST).days // 7 <= max(weeks)}
        ran = {trace.leave for trace in own} & away
        share = 1 - (after - before) / step.rise
        rungs = [
            share >= 0.5,
            (wall.total() >= 60 and clock >= 0.8) or len(ran) >= max(3, 0.5 * len(away)),
            pettitt(without)[1] >= 0.01,
        ]
        rung = 1 + next((number for number, reached in enumerate(rungs) if not reached), 3)
        found[alike] = (rung, share, without, clock, wall.total(), len(away), len(ran))
    return found


def weekly(traces: list[Trace]) -> tuple[float, ...]:
    slots = {(trace.week, trace.minute // 15) for trace in traces}
    return tuple(sum(week == other for other, _ in slots) / 4 for week in WEEKS)


@given(st.integers(0, 10**6), st.booleans())
@settings(deadline=None, max_examples=40)
def test_it_comes_to_the_same_as_trace_by_trace(seed: int, falls: bool) -> None:
    rng = random.Random(seed)
    since, away = rng.randrange(8, 32), rng.randrange(40)
    leave = {WEEKS[away] + timedelta(days=day) for day in range(5)}
    traces = []
    for week in range(40):
        new = (week >= since) != falls
        for _ in range(rng.randint(4, 9)):
            day, slot = rng.randrange(7), rng.randrange(72, 80)
            traces.append(statement(week, day, slot, rng.randrange(15), leave=week == away and day < 5))
        for day, slot in product(range(7), (72, 73, 90)):
            if new and rng.random() < 0.7:
                query, program = rng.choice("abc"), rng.choice(["Pulse", "Pulse", "Notebook"])
                on_leave = week == away and day < 5
                minute = rng.choice((3, 3, 9))
                traces.append(
                    statement(week, day, slot, minute, leave=on_leave, program=program, query=query)
                )
            if new and slot == 90:  # two that come in the same slots, in statements of their own
                traces.append(statement(week, day, slot + 1, 4, program="Twin"))
                traces.append(statement(week, day, slot + 1, 7, query="twin"))
    found = assess(WEEKS, traces, leave)
    told = {
        frozenset(one.names): (
            one.rung, one.rise_share, one.without, one.clock_share, one.starts,
            one.leave_days, one.leave_days_run,
        )
        for one in found.explanations
    }  # fmt: skip
    assert told == slowly(traces, leave)
    assert found.hours == weekly(traces)
