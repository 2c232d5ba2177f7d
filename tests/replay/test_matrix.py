"""The strategies' known behaviour: every cell, by the steps of its shortest counterexample."""

import json

import pytest
from click.testing import CliRunner

from dataeng_tui.cli import cli
from dataeng_tui.replay.schedule import as_json
from dataeng_tui.replay.service import Replay

# lost-ack, rewind, partition-order by id, not by id, reorder, reorder+redelivery, crash, zombie, tie, total
KNOWN = """
additive             X2 X3 ok ok ok X2 -  X2 ok 1100
last-arrival         ok ok ok X3 X2 X2 -  X2 X2 1000!
last-time            ok ok ok ok ok ok -  ok X2 1000!
last-time-id         ok ok ok ok ok ok -  ok ok 1000!
max-merge            ok ok ok ok ok ok -  ok ok 1000!
wide                 ok ok ok ok ok ok -  ok X2 1100
wide-third           X5 X6 ok .  ok X4 -  X4 .  1150
one-to-many          ok ok ok ok ok ok ok ok X2 1100
dedupe-campaign      ok ok ok X3 X2 X2 -  X2 X2 100!
inbox                ok ok ok ok ok ok -  ok ok 1100
inbox-pruned         ok X6 ok ok ok X3 -  X3 ok 1100
ledger-after         ok ok ok ok ok ok X4 X4 ok 1100
ledger-before        ok ok ok ok ok ok X4 ok ok 1100
offset               ok ok ok X2 X2 X2 -  X2 X2 1100
delete-insert        ok ok ok ok ok ok -  ok X2 1100
delete-insert-two    ok ok ok ok ok ok ok X4 X2 1100
delete-insert-by-id  ok ok ok X3 X2 X2 -  X2 X2 1000!
read-modify-write    X2 X3 ok ok ok X2 ok X4 ok 1100
hard-delete          ok ok ok .  X2 X2 -  X2 .  1row
tombstone            ok ok ok .  ok ok -  ok .  1row
"""


def test_the_matrix_is_the_known_one() -> None:
    found = Replay().matrix()
    lines = [
        [row.scenario.name, *(cell.text or "." for cell in row.cells), row.summary.replace(" ", "")]
        for row in found.rows
    ]
    assert lines == [line.split() for line in KNOWN.strip().split("\n")]


def check(*arguments: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(
        cli, ["replay", "check", *arguments, "--format", "json"], standalone_mode=False
    )
    return result.return_value, json.loads(result.output)


@pytest.mark.parametrize(("name", "code"), [("additive", 1), ("wide", 0), ("one-to-many", 0)])
def test_the_blogs_three_designs(name: str, code: int) -> None:
    exit_code, document = check(name)
    assert exit_code == code
    assert set(document) >= {"scenario", "verdict", "faults", "forgotten", "bounds", "engine"}
    assert document["scenario"] == name


def test_the_blogs_bug_as_json() -> None:
    _, document = check("additive")
    fault = document["faults"][0]  # type: ignore[index]
    assert fault["fault"] == "lost-ack"
    assert fault["verdict"] == document["verdict"] == "diverges"
    found = fault["counterexample"]
    assert found["length"] == 2
    assert found["schedule"] == [
        {"step": "deliver", "event": 1},
        {"step": "deliver", "event": 1, "again": True},
    ]
    assert found["rows"] == [{"id": 1, "email": "A", "sent": 200}]
    assert found["versus_rows"] == [{"id": 1, "email": "A", "sent": 100}]
    assert {"event": 1, "field": "date"} in document["forgotten"]  # type: ignore[operator]


def test_the_blogs_story_ends_with_2100_instead_of_1100() -> None:
    service = Replay()
    (story,) = service.stories(service.load("additive"))
    assert story.counterexample is not None
    assert [step["event"] for step in as_json(story.counterexample.schedule)] == [1, 2, 3, 3]
    assert story.counterexample.rows[0]["sent"] == 2100
    assert story.counterexample.versus_rows[0]["sent"] == 1100
    assert story.timeline is not None
    assert story.timeline.frames[-1].differs


def test_worst_exit_code_of_several_and_undecided() -> None:
    run = CliRunner().invoke
    assert run(cli, ["replay", "check", "wide", "additive"], standalone_mode=False).return_value == 1
    result = run(
        cli, ["replay", "check", "inbox", "--seconds", "0.000001", "--format", "json"], standalone_mode=False
    )
    assert result.return_value == 3
    assert json.loads(result.output)["verdict"] == "undecided"


def test_junit_and_text_and_play_and_explain() -> None:
    from xml.etree import ElementTree

    run = CliRunner().invoke
    root = ElementTree.fromstring(run(cli, ["replay", "check", "ledger-after", "--format", "junit"]).output)
    suite = root[0]
    assert suite.get("failures") == "2"
    assert len(suite) == 7
    text = run(cli, ["replay", "check", "ledger-after"]).output
    for part in (
        "the worker dies with event 1 half written",
        "200 ≠",
        "SQLite",
        "READ COMMITTED",
        "all 6 orders",
    ):
        assert part in text
    assert "1100*" in run(cli, ["replay", "play", "additive"]).output
    assert "2100" in run(cli, ["replay", "explain", "additive"]).output
    assert "X4" in run(cli, ["replay", "matrix", "ledger-after"]).output
    assert "additive" in run(cli, ["replay", "list"]).output


@pytest.mark.parametrize(
    ("forget", "name", "fault"),
    [("crash", "ledger-after", "crash"), ("redelivery", "additive", "lost-ack")],
)
def test_an_explorer_that_forgets_a_fault_would_be_noticed(
    forget: str, name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the matrix and the brute force hold the search to: without the move the verdict turns."""
    from dataeng_tui.replay import delivery
    from dataeng_tui.replay.check import check as search
    from dataeng_tui.replay.scenario import load

    whole = delivery.FAULTS[fault]

    def without(log: delivery.Log) -> delivery.Fault:
        made = whole(log)

        def moves(delivered: int, state: delivery.State) -> list[delivery.Move]:
            found = list(made.moves(delivered, state))
            if forget == "crash":
                return [move for move in found if move[0].kind != "crash"]
            return [move for move in found if move[1] != delivered]

        return delivery.Fault(made.name, made.start, moves, made.quiet)

    assert search(load(name), [fault]).verdict == "diverges"
    monkeypatch.setitem(delivery.FAULTS, fault, without)
    assert search(load(name), [fault]).verdict == "replay-safe"


def test_merging_by_what_is_observed_would_miss_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """inbox-pruned: the inbox is not seen by the reader, and still decides what the next delivery does."""
    from dataeng_tui.replay.check import check as search
    from dataeng_tui.replay.scenario import load
    from dataeng_tui.replay.states import States

    assert search(load("inbox-pruned"), ["reorder+redelivery"]).verdict == "diverges"
    whole = States.deliver

    def forgetful(self: States, event: int) -> tuple[int, str]:
        after, reason = whole(self, event)
        seen = [number for number, table in enumerate(self.database.tables) if table.name == "campaign"]
        kept = sum(1 << bit for bit, number, *_ in self.bits.of(after) if number in seen)
        return kept, reason

    monkeypatch.setattr(States, "deliver", forgetful)
    found = search(load("inbox"), ["lost-ack"])
    assert found.verdict == "diverges"  # a sound design would be called broken: states may not be merged so
