"""States: what tells two of them apart, and what may be left out."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.database import Database
from dataeng_tui.replay.program import split, transaction
from dataeng_tui.replay.scenario import Event, Scenario, load
from dataeng_tui.replay.states import States
from tests.replay.designs import scenarios


def scenario(schema: str, write: str, *, ignore: tuple[str, ...] = (), events: int = 4) -> Scenario:
    log = tuple(Event(i + 1, {"id": i, "name": f"n{i}", "at": f"t{i}"}) for i in range(events))
    return replace(
        load("additive"),
        events=log,
        messages=tuple(range(events)),
        partitions=(None,) * events,
        schema=tuple(split(schema)),
        transactions=(transaction(write, "write.sql"),),
        observe=None,
        expect=None,
        ignore=ignore,
    )


AUTO = "CREATE TABLE t (n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, at TEXT{more})"
ADD = "INSERT INTO t (name, at) VALUES (:name, :at) ON CONFLICT (name) DO NOTHING"


def nodes(given: Scenario) -> tuple[str, int]:
    found = check(given, ["reorder"], forget=False).faults[0]
    return found.verdict, found.nodes


def test_a_number_given_out_in_order_of_arrival_is_a_difference_unless_ignored() -> None:
    assert nodes(scenario(AUTO.format(more=""), ADD))[0] == "diverges"
    assert nodes(scenario(AUTO.format(more=""), ADD, ignore=("t.n",))) == ("replay-safe", 2**4)


@pytest.mark.parametrize(
    ("more", "extra"),
    [
        (", CHECK (n > 0)", ""),
        ("); CREATE UNIQUE INDEX u ON t (n, at", ""),
        ("); CREATE TABLE child (n REFERENCES t", ""),
        ("", "; DELETE FROM t WHERE n > 100"),
        ("", "; SELECT max(n) AS top FROM t"),
    ],
)
def test_an_ignored_column_that_something_looks_at_still_tells_states_apart(more: str, extra: str) -> None:
    verdict, count = nodes(scenario(AUTO.format(more=more), ADD + extra, ignore=("t.n",)))
    assert verdict == "replay-safe"  # the reader does not see it
    assert count > 2**4  # but it is not merged


def test_hidden_rowids_are_left_out_only_where_no_order_shows() -> None:
    schema = (
        "CREATE TABLE t (name TEXT PRIMARY KEY NOT NULL, at TEXT); CREATE TABLE last (one PRIMARY KEY, name);"
    )
    add = "INSERT INTO t VALUES (:name, :at) ON CONFLICT DO NOTHING"
    assert nodes(scenario(schema, add)) == ("replay-safe", 2**4)
    for look in (
        "INSERT OR REPLACE INTO last SELECT 1, at FROM t LIMIT 1",
        "INSERT OR REPLACE INTO last SELECT 1, group_concat(at) FROM t",
        "INSERT OR REPLACE INTO last SELECT 1, name FROM t WHERE rowid = 1",
        "SELECT name AS first FROM t WHERE at > ''; INSERT OR REPLACE INTO last VALUES (1, :first)",
    ):
        assert nodes(scenario(schema, f"{add}; {look}"))[0] == "diverges", look


def test_values_of_different_types_are_different() -> None:
    schema = "CREATE TABLE t (id PRIMARY KEY, v); INSERT INTO t VALUES (1, NULL);"
    given = scenario(schema, "UPDATE t SET v = :v")
    for one, other in ((1, 1.0), (1, "1"), (0.0, -1.5)):
        events = (Event(1, {"v": one}), Event(2, {"v": other}))
        found = check(replace(given, events=events, messages=(0, 1)), ["reorder"], forget=False)
        assert found.verdict == "diverges", (one, other)


def test_equal_rows_are_counted() -> None:
    schema = "CREATE TABLE t (v); INSERT INTO t VALUES ('x'), ('x');"
    write = "INSERT INTO t VALUES ('x')"
    found = check(scenario(schema, write), ["reorder+redelivery"], forget=False).faults[0]
    assert found.counterexample is not None
    assert found.counterexample.length == 2
    assert len(found.counterexample.rows) == 4


def test_deferred_and_plain_foreign_keys() -> None:
    schema = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p{});"
    )
    write = "INSERT OR IGNORE INTO c VALUES (:id, :id - 1); INSERT OR IGNORE INTO p VALUES (:id)"
    found = check(scenario(schema.format(""), write), ["lost-ack"], forget=False)
    assert any("refuses event 1" in note for note in found.notes)
    with pytest.raises(UserError, match="DEFERRED"):
        check(scenario(schema.format(" DEFERRABLE INITIALLY DEFERRED"), write), ["lost-ack"])


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(scenarios(most_events=4, most_transactions=1))
def test_what_the_change_log_tells_is_what_the_tables_hold(given: Scenario) -> None:
    """The states by triggers and the states by reading everything back are the same ones."""
    try:
        database = Database(given)
    except UserError:
        return
    states = States(database)
    here = 0
    try:
        for event in (0, 1, 0, 1, len(given.events) - 1):
            states.bring(here)
            after, _ = states.deliver(event)
            states.bring(after)
            held = {
                (number, row[1:])
                for number, i in enumerate(states.identities)
                for row in database.rows(i.table)
            }
            told = {(number, row) for _, number, _, row, new in states.bits.of(after) if new and number >= 0}
            gone = {
                (number, row) for _, number, _, row, new in states.bits.of(after) if not new and number >= 0
            }
            assert told <= held
            assert not (gone - told) & held or any(i.bag for i in states.identities)
            here = after
    except UserError:
        return
    finally:
        database.close()
