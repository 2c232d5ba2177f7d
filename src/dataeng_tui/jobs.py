"""Many streaming jobs in one Spark session, each with its own failures, safe to kill.

One file for PySpark 3.3 to 4.x (Python 3.7 on) and the standard library: ship it with ``--py-files jobs.py``.
It is "Multiple Spark Streaming Jobs in a Single EMR Cluster" in Python. ``Job[T >: Event, U >: Data]`` is
``Job[E, R]``, E and R dataclasses or named tuples (``event=``, ``row=``); ``topic`` and ``readEventStream()``
are ``read``; ``consume`` parses the payload with Spark's own functions; ``transform`` is watermark, window
and count, or anything; ``foreach(databaseWriter(sql))`` is ``sql``, an upsert with ``:named`` parameters, one
transaction a batch; ``newFixedThreadPool(maxConcurrentJobs)`` is ``run_jobs(…, max_concurrent_jobs=…)``. A
DataFrame has columns, not a class: there is no trait to serialise, no implicit encoder to find, no ``as[T]``
to replace by a map. What it checks is checked before the start: ``event``'s columns and ``row``'s are there.

**Exactly once.** Spark commits a batch's offsets after ``foreachBatch``; a driver that dies in between gets
the batch again, with its id. So the transaction that writes the rows also moves the query's batch id on, in
the table ``streaming_batches``, and the same id is not written again. The key is the query's id, which lives
in the checkpoint: with a new one the source is read from its start, and only the SQL protects the table. Let
it *set* values (``dataeng-tui jobs check`` proves that). To rewind take a new checkpoint, never edit one.

**Output mode.** ``update`` hands over the rows that changed, each with its total so far; ``append`` a window
once, when the watermark has passed; ``complete`` all, every time. An SQL that sets values suits each.

**Poison.** A column ``poison`` from consume is the reason why an event could not be parsed, else null;
``payload`` is the event as it came. They go to ``dead_letters`` with their batch; it reads the source twice.
"""

from __future__ import annotations

import json
import logging
import random
import re
import signal
import sys
import threading
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_type_hints

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

E = TypeVar("E")
R = TypeVar("R")
log = logging.getLogger("dataeng_tui.jobs")

POISON, PAYLOAD, CHUNK = "poison", "payload", 1000  # two columns, and the rows of one executemany
TABLES = {
    "streaming_batches": "query_id VARCHAR(36) PRIMARY KEY, job VARCHAR(255), batch_id BIGINT NOT NULL",
    "dead_letters": "query_id VARCHAR(36), job VARCHAR(255), batch_id BIGINT, reason TEXT, payload TEXT",
}
CLAIM = "UPDATE streaming_batches SET batch_id = :batch WHERE query_id = :query AND batch_id < :batch"
BURIAL = "INSERT INTO dead_letters VALUES (:query, :job, :batch, :reason, :payload)"
OWNER = "SELECT job, batch_id FROM streaming_batches WHERE query_id = :query"
# A parameter is group 2; literals, quoted names, comments and dollar quotes match without it.
_SQL = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|(?<![\w:]):([A-Za-z_]\w*)"""
_PARAMETER = re.compile(_SQL, re.DOTALL)
_preparing, _telling = threading.Lock(), threading.Lock()  # one job at a time makes tables, or calls back


class JobError(Exception):
    """What is wrong with a job, in one sentence. Trying again would not help."""


@dataclass(frozen=True)
class Job(Generic[E, R]):
    """One streaming job: where events come from, what is made of them, and the upsert that stores the rows.

    ``schema`` is the table's ``CREATE TABLE IF NOT EXISTS``; ``trigger`` what ``writeStream.trigger`` takes;
    ``checkpoint`` is ``run_jobs``' folder / name; ``samples`` are batches of rows for ``jobs check``.
    """

    name: str
    read: Callable[[SparkSession], DataFrame]
    consume: Callable[[DataFrame], DataFrame]
    transform: Callable[[DataFrame], DataFrame]
    sql: str
    event: type[E] | None = None
    row: type[R] | None = None
    schema: str = ""
    trigger: Mapping[str, Any] = field(default_factory=lambda: {"processingTime": "5 minutes"})
    output_mode: str = "update"
    checkpoint: str = ""
    samples: Sequence[Sequence[Mapping[str, Any]]] = ()


@dataclass(frozen=True)
class Outcome:
    """Where a job stands: waiting, starting, running, restarting, finished, stopped or failed.

    ``rows`` and ``dead_letters`` were written by this run; ``redelivered`` batches had been written before.
    """

    job: str
    state: str
    message: str = ""
    restarts: int = 0
    batches: int = 0
    rows: int = 0
    dead_letters: int = 0
    redelivered: int = 0

    def plus(self, **counts: int) -> Outcome:
        return replace(self, **{name: getattr(self, name) + count for name, count in counts.items()})


def parameters(sql: str) -> list[str]:
    """The names of ``sql``'s ``:named`` parameters, in order, repeats kept; none in literals or comments."""
    return [match[2] for match in _PARAMETER.finditer(sql) if match[2]]


def bind(sql: str, paramstyle: str) -> str:
    """``sql`` with its ``:named`` parameters as a DB-API driver wants them, to be given by position."""
    mark = {"qmark": "?", "format": "%s", "pyformat": "%s"}.get(paramstyle)
    return _PARAMETER.sub(lambda m: (m[2] and mark) or m[0], sql.replace("%", "%%") if mark == "%s" else sql)


def run_jobs(
    spark: SparkSession, jobs: Iterable[Job[Any, Any]], database: Callable[[], Any], *, checkpoints: str,
    max_concurrent_jobs: int | None = None, max_restarts: int = 8, backoff: float = 1.0,
    on_change: Callable[[Outcome], None] = lambda outcome: None,
    stop_when: Callable[[], bool] = lambda: False, stop_timeout: float = 300.0,
) -> list[Outcome]:  # fmt: skip
    """Run ``jobs`` in one session until each has ended; the outcome of each, in their order.

    ``database`` opens a DB-API connection, not in autocommit, for every batch; ``checkpoints`` is the folder
    (local, HDFS, S3) with a checkpoint a job. Of more than ``max_concurrent_jobs`` (all) the rest wait for
    their turn. A job that fails starts again after ``backoff`` seconds, doubled up to a minute, with jitter;
    after ``max_restarts`` in a row without a batch it is given up. SIGTERM, SIGINT or ``stop_when()`` (asked
    once a second: the way into a driver in YARN's cluster mode) let the batches in hand end, for up to
    ``stop_timeout`` seconds. Each change of state is logged and given to ``on_change``, one at a time, from
    the jobs' threads.

    Raises JobError before anything starts when the jobs do not fit together, or one does not fit its SQL.
    """
    if "connect" in type(spark).__module__:
        raise JobError("Over Spark Connect foreachBatch runs in the server, out of reach: use spark-submit.")
    stopping = threading.Event()
    runners = [
        _Runner(spark, j, checkpoints, database, stopping, on_change, max_restarts, backoff) for j in jobs
    ]
    workers = len(runners) if max_concurrent_jobs is None else max_concurrent_jobs
    if workers < 1:
        raise JobError("max_concurrent_jobs must be 1 or more." if runners else "There is no job to run.")
    value, count = Counter(value for r in runners for value in (r.job.name, r.home)).most_common(1)[0]
    if count > 1:
        raise JobError(f"{count} jobs share the name or the checkpoint {value!r}: give each its own.")
    for runner in runners:
        runner.check()
    if spark.sparkContext.getConf().get("spark.scheduler.mode", "FIFO") != "FAIR":
        log.warning("spark.scheduler.mode is not FAIR: a large batch of one job delays the others")
    ours = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in ours}
    with ThreadPoolExecutor(workers, "job") as pool:
        for runner in runners:
            runner.tell("waiting")
        futures = [pool.submit(runner.run) for runner in runners]
        try:
            while wait(futures, 1.0).not_done and not stopping.is_set() and not stop_when():
                pass
        finally:
            stopping.set()
            deadline = time.monotonic() + stop_timeout
            while wait(futures, 0.1).not_done:
                for runner in runners:
                    runner.stop(deadline)
            for number, handler in before.items():
                signal.signal(number, handler)
    return [runner.outcome for runner in runners]


class _Runner:
    """One job: its attempts, in a thread of its own, and the micro-batches that Spark hands to it."""

    def __init__(self, spark: SparkSession, job: Job[Any, Any], folder: str, *options: Any) -> None:
        self.spark, self.job, self.home = spark, job, job.checkpoint or f"{folder.rstrip('/')}/{job.name}"
        self.database, self.stopping, self.on_change, self.max_restarts, self.backoff = options
        self.names, self.outcome = parameters(job.sql), Outcome(job.name, "waiting")
        self.stream = self.query = cast("Any", None)
        self.started = threading.Event()

    def tell(self, state: str, message: str = "") -> None:
        counted = self.outcome.plus(restarts=state == "restarting")
        self.outcome = replace(counted, state=state, message=message)
        with _telling, suppress(Exception):  # a broken callback must not end a job
            log.log(logging.WARNING if message else logging.INFO, "%s", self.outcome)
            self.on_change(self.outcome)

    def wrong(self, what: str) -> JobError:
        return JobError(f"{self.job.name}: {what}")

    def check(self) -> None:
        """Make the stream, if the source is there; raises JobError for what can never work."""
        if not re.match(r"\w[\w .-]*$", self.job.name) or not self.names:
            raise JobError(f"{self.job.name!r} needs a name fit for a folder, and an SQL with :parameters.")
        try:
            self.stream = self._stream()
        except Exception as error:
            if isinstance(error, JobError):
                raise
            log.warning("%s waits for its source: %s", self.job.name, _reason(error))

    def _stream(self) -> DataFrame:
        """What the SQL wants as columns, in its order; poison's two after them, where there is any."""
        events = good = self.job.consume(self.job.read(self.spark))
        if POISON in events.columns:
            good = events.where(F.col(POISON).isNull()).drop(POISON, PAYLOAD)
        rows = self.job.transform(good)
        for made, frame, record in ("consume", events, self.job.event), ("transform", rows, self.job.row):
            wanted = {*get_type_hints(record or object), *(self.names if made == "transform" else ())}
            for name in sorted(wanted - {*frame.columns}):
                raise self.wrong(f"{made} makes no column {name!r}, only {', '.join(frame.columns)}.")
        text = F.lit(None).cast("string")
        written = rows.select(*self.names, text, text)
        if good is events:
            return written
        none = [F.lit(None).cast(rows.schema[name].dataType) for name in self.names]
        dead = events.where(F.col(POISON).isNotNull())
        return written.union(dead.select(*none, POISON, F.col(PAYLOAD).cast("string")))

    def run(self) -> None:
        self.spark.sparkContext.setLocalProperty("spark.scheduler.pool", self.job.name)
        failures = batches = 0
        while not self.stopping.is_set():
            try:
                self.tell("starting")
                self._attempt()
                break
            except Exception as error:
                if self.stopping.is_set():
                    break
                reason = _reason(error)
                failures = failures + 1 if self.outcome.batches == batches else 1
                batches = self.outcome.batches
                if "JobError" in reason or failures > self.max_restarts:
                    return self.tell("failed", reason)
                self.tell("restarting", reason)
                self.stopping.wait(min(60.0, self.backoff * 2.0 ** (failures - 1)) * random.uniform(0.5, 1))
        return self.tell("stopped" if self.stopping.is_set() else "finished")

    def _attempt(self) -> None:
        self.query = None
        self.started.clear()
        with _preparing:
            self._prepare()
        self.stream = self.stream or self._stream()
        writer = self.stream.writeStream.queryName(self.job.name).outputMode(self.job.output_mode)
        writer = writer.trigger(**self.job.trigger).option("checkpointLocation", self.home)
        self.query = writer.foreachBatch(self._batch).start()
        self.started.set()
        self.tell("running")
        self.query.awaitTermination()

    def stop(self, deadline: float) -> None:
        """Stop the query once the batch in hand has ended, or ``deadline`` (monotonic) has passed."""
        with suppress(Exception):  # it may end by itself meanwhile, or its session may be gone
            while time.monotonic() < deadline and self.query.status["isTriggerActive"]:
                time.sleep(0.05)
            self.query.stop()

    def _prepare(self) -> None:
        """Make the tables; refuse autocommit, and a checkpoint that another job has written."""
        jvm, known = cast("Any", self.spark._jvm), ""
        metadata = jvm.org.apache.hadoop.fs.Path(self.home, "metadata")
        files = metadata.getFileSystem(self.spark._jsc.hadoopConfiguration())
        if files.exists(metadata):
            with closing(files.open(metadata)) as stream:
                known = json.loads(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))["id"]
        with closing(self.database()) as connection:
            lax = type(connection).__module__ == "sqlite3" and connection.isolation_level is None
            if lax or getattr(connection, "autocommit", False) is True:
                raise self.wrong("its connection is in autocommit; a batch needs a transaction.")
            cursor = connection.cursor()
            for table, columns in TABLES.items():
                try:  # to create one takes a privilege even where it exists
                    cursor.execute(f"SELECT 1 FROM {table} WHERE 1 = 0")
                except Exception:
                    connection.rollback()
                    cursor.execute(f"CREATE TABLE {table} ({columns})")
            if self.job.schema:
                cursor.execute(self.job.schema)
            connection.commit()
            for owner, _ in _execute(cursor, OWNER, query=known).fetchall():
                if owner != self.job.name:
                    raise self.wrong(f"{self.home} is the job {owner!r}'s checkpoint: take another.")

    def _batch(self, frame: DataFrame, batch_id: int) -> None:
        self.started.wait()
        if self.stopping.is_set():
            raise JobError("This batch came after the stop; the one before it is committed.")
        # In the source's order, partition by partition: the driver holds one while Spark computes the next.
        # (A batch that was written before is read to its end all the same: that commits its state.)
        rows = frame.toLocalIterator(prefetchPartitions=True)
        rows = chain(list(islice(rows, CHUNK)), rows)
        with closing(self.database()) as connection:  # which rolls back what was not committed
            counts = self._write(connection.cursor(), batch_id, rows)
            connection.commit()
        self.outcome = self.outcome.plus(**counts)

    def _write(self, cursor: Any, batch: int, rows: Iterator[Any]) -> dict[str, int]:
        head = {"query": self.query.id, "job": self.job.name, "batch": batch}
        if _execute(cursor, CLAIM, **head).rowcount == 0:
            for _, last in _execute(cursor, OWNER, **head).fetchall():
                if last > batch:
                    raise self.wrong("its checkpoint is older than its table: take a new one.")
                deque(rows, maxlen=0)
                return {"redelivered": 1}
            _execute(cursor, "INSERT INTO streaming_batches VALUES (:query, :job, :batch)", **head)
        style, counts = _paramstyle(cursor), {"batches": 1, "rows": 0, "dead_letters": 0}
        upsert, burial = bind(self.job.sql, style), bind(BURIAL, style)
        for chunk in iter(lambda: list(islice(rows, CHUNK)), []):
            good = [row[:-2] for row in chunk if row[-2] is None]
            dead = [(*head.values(), *row[-2:]) for row in chunk if row[-2] is not None]
            for what, statement, values in ("rows", upsert, good), ("dead_letters", burial, dead):
                if values:
                    cursor.executemany(statement, values)
                counts[what] += len(values)
        return counts


def _paramstyle(cursor: Any) -> str:
    """What the module of the driver says that ``cursor``, or a class that it extends, comes from."""
    modules = [cls.__module__.rsplit(".", up)[0] for cls in type(cursor).__mro__ for up in range(4)]
    styles = [getattr(sys.modules.get(module), "paramstyle", None) for module in modules]
    return next((style for style in styles if isinstance(style, str)), "qmark")


def _execute(cursor: Any, sql: str, **values: Any) -> Any:
    cursor.execute(bind(sql, _paramstyle(cursor)), [values[name] for name in parameters(sql)])
    return cursor


def _reason(error: Exception) -> str:
    """One line; of a Java exception its innermost cause, which is what somebody has to mend."""
    java = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    said = f"{type(error).__name__}: {error}"
    with suppress(Exception):  # the JVM may be gone
        while java is not None:
            said, java = f"{java.getClass().getSimpleName()}: {java.getMessage()}", java.getCause()
    raised = said.rpartition("Traceback (most recent call last):")[2]  # Python's own, from within a batch
    lines = [line for line in raised.splitlines() if line[:1].strip()]
    causes = [line[11:] for line in lines if line.startswith("Caused by: ")]
    return (causes[-1:] or lines or [said])[0][:500]
