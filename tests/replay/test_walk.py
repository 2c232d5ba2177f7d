"""The random walk before a search, and deliveries tried together: both may only make it faster."""

from dataclasses import replace

import pytest

from dataeng_tui.replay import explore
from dataeng_tui.replay.check import Run, check
from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.explore import PATIENCE, Search
from dataeng_tui.replay.program import transaction
from dataeng_tui.replay.scenario import Event, Scenario, load
from dataeng_tui.replay.schedule import length
from dataeng_tui.replay.states import States
from dataeng_tui.replay.verdict import FaultVerdict

SHUFFLED = ("partition-order", "reorder", "reorder+redelivery", "zombie")


def long_log(name: str, events: int, write: str = "") -> Scenario:
    """The built-in ``name``, or its schema with another write, and a longer log of one campaign."""
    log = tuple(
        Event(i + 1, {**load(name).events[0].fields, "message_id": f"m{i}", "sent": i, "date": f"{i:02}"})
        for i in range(events)
    )
    given = load(name)
    parts = (transaction(write, "write.sql"),) if write else given.transactions
    everything = tuple(range(events))
    return replace(
        given, events=log, messages=everything, partitions=everything, transactions=parts, expect=None
    )


def found(scenario: Scenario, fault: str, seconds: float = 5.0) -> FaultVerdict:
    return check(scenario, [fault], seconds, forget=False).faults[0]


@pytest.mark.parametrize("fault", SHUFFLED)
@pytest.mark.parametrize("name", ["last-arrival", "additive", "inbox-pruned", "ledger-after", "last-time-id"])
def test_a_walk_changes_no_answer_and_no_counterexample(
    name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = long_log(name, 6)
    walked = found(scenario, fault)
    monkeypatch.setattr(explore, "walk", lambda *_: None)
    without = found(scenario, fault)
    assert (walked.verdict, walked.counterexample) == (without.verdict, without.counterexample)


# The first event of the log is taken for another one when it comes after seven deliveries.
DEEP = """
INSERT INTO campaign (id, email, subject, date, sent) VALUES (:id, :email, :subject, 'd', 0)
ON CONFLICT (id) DO UPDATE SET
    sent = sent + 1, email = CASE WHEN sent >= 6 AND :sent = 0 THEN 'lost' ELSE email END
"""


def test_where_the_budget_ends_early_the_walk_has_something_to_show() -> None:
    scenario = replace(long_log("additive", 12, DEEP), observe="SELECT email FROM campaign")
    run = Run(scenario)
    try:
        fault = FAULTS["reorder+redelivery"](run.log)
        search = Search(fault, run.log, run.states, run.reader, run.reference, float("inf"), node_limit=100)
        ended = search.run()
    finally:
        run.close()
    assert not ended.complete
    assert ended.schedule is not None
    assert length(ended.schedule) == 8  # shortened to what is needed; the walk's own had more
    assert ended.transitions < PATIENCE  # so it did not wait for the search to grow long


ADD = "INSERT INTO campaign (id, email, subject, date, sent) VALUES (:id, :email, :subject, :date, :sent)"
TWO = "id = :id AND (SELECT count(*) FROM campaign) > 1"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (f"{ADD} ON CONFLICT DO NOTHING", None),  # nothing moves
        (f"{ADD} ON CONFLICT (id) DO UPDATE SET sent = max(sent, excluded.sent)", None),  # put where it was
        (ADD, None),  # every redelivery is refused
        # A redelivery moves something as soon as two events are there.
        (f"UPDATE campaign SET sent = sent + 1 WHERE {TWO}; {ADD} ON CONFLICT DO NOTHING", 3),
        (
            f"UPDATE campaign SET sent = sent WHERE {TWO} AND :sent = 0;"
            f"UPDATE campaign SET email = email || 'x' WHERE id = :id AND changes() = 1;"
            f"{ADD} ON CONFLICT DO NOTHING",
            3,
        ),
        (f"UPDATE campaign SET sent = sent + 1 WHERE {TWO} RETURNING id; {ADD} ON CONFLICT DO NOTHING", 3),
    ],
)
def test_redeliveries_tried_together_do_what_each_does_alone(
    write: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(States, "_footprints", lambda self: None)
    scenario = long_log("additive", 5, write)
    events = tuple(replace(e, fields={**e.fields, "id": e.number}) for e in scenario.events)
    scenario = replace(scenario, events=events)
    together = found(scenario, "reorder+redelivery")
    assert (together.counterexample.length if together.counterexample else None) == expected
    monkeypatch.setattr(States, "unmoved", lambda self, events: False)
    assert replace(found(scenario, "reorder+redelivery"), seconds=0) == replace(together, seconds=0)
