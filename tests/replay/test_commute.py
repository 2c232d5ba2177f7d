"""A proof by deliveries that commute must never prove what a search over the delivered sets refutes."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import Run
from dataeng_tui.replay.commute import commute
from dataeng_tui.replay.delivery import ONCE
from dataeng_tui.replay.scenario import Event, Scenario, load
from tests.replay.designs import counting, scenarios

FAULTS = ("rewind", "partition-order", "reorder", "reorder+redelivery")
seen: Counter[str] = Counter()


def proved(scenario: Scenario, *, once: bool) -> bool:
    run = Run(scenario, apart=False)
    try:
        found = commute(run.states, scenario.messages, time.perf_counter() + 9, once=once)
        seen["sums"] += found is not None and any(run.states.pieces.sums.values())
        return found is not None
    finally:
        run.close()


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(scenario=st.one_of(scenarios(most_events=4, most_transactions=1), counting(), counting()))
def test_nothing_is_proved_that_a_search_refutes(scenario: Scenario) -> None:
    try:
        once, again = proved(scenario, once=True), proved(scenario, once=False)
    except UserError:
        return
    seen["once"] += once
    seen["again"] += again
    if not (once or again):
        return
    run = Run(scenario, apart=False)
    for fault in FAULTS:
        found = run.fault(fault, time.perf_counter() + 0.2)
        assert found.verdict != "diverges" or not (once if fault in ONCE else again), (fault, scenario)
    run.close()


def test_enough_of_them_were_proved() -> None:
    if seen:
        assert seen["once"] > 200, seen
        assert seen["again"] > 200, seen
        assert seen["sums"] > 100, seen


def many_on_one_key(name: str, events: int) -> Scenario:
    """The built-in ``name`` with a log of that many different messages about one campaign."""
    fields = {**load(name).events[0].fields, "id": 1, "partition": 0}
    log = tuple(
        Event(
            number + 1,
            {
                **fields,
                "message_id": f"m{number}",
                "offset": number,
                "sent": 100 + number,
                "date": f"2021-12-{1 + number // 24:02} {number % 24:02}:00:00",
            },
        )
        for number in range(events)
    )
    return replace(
        load(name), events=log, messages=tuple(range(events)), partitions=(0,) * events, expect=None
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["one-to-many", "last-time-id", "max-merge", "inbox", "ledger-after"])
def test_many_events_on_one_key_are_proved(name: str, fault: str) -> None:
    run = Run(many_on_one_key(name, 40))
    found = run.fault(fault, time.perf_counter() + 60)
    run.close()
    assert found.verdict == "replay-safe"
    assert found.transitions < 50_000


@pytest.mark.parametrize(
    ("name", "fault", "length"),
    [
        ("last-arrival", "reorder", 2),
        ("additive", "reorder+redelivery", 2),
        ("inbox-pruned", "reorder+redelivery", 3),
        ("wide", "rewind", 4),
    ],
)
def test_and_refuted_by_the_shortest_schedule_where_one_fails(name: str, fault: str, length: int) -> None:
    run = Run(many_on_one_key(name, 20))
    found = run.fault(fault, time.perf_counter() + 60)
    run.close()
    assert found.counterexample is not None
    assert found.counterexample.length == length
