"""The same jobs into a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.demo.email_jobs import email_job
from dataeng_tui.jobs import run_jobs
from tests.jobs.conftest import event, write_events
from tests.jobs.server import postgres

psycopg = pytest.importorskip("psycopg")
pytestmark = [pytest.mark.spark, pytest.mark.postgres]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as found:
        yield found


def rows(server: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server) as connection:
        return list(connection.execute(query).fetchall())


def jobs(folder: Path) -> list[Any]:
    def read(spark: Any) -> Any:
        return spark.readStream.format("text").load(str(folder / "events"))

    options: dict[str, Any] = {"read": read, "trigger": {"availableNow": True}}
    adding = """INSERT INTO deliveries AS d VALUES (:email_id, 1) -- 100 % of :them
        ON CONFLICT (email_id) DO UPDATE SET n = d.n + 1::int"""
    return [
        email_job("hourly", **options),
        email_job(
            "deliveries",
            **options,
            transform=lambda events: events,
            row=None,
            schema="CREATE TABLE IF NOT EXISTS deliveries (email_id TEXT PRIMARY KEY, n INTEGER)",
            sql=adding,
        ),
    ]


def test_upserts_ledger_and_dead_letters(spark: Any, server: str, tmp_path: Path) -> None:
    lines = [event(n % 40, f"e{n % 2}", f"2026-03-02T14:{n % 60:02}:00Z") for n in range(60)]
    write_events(tmp_path / "events", "one", [*lines, "ju\0nk"])  # which is no text to PostgreSQL
    run = partial(
        run_jobs, spark, jobs(tmp_path), partial(psycopg.connect, server), checkpoints=str(tmp_path / "c")
    )
    assert [(o.state, o.dead_letters) for o in run()] == [("finished", 1), ("finished", 1)]
    assert rows(server, "SELECT * FROM deliveries ORDER BY 1") == [("e0", 30), ("e1", 30)]
    for job in ("hourly", "deliveries"):  # as after a kill between the two commits
        shutil.rmtree(tmp_path / "c" / job / "commits")
    assert [(o.state, o.redelivered) for o in run()] == [("finished", 1), ("finished", 1)]
    assert rows(server, "SELECT * FROM deliveries ORDER BY 1") == [("e0", 30), ("e1", 30)]
    assert rows(server, "SELECT job, count(*), min(reason) FROM dead_letters GROUP BY 1 ORDER BY 1") == [
        ("deliveries", 1, "not JSON"),
        ("hourly", 1, "not JSON"),
    ]


def test_a_batch_that_breaks_leaves_nothing(spark: Any, server: str, tmp_path: Path) -> None:
    with psycopg.connect(server) as connection:
        connection.execute("CREATE TABLE strict (email_id TEXT PRIMARY KEY, CHECK (email_id <> 'e9'))")
    write_events(tmp_path / "events", "one", [event(n, f"e{n}", "2026-03-02T14:00:00Z") for n in range(10)])
    one = {"schema": "", "sql": "INSERT INTO strict VALUES (:email_id) ON CONFLICT DO NOTHING"}
    job = email_job("strict", read=jobs(tmp_path)[0].read, trigger={"availableNow": True}, **one)
    (outcome,) = run_jobs(
        spark,
        [job],
        partial(psycopg.connect, server),
        checkpoints=str(tmp_path / "c"),
        max_restarts=1,
        backoff=0.1,
    )
    assert (outcome.state, outcome.restarts) == ("failed", 1)
    assert "strict_email_id_check" in outcome.message
    assert rows(server, "SELECT * FROM strict") == []
    assert rows(server, "SELECT * FROM streaming_batches WHERE job = 'strict'") == []


def test_a_connection_in_autocommit_is_refused(spark: Any, server: str, tmp_path: Path) -> None:
    database = partial(psycopg.connect, server, autocommit=True)
    write_events(tmp_path / "events", "one", [event(1, "e1", "2026-03-02T14:00:00Z")])
    outcomes = run_jobs(spark, jobs(tmp_path), database, checkpoints=str(tmp_path / "c"))
    assert {(o.state, "autocommit" in o.message) for o in outcomes} == {("failed", True)}
