"""run_jobs in a real local Spark, against SQLite: many jobs, failures, databases that go away, poison."""

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dataeng_tui.demo.email_jobs import hourly
from dataeng_tui.jobs import JobError, Outcome, run_jobs
from tests.jobs.conftest import Place, event, write_events

pytestmark = pytest.mark.spark

COUNTS = [("e0", "2026-03-02 14:00", 5), ("e1", "2026-03-02 14:00", 5)]


def test_jobs_beyond_the_limit_wait_and_start_as_others_end(spark: Any, place: Place) -> None:
    names = [f"job-{number}" for number in range(5)]
    states: dict[str, str] = {}
    most, waited = 0, set()

    def watch(outcome: Outcome) -> None:
        nonlocal most
        states[outcome.job] = outcome.state
        most = max(most, sum(state in ("starting", "running") for state in states.values()))
        if outcome.state == "running":
            waited.update(job for job, state in states.items() if state == "waiting")

    jobs = [place.job(name) for name in names]
    outcomes = run_jobs(
        spark, jobs, place.database, checkpoints=place.checkpoints, max_concurrent_jobs=2, on_change=watch
    )
    assert [(o.job, o.state, o.rows) for o in outcomes] == [(name, "finished", 2) for name in names]
    assert most == 2
    assert len(waited) == 3
    for number in range(5):
        assert place.rows(f"SELECT * FROM job_{number} ORDER BY 1") == COUNTS


def test_twelve_jobs_at_once_on_two_cores_each_in_its_own_pool_under_its_own_name(
    spark: Any, place: Place
) -> None:
    everyone = threading.Barrier(12, timeout=60)
    seen: set[tuple[str, str]] = set()

    def database() -> sqlite3.Connection:
        pool = spark.sparkContext.getLocalProperty("spark.scheduler.pool")
        query = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
        if query and pool not in {name for name, _ in seen}:
            seen.add((pool, {q.id: q.name for q in spark.streams.active}[query]))
            everyone.wait()  # nobody gets on before all twelve are in a batch
        return place.database()

    jobs = [place.job(f"job-{number}") for number in range(12)]
    outcomes = run_jobs(spark, jobs, database, checkpoints=place.checkpoints)
    assert {o.state for o in outcomes} == {"finished"}
    assert seen == {(f"job-{number}", f"job-{number}") for number in range(12)}


def test_a_job_that_fails_is_given_up_and_the_others_never_notice(spark: Any, place: Place) -> None:
    def failing(rows: Any) -> Any:
        return hourly(rows.where("CASE WHEN event_id = '4' THEN raise_error('no schema 12') END IS NULL"))

    told: list[tuple[str, str]] = []
    good, bad = run_jobs(
        spark,
        [place.job("good"), place.job("bad", transform=failing)],
        place.database,
        checkpoints=place.checkpoints,
        max_restarts=2,
        backoff=0.1,
        on_change=lambda outcome: told.append((outcome.job, outcome.state)),
    )
    assert (good.state, good.restarts, place.rows("SELECT * FROM good ORDER BY 1")) == ("finished", 0, COUNTS)
    assert (bad.state, bad.restarts, bad.batches) == ("failed", 2, 0)
    assert "no schema 12" in bad.message
    assert [state for job, state in told if job == "bad"] == [
        "waiting",
        *["starting", "running", "restarting"] * 2,
        *["starting", "running", "failed"],
    ]


def test_a_database_that_is_away_for_a_while_costs_nothing(spark: Any, place: Place) -> None:
    calls = iter(range(100))

    def database() -> sqlite3.Connection:
        if next(calls) < 3:
            raise sqlite3.OperationalError("could not connect to server")
        return place.database()

    (outcome,) = run_jobs(spark, [place.job("counts")], database, checkpoints=place.checkpoints, backoff=0.1)
    assert (outcome.state, outcome.restarts, outcome.rows) == ("finished", 3, 2)
    assert place.rows("SELECT * FROM counts ORDER BY 1") == COUNTS


def test_a_database_that_goes_away_for_ever_leaves_the_offsets_uncommitted(spark: Any, place: Place) -> None:
    class Broken(sqlite3.Connection):
        def commit(self) -> None:
            if self.execute("SELECT 1 FROM sqlite_master WHERE name = 'streaming_batches'").fetchall():
                raise sqlite3.OperationalError("server closed the connection unexpectedly")
            super().commit()

    place.database().execute("CREATE TABLE counts (email_id, bucket, events, PRIMARY KEY (email_id, bucket))")
    options = {"checkpoints": place.checkpoints, "backoff": 0.1, "max_restarts": 1}
    database = partial(place.database, factory=Broken)
    (outcome,) = run_jobs(spark, [place.job("counts")], database, **options)
    assert (outcome.state, outcome.restarts) == ("failed", 1)
    assert "server closed the connection" in outcome.message
    assert not list((place.folder / "checkpoints" / "counts").glob("commits/[0-9]*"))
    assert place.rows("SELECT * FROM counts") == []
    (outcome,) = run_jobs(spark, [place.job("counts")], place.database, **options)
    assert (outcome.state, place.rows("SELECT * FROM counts ORDER BY 1")) == ("finished", COUNTS)


def test_poison_is_kept_with_its_reason_and_counted(spark: Any, place: Place) -> None:
    write_events(place.folder / "events", "second", ["not JSON", '{"event_id": "1", "email_id": "e0"}'])
    (outcome,) = run_jobs(spark, [place.job("counts")], place.database, checkpoints=place.checkpoints)
    assert (outcome.state, outcome.rows, outcome.dead_letters) == ("finished", 2, 2)
    assert place.rows("SELECT * FROM counts ORDER BY 1") == COUNTS
    assert place.rows("SELECT job, batch_id, reason, payload FROM dead_letters ORDER BY payload") == [
        ("counts", 0, "not JSON", "not JSON"),
        ("counts", 0, "missing or of another type: subscriber_id, at", '{"event_id": "1", "email_id": "e0"}'),
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sql": "INSERT INTO t VALUES (:email_id, :clicks)"}, "transform makes no column 'clicks'"),
        ({"sql": "DELETE FROM t"}, "SQL with :parameters"),
        ({"name": "a/b"}, "name fit for a folder"),
        ({"transform": lambda rows: rows}, "transform makes no column 'bucket'"),
        (
            {"transform": lambda rows: rows.select("buckett")},
            "counts: its consume or transform is wrong: .*bucket",
        ),
        ({"transform": lambda rows: rows.no_such()}, "its consume or transform is wrong: .*no_such"),
        ({"consume": lambda raw: raw, "transform": lambda rows: rows}, "consume makes no column"),
    ],
)
def test_a_job_that_cannot_work_is_refused_before_anything_starts(
    spark: Any, place: Place, change: dict[str, Any], sentence: str
) -> None:
    job = place.job(change.pop("name", "counts"), **change)
    with pytest.raises(JobError, match=sentence):
        run_jobs(spark, [place.job("other"), job], place.database, checkpoints=place.checkpoints)
    assert not (place.folder / "checkpoints").exists()


def test_jobs_that_do_not_fit_together_are_refused(spark: Any, place: Place) -> None:
    job = place.job("counts")
    for jobs, sentence in (
        ([job, job], "2 jobs share the name or the checkpoint 'counts'"),
        ([place.job("a", checkpoint="/c"), place.job("b", checkpoint="/c")], "the checkpoint '/c'"),
        ([], "no job"),
    ):
        with pytest.raises(JobError, match=sentence):
            run_jobs(spark, jobs, place.database, checkpoints=place.checkpoints)
    with pytest.raises(JobError, match="1 or more"):
        run_jobs(spark, [job], place.database, checkpoints=place.checkpoints, max_concurrent_jobs=0)


def test_a_checkpoint_of_another_job_and_a_connection_in_autocommit_are_refused(
    spark: Any, place: Place
) -> None:
    run_jobs(spark, [place.job("first")], place.database, checkpoints=place.checkpoints)
    home = place.folder / "checkpoints" / "first"
    before = sorted(path for path in home.rglob("*") if "sources" not in path.parts)
    second = place.job("second", checkpoint=str(home))
    (outcome,) = run_jobs(spark, [second], place.database, checkpoints=place.checkpoints)
    assert (outcome.state, outcome.restarts) == ("failed", 0)
    assert outcome.message == f"{home} is the checkpoint of the job 'first': take another."
    assert before == sorted(path for path in home.rglob("*") if "sources" not in path.parts)
    database: Callable[[], Any] = partial(place.database, isolation_level=None)
    (outcome,) = run_jobs(spark, [place.job("third")], database, checkpoints=place.checkpoints)
    assert (outcome.state, "autocommit" in outcome.message) == ("failed", True)


class Committing(sqlite3.Connection):
    """In autocommit, as some drivers are unless told otherwise, and with nothing that says so."""

    def cursor(self, *_: Any) -> Any:
        connection = self

        class Cursor(sqlite3.Cursor):
            def execute(self, *given: Any) -> Any:
                found = super().execute(*given)
                connection.commit()
                return found

        return super().cursor(Cursor)


class Uncounted(sqlite3.Connection):
    """A driver that counts no rows, as DB-API lets it."""

    def cursor(self, *_: Any) -> Any:
        return super().cursor(type("Cursor", (sqlite3.Cursor,), {"rowcount": -1}))


@pytest.mark.parametrize(
    ("factory", "told"),
    [(Committing, "in autocommit"), (Uncounted, "does not count"), (lambda *_, **__: None, "gives None")],
)
def test_a_connection_that_cannot_keep_the_promise_is_refused_at_once(
    spark: Any, place: Place, factory: Any, told: str
) -> None:
    database = (lambda: place.database(factory=factory)) if isinstance(factory, type) else factory
    (outcome,) = run_jobs(spark, [place.job("one")], database, checkpoints=place.checkpoints)
    assert (outcome.state, outcome.restarts) == ("failed", 0)
    assert told in outcome.message
    if isinstance(factory, type):
        assert place.rows("SELECT count(*) FROM streaming_batches") == [(0,)]


def test_a_source_that_is_not_there_yet_is_that_jobs_own_trouble(spark: Any, place: Place) -> None:
    folder = place.folder / "later"

    def read(session: Any) -> Any:
        return session.readStream.format("text").load(str(folder))

    def appear(outcome: Outcome) -> None:
        if outcome.state == "restarting":
            write_events(folder, "first", [event(1, "e0", "2026-03-02T14:00:00Z")])

    later, good = run_jobs(
        spark,
        [place.job("later", read=read), place.job("good")],
        place.database,
        checkpoints=place.checkpoints,
        backoff=0.1,
        on_change=appear,
    )
    assert (later.state, later.restarts, later.rows) == ("finished", 1, 1)
    assert (good.state, good.restarts) == ("finished", 0)
