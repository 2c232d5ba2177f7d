"""Which rows a MERGE and its like name: split where that is proved, and then with the same answer."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.replay import check as checks
from dataeng_tui.replay.check import Run
from dataeng_tui.replay.dialects import DIALECTS
from dataeng_tui.replay.scenario import load
from tests.replay.merge_designs import merge_scenarios
from tests.replay.test_parts import agree

seen: Counter[str] = Counter()


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_no_unsound_splitting_in_hundreds_of_merges(
    data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "WORTH_SPLITTING", 2)
    try:
        scenario = data.draw(merge_scenarios())
        run = Run(scenario)
    except UserError:
        return
    seen["all"] += 1
    seen["apart"] += len(run.parts) > 1
    run.close()
    agree(scenario, monkeypatch)


def test_enough_of_the_hundreds_were_really_split_and_enough_were_not() -> None:
    if seen["all"]:
        assert seen["all"] >= 400, seen  # the rest is refused
        assert 100 < seen["apart"] < seen["all"] - 100, seen


SCHEMA = "CREATE TABLE t (id INT, k INT, v INT, PRIMARY KEY (id)); CREATE TABLE u (id INT, n INT);"
KEYLESS = "CREATE TABLE t (id INT, k INT, v INT); CREATE TABLE u (id INT, n INT);"
MERGE = """
MERGE INTO t USING (SELECT :id AS id, :k AS k, :v AS v) AS s ON t.id = s.id
WHEN MATCHED AND s.v > 900 THEN DELETE
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT (id, k, v) VALUES (s.id, s.k, s.v)
"""


def parts(folder: Path, dialect: str, write: str, schema: str = SCHEMA) -> int | None:
    """How many parts the search has for 12 events of 4 ids; None: nothing is proved."""
    (folder / "scenario.toml").write_text(f'dialect = "{dialect}"\n')
    (folder / "schema.sql").write_text(schema)
    (folder / "write.sql").write_text(write)
    events = ({"id": n % 4, "k": n, "v": n, "name": f"n{n % 4}"} for n in range(12))
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    run = Run(load(folder))
    try:
        return len(run.parts) if run.states.footprints is not None else None
    finally:
        run.close()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("(SELECT :id AS id, :k AS k, :v AS v) AS s", "(VALUES (:id, :k, :v)) AS s(id, k, v)"),
        ("SELECT :id AS id", "SELECT CAST(:id AS BIGINT) AS id"),
        ("ON t.id = s.id", "ON (s.id = t.id AND (t.k < s.k OR t.v = s.v))"),
        ("ON t.id = s.id", "ON t.id = CAST(s.id AS INT)"),
        ("MERGE INTO t USING", "MERGE INTO t AS T USING"),
        ("t.id = s.id", 'T.ID = S.Id'),
        ("SET v = s.v", "SET id = s.id, v = t.v + s.v"),
        ("VALUES (s.id, s.k, s.v)", "VALUES (id, k, v)"),
        ("MERGE INTO t", "DELETE FROM u WHERE id = CAST(:id AS INT);\nMERGE INTO t"),
    ],
)  # fmt: skip
def test_a_merge_that_names_its_rows_is_split(dialect: str, old: str, new: str, tmp_path: Path) -> None:
    assert parts(tmp_path, dialect, MERGE.replace(old, new, 1)) == 4


@pytest.mark.parametrize(
    ("dialect", "write"),
    [
        (
            "databricks",
            "MERGE INTO t USING (SELECT :k AS k, :id AS id, :v AS v) AS s ON s.id <=> t.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        ),
        ("duckdb", MERGE.replace("ON t.id = s.id", "USING (id)")),
        ("duckdb", "MERGE INTO t USING (SELECT $id AS id, $k AS k, $v AS v) AS s USING (id) "
            "WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"),
        ("snowflake", 'MERGE INTO "T" AS x USING (SELECT :id AS "Id", :v AS v) AS s ON x.id = s."Id" '
            "WHEN MATCHED THEN UPDATE SET x.v = s.v"),
        ("postgres", "UPDATE t SET v = t.v + s.v FROM (VALUES (:id, :v)) AS s(id, v) "
            "WHERE t.id = s.id AND t.k > 1"),
        ("postgres", "DELETE FROM t USING (SELECT CAST(:id AS INT) AS id) AS s WHERE t.id = s.id"),
        ("snowflake", "DELETE FROM t USING (SELECT :id AS id) AS s WHERE t.id = s.id AND t.v < 5"),
        ("postgres", "INSERT INTO t (id, k, v) VALUES (%(id)s::int, %(k)s::int, %(v)s) ON CONFLICT (id) "
            "DO UPDATE SET v = CASE WHEN (excluded.v > t.v) THEN (excluded.v) ELSE t.v END"),
    ],
)  # fmt: skip
def test_each_dialects_own_forms_are_split(dialect: str, write: str, tmp_path: Path) -> None:
    assert parts(tmp_path, dialect, write) == 4


@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_may_be_named_by_text(dialect: str, tmp_path: Path) -> None:
    schema = SCHEMA.replace("t (id INT", "t (id VARCHAR(20)")
    for source in (":name AS id", "CAST(:name AS VARCHAR(20)) AS id"):
        assert parts(tmp_path, dialect, MERGE.replace(":id AS id", source), schema) == 4


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_merges_tie_the_events_of_both_keys(dialect: str, tmp_path: Path) -> None:
    other = "MERGE INTO u USING (SELECT {} AS id) AS s ON u.id = s.id "
    other += "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, 0)"
    assert parts(tmp_path, dialect, f"{MERGE};{other.format(':id')}") == 4
    assert parts(tmp_path, dialect, f"{MERGE};{other.format(':k')}") == 4
    assert parts(tmp_path, dialect, other.format(":k")) == 12


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ON t.id = s.id", "ON t.k < s.k"),
        ("ON t.id = s.id", "ON t.id = s.id OR t.k = s.k"),
        ("ON t.id = s.id", "ON NOT t.id = s.id"),
        ("ON t.id = s.id", "ON t.id >= s.id"),
        ("ON t.id = s.id", "ON t.id = s.id + 1"),
        ("ON t.id = s.id", "ON t.id = t.k AND s.id = s.k"),
        ("ON t.id = s.id", "ON t.id = (SELECT s.id)"),
        ("ON t.id = s.id", "ON t.id = s.id AND EXISTS (SELECT 1 FROM u WHERE u.id = s.k)"),
        ("ON t.id = s.id", "ON t.id = s.k"),  # and the INSERT says :id
        ("SELECT :id AS id", "SELECT :id + 1 AS id"),
        ("SELECT :id AS id", "SELECT CAST(:id AS DOUBLE PRECISION) AS id"),
        ("SELECT :id AS id", "SELECT coalesce(:id, 0) AS id"),
        (":v AS v)", ":v AS v UNION ALL SELECT :k, :k, :v)"),
        ("(SELECT :id AS id, :k AS k, :v AS v) AS s", "(VALUES (:id, :k, :v), (:k, :k, :v)) AS s(id, k, v)"),
        ("(SELECT :id AS id, :k AS k, :v AS v)", "(SELECT id, n AS k, n AS v FROM u WHERE id = :id)"),
        ("SET v = s.v", "SET id = s.k, v = s.v"),
        ("SET v = s.v", "SET id = t.id + 1"),
        ("SET v = s.v", "SET v = (SELECT max(v) FROM t)"),
        ("s.v > 900", "s.v > (SELECT max(n) FROM u)"),
        ("VALUES (s.id, s.k", "VALUES (s.k, s.k"),
        ("VALUES (s.id, s.k", "VALUES (s.id + 1, s.k"),
        ("VALUES (s.id, s.k", "VALUES (1, s.k"),
        ("(id, k, v) VALUES (s.id, s.k, s.v)", "(k, v) VALUES (s.k, s.v)"),
        ("MERGE INTO t", "UPDATE t SET v = 1 WHERE v = CAST(:v AS INT);\nMERGE INTO t"),
        ("MERGE INTO t", "SELECT max(n) AS id FROM u WHERE id = :k;\nMERGE INTO t"),  # so :id is no field
    ],
)  # fmt: skip
def test_a_merge_that_may_touch_other_rows_is_not_proved(
    dialect: str, old: str, new: str, tmp_path: Path
) -> None:
    assert old in MERGE
    assert parts(tmp_path, dialect, MERGE.replace(old, new, 1), KEYLESS) is None


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_a_key_that_is_enforced_has_to_hold_the_named_column(dialect: str, tmp_path: Path) -> None:
    assert parts(tmp_path, dialect, MERGE, SCHEMA.replace("(id))", "(id, k))")) == 4
    assert parts(tmp_path, dialect, MERGE, SCHEMA.replace("(id))", "(k))")) is None
    assert parts(tmp_path, dialect, MERGE, SCHEMA.replace("(id))", "(id), UNIQUE (k))")) is None


@pytest.mark.parametrize("dialect", ["snowflake", "databricks"])
def test_a_key_that_is_not_enforced_ties_nothing(dialect: str, tmp_path: Path) -> None:
    assert parts(tmp_path, dialect, MERGE, SCHEMA.replace("(id))", "(k))")) == 4


@pytest.mark.parametrize("dialect", ["snowflake", "databricks"])
@pytest.mark.parametrize(
    ("how", "code", "said"), [("s.v", 1, "diverges"), ("greatest(t.v, s.v)", 0, "replay-safe")]
)
def test_a_dump_whose_write_is_a_merge_is_checked_key_by_key(
    dialect: str, how: str, code: int, said: str, tmp_path: Path
) -> None:
    merge = MERGE.replace("WHEN MATCHED AND s.v > 900 THEN DELETE\n", "").replace(
        "SET v = s.v", f"SET v = {how}"
    )
    assert parts(tmp_path, dialect, merge.replace(":k AS k", "0 AS k")) == 4
    topic = tmp_path / "topic.jsonl"
    topic.write_text("\n".join(json.dumps({"id": n % 30, "k": n, "v": n * 7 % 60}) for n in range(90)))
    command = [sys.executable, "-m", "dataeng_tui", "replay", "check", str(tmp_path), "--events", str(topic)]
    command += ["--fault", "reorder+redelivery", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["events"], document["keys"]) == (said, 90, 30)
