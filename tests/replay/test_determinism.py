"""Chance and time in the SQL are found, in defaults and triggers too, and told; a clock can be stopped."""

from dataclasses import replace

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.program import split, transaction
from dataeng_tui.replay.scenario import Event, Scenario, load

UPSERT = "INSERT INTO t (id) VALUES (:id) ON CONFLICT (id) DO UPDATE SET v = coalesce(v, 0)"


def scenario(schema: str, write: str = UPSERT, clock: str | None = None) -> Scenario:
    return replace(
        load("additive"),
        events=(Event(1, {"id": 1, "when": "now"}), Event(2, {"id": 2, "when": "2021-12-01"})),
        messages=(0, 1),
        partitions=(None, None),
        schema=tuple(split(schema)),
        transactions=(transaction(write, "write.sql"),),
        observe=None,
        expect=None,
        clock=clock,
    )


@pytest.mark.parametrize(
    ("schema", "write", "word"),
    [
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v, at DEFAULT CURRENT_TIMESTAMP)",
            UPSERT,
            "CURRENT_TIMESTAMP",
        ),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, v, at DEFAULT (datetime('now')))", UPSERT, "datetime"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, v, at DEFAULT (random()))", UPSERT, "random"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, v, at DEFAULT (hex(randomblob(8))))", UPSERT, "randomblob"),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, random())",
            "random",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, date())",
            "date",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, date(:when))",
            "date",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, strftime('%Y'))",
            "clock",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
            "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET v = CURRENT_DATE WHERE id = NEW.id; END",
            UPSERT,
            "CURRENT_DATE",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, changes())",
            "changes",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
            "INSERT OR REPLACE INTO t VALUES (:id, last_insert_rowid())",
            "last_insert_rowid",
        ),
    ],
)
def test_it_is_told(schema: str, write: str, word: str) -> None:
    with pytest.raises(UserError, match=word):
        check(scenario(schema, write))


def test_a_stopped_clock_stands_still() -> None:
    defaults = "at DEFAULT CURRENT_TIMESTAMP, d DEFAULT (date('now', '+1 day'))"
    schema = f"CREATE TABLE t (id INTEGER PRIMARY KEY, v, {defaults})"
    verdict = check(scenario(schema, clock="2021-12-01 12:00:00"), ["reorder"])
    assert verdict.verdict == "replay-safe"
    assert [row["at"] for row in verdict.result] == ["2021-12-01 12:00:00"] * 2
    assert [row["d"] for row in verdict.result] == ["2021-12-02"] * 2


def test_a_clock_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="clock must be a time"):
        check(scenario("CREATE TABLE t (id INTEGER PRIMARY KEY, v)", clock="noon"))


def test_changes_after_a_write_of_the_same_transaction_is_fine() -> None:
    schema = (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE total (n); INSERT INTO total VALUES (0);"
    )
    write = "INSERT OR IGNORE INTO t (id) VALUES (:id); UPDATE total SET n = n + 1 WHERE changes() = 1"
    assert check(scenario(schema, write), ["reorder+redelivery"]).verdict == "replay-safe"
