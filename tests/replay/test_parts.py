"""Searching events apart, and remembering their effects, must change no answer."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataeng_tui.errors import UserError
from dataeng_tui.replay import check as checks
from dataeng_tui.replay.check import Run
from dataeng_tui.replay.forgotten import forgotten_fields
from dataeng_tui.replay.scenario import Event, Scenario, load
from dataeng_tui.replay.states import States
from dataeng_tui.replay.verdict import Forgotten
from tests.replay.designs import scenarios

FAULTS = ("reorder", "reorder+redelivery", "partition-order")
seen: Counter[str] = Counter()


def answers(scenario: Scenario, *, apart: bool, seconds: float = 0.06) -> list[tuple[str, int | None]]:
    run = Run(scenario, apart=apart)
    try:
        verdict = run.verdict(FAULTS, seconds, None, forget=False)
        if apart:
            seen["apart"] += len(run.parts) > 1
            seen["all"] += 1
    finally:
        run.close()
    return [(f.verdict, f.counterexample.length if f.counterexample else None) for f in verdict.faults]


def agree(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        found = answers(scenario, apart=True)
    except UserError:
        return
    with monkeypatch.context() as without:
        without.setattr(States, "_footprints", lambda self: None)
        joint = answers(scenario, apart=False)
    for one, other in zip(found, joint, strict=True):
        assert one == other or "undecided" in {one[0], other[0]}


@settings(max_examples=1250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(scenario=scenarios(most_events=4))
def test_no_unsound_splitting_in_a_thousand_designs(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "WORTH_SPLITTING", 2)
    agree(scenario, monkeypatch)


def test_enough_of_the_thousand_were_really_split() -> None:
    if seen["all"]:
        assert seen["all"] >= 1000, seen  # the rest is refused
        assert seen["apart"] > 30, seen


def forgotten(scenario: Scenario) -> tuple[Forgotten, ...]:
    run = Run(scenario)
    try:
        seen["beside"] += run.states.footprints is not None
        return forgotten_fields(run.states, run.reference, scenario, float("inf"))
    finally:
        run.close()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(scenario=scenarios(most_events=6))
def test_what_is_forgotten_is_found_among_the_neighbours(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        found = forgotten(scenario)
    except UserError:
        return
    with monkeypatch.context() as without:
        without.setattr(States, "_footprints", lambda self: None)
        assert found == forgotten(scenario)


def test_and_enough_of_them_had_neighbours() -> None:
    if seen["beside"]:
        assert seen["beside"] > 50, seen


def test_a_footprint_that_forgets_a_key_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail: a wrong proof of disjointness gives another answer."""
    monkeypatch.setattr(checks, "WORTH_SPLITTING", 2)
    monkeypatch.setattr(Run, "_parts", lambda self: [[0], [1], [2]])
    run = Run(load("last-arrival"))
    assert run.verdict(("reorder",), 2, None, forget=False).verdict != "diverges"
    run.close()
    assert answers(load("last-arrival"), apart=False, seconds=9)[0] == ("diverges", 2)


@pytest.mark.parametrize(("partitions", "length"), [((0, 0, 1, 1, 1), 3), ((0, 0, 0, 0, 0), None)])
def test_an_order_within_partitions_is_split_where_they_are_not(
    partitions: tuple[int, ...], length: int | None
) -> None:
    """Partitions that tie the parts together need events of the others first, and may forbid the schedule."""
    given = load("last-arrival")
    ids = (1, 2, 2, 3, 3)
    fields = [{**given.events[0].fields, "id": key, "sent": place} for place, key in enumerate(ids)]
    events = tuple(Event(place + 1, each) for place, each in enumerate(fields))
    given = replace(given, events=events, messages=tuple(range(5)), partitions=partitions, expect=None)
    for apart in (True, False):
        run = Run(given, apart=apart)
        assert len(run.parts) == (3 if apart else 0)
        found = run.fault("partition-order", time.perf_counter() + 9)
        run.close()
        assert (found.counterexample.length if found.counterexample else None) == length


def test_partition_order_of_many_keys_is_refuted_key_by_key() -> None:
    given = load("last-arrival")
    fields = [{**given.events[0].fields, "id": place // 2, "sent": place} for place in range(60)]
    events = tuple(Event(place + 1, each) for place, each in enumerate(fields))
    log = replace(given, events=events, messages=tuple(range(60)), expect=None)
    run = Run(replace(log, partitions=tuple(range(60))))
    found = run.fault("partition-order", time.perf_counter() + 9)
    run.close()
    assert found.counterexample is not None
    assert found.counterexample.length == 2
    assert found.transitions < 1_000


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER INSERT ON campaign BEGIN DELETE FROM campaign WHERE id <> NEW.id; END",
        "CREATE UNIQUE INDEX u ON campaign (email)",
        "CREATE UNIQUE INDEX u ON campaign (lower(email))",
    ],
)
def test_what_ties_rows_together_forbids_splitting(change: str) -> None:
    scenario = load("last-time")
    run = Run(scenario)
    assert run.states.footprints is not None
    run.close()
    run = Run(replace(scenario, schema=(*scenario.schema, change)))
    assert run.states.footprints is None
    run.close()


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_another_dialects_statements_are_recognised_as_they_are_lowered(dialect: str, tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(f'events = "e"\nwrite = ["w"]\ndialect = "{dialect}"\n')
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL, w TEXT)")
    (tmp_path / "w").write_text(
        "INSERT INTO t (id, v) VALUES (:id, :v)\n"
        "ON CONFLICT (id) DO UPDATE SET v = greatest(t.v, excluded.v) WHERE excluded.v > t.v;\n"
        "UPDATE t SET w = :w WHERE id = :id AND v < :v; DELETE FROM t WHERE id = :id AND v < 0"
    )
    (tmp_path / "e").write_text(
        "\n".join(f'{{"id": {place // 2}, "v": {place}, "w": "x"}}' for place in range(20))
    )
    run = Run(load(tmp_path))
    assert len(run.parts) == 10
    run.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE campaign SET sent = sent + :sent",
        "UPDATE campaign SET sent = :sent WHERE id = :id OR sent > 5",
        "UPDATE campaign SET id = :id WHERE id = :id",
        "UPDATE campaign SET sent = (SELECT sum(sent) FROM campaign) WHERE id = :id",
        "UPDATE campaign SET sent = unicode(:email) WHERE id = :id",
        "DELETE FROM campaign WHERE NOT id = :id",
        "DELETE FROM campaign WHERE CASE WHEN sent > 1 AND id = :id AND 1 THEN 1 ELSE 1 END",
        "INSERT INTO campaign (id, email, subject, date, sent) SELECT id + 1, 'x', 'y', 'z', 1 FROM campaign",
        "INSERT OR IGNORE INTO campaign (id, email, subject, date, sent) VALUES (:id + 1, 'x', 'y', 'z', 1)",
        "SELECT max(sent) AS top FROM campaign",
        "SELECT sent AS top FROM campaign c WHERE id = :id",
        "DELETE FROM [campaign] WHERE ([id] = :id) = 0",
        "DELETE FROM campaign WHERE NOT (id = :id)",
        "DELETE FROM campaign WHERE (id = :id AND sent > 5 OR sent > 9)",
        "UPDATE [campaign] SET [id] = :id WHERE ([id] = :id)",
        "DELETE FROM campaign WHERE 'id' = :id",
    ],
)
def test_a_statement_that_may_touch_other_rows_is_not_proved(sql: str) -> None:
    from dataeng_tui.replay.program import transaction

    scenario = load("last-time")
    run = Run(replace(scenario, transactions=(transaction(sql, "write.sql"),)))
    assert run.states.footprints is None
    run.close()
