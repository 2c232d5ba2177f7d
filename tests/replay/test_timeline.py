"""The timeline is a second reading of a schedule: it must end where the search said that it ends."""

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.scenario import builtin_names, load
from dataeng_tui.replay.schedule import Step, deliveries
from dataeng_tui.replay.timeline import Cell, play


@pytest.mark.parametrize("name", builtin_names())
def test_every_counterexample_fails_at_its_end_and_never_before(name: str) -> None:
    from dataeng_tui.replay.delivery import FAULTS

    scenario = load(name)
    for fault in check(scenario, tuple(FAULTS), forget=False).faults:
        found = fault.counterexample
        if found is None or fault.verdict != "diverges":
            continue
        timeline = play(scenario, found.schedule)
        assert [frame.differs for frame in timeline.frames] == [False] * found.steps + [True]
        last = timeline.frames[-1]
        seen = [dict(zip(timeline.columns, row, strict=True)) for row in last.observed]
        assert seen == [dict(row) for row in found.rows]
        assert sum(last.deliveries) == found.length
        sound = play(scenario, found.versus)
        assert sound.frames[-1].observed == last.reference
        assert sound.frames[-1].delivered == last.delivered


def test_a_frame_tells_what_its_step_changed() -> None:
    timeline = play(load("additive"), deliveries(1, 2, 3, 3))
    new, _, update, again = (frame.changed for frame in timeline.frames[1:])
    assert new == {Cell("campaign", 1, column) for column in range(5)}
    assert update == {Cell("campaign", 1, 3), Cell("campaign", 1, 4)}
    assert again == {Cell("campaign", 1, 4)}
    assert timeline.frames[-1].deliveries == (1, 1, 2)
    assert "acknowledgement was lost" in timeline.frames[-1].sentence


def test_generated_columns_are_shown_and_removed_rows_told() -> None:
    frame = play(load("wide"), deliveries(1, 3)).frames[-1]
    (table,) = frame.tables
    assert dict(zip(table.columns, table.rows[1], strict=True))["computed"] == 1100
    assert play(load("hard-delete"), deliveries(1, 2)).frames[-1].removed[0][0] == "subscriber"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (deliveries(9), "no event 9"),
        (deliveries(0), "no event 0"),
        ((Step("crash", 0),), "half written can crash"),
        ((Step("transaction", 0, 1),), "cannot run transaction 2"),
        ((Step("transaction", 0, 0), Step("deliver", 1)), "still has event 1"),
    ],
)
def test_steps_that_cannot_be_are_refused(schedule: tuple[Step, ...], words: str) -> None:
    with pytest.raises(UserError, match=words):
        play(load("ledger-after"), schedule)


def test_a_frame_is_judged_when_nothing_is_half_done() -> None:
    steps = (
        Step("transaction", 0, 0),
        Step("crash", 0, 1),
        Step("transaction", 0, 0),
        Step("transaction", 0, 1),
    )
    assert [frame.quiet for frame in play(load("ledger-after"), steps).frames] == [
        True,
        False,
        False,
        False,
        True,
    ]
    back = (*deliveries(1, 2), Step("rewind", 0), *deliveries(1, 2))
    assert [frame.quiet for frame in play(load("inbox"), back).frames] == [
        True,
        True,
        True,
        False,
        False,
        True,
    ]
