"""Other dialects' SQL: lowered so that the rows are the same, or refused with the clause named."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.dialects import DIALECTS, STAGING, Lowered, lower, not_exact
from dataeng_tui.replay.scenario import Scenario, load
from tests.replay import merges

CAMPAIGN = "CREATE TABLE campaign (id INT PRIMARY KEY, sent INT NOT NULL);"
MERGE = """
MERGE INTO campaign AS t USING (SELECT {id} AS id, {sent} AS sent) AS s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET sent = t.sent + s.sent
WHEN NOT MATCHED THEN INSERT (id, sent) VALUES (s.id, s.sent)
"""


def opened(lowered: Lowered) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for sql in (*lowered.schema, *lowered.staging):
        connection.execute(sql)
    return connection


def deliver(connection: sqlite3.Connection, lowered: Lowered, **event: object) -> None:
    for statements in lowered.writes.values():
        for sql in statements:
            connection.execute(sql, event)


def ran(
    dialect: str, schema: str, write: str, *events: dict[str, object], table: str = "campaign"
) -> list[object]:
    lowered = lower(dialect, schema, {"write.sql": write})
    connection = opened(lowered)
    for event in events:
        deliver(connection, lowered, **event)
    staged = [sql.split()[2] for sql in lowered.staging]
    assert all(name.startswith(STAGING) for name in staged)
    assert all(connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,) for name in staged)
    return connection.execute("SELECT * FROM campaign ORDER BY 1, 2").fetchall()


def worlds(seed: int) -> tuple[int, list[str]]:
    """How many steps, and those that differ."""
    found = list(merges.compare_worlds(seed, 5))
    return sum(count for count, _ in found), [wrong for _, wrong in found if wrong]


def several_rows(seed: int) -> tuple[int, list[str]]:
    """The same with several source rows, keys and errors, one MERGE of DuckDB's a step."""
    found = list(merges.compare(seed, 10, 20))
    return len(found), [f"{outcome}: {about}" for outcome, about in found if outcome.startswith("different")]


def test_generated_merges_do_what_duckdb_does() -> None:
    found = list(merges.compare(2021, 40))
    assert [(outcome, about) for outcome, about in found if outcome.startswith("different")] == []
    assert Counter(outcome for outcome, _ in found)["same"] > 400
    assert worlds(2021) == (2_000, [])


@pytest.mark.bench
@pytest.mark.parametrize(("compare", "seeds", "steps"), [(worlds, 50, 100_000), (several_rows, 80, 10_000)])
def test_many_generated_merges_do_what_duckdb_does(
    compare: Callable[[int], tuple[int, list[str]]], seeds: int, steps: int
) -> None:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(compare, range(seeds)))
    print(f"\n{compare.__name__}: {sum(count for count, _ in found):,} steps")
    assert [wrong for _, some in found for wrong in some][:3] == []
    assert sum(count for count, _ in found) >= steps


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("style", [":{}", "%({})s", "${}"])
def test_every_style_of_named_parameter_is_bound(dialect: str, style: str) -> None:
    write = MERGE.format(id=style.format("id"), sent=style.format("date"))  # a keyword as a name
    events: list[dict[str, object]] = [{"id": 1, "date": 100}, {"id": 1, "date": 1000}, {"id": 2, "date": 5}]
    assert ran(dialect, CAMPAIGN, write, *events) == [(1, 1100), (2, 5)]


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_on_conflict_is_sqlites_own(dialect: str) -> None:
    write = """INSERT INTO campaign AS c (id, sent) VALUES (:id, :sent)
               ON CONFLICT (id) DO UPDATE SET sent = c.sent + EXCLUDED.sent WHERE c.sent < 1000"""
    events: list[dict[str, object]] = [{"id": 1, "sent": sent} for sent in (100, 1000, 7)]
    assert ran(dialect, CAMPAIGN, write, *events) == [(1, 1100)]


def test_a_conflicting_key_may_not_come_twice_in_one_insert() -> None:
    write = """INSERT INTO campaign (id, sent) VALUES (:id, 1), (:other, 2)
               ON CONFLICT (id) DO UPDATE SET sent = campaign.sent + excluded.sent"""
    assert ran("postgres", CAMPAIGN, write, {"id": 1, "other": 2}, {"id": 2, "other": 3}) == [
        (1, 1),
        (2, 3),
        (3, 2),
    ]
    with pytest.raises(sqlite3.IntegrityError) as error:
        ran("postgres", CAMPAIGN, write, {"id": 1, "other": 1})
    assert "several source rows" in (not_exact(str(error.value)) or "")


def test_a_primary_key_is_enforced_where_the_dialect_enforces_it() -> None:
    write, twice = "INSERT INTO campaign VALUES (:id, 1)", [{"id": 1}, {"id": 1}]
    assert ran("snowflake", CAMPAIGN, write, *twice) == [(1, 1), (1, 1)]
    assert ran("databricks", CAMPAIGN, write, *twice) == [(1, 1), (1, 1)]
    for dialect in ("postgres", "duckdb"):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            ran(dialect, CAMPAIGN, write, *twice)
    for dialect in DIALECTS:
        with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
            ran(dialect, CAMPAIGN, write, {"id": None})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_source_rows_for_one_target_row_are_refused(dialect: str) -> None:
    write = """MERGE INTO campaign t USING (SELECT :id AS id, 1 AS sent UNION ALL SELECT :id, 2) s
               ON t.id = s.id
               WHEN MATCHED THEN UPDATE SET sent = s.sent"""
    schema = CAMPAIGN + "INSERT INTO campaign VALUES (1, 0);"
    assert ran(dialect, schema, write, {"id": 9}) == [(1, 0)]
    with pytest.raises(sqlite3.IntegrityError) as error:
        ran(dialect, schema, write, {"id": 1})
    assert "several source rows" in (not_exact(str(error.value)) or "")


def test_delta_refuses_a_double_match_even_if_the_clauses_tell_the_rows_apart() -> None:
    write = """MERGE INTO campaign t USING (SELECT 1 AS id, 1 AS sent UNION ALL SELECT 1, 2) s ON t.id = s.id
               WHEN MATCHED AND s.sent = 2 THEN UPDATE SET sent = s.sent"""
    schema = CAMPAIGN + "INSERT INTO campaign VALUES (1, 0);"
    assert ran("snowflake", schema, write, {}) == [(1, 2)]
    with pytest.raises(sqlite3.IntegrityError):
        ran("databricks", schema, write, {})


def test_the_short_forms_of_delta() -> None:
    write = """MERGE INTO campaign t USING (SELECT :sent AS sent, :id AS id) s ON t.id = s.id
               WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"""
    assert ran("databricks", CAMPAIGN, write, {"id": 1, "sent": 5}, {"id": 1, "sent": 6}) == [(1, 6)]


def test_update_from_and_delete_using() -> None:
    schema = (
        CAMPAIGN
        + "CREATE TABLE gone (id INT); INSERT INTO gone VALUES (2); INSERT INTO campaign VALUES (1, 0), (2, 0);"  # noqa: E501
    )
    update = "UPDATE campaign SET sent = s.sent FROM (SELECT :id AS id, :sent AS sent) AS s WHERE campaign.id = s.id"  # noqa: E501
    assert ran("postgres", schema, update, {"id": 1, "sent": 5}) == [(1, 5), (2, 0)]
    assert ran("postgres", schema, "DELETE FROM campaign USING gone WHERE campaign.id = gone.id", {}) == [
        (1, 0)
    ]


def test_an_insert_or_replace_of_duckdb_keeps_the_columns_that_it_does_not_name() -> None:
    schema = "CREATE TABLE campaign (id INT PRIMARY KEY, sent INT, note VARCHAR); INSERT INTO campaign VALUES (1, 5, 'a');"  # noqa: E501
    assert ran("duckdb", schema, "INSERT OR REPLACE INTO campaign (id, sent) VALUES (:id, 6)", {"id": 1}) == [
        (1, 6, "a")
    ]


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_decimals_are_added_exactly_in_any_order(cents: list[int]) -> None:
    schema = "CREATE TABLE campaign (id INT, total NUMERIC(14, 2)); INSERT INTO campaign VALUES (1, 0);"
    lowered = lower(
        "postgres", schema, {"write.sql": "UPDATE campaign SET total = total + :amount WHERE id = 1"}
    )
    connection = opened(lowered)
    for cent in cents:
        deliver(connection, lowered, amount=cent / 100)
    assert connection.execute("SELECT total FROM campaign").fetchone() == (sum(cents) / 100,)


def test_a_value_in_another_form_is_an_error_and_not_a_wrong_order() -> None:
    schema = "CREATE TABLE campaign (id INT, at TIMESTAMP, day DATE, amount NUMERIC(5, 2), small SMALLINT)"
    write = "INSERT INTO campaign VALUES (1, :at, :day, :amount, :small)"
    good: dict[str, object] = {
        "at": "2021-12-01 12:00:00.5",
        "day": "2021-12-01",
        "amount": 1.25,
        "small": -5,
    }
    assert len(ran("postgres", schema, write, good)) == 1
    bad = {"at": "2021-12-01T12:00:00Z", "day": "1/12/2021", "amount": 1.005, "small": 40_000}
    for name, value in bad.items():
        with pytest.raises(sqlite3.IntegrityError) as error:
            ran("postgres", schema, write, good | {name: value})
        assert name in (not_exact(str(error.value)) or "")


def test_an_update_that_changes_a_key_is_refused_where_keys_are_enforced() -> None:
    merge = """MERGE INTO campaign AS t USING (SELECT :id AS id, :sent AS sent) AS s ON t.id = s.id
               WHEN MATCHED THEN UPDATE SET id = {}, sent = s.sent
               WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.sent)"""
    events: list[dict[str, object]] = [{"id": 1, "sent": 5}, {"id": 1, "sent": 6}]
    for dialect in ("postgres", "duckdb"):
        assert ran(dialect, CAMPAIGN, merge.format("s.id"), *events) == [(1, 6)]
        with pytest.raises(UserError, match="changes a key"):
            lower(dialect, CAMPAIGN, {"write.sql": merge.format("s.sent")})
    assert ran("snowflake", CAMPAIGN, merge.format("s.sent"), *events) == [(6, 6)]


def test_a_key_that_is_freed_and_taken_by_several_rows_is_refused_where_keys_are_enforced() -> None:
    merge = """MERGE INTO campaign AS t USING (SELECT 1 AS id UNION ALL SELECT :id) AS s ON t.id = s.id
               WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, sent) VALUES (s.id, 0)"""
    for dialect in ("postgres", "duckdb"):
        with pytest.raises(UserError, match="deletes and inserts"):
            lower(dialect, CAMPAIGN, {"write.sql": merge})
    assert ran("databricks", CAMPAIGN, merge, {"id": 2}, {"id": 3}) == [(2, 0), (3, 0)]


def own(folder: Path, dialect: str, schema: str, write: str, *events: dict[str, object]) -> Scenario:
    (folder / "scenario.toml").write_text(f'dialect = "{dialect}"\n')
    (folder / "schema.sql").write_text(schema)
    (folder / "write.sql").write_text(write)
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return load(folder)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_scenario_in_another_dialect_is_checked_like_any_other(dialect: str, tmp_path: Path) -> None:
    events: list[dict[str, object]] = [
        {"id": 1, "sent": 100},
        {"id": 2, "sent": 100},
        {"id": 1, "sent": 1000},
    ]
    adding = MERGE.format(id=":id", sent=":sent")
    verdict = check(own(tmp_path, dialect, CAMPAIGN, adding, *events), ["lost-ack", "reorder"])
    lost, reordered = verdict.faults
    assert lost.verdict == "diverges"
    assert lost.counterexample is not None
    assert lost.counterexample.length == 2
    assert not any(STAGING in str(value) for row in lost.counterexample.rows for value in row.values())
    assert reordered.verdict == "replay-safe"
    greatest = adding.replace("t.sent + s.sent", "greatest(t.sent, s.sent)")
    verdict = check(own(tmp_path, dialect, CAMPAIGN, greatest, *events), ["lost-ack", "reorder+redelivery"])
    assert {fault.verdict for fault in verdict.faults} == {"replay-safe"}


def test_a_value_that_the_lowering_cannot_keep_is_no_refusal_of_the_database(tmp_path: Path) -> None:
    schema = "CREATE TABLE campaign (id INT PRIMARY KEY, at TIMESTAMP)"
    write = "INSERT INTO campaign VALUES (:id, :at) ON CONFLICT (id) DO NOTHING"
    scenario = own(tmp_path, "postgres", schema, write, {"id": 1, "at": "2021-12-01T12:00:00"})
    with pytest.raises(UserError, match="at must be a time as YYYY-MM-DD"):
        check(scenario, ["lost-ack"])


REFUSED = [
    ("databricks", "MERGE INTO campaign t USING campaign s ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE", "NOT MATCHED BY SOURCE"),  # noqa: E501
    ("postgres", "INSERT INTO campaign VALUES (:id, 1) RETURNING id", "RETURNING"),
    ("postgres", "INSERT INTO campaign VALUES (:id, 1) ON CONFLICT ON CONSTRAINT pk DO NOTHING", "CONSTRAINT"),  # noqa: E501
    ("postgres", "UPDATE campaign SET sent = random() WHERE id = :id", "RANDOM"),
    ("postgres", "UPDATE campaign SET sent = sent / :n WHERE id = :id", "sent / :n"),
    ("postgres", "DELETE FROM campaign WHERE note LIKE 'a%'", "LIKE"),
    ("postgres", "UPDATE campaign SET sent = 1 WHERE lower(note) = 'a'", "LOWER"),
    ("snowflake", "INSERT OVERWRITE INTO campaign VALUES (1, 2)", "OVERWRITE"),
    ("snowflake", "DELETE FROM campaign WHERE id = ?", "parameter"),
    ("snowflake", "TRUNCATE TABLE campaign", "TRUNCATE"),
    ("snowflake", "SELECT id FROM campaign QUALIFY row_number() OVER (PARTITION BY id ORDER BY sent) = 1", "QUALIFY"),  # noqa: E501
    ("databricks", "INSERT INTO campaign SELECT explode(x) AS id, 1 AS sent", "EXPLODE"),
    ("duckdb", "MERGE INTO nowhere t USING campaign s ON t.id = s.id WHEN MATCHED THEN DELETE", "nowhere"),
    ("duckdb", "SELECT id FROM campaign LIMIT 1", "LIMIT 1"),
    ("duckdb", "BEGIN", "BEGIN"),
    ("duckdb", "COPY campaign TO 'file.csv'", "COPY"),
    ("duckdb", "SELECT FROM WHERE", "not understood"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "write", "named"), REFUSED)
def test_what_has_no_equal_form_is_refused_by_name(dialect: str, write: str, named: str) -> None:
    with pytest.raises(UserError, match=r"write\.sql") as error:
        lower(dialect, CAMPAIGN, {"write.sql": write})
    assert named.lower() in str(error.value).lower()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("type_", ["JSON", "INT[]", "NUMERIC(30, 5)", "CHAR(3)", "SERIAL", "INTERVAL"])
def test_a_type_that_sqlite_cannot_keep_is_refused(type_: str) -> None:
    with pytest.raises(UserError, match="schema"):
        lower("postgres", f"CREATE TABLE campaign (id {type_})", {})


def test_an_unknown_column_is_never_taken_for_a_string() -> None:
    lowered = lower("postgres", CAMPAIGN, {"write.sql": 'UPDATE campaign SET sent = "nothing" WHERE id = 1'})
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        deliver(opened(lowered), lowered)


def test_an_unknown_dialect_is_a_sentence() -> None:
    with pytest.raises(UserError, match="oracle"):
        lower("oracle", "", {})
