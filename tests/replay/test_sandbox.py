"""Faults made by hand, and the scenes that they make."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.replay import sandbox
from dataeng_tui.replay.check import check
from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.schedule import Schedule, Step, deliveries
from dataeng_tui.replay.timeline import play

LEDGER = load("ledger-after")  # two transactions
ADDITIVE = load("additive")  # one, the same log


def kinds(schedule: Schedule) -> list[str]:
    return [f"{step.kind} {step.event + 1}" for step in schedule]


def test_a_lost_acknowledgement_brings_the_event_again() -> None:
    assert sandbox.lose_ack(deliveries(1, 2, 3), 2) == (deliveries(1, 2, 2, 3), 3)
    assert sandbox.lose_ack(deliveries(1, 2, 3), 0) is None


def test_two_deliveries_change_places() -> None:
    assert sandbox.swap(deliveries(1, 2, 3), 1) == (deliveries(2, 1, 3), 1)
    assert sandbox.swap(deliveries(1, 2, 3), 3) is None


def test_a_rewind_reads_on_to_where_it_was() -> None:
    schedule, at = sandbox.rewind(deliveries(1, 2, 3), 2, 0) or ((), 0)
    assert kinds(schedule) == ["deliver 1", "deliver 2", "rewind 1", "deliver 1", "deliver 2", "deliver 3"]
    assert at == 3
    assert sandbox.rewind(deliveries(1, 2, 3), 1, 1) is None


def test_a_crash_leaves_half_an_event_and_brings_it_again() -> None:
    schedule, at = sandbox.crash(deliveries(1, 2, 3), 2, 2) or ((), 0)
    assert kinds(schedule) == ["deliver 1", "transaction 2", "crash 2", "deliver 2", "deliver 3"]
    assert at == 2
    assert not play(LEDGER, schedule).frames[2].quiet
    assert sandbox.crash(deliveries(1), 1, 1) is None


def test_a_crash_moves_to_the_next_transaction_and_around() -> None:
    schedule, at = deliveries(1, 2), 1
    died = []
    for _ in range(4):
        schedule, at = sandbox.crash(schedule, at, 4) or ((), 0)
        died.append(sum(step.kind == "transaction" for step in schedule))
        assert kinds(schedule)[-3:] == ["crash 1", "deliver 1", "deliver 2"]
    assert died == [1, 2, 3, 1]


def test_a_design_of_one_transaction_loses_an_acknowledgement_where_another_dies_half_way() -> None:
    schedule, _ = sandbox.crash(deliveries(1, 2, 3), 1, 2) or ((), 0)
    assert sandbox.adapted(schedule, 1) == (
        Step("deliver", 0), None, Step("deliver", 0), Step("deliver", 1), Step("deliver", 2),
    )  # fmt: skip
    scene = sandbox.compare([LEDGER, ADDITIVE], schedule)
    assert [len(panel.frames) for panel in scene.panels] == [6, 6]
    assert scene.panels[1].frames[-1].observed[0][2] == 1200


EDITS = st.lists(st.tuples(st.sampled_from("lrwbxxx"), st.integers(0, 12), st.integers(0, 2)), max_size=6)


def by_hand(what: str, schedule: Schedule, at: int, event: int) -> sandbox.Edited:
    match what:
        case "l":
            return sandbox.lose_ack(schedule, at)
        case "r":
            return sandbox.redeliver(schedule, at, event)
        case "w":
            return sandbox.swap(schedule, at)
        case "b":
            return sandbox.rewind(schedule, at, event)
    return sandbox.crash(schedule, at, 2)


@settings(deadline=None, max_examples=80)
@given(EDITS)
def test_whatever_is_done_by_hand_can_be_played(edits: list[tuple[str, int, int]]) -> None:
    schedule, at = sandbox.in_log_order(3), 0
    for what, place, event in edits:
        schedule, at = by_hand(what, schedule, min(place, len(schedule)), event) or (schedule, at)
        assert 0 <= at <= len(schedule)
    scene = sandbox.compare([LEDGER, ADDITIVE], schedule)
    assert all(len(panel.frames) == len(schedule) + 1 for panel in scene.panels)
    assert all(scene.sentence(at) for at in range(len(schedule) + 1))


def test_a_counterexample_and_then_the_same_without_the_fault() -> None:
    found = check(ADDITIVE, ["lost-ack"], forget=False).faults[0].counterexample
    assert found is not None
    scene = sandbox.shown(ADDITIVE, found)
    assert scene.parts == 2
    assert len(scene.steps) == 3
    end = len(scene.steps)
    faulty, sound = (panel.frames[end] for panel in scene.panels)
    assert scene.other(0, end) == sound.observed
    assert scene.other(1, end) == faulty.observed
    assert scene.other(1, 1) is None
    assert sandbox.differences(faulty.observed, sound.observed) == {(0, 2): 100}


def test_an_unexpected_result_is_held_against_the_expected_rows() -> None:
    scenario = load("last-time")
    found = check(scenario, ["lost-ack"], forget=False).faults[0]
    assert found.verdict == "unexpected-result"
    assert found.counterexample is not None
    scene = sandbox.shown(scenario, found.counterexample)
    end = len(scene.steps)
    assert len(scene.panels) == 1
    other = scene.other(0, end)
    assert other is not None
    assert 1100 in sandbox.differences(scene.panels[0].frames[end].observed, other).values()


def test_rows_are_compared_by_their_first_cell_or_by_place() -> None:
    assert sandbox.differences([(1, 5), (2, 6)], [(2, 6), (1, 4)]) == {(0, 1): 4}
    assert sandbox.differences([(1, 5), (1, 6)], [(1, 5), (1, 7)]) == {(1, 1): 7}
    assert sandbox.differences([(1, 1)], [(1, 1.0)]) == {(0, 1): 1.0}
    assert set(sandbox.differences([(1, 5)], [])) == {(0, 0), (0, 1)}
