"""Many streaming jobs in one Spark session, each with its own failures, safe to kill.

One file for PySpark 3.3 to 4.x (Python 3.7 on) and the standard library: ship it with ``--py-files jobs.py``;
with ``record_batches.py`` beside it many rows pass faster. It is "Multiple Spark Streaming Jobs in a Single
EMR Cluster" in Python. ``Job[T >: Event, U >: Data]`` is ``Job[E, R]``, dataclasses or named tuples;
``topic`` with ``readEventStream()`` is ``read``; ``consume`` parses by Spark's functions; ``transform`` is
watermark, window, count or anything; ``foreach(databaseWriter(sql))`` is ``sql``, an upsert with ``:named``
parameters; ``newFixedThreadPool(maxConcurrentJobs)`` is ``max_concurrent_jobs``. A DataFrame has columns, no
class: there is no trait to serialise, no implicit encoder to find, no ``as[T]`` to replace by a map.

**Exactly once.** Spark commits a batch's offsets after ``foreachBatch``; a driver that dies in between gets
the batch again, with its id. So the transaction that writes the rows also moves the query's batch id on, in
the table ``streaming_batches``, and the same id is not written again. The key is the query's id, which lives
in the checkpoint: with a new one the source is read from its start, and only an SQL that *sets* values
protects the table (``dataeng-tui jobs check`` proves it). To rewind take a new checkpoint, never edit one.
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
from importlib import import_module
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_type_hints

from pyspark.sql import functions as F
from pyspark.sql.utils import AnalysisException  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

E = TypeVar("E")
R = TypeVar("R")
log = logging.getLogger("dataeng_tui.jobs")

POISON, PAYLOAD, CHUNK = "poison", "payload", 1000  # two columns, and the rows fetched at a time as rows
LEDGER = "streaming_batches (query_id VARCHAR(36) PRIMARY KEY, job VARCHAR(255), batch_id BIGINT NOT NULL)"
LETTERS = "dead_letters (query_id VARCHAR(36), job VARCHAR(255), batch_id BIGINT, reason TEXT, payload TEXT)"
CLAIM = "UPDATE streaming_batches SET batch_id = :batch WHERE query_id = :query AND batch_id < :batch"
BURIAL = "INSERT INTO dead_letters VALUES (:query, :job, :batch, :reason, :payload)"
ENTRY = "INSERT INTO streaming_batches VALUES (:query, :job, :batch)"
OWNER = "SELECT job, batch_id FROM streaming_batches WHERE query_id = :query"
# A parameter is group 2; literals, quoted names, comments and dollar quotes match without it.
_SQL = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|(?<![\w:]):([A-Za-z_]\w*)"""
_PARAMETER = re.compile(_SQL, re.DOTALL)
# With these words Spark takes what ends a batch for the interrupt of the stop, and not for a failure.
STOPPED = "py4j.protocol.Py4JJavaError: An error occurred while calling it\n: java.lang.InterruptedException"
_preparing, _telling = threading.Lock(), threading.Lock()  # one job at a time makes tables, or calls back


class JobError(Exception):
    """What is wrong with a job, in one sentence: trying again would not help."""


@dataclass(frozen=True)
class Job(Generic[E, R]):
    """One streaming job: where events come from, what is made of them, and the upsert that stores the rows.

    ``schema`` is the table's ``CREATE TABLE IF NOT EXISTS``; ``trigger`` what ``writeStream.trigger`` takes;
    ``checkpoint`` is ``run_jobs``' folder / name; ``samples`` are batches of rows for ``jobs check``.
    Consume's column ``poison`` says why an event could not be parsed, or null; ``payload`` is the event as it
    came: they go to ``dead_letters``, and the source is read twice for it.
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
    """A job is waiting, starting, running, restarting, finished, stopped or failed; and what it wrote."""

    job: str
    state: str
    message: str = ""
    restarts: int = 0
    batches: int = 0
    rows: int = 0
    dead_letters: int = 0
    redelivered: int = 0


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
    (local, HDFS, S3) with a checkpoint a job. Of more than ``max_concurrent_jobs`` (all) the rest wait. A job
    that fails starts again after ``backoff`` seconds, doubled up to a minute, with jitter; after
    ``max_restarts`` in a row without a batch it is given up. SIGTERM, SIGINT or ``stop_when()`` (asked once a
    second: for YARN's cluster mode) let the batches in hand end, for ``stop_timeout`` seconds at most. Each
    change of state is logged and given to ``on_change``, one at a time. Raises JobError before any starts
    when the jobs do not fit together, or one does not fit its SQL.
    """
    if "connect" in type(spark).__module__:
        raise JobError("Over Spark Connect foreachBatch runs in the server, out of reach: use spark-submit.")
    stopping, columns = threading.Event(), _columns
    with suppress(Exception):  # the file was not shipped too, or this Spark's Arrow cannot
        columns = import_module(__name__.replace("jobs", "record_batches")).reader(spark, _columns)
    options = (database, stopping, on_change, max_restarts, backoff, columns)
    runners = [_Runner(spark, job, checkpoints, *options) for job in jobs]
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
        self.database, self.stopping, self.on_change, self.max_restarts, self.backoff, self.columns = options
        self.names, self.outcome = parameters(job.sql), Outcome(job.name, "waiting")
        self.stream = self.query = self.held = cast("Any", None)

    def tell(self, state: str, message: str = "") -> None:
        restarts = self.outcome.restarts + (state == "restarting")
        self.outcome = replace(self.outcome, state=state, message=message, restarts=restarts)
        with _telling, suppress(Exception):  # a broken callback must not end a job
            log.log(logging.WARNING if message else logging.INFO, "%s", self.outcome)
            self.on_change(self.outcome)

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
        raw = self.job.read(self.spark)
        try:
            events = good = self.job.consume(raw)
            if POISON in events.columns:
                good = events.where(F.col(POISON).isNull()).drop(POISON, PAYLOAD)
            rows = self.job.transform(good)
            for made, frame, record in ("consume", events, self.job.event), ("transform", rows, self.job.row):
                wanted = {*get_type_hints(record or object), *(self.names if made == "transform" else ())}
                for name in sorted(wanted - {*frame.columns}):
                    raise JobError(f"{self.job.name}: {made} makes no column {name!r}, only {frame.columns}.")
            text = F.lit(None).cast("string")
            written = rows.select(*self.names, text, text)
            if good is events:
                return written
            none = [F.lit(None).cast(rows.schema[name].dataType) for name in self.names]
            dead = events.where(F.col(POISON).isNotNull())
            payload = F.translate(F.col(PAYLOAD).cast("string"), "\0", "\ufffd")  # PostgreSQL takes no NUL
            return written.union(dead.select(*none, POISON, payload))
        except (AnalysisException, AttributeError, NameError, TypeError) as error:
            raise JobError(f"{self.job.name}: its consume or transform is wrong: {_reason(error)}") from error

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
                if "JobError: " in reason or failures > self.max_restarts:
                    return self.tell("failed", reason.rpartition("JobError: ")[2])
                self.tell("restarting", reason)
                self.stopping.wait(min(60.0, self.backoff * 2.0 ** (failures - 1)) * random.uniform(0.5, 1))
        return self.tell("stopped" if self.stopping.is_set() else "finished")

    def _attempt(self) -> None:
        self.query = None
        with _preparing:
            self._prepare()
        self.stream = self.stream or self._stream()
        writer = self.stream.writeStream.queryName(self.job.name).outputMode(self.job.output_mode)
        writer = writer.trigger(**self.job.trigger).option("checkpointLocation", self.home)
        self.query = writer.foreachBatch(self._batch).start()
        self.tell("running")
        self.query.awaitTermination()

    def stop(self, deadline: float) -> None:
        """Stop the query once the batch in hand has ended, or ``deadline`` (monotonic) has passed."""
        with suppress(Exception):  # it may end by itself meanwhile, or its session may be gone
            while time.monotonic() < deadline and not self.held and self.query.status["isTriggerActive"]:
                time.sleep(0.05)
            self.query.stop()

    def _prepare(self) -> None:
        """Make the tables; refuse what takes nothing back, and a checkpoint that another job has written."""
        jvm, known = cast("Any", self.spark._jvm), ""
        metadata = jvm.org.apache.hadoop.fs.Path(self.home, "metadata")
        files = metadata.getFileSystem(self.spark._jsc.hadoopConfiguration())
        if files.exists(metadata):
            with closing(files.open(metadata)) as stream:
                known = json.loads(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))["id"]
        connection = self.database()
        if not hasattr(connection, "cursor"):
            raise JobError(f"Its database() opens no DB-API connection: it gives {connection!r:.80}.")
        with closing(connection), closing(connection.cursor()) as cursor:
            for table in LEDGER, LETTERS:
                try:  # to create one takes a privilege even where it exists
                    cursor.execute(f"SELECT 1 FROM {table.partition(' ')[0]} WHERE 1 = 0")
                except Exception:
                    connection.rollback()
                    cursor.execute(f"CREATE TABLE {table}")
            if self.job.schema:
                cursor.execute(self.job.schema)
            connection.commit()
            self._try_transaction(connection, cursor)
            for owner, _ in _execute(cursor, OWNER, query=known).fetchall():
                if owner != self.job.name:
                    raise JobError(f"{self.home} is the checkpoint of the job {owner!r}: take another.")

    def _try_transaction(self, connection: Any, cursor: Any) -> None:
        """Each driver has an autocommit of its own, some unless told otherwise: so it is tried, not asked."""
        probe = {"query": f"{random.getrandbits(128):032x}", "job": self.job.name}
        _execute(cursor, ENTRY, batch=0, **probe)
        counted = _execute(cursor, CLAIM, batch=1, **probe).rowcount
        connection.rollback()
        if _execute(cursor, OWNER, **probe).fetchall():
            _execute(cursor, "DELETE FROM streaming_batches WHERE query_id = :query", **probe)
            raise JobError("Its connection is in autocommit: a batch needs a transaction.")
        if counted != 1:
            raise JobError("Its driver does not count the rows that an UPDATE changes: take another.")

    def _batch(self, frame: DataFrame, batch_id: int) -> None:
        while self.query is None:  # Spark has started it and not told yet
            time.sleep(0.01)
        if self.stopping.is_set():  # too late; the one before it is committed
            self.held = True
            while self.query.isActive:
                time.sleep(0.01)
            raise JobError(STOPPED)
        chunks = self.columns(frame)
        chunks = chain(list(islice(chunks, 1)), chunks)  # computed before the database is asked
        with closing(self.database()) as connection, closing(connection.cursor()) as cursor:  # or rolls back
            counts = self._write(cursor, batch_id, chunks)
            connection.commit()
        self.outcome = replace(self.outcome, **{k: getattr(self.outcome, k) + n for k, n in counts.items()})

    def _write(self, cursor: Any, batch: int, chunks: Iterator[Sequence[Any]]) -> dict[str, int]:
        head = {"query": self.query.id, "job": self.job.name, "batch": batch}
        if _execute(cursor, CLAIM, **head).rowcount == 0:
            for _, last in _execute(cursor, OWNER, **head).fetchall():
                if last > batch:
                    raise JobError(f"{self.home} is older than the job's table: take a new checkpoint.")
                deque(chunks, maxlen=0)  # to be read to its end commits its state
                return {"redelivered": 1}
            _execute(cursor, ENTRY, **head)
        style, counts = _paramstyle(cursor), {"batches": 1, "rows": 0, "dead_letters": 0}
        upsert, burial = bind(self.job.sql, style), bind(BURIAL, style)
        for *values, reasons, payloads in chunks:
            good = [row for row, reason in zip(zip(*values), reasons) if reason is None]
            dead = [(*head.values(), *pair) for pair in zip(reasons, payloads) if pair[0] is not None]
            for what, statement, rows in ("rows", upsert, good), ("dead_letters", burial, dead):
                if rows:
                    cursor.executemany(statement, rows)
                counts[what] += len(rows)
        return counts


def _columns(frame: DataFrame) -> Iterator[Any]:
    """The columns of some rows at a time, in the source's order, partition by partition, two in memory."""
    rows = frame.toLocalIterator(prefetchPartitions=True)
    return (list(zip(*chunk)) for chunk in iter(lambda: list(islice(rows, CHUNK)), []))


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
    lines: list[str] = re.findall(r"^\S.*", raised, re.MULTILINE) or [said]
    return next((line[11:] for line in reversed(lines) if line.startswith("Caused by: ")), lines[0])[:500]
