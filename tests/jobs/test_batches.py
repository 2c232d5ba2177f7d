"""A micro-batch in run_jobs: written once, in order, in chunks, and left alone after the stop."""

import shutil
import sqlite3
import sys
import threading
import time
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from dataeng_tui.jobs import _Runner, run_jobs
from tests.jobs.conftest import Place, event, read_lines, write_events

pytestmark = pytest.mark.spark


def test_a_redelivered_batch_is_not_written_again(spark: Any, place: Place) -> None:
    def additive(name: str) -> Any:
        sql = "INSERT INTO seen VALUES (:email_id, 1) ON CONFLICT (email_id) DO UPDATE SET n = n + 1"
        schema = "CREATE TABLE IF NOT EXISTS seen (email_id TEXT PRIMARY KEY, n INTEGER)"
        return place.job(name, transform=lambda rows: rows, row=None, sql=sql, schema=schema)

    folder = place.folder / "checkpoints" / "seen"
    run_jobs(spark, [additive("seen")], place.database, checkpoints=place.checkpoints)
    before = shutil.copytree(folder, place.folder / "old")
    # As after a kill between the database's commit and Spark's: the batch is planned, and not committed.
    for path in (folder / "commits").iterdir():
        path.unlink()
    (outcome,) = run_jobs(spark, [additive("seen")], place.database, checkpoints=place.checkpoints)
    assert (outcome.redelivered, outcome.rows) == (1, 0)
    assert place.rows("SELECT * FROM seen ORDER BY 1") == [("e0", 5), ("e1", 6)]

    for number in (1, 2):
        write_events(place.folder / "events", f"more-{number}", [event(99, "e0", "2026-03-02T15:00:00Z")])
        run_jobs(spark, [additive("seen")], place.database, checkpoints=place.checkpoints)
    assert place.rows("SELECT n FROM seen WHERE email_id = 'e0'") == [(7,)]
    shutil.rmtree(folder)
    shutil.copytree(before, folder)  # somebody restores a backup of the checkpoint
    options: dict[str, Any] = {"checkpoints": place.checkpoints, "max_restarts": 0}
    (outcome,) = run_jobs(spark, [additive("seen")], place.database, **options)
    assert outcome.state == "failed"
    assert "is older than the job's table: take a new checkpoint" in outcome.message.replace("''", "'")
    assert place.rows("SELECT n FROM seen WHERE email_id = 'e0'") == [(7,)]


@pytest.mark.parametrize("shipped", [True, False], ids=["by columns", "by rows"])
def test_rows_pass_in_chunks_however_many_there_are(
    spark: Any, place: Place, shipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With record_batches.py beside jobs.py, and without it."""
    if not shipped:
        monkeypatch.setitem(sys.modules, "dataeng_tui.record_batches", None)
    sizes: list[int] = []

    class Cursor(sqlite3.Cursor):
        def executemany(self, sql: str, rows: Any) -> Any:
            sizes.append(len(rows))
            return super().executemany(sql, rows)

    class Connection(sqlite3.Connection):
        def cursor(self) -> Any:
            return super().cursor(Cursor)

    lines = [event(n, f"mail-{n}", "2026-03-02T14:00:00Z") for n in range(5_500)]
    write_events(place.folder / "events", "many", lines)
    database = partial(place.database, factory=Connection)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "900")
    (outcome,) = run_jobs(spark, [place.job("counts")], database, checkpoints=place.checkpoints)
    spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert outcome.rows == 5_502
    assert sum(sizes) == 5_502
    assert max(sizes) == (900 if shipped else 1000)


def test_rows_of_a_partition_are_written_in_its_order(spark: Any, place: Place) -> None:
    lines = [event(n, "e0", f"2026-03-02T14:{n % 60:02}:00Z") for n in range(4_000)]
    write_events(place.folder / "events", "first", lines)
    job = place.job(
        "latest",
        transform=lambda rows: rows,
        row=None,
        schema="CREATE TABLE IF NOT EXISTS latest (email_id TEXT PRIMARY KEY, event_id TEXT)",
        sql="""INSERT INTO latest VALUES (:email_id, :event_id)
            ON CONFLICT (email_id) DO UPDATE SET event_id = excluded.event_id""",
        read=lambda session: read_lines(str(place.folder / "events"), session).coalesce(1),
    )
    run_jobs(spark, [job], place.database, checkpoints=place.checkpoints)
    assert place.rows("SELECT * FROM latest") == [("e0", "3999")]


def test_a_batch_that_broke_holds_no_lock(spark: Any, place: Place) -> None:
    """Even where somebody keeps its error, and with that its cursor."""
    kept: list[Any] = []

    class Cursor(sqlite3.Cursor):
        def executemany(self, sql: str, rows: Any) -> Any:
            kept.append(self)
            return super().executemany(sql, [(*row[:-1], object()) for row in rows])

    class Connection(sqlite3.Connection):
        def cursor(self) -> Any:
            return super().cursor(Cursor)

    database = partial(place.database, factory=Connection)
    options: dict[str, Any] = {"checkpoints": place.checkpoints, "max_restarts": 0}
    (outcome,) = run_jobs(spark, [place.job("counts")], database, **options)
    assert (outcome.state, "not supported" in outcome.message, len(kept)) == ("failed", True, 1)
    with closing(sqlite3.connect(place.folder / "test.db", timeout=0)) as other:
        other.execute("INSERT INTO counts VALUES ('e', 'b', 1)")


def test_a_batch_that_comes_after_the_stop_is_no_failure_to_spark(
    spark: Any, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query ends as one that was stopped; the batch is planned, and neither written nor committed."""
    queries: list[Any] = []
    stop = _Runner.stop

    def late(runner: _Runner, deadline: float) -> None:
        while not runner.held:  # the next batch gets in before the stop
            time.sleep(0.01)
        queries.append(runner.query)
        stop(runner, deadline)

    monkeypatch.setattr(_Runner, "stop", late)
    asked = threading.Event()

    def database() -> sqlite3.Connection:
        if spark.streams.active:
            asked.set()
        return place.database()

    rate = {"rowsPerBatch": 5, "numPartitions": 1}
    job = place.job(
        "ticks",
        read=lambda session: session.readStream.format("rate-micro-batch").options(**rate).load(),
        consume=lambda raw: raw,
        transform=lambda rows: rows,
        event=None,
        row=None,
        schema="CREATE TABLE IF NOT EXISTS ticks (value INTEGER PRIMARY KEY)",
        sql="INSERT INTO ticks VALUES (:value)",
        trigger={"processingTime": "0 seconds"},
    )
    (outcome,) = run_jobs(spark, [job], database, checkpoints=place.checkpoints, stop_when=asked.is_set)
    assert (outcome.state, outcome.message, queries[0].exception()) == ("stopped", "", None)
    assert not queries[0].isActive
    home = place.folder / "checkpoints" / "ticks"
    commits = sorted(int(path.name) for path in (home / "commits").glob("[0-9]*"))
    assert commits == list(range(outcome.batches))
    assert (home / "offsets" / str(outcome.batches)).exists()
    assert place.rows("SELECT count(*) FROM ticks") == [(5 * outcome.batches,)]
