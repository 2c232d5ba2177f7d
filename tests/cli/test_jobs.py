"""``jobs check``: from a job's own SQL and batches to a verdict; and what it refuses."""

import json
import os
import subprocess
import sys
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
        (
            {"sql": "'SELECT :k'", "schema": "'CREATE TABLE t (k)'", "samples": "[[{'k': b'\\xff'}]]"},
            "counts: its samples cannot be written down as JSON: Object of type bytes",
        ),
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
    empty.write_text("from jobs import Job\njobs = [Job('a', None, None, None, ':a')]\ndatabase = 5\n")
    assert run("jobs", "run", str(empty)) == 2
    assert "`database` must be a function" in capsys.readouterr().err


def test_a_spark_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'too old' >&2\nexit 1\n")
    java.chmod(0o755)
    file = a_file(tmp_path, sql="'SELECT :k'")
    Path(file).write_text(Path(file).read_text() + "database = print\n")
    done = subprocess.run(
        [sys.executable, "-m", "dataeng_tui", "jobs", "run", file],
        env={**os.environ, "JAVA_HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Spark does not start: " in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.spark
def test_a_file_is_run_with_as_many_shuffle_partitions_as_cores(tmp_path: Path) -> None:
    """Not with Spark's 200; and a line of JSON becomes a row, another a dead letter."""
    (tmp_path / "events" / "email-opened").mkdir(parents=True)
    event = {"event_id": "1", "email_id": "a", "subscriber_id": "s", "at": "2026-03-02T14:00:00Z"}
    (tmp_path / "events" / "email-opened" / "one").write_text(json.dumps(event) + "\njunk\n")
    file = tmp_path / "one_job.py"
    file.write_text(
        "from pyspark.sql import SparkSession\n"
        "from dataeng_tui.demo.email_jobs import checkpoints, database, email_job, parse\n"
        "def consume(raw):\n"
        "    session = SparkSession.getActiveSession()\n"
        "    conf = session.conf.get('spark.sql.shuffle.partitions')\n"
        "    print('partitions and cores', conf, session.sparkContext.defaultParallelism)\n"
        "    return parse(raw)\n"
        "jobs = [email_job('email-opened', consume=consume, trigger={'availableNow': True})]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "dataeng_tui", "jobs", "run", str(file)],
        env={**os.environ, "EMAIL_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    told = next(line for line in done.stdout.splitlines() if line.startswith("partitions"))
    assert told.split()[-1] == told.split()[-2]
    name, state, _, rows, dead_letters, *others = done.stdout.splitlines()[-1].split()
    assert (name, state, rows, dead_letters, others) == ("email-opened", "finished", "1", "1", ["0", "0"])
    assert done.returncode == 0
