"""What one session for many jobs saves, what run_jobs costs, and how fast rows pass foreachBatch."""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.demo.email_jobs import email_job
from dataeng_tui.jobs import _Runner, run_jobs
from tests.bench.jobs_load import cpu_seconds, feed, java_process, load_jobs
from tests.jobs.conftest import open_session
from tests.jobs.server import postgres

pytestmark = [pytest.mark.bench, pytest.mark.spark]

ROOT = Path(__file__).parents[2]
ROWS = 300_000


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    session = open_session(**{"spark.driver.extraJavaOptions": "-XX:+UseSerialGC"})  # the whole compiler
    yield session
    session.stop()


def run_alone(folder: Path, jobs: int) -> dict[str, float]:
    """The load in a process, and so in a session, of its own."""
    command = [sys.executable, "-m", "tests.bench.jobs_load", str(folder), str(jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_twelve_jobs_in_one_session_against_twelve_sessions(tmp_path: Path) -> None:
    feed(tmp_path, files=3, lines=200)
    one = run_alone(tmp_path, 12)
    with ThreadPoolExecutor(2) as pool:  # two at a time, as there are two cores; each holds its own
        twelve = list(pool.map(partial(run_alone, tmp_path), [1] * 12))
    memory = sum(run["memory"] for run in twelve) / one["memory"]
    cpu = sum(run["cpu"] for run in twelve) / one["cpu"]
    print(f"\none session {one['memory'] / 1024:.0f} MiB; twelve take {memory:.1f} x memory, {cpu:.1f} x CPU")
    assert memory >= 5
    assert cpu >= 1.5


def plain(session: Any, jobs: list[Any], database: Callable[[], Any], checkpoints: str) -> None:
    """What one writes by hand: a foreachBatch a query, its rows collected, one executemany."""

    def write(sql: str, frame: Any, _: int) -> None:
        rows = frame.collect()
        connection = database()
        connection.executemany(sql, rows)
        connection.commit()
        connection.close()

    queries = []
    for job in jobs:
        database().execute(job.schema)
        stream = job.transform(job.consume(job.read(session))).select("email_id", "bucket", "events")
        sql = job.sql.replace(":email_id, :bucket, :events", "?, ?, ?")
        writer = stream.writeStream.queryName(job.name).outputMode("update").trigger(availableNow=True)
        writer = writer.option("checkpointLocation", f"{checkpoints}/{job.name}")
        queries.append(writer.foreachBatch(partial(write, sql)).start())
    for query in queries:
        query.awaitTermination()


def test_run_jobs_costs_next_to_nothing_beside_plain_queries(spark: Any, tmp_path: Path) -> None:
    feed(tmp_path, files=3, lines=100)
    names = [f"job-{number}" for number in range(12)]
    java, ratios = java_process(), []

    def cost(runner: Callable[..., Any], place: str) -> float:
        folder = tmp_path / place
        folder.mkdir()
        database = partial(sqlite3.connect, folder / "rows.db", timeout=60)
        before = cpu_seconds(java)
        if runner is plain:
            plain(spark, load_jobs(tmp_path, names), database, str(folder))
        else:
            run_jobs(spark, load_jobs(tmp_path, names), database, checkpoints=str(folder))
        return cpu_seconds(java) - before

    cost(plain, "warm-plain")
    cost(run_jobs, "warm")
    for turn in range(3):
        by_hand = cost(plain, f"plain-{turn}")
        ratios.append(cost(run_jobs, f"jobs-{turn}") / by_hand)
    print(f"\nCPU of run_jobs by that of plain queries: {statistics.median(ratios):.3f} of {ratios}")
    assert statistics.median(ratios) <= 1.03


SCHEMA = "CREATE TABLE IF NOT EXISTS rows_in (id BIGINT PRIMARY KEY, email TEXT, n BIGINT)"
UPSERT = "INSERT INTO rows_in VALUES (:id, :email, :n) ON CONFLICT (id) DO UPDATE SET n = excluded.n"


def share_of_executemany(spark: Any, folder: Path, database: Callable[[], Any], mark: str) -> float:
    """How many times as long a bare executemany takes for the rows that a batch's foreachBatch writes.

    The rows come from four Parquet files, the cheapest source that there is: to make them is not measured,
    and a batch has four partitions.
    """
    made = spark.range(0, ROWS, 1, 4).selectExpr("id", "concat('mail-', id % 500) AS email", "id * 7 AS n")
    made.write.parquet(str(folder / "rows"))
    job = email_job(
        "rows",
        read=lambda session: session.readStream.schema(made.schema).parquet(str(folder / "rows")),
        consume=lambda rows: rows,
        transform=lambda rows: rows,
        event=None,
        row=None,
        schema=SCHEMA,
        sql=UPSERT,
        trigger={"availableNow": True},
    )
    spans: list[float] = []
    batch = _Runner._batch

    def timed(self: _Runner, *arguments: Any) -> None:
        start = time.perf_counter()
        batch(self, *arguments)  # from Spark's call until the commit: the rows are computed and fetched in it
        spans.append(time.perf_counter() - start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Runner, "_batch", timed)
        for turn in range(8):  # the JVM compiles what runs often
            (outcome,) = run_jobs(spark, [job], database, checkpoints=str(folder / f"checkpoint-{turn}"))
            assert (outcome.state, outcome.rows) == ("finished", ROWS)
    values = [(n, f"mail-{n % 500}", n * 7) for n in range(ROWS)]
    bare = []
    for _ in range(3):
        connection = database()
        start = time.perf_counter()
        connection.cursor().executemany(UPSERT.replace(":id, :email, :n", f"{mark}, {mark}, {mark}"), values)
        connection.commit()
        bare.append(time.perf_counter() - start)
        connection.close()
    print(f"\n{ROWS / min(spans):,.0f} rows/s through foreachBatch, {ROWS / min(bare):,.0f} bare")
    return min(bare) / min(spans)


def test_rows_into_sqlite(spark: Any, tmp_path: Path) -> None:
    database = partial(sqlite3.connect, tmp_path / "rows.db")
    assert share_of_executemany(spark, tmp_path, database, "?") >= 0.5


def test_rows_into_postgres(spark: Any, tmp_path: Path) -> None:
    import psycopg

    with postgres() as server:
        assert share_of_executemany(spark, tmp_path, partial(psycopg.connect, server), "%s") >= 0.5
