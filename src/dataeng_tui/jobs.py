"""Many streaming jobs in one Spark session, each with its own failures, safe to kill.

One file for PySpark 3.3 to 4.x (Python 3.7 and up), importing only pyspark and the standard library: ship it
with ``spark-submit --py-files jobs.py``. It is the design of "Multiple Spark Streaming Jobs in a Single EMR
Cluster" in Python:

* ``Job[T >: Event, U >: Data]`` is ``Job[E, R]``; E and R are dataclasses or named tuples, ``event=`` and ``row=``
* ``topic`` and ``readEventStream()`` are ``read``: any ``spark.readStream`` (Kafka, Kinesis, files, rate)
* ``consume: Array[Byte] => List[T]`` parses the payload, with Spark's own functions
* ``transform: Dataset[T] => Dataset[U]`` is watermark, window and count, or anything else
* ``foreach(databaseWriter(sql))`` is ``sql``, an upsert with ``:named`` parameters, one transaction a micro-batch
* ``newFixedThreadPool(maxConcurrentJobs)`` and ``Await.result`` are ``run_jobs(…, max_concurrent_jobs=…)``

A DataFrame carries columns and not a class, so there is no trait to serialise, no implicit encoder to find and no
``as[T]`` to replace by a map. What ``as[T]`` checks is checked before anything starts: that consume makes the
columns of ``event``, transform those of ``row`` and those that the SQL wants.

**Exactly once.** Spark commits a batch's offsets after ``foreachBatch`` has returned; a driver that dies in between
gets the same batch again, with the same id. So the transaction that writes the rows also moves the query's batch
id on, in the table ``streaming_batches``, and a batch that is there already is not written again. The key is the
query's id, which lives in the checkpoint: with a new checkpoint the source is read from its start, and nothing but
the SQL protects the table. Let it *set* values; ``dataeng-tui jobs check`` proves that. To rewind, take a new
checkpoint: never edit an old one's files.

**Output mode.** ``update`` hands over the rows that changed, each with its total so far; ``append`` a window once,
when the watermark has passed; ``complete`` everything, every time. An SQL that sets values suits all three; one
that adds is wrong in ``update`` and ``complete`` even without a fault.

**Poison.** A column ``poison`` from consume is the reason why an event could not be parsed, else null; ``payload``
is the event as it came. They go to the table ``dead_letters`` in the batch's transaction, and are counted. Spark
reads the source twice a batch for it.
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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

E = TypeVar("E")
R = TypeVar("R")
log = logging.getLogger("dataeng_tui.jobs")

POISON, PAYLOAD = "poison", "payload"
CHUNK = 1000  # rows for one executemany
TABLES = {
    "streaming_batches": "query_id VARCHAR(36) PRIMARY KEY, job VARCHAR(255) NOT NULL, batch_id BIGINT NOT NULL",
    "dead_letters": "job VARCHAR(255), query_id VARCHAR(36), batch_id BIGINT, reason TEXT, payload TEXT",
}
CLAIM = "UPDATE streaming_batches SET batch_id = :batch WHERE query_id = :query AND batch_id < :batch"
_SQL = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$"""
    r""" | (?<![\w:]):(?P<name>[A-Za-z_]\w*)""",
    re.S | re.X,
)


class JobError(Exception):
    """What is wrong with a job, in one sentence. Trying again would not help."""


@dataclass(frozen=True)
class Job(Generic[E, R]):
    """One streaming job: where events come from, what is made of them, and the upsert that stores the rows.

    ``schema`` is the table's ``CREATE TABLE IF NOT EXISTS``. ``trigger`` is what ``DataStreamWriter.trigger`` takes.
    ``checkpoint`` defaults to the job's name in ``run_jobs``' folder. ``samples`` are micro-batches for
    ``dataeng-tui jobs check``, each a sequence of rows.
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

    ``rows`` and ``dead_letters`` were written by this run; ``redelivered`` batches had been committed before it;
    ``message`` is the reason of a failure, in one line.
    """

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
    return [match["name"] for match in _SQL.finditer(sql) if match["name"]]


def bind(sql: str, paramstyle: str) -> str:
    """``sql`` with its ``:named`` parameters as a DB-API driver wants them, to be given by position."""
    form = {"qmark": "?", "numeric": ":{}", "format": "%s", "pyformat": "%s"}.get(paramstyle)
    place = iter(range(1, len(sql)))
    escaped = sql.replace("%", "%%") if form == "%s" else sql
    return _SQL.sub(lambda m: form.format(next(place)) if form and m["name"] else m[0], escaped)


def run_jobs(
    spark: SparkSession,
    jobs: Iterable[Job[Any, Any]],
    database: Callable[[], Any],
    *,
    checkpoints: str,
    max_concurrent_jobs: int | None = None,
    max_restarts: int = 8,
    backoff: float = 1.0,
    on_change: Callable[[Outcome], None] = lambda outcome: None,
    stop_when: Callable[[], bool] = lambda: False,
    stop_timeout: float = 300.0,
) -> list[Outcome]:
    """Run ``jobs`` in one session until each has ended; the outcome of each, in their order.

    ``database`` opens a DB-API connection, not in autocommit; it is called for every micro-batch. ``checkpoints`` is
    the folder (local, HDFS, S3) with a checkpoint a job. Of more than ``max_concurrent_jobs`` the rest wait.
    A job that fails starts again after ``backoff`` seconds, doubled up to a minute, with jitter; after
    ``max_restarts`` without a batch in between it is given up. SIGTERM, SIGINT, or ``stop_when()`` (asked once a
    second: the way into a driver in YARN's cluster mode) let the batches in hand end, for ``stop_timeout`` seconds.
    Each change of state is logged and given to ``on_change``, one at a time, from the jobs' threads.

    Raises JobError before anything starts when the jobs do not fit together, or one does not fit its SQL.
    """
    stopping, preparing, telling = threading.Event(), threading.Lock(), threading.Lock()

    def changed(outcome: Outcome) -> None:
        with telling, suppress(Exception):  # a broken callback must not end a job
            log.log(logging.WARNING if outcome.message else logging.INFO, "%s", outcome)
            on_change(outcome)

    runners = [
        _Runner(spark, job, stream, home, database, stopping, preparing, changed, max_restarts, backoff)
        for job, stream, home in _prepared(spark, list(jobs), checkpoints)
    ]
    if max_concurrent_jobs is not None and max_concurrent_jobs < 1:
        raise JobError("max_concurrent_jobs must be 1 or more.")
    if spark.sparkContext.getConf().get("spark.scheduler.mode", "FIFO") != "FAIR":
        log.warning("spark.scheduler.mode is not FAIR: a large batch of one job delays the others")
    with _signals(stopping), ThreadPoolExecutor(max_concurrent_jobs or len(runners), "job") as pool:
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
    return [runner.outcome for runner in runners]


def _prepared(
    spark: SparkSession, jobs: list[Job[Any, Any]], checkpoints: str
) -> Iterator[tuple[Job[Any, Any], DataFrame | None, str]]:
    """Each job with its stream, None where its source is away, and its checkpoint; JobError for what cannot work."""
    if "connect" in type(spark).__module__:
        raise JobError(
            "Over Spark Connect a foreachBatch runs in the server, out of this program's reach: use spark-submit."
        )
    homes = [job.checkpoint or f"{checkpoints.rstrip('/')}/{job.name}" for job in jobs]
    for what, values in (("are named", [job.name for job in jobs]), ("share the checkpoint", homes)):
        for value, count in Counter(values).items():
            if count > 1:
                raise JobError(f"{count} jobs {what} {value!r}: give each its own.")
    if not jobs:
        raise JobError("There is no job to run.")
    for job, home in zip(jobs, homes):  # noqa: B905
        if not re.match(r"\w[\w .-]*$", job.name):
            raise JobError(f"{job.name!r} cannot name a job: use letters, digits, '.', '-', '_' and spaces.")
        try:
            raw = job.read(spark)
        except Exception:
            log.warning("%s: its source cannot be read yet", job.name, exc_info=True)
            yield job, None, home
        else:
            yield job, _stream(job, raw), home


def _stream(job: Job[Any, Any], raw: DataFrame) -> DataFrame:
    """What the SQL wants as columns, in its order; poison's two after them, where there is any."""
    names, made = parameters(job.sql), "consume"
    try:
        events = good = job.consume(raw)
        poisoned = POISON in events.columns
        if poisoned:
            good = events.where(F.col(POISON).isNull()).drop(POISON, PAYLOAD)
        made = "transform"
        rows = job.transform(good)
    except Exception as error:
        raise JobError(f"{job.name}: {made} fails: {_reason(error)}") from error
    for made, frame, record in (("consume", events, job.event), ("transform", rows, job.row)):
        wanted = [*(get_type_hints(record) if record else ()), *(names if frame is rows else ())]
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise JobError(
                f"{job.name}: {made} makes no column {missing[0]!r}, only {', '.join(frame.columns)}."
            )
    if not names:
        raise JobError(f"{job.name}: its SQL has no :named parameters.")
    if not poisoned:
        return rows.select(*names)
    nothing = [F.lit(None).cast(rows.schema[name].dataType) for name in names]
    dead = events.where(F.col(POISON).isNotNull()).select(*nothing, POISON, F.col(PAYLOAD).cast("string"))
    return rows.select(*names, F.lit(None).cast("string"), F.lit(None).cast("string")).union(dead)


@dataclass
class _Runner:
    """One job: its attempts, in a thread of its own, and the micro-batches that Spark hands to it."""

    spark: SparkSession
    job: Job[Any, Any]
    stream: DataFrame | None
    home: str
    database: Callable[[], Any]
    stopping: threading.Event
    preparing: threading.Lock
    changed: Callable[[Outcome], None]
    max_restarts: int
    backoff: float

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.job.name, "waiting")
        self.query: Any = None
        self.started = threading.Event()
        self.error: Exception | None = None  # of the last batch

    def tell(self, state: str, message: str = "") -> None:
        restarts = self.outcome.restarts + (state == "restarting")
        self.outcome = replace(self.outcome, state=state, message=message, restarts=restarts)
        self.changed(self.outcome)

    def run(self) -> None:
        self.spark.sparkContext.setLocalProperty("spark.scheduler.pool", self.job.name)
        failures = batches = 0
        while not self.stopping.is_set():
            try:
                self.tell("starting")
                self._attempt()
                break
            except Exception as raised:
                error = self.error or raised
                failures = failures + 1 if self.outcome.batches == batches else 1
                batches = self.outcome.batches
                if self.stopping.is_set():
                    break
                if isinstance(error, JobError) or failures > self.max_restarts or self._session_is_gone():
                    return self.tell("failed", _reason(error))
                self.tell("restarting", _reason(error))
                self.stopping.wait(min(60.0, self.backoff * 2.0 ** (failures - 1)) * random.uniform(0.5, 1))
            finally:
                self.query = None
        return self.tell("stopped" if self.stopping.is_set() else "finished")

    def _attempt(self) -> None:
        self.error = None
        self.started.clear()
        with self.preparing:
            self._prepare()
        if self.stream is None:
            self.stream = _stream(self.job, self.job.read(self.spark))
        writer = self.stream.writeStream.queryName(self.job.name).outputMode(self.job.output_mode)
        writer = writer.trigger(**self.job.trigger).option("checkpointLocation", self.home)
        self.query = query = writer.foreachBatch(self._batch).start()
        self.query_id = query.id
        self.started.set()
        self.tell("running")
        query.awaitTermination()

    def _prepare(self) -> None:
        """Make the tables; refuse autocommit, and a checkpoint that another job has written."""
        known = _query_id(self.spark, self.home)
        with closing(self.database()) as connection:
            lax = type(connection).__module__ == "sqlite3" and connection.isolation_level is None
            if lax or getattr(connection, "autocommit", False) is True:
                raise JobError(
                    f"{self.job.name}: its database connection is in autocommit, so no batch is one transaction."
                )
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
            _execute(
                connection, cursor, "SELECT job FROM streaming_batches WHERE query_id = :query", query=known
            )
            for (owner,) in cursor.fetchall():
                if owner != self.job.name:
                    raise JobError(
                        f"{self.job.name}: its checkpoint belongs to the job {owner!r}: give it one of its own."
                    )

    def _batch(self, frame: DataFrame, batch_id: int) -> None:
        self.started.wait()
        try:
            if self.stopping.is_set():
                raise JobError("This batch came after the stop; the one before it is committed.")
            # Rebalanced: partitions of a bearable size go through the driver one by one, and the batch with its state
            # is computed before the transaction opens. (Even a batch that is not written must compute its state.)
            rows = frame.hint("rebalance").toLocalIterator()
            first = list(islice(rows, CHUNK))
            with closing(self.database()) as connection:
                try:
                    self._write(connection, batch_id, chain(first, rows), len(frame.columns))
                except BaseException:
                    with suppress(Exception):  # the connection may be what failed
                        connection.rollback()
                    raise
        except Exception as error:
            self.error = error
            raise

    def _write(self, connection: Any, batch: int, rows: Iterator[Any], width: int) -> None:
        cursor, count = connection.cursor(), len(parameters(self.job.sql))
        head = {"job": self.job.name, "query": self.query_id, "batch": batch}
        _execute(connection, cursor, CLAIM, **head)
        if cursor.rowcount == 0:
            _execute(connection, cursor, "SELECT 1 FROM streaming_batches WHERE query_id = :query", **head)
            if cursor.fetchall():
                deque(rows, 0)
                self.outcome = replace(self.outcome, redelivered=self.outcome.redelivered + 1)
                return connection.rollback()
            _execute(
                connection, cursor, "INSERT INTO streaming_batches VALUES (:query, :job, :batch)", **head
            )
        style, written, buried = _paramstyle(connection), 0, 0
        upsert, burial = (
            bind(self.job.sql, style),
            bind("INSERT INTO dead_letters VALUES (:a, :b, :c, :d, :e)", style),
        )
        for chunk in iter(lambda: list(islice(rows, CHUNK)), []):
            dead = [
                (*head.values(), *row[count:]) for row in chunk if width > count and row[count] is not None
            ]
            good = [row[:count] for row in chunk if row[count] is None] if dead or width > count else chunk
            for statement, values in ((upsert, good), (burial, dead)):
                if values:
                    cursor.executemany(statement, values)
            written, buried = written + len(good), buried + len(dead)
        connection.commit()
        now = self.outcome
        self.outcome = replace(
            now, batches=now.batches + 1, rows=now.rows + written, dead_letters=now.dead_letters + buried
        )

    def stop(self, deadline: float) -> None:
        """Stop the query once the batch in hand has ended, or ``deadline`` (monotonic) has passed."""
        query = self.query
        with suppress(Exception):  # it may end by itself meanwhile, or its session may be gone
            while query and time.monotonic() < deadline and query.status["isTriggerActive"]:
                time.sleep(0.05)
        with suppress(Exception):
            query.stop()

    def _session_is_gone(self) -> bool:
        try:
            return bool(self.spark.sparkContext._jsc.sc().isStopped())
        except Exception:
            return True


def _query_id(spark: SparkSession, checkpoint: str) -> str:
    """The id of the query that a checkpoint belongs to, on any file system that Spark reads; empty for a new one."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(checkpoint, "metadata")
    files = path.getFileSystem(spark._jsc.hadoopConfiguration())
    if not files.exists(path):
        return ""
    with closing(files.open(path)) as stream:
        return str(json.loads(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))["id"])


def _paramstyle(connection: Any) -> str:
    """The style of the driver that ``connection`` comes from; its class may be a subclass of the driver's."""
    for cls in type(connection).__mro__:
        parts = cls.__module__.split(".")
        for end in range(len(parts), 0, -1):
            style = getattr(sys.modules.get(".".join(parts[:end])), "paramstyle", None)
            if isinstance(style, str):
                return style
    raise JobError(f"{type(connection).__name__} is no DB-API connection: its module has no paramstyle.")


def _execute(connection: Any, cursor: Any, sql: str, **values: Any) -> None:
    cursor.execute(bind(sql, _paramstyle(connection)), [values[name] for name in parameters(sql)])


def _reason(error: Exception) -> str:
    """One line; of a Java exception its innermost cause, which is what somebody has to mend."""
    java, said = getattr(error, "java_exception", None), ""
    with suppress(Exception):  # the JVM may be gone
        while java is not None:
            said, java = f"{java.getClass().getSimpleName()}: {java.getMessage()}", java.getCause()
    text = said or (str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error}")
    return text.strip().splitlines()[0][:500]


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT ask for the stop while this lasts; only a main thread may handle signals."""
    main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGTERM, signal.SIGINT) if main else ()
    before = [signal.signal(number, lambda *_: stopping.set()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):  # noqa: B905
            signal.signal(number, handler)
