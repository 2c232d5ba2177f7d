"""The search against an independent brute force: the same verdict and the same length, for every fault."""

import json
from math import factorial

import pytest
from hypothesis import HealthCheck, given, settings

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.scenario import Scenario
from dataeng_tui.replay.verdict import FaultVerdict
from tests.replay.brute import Brute
from tests.replay.designs import scenarios

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MOST = {"reorder+redelivery": 4, "zombie": 3, "rewind": 5, "lost-ack": 5, "crash": 5}


def agrees(scenario: Scenario, faults: tuple[str, ...], more: int = 0) -> None:
    """Search and brute force say the same, as far as the brute force can see."""
    try:
        verdict = check(scenario, faults, seconds=0.4, forget=False)
    except UserError:
        return  # both would stop at broken SQL; there is no verdict to compare
    brute = Brute(scenario)
    for fault in verdict.faults:
        if fault.verdict in {"undecided", "not-applicable"}:
            continue
        most = MOST.get(fault.fault, brute.n) + more
        shortest = brute.shortest(fault.fault, most)
        found = fault.counterexample.length if fault.counterexample else None
        assert (found if found is not None and found <= most else None) == shortest, (
            fault.fault,
            found,
            shortest,
            scenario.schema,
            [part.statements for part in scenario.transactions],
            [dict(event.fields) for event in scenario.events],
        )


@QUICK
@given(scenarios())
def test_search_agrees_with_brute_force(scenario: Scenario) -> None:
    agrees(scenario, tuple(FAULTS))


@settings(QUICK, max_examples=12)
@given(scenarios(most_events=5, most_transactions=1))
def test_search_agrees_with_brute_force_on_longer_logs(scenario: Scenario) -> None:
    agrees(scenario, ("lost-ack", "reorder", "partition-order"))


@pytest.mark.parametrize(
    ("events", "told", "written"),
    [
        (3, "6", 6),
        (12, "479,001,600", 479_001_600),
        (60, "8.3e81", "8.3e81"),
        (3_000, "4.1e9130", "4.1e9130"),
    ],
)
def test_however_many_orders_there_are_they_can_be_told(events: int, told: str, written: int | str) -> None:
    found = FaultVerdict("reorder", "replay-safe", orders=factorial(events))
    assert found.orders_told == told
    assert json.loads(json.dumps(found.as_json()))["orders"] == written
