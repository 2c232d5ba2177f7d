"""``jobs check``: from a job's own SQL and batches to a verdict; and what it refuses."""

import json
from pathlib import Path

import pytest

from dataeng_tui.cli import main

ROOT = Path(__file__).parents[2]
EMAILS = ROOT / "src/dataeng_tui/demo/email_jobs.py"
NAIVE = ROOT / "tests/jobs/naive_jobs.py"


def run(*arguments: str) -> int:
    """The command line's exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([*arguments])
    return int(stopped.value.code or 0)


def a_file(folder: Path, **fields: str) -> str:
    """A file with one job of these fields, in Python."""
    given = {"read": "None", "consume": "None", "transform": "None", **fields}
    text = ", ".join(f"{name}={value}" for name, value in given.items())
    path = folder / "some_jobs.py"
    path.write_text(f"from jobs import Job\njobs = [Job('counts', {text})]\n")
    return str(path)


def test_the_jobs_that_ship_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("jobs", "check", str(EMAILS)) == 0
    assert capsys.readouterr().out.count("replay-safe\n") == 3


def test_the_job_that_adds_is_found_with_its_shortest_counterexample(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("jobs", "check", str(NAIVE), "--keep", str(tmp_path)) == 1
    out = capsys.readouterr().out
    assert "redeliver event 1, its acknowledgement was lost" in out
    assert "run_jobs writes a redelivered batch once" in out
    assert run("replay", "check", str(tmp_path / "campaign"), "--format", "json") == 1
    faults = {fault["fault"]: fault for fault in json.loads(capsys.readouterr().out)["faults"]}
    assert faults["lost-ack"]["counterexample"]["length"] == 2
    assert faults["rewind"]["verdict"] == "diverges"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO t VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = excluded.n", 0),
        ("INSERT INTO t VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = n + excluded.n", 1),
        ("INSERT INTO t VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = max(n, :n) -- :not, 100 %", 0),
        ("INSERT OR IGNORE INTO t VALUES (:k, :n)", 0),
    ],
)
def test_batches_are_made_up_from_the_table(tmp_path: Path, sql: str, code: int) -> None:
    schema = "'CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, n INTEGER)'"
    assert run("jobs", "check", a_file(tmp_path, sql=repr(sql), schema=schema)) == code


def test_a_batch_is_one_event_whose_rows_go_together(tmp_path: Path) -> None:
    schema = "'CREATE TABLE t (k INTEGER PRIMARY KEY, n INTEGER)'"
    sql = repr("INSERT INTO t VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = excluded.n")
    samples = repr([[{"k": 1, "n": 2}, {"k": 2, "n": 3}], [{"k": 1, "n": 5}, {"k": 1, "n": 6}]])
    file = a_file(tmp_path, sql=sql, schema=schema, samples=samples)
    assert run("jobs", "check", file, "--keep", str(tmp_path / "kept")) == 0
    events = (tmp_path / "kept" / "counts" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in events] == [
        {"k_1": 1, "n_1": 2, "k_2": 2, "n_2": 3},
        {"k_1": 1, "n_1": 5, "k_2": 1, "n_2": 6},
    ]
    assert (tmp_path / "kept" / "counts" / "write.sql").read_text().count("INSERT") == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"sql": "'INSERT INTO t VALUES (:k)'"}, "give the job schema="),
        (
            {"sql": "'INSERT INTO t VALUES (:k)'", "schema": "'CREATE TABEL t (k)'"},
            "its schema cannot be read",
        ),
        (
            {"sql": "'SELECT :k'", "schema": "'CREATE TABLE t (k)'", "samples": "[[{'k': 1}], []]"},
            "as many rows",
        ),
        ({"sql": "'SELECT :k'", "schema": "'CREATE TABLE t (k)'", "samples": "[[{'n': 1}]]"}, "has no 'k'"),
        ({"sql": "1 / 0"}, "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_checked_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, str], sentence: str
) -> None:
    assert run("jobs", "check", a_file(tmp_path, **fields)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_a_file_without_jobs_and_no_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("jobs = [1]\n")
    assert run("jobs", "check", str(empty)) == 2
    assert "defines no `jobs`" in capsys.readouterr().err
    assert run("jobs", "run", str(tmp_path / "nothing.py")) == 2
    assert "There is no file" in capsys.readouterr().err
    assert run("jobs", "run", a_file(tmp_path, sql="'SELECT :k'")) == 2
    assert "defines no `database`" in capsys.readouterr().err
