"""A proof by deliveries that commute must never prove what a search over the delivered sets refutes."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.replay import explore
from dataeng_tui.replay.check import Run
from dataeng_tui.replay.columns import columns_apart
from dataeng_tui.replay.commute import commute
from dataeng_tui.replay.database import Database
from dataeng_tui.replay.delivery import ONCE
from dataeng_tui.replay.program import transaction
from dataeng_tui.replay.scenario import Event, Scenario, Value, load
from tests.replay.designs import counting, scenarios

FAULTS = ("rewind", "partition-order", "reorder", "reorder+redelivery")
seen: Counter[str] = Counter()


def proved(scenario: Scenario, *, once: bool) -> bool:
    run = Run(scenario, apart=False)
    try:
        found = commute(run.states, scenario.messages, lambda: None, once=once)
        seen["sums"] += found is not None and any(columns.sums for columns in run.states.pieces.apart)
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
        assert seen["sums"] > 50, seen


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


@pytest.mark.parametrize(
    ("sql", "sums", "others"),
    [
        ("UPDATE t SET v = v + :v WHERE id = :id", {"v"}, {"w"}),
        ("UPDATE t SET v = coalesce(t.v, 0) - :v + 1, w = max(w, :v) WHERE id = :id", {"v"}, {"w"}),
        ('UPDATE t SET "v" = `v` + :v WHERE id = :id', {"v"}, {"w"}),
        ("UPDATE t SET v = v + w WHERE id = :id", set(), {"v"}),  # what it comes to depends on another
        ("UPDATE t SET v = v + v WHERE id = :id", set(), {"v", "w"}),
        ("UPDATE t SET v = :v - v WHERE id = :id", set(), {"v", "w"}),
        ("UPDATE t SET v = -v + :v WHERE id = :id", set(), {"v", "w"}),
        ("UPDATE t SET v = v + :v WHERE id = :id; DELETE FROM t WHERE id = :id AND k > 2", set(), {"v", "w"}),
        ("UPDATE t SET v = v + :v WHERE id = :id AND v < 9", set(), {"w"}),  # the sum decides
        ("UPDATE t SET w = v, v = v + :v WHERE id = :id", set(), {"w"}),
        ("UPDATE t SET v = v + (SELECT w FROM t WHERE id = :id) WHERE id = :id", set(), set()),
        ("UPDATE t SET v = v + :v WHERE id = :id AND EXISTS (SELECT * FROM t WHERE id = :id)", set(), set()),
        ("SELECT v AS top FROM t WHERE id = :id; UPDATE t SET v = v + 1 WHERE id = :id", set(), {"w"}),
    ],
)
def test_which_columns_matter_to_no_other(sql: str, sums: set[str], others: set[str]) -> None:
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER, w INTEGER, x INTEGER UNIQUE)"
    fields: dict[str, Value] = {"id": 1, "v": 1, "k": 1}
    scenario = replace(
        load("additive"), name="t", schema=(schema,), transactions=(transaction(sql, "w"),), observe=None,
        events=(Event(1, fields),), messages=(0,), partitions=(0,), ignore=(),
    )  # fmt: skip
    database = Database(scenario)
    (found,) = columns_apart(database)
    names = database.tables[0].columns
    database.close()
    assert {names[column] for column in found.sums} == sums
    assert {names[column] for column in found.others} - {"k"} == others


def test_a_row_that_is_taken_for_what_is_in_it_has_no_such_columns() -> None:
    scenario = load("inbox")
    for schema in ("CREATE TABLE t (v INTEGER CHECK (v < 9))", "CREATE TABLE t (v INTEGER) STRICT"):
        database = Database(replace(scenario, schema=(*scenario.schema, schema)))
        assert not any(found.sums or found.others for found in columns_apart(database))
        database.close()


def test_sql_that_fails_only_where_nothing_leads_is_not_held_against_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Contents that never meet are tried together, too: an error there says nothing."""
    monkeypatch.setattr(explore, "MANY", 2)
    given = many_on_one_key("inbox", 4)
    impossible = (
        "EXISTS (SELECT 1 FROM inbox WHERE message_id = :message_id) "
        "AND NOT EXISTS (SELECT 1 FROM campaign WHERE id = :id)"
    )
    fails = f"SELECT json_extract(CASE WHEN {impossible} THEN 'no JSON' ELSE '{{}}' END, '$') AS x"
    run = Run(replace(given, transactions=(transaction(fails, "first"), *given.transactions)))
    assert run.states.footprints is not None
    assert commute(run.states, given.messages, lambda: None, once=False) is None
    assert run.fault("reorder+redelivery", time.perf_counter() + 9).verdict == "replay-safe"
    run.close()


def test_a_refusal_may_depend_on_a_column_that_is_held_still() -> None:
    sql = (
        "INSERT INTO t (id, c, d) VALUES (:id, :c, :d) ON CONFLICT (id) DO UPDATE SET "
        "c = nullif(max(c, excluded.c), :bad), d = max(d, excluded.d)"
    )
    given = [{"id": 1, "c": c, "d": d, "bad": bad} for c, d, bad in ((1, 1, 9), (2, 2, 9), (0, 3, 2))]
    scenario = replace(
        load("inbox"), name="t", observe=None, expect=None, messages=(0, 1, 2), partitions=(0, 0, 0),
        schema=("CREATE TABLE t (id INTEGER PRIMARY KEY, c INTEGER NOT NULL, d INTEGER)",),
        transactions=(transaction(sql, "w"),),
        events=tuple(Event(number, fields) for number, fields in enumerate(given, 1)),
    )  # fmt: skip
    assert not proved(scenario, once=True)
    run = Run(scenario)
    assert run.fault("reorder", time.perf_counter() + 9).verdict == "diverges"
    run.close()


def test_a_copy_of_a_message_that_says_something_else_is_no_copy() -> None:
    given = replace(many_on_one_key("max-merge", 3), messages=(0, 0, 2))
    assert not proved(given, once=False)
    fields = given.events[0].fields
    assert proved(replace(given, events=(given.events[0], Event(2, fields), given.events[2])), once=False)
