"""The step in the weekly figure and the ladder of its explanations."""

import math
import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.after_hours.certainty import Rung, Trace, assess
from dataeng_tui.after_hours.steps import EDGE, FEWEST, further_steps, pettitt, strongest_step

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


def test_one_step_and_a_second_one_behind_it() -> None:
    values = [2.0, 3.0] * 13 + [6.0, 7.0] * 12 + [12.0, 13.0] * 13
    step = strongest_step(values)
    assert step is not None
    places = sorted([step.index, *(other.index for other in further_steps(values, step))])
    assert places == pytest.approx([26, 50], abs=1)


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
    return Trace(week * 1000 + day * 96 + slot, WEEKS[week], minute, on if leave else None, tuple(names))


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
    assert best.first_week == WEEKS[26]
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


def test_weeks_outside_are_left_out() -> None:
    assert assess(WEEKS[:20], [*habits()]).hours == assess(WEEKS, [*habits()]).hours[:20]
