"""What was seen, kept across restarts: each run's batches and each query's runs, bounded, in a private file.

A gap in which nobody watched is a gap in the batches' times, and is drawn as one.
"""

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

from dataeng_tui.databases import is_locked, private_database
from dataeng_tui.errors import UserError
from dataeng_tui.streams.snapshot import Batch, Snapshot, StreamingQuery

KEPT = 100  # batches of a run
RUNS = 1_000  # with batches
STARTS = 50  # of a query
DAYS = 14
EVERY = 2.0  # seconds between two transactions
PATIENCE = 10.0  # seconds to wait for another program that watches, too
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (run TEXT, at REAL, told TEXT NOT NULL, PRIMARY KEY (run, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS start (query TEXT, at INTEGER, PRIMARY KEY (query, at)) WITHOUT ROWID;
"""
_BOUNDS = (
    ("DELETE FROM batch WHERE at < (SELECT max(at) FROM batch) - ?", (DAYS * 86_400.0,)),
    (
        "DELETE FROM batch WHERE run NOT IN "
        "(SELECT run FROM batch GROUP BY run ORDER BY max(at) DESC LIMIT ?)",
        (RUNS,),
    ),
    (
        "DELETE FROM batch WHERE (run, at) IN (SELECT run, at FROM (SELECT run, at, row_number() OVER "
        "(PARTITION BY run ORDER BY at DESC) AS place FROM batch) WHERE place > ?)",
        (KEPT,),
    ),
    ("DELETE FROM start WHERE at < (SELECT max(at) FROM start) - ?", (DAYS * 86_400,)),
)
_FORGET = """
DELETE FROM batch WHERE run = ?
AND at < (SELECT at FROM batch WHERE run = ? ORDER BY at DESC LIMIT 1 OFFSET ?)
"""

_FORGET_STARTS = """
DELETE FROM start WHERE query = ?
AND at < (SELECT at FROM start WHERE query = ? ORDER BY at DESC LIMIT 1 OFFSET ?)
"""

Recall = Callable[[StreamingQuery], None]


class Memory:
    """Takes snapshots; what it remembers of a run is told once, when the run is first seen.

    ``recall`` gets the run with the ``batches`` and the ``runs`` (starts in whole seconds, its own among
    them) that are remembered, from the memory's own thread. Raises UserError when the file is not to be used.
    One that is damaged is put aside and begun anew: it holds nothing that cannot be lost.
    """

    def __init__(self, path: Path, recall: Recall) -> None:
        self._path = path
        self._recall = recall
        self._kept: dict[str, float] = {}  # run -> the start of its newest batch in the file
        self._starts: dict[str, set[int]] = {}  # query -> the starts of its runs in the file
        self._well: set[tuple[str, int]] = set()  # queries' runs (by start) that ended well
        self._latest: Snapshot | None = None
        self._new = threading.Event()
        self._closed = threading.Event()
        try:
            self._prepare()
        except sqlite3.Error as error:
            if is_locked(error):
                raise UserError(
                    f"What was seen cannot be kept in {path}: another program holds it."
                ) from None
            path.replace(path.with_suffix(".damaged"))
            self._prepare()
        except OSError as error:
            raise UserError(f"What was seen cannot be kept in {path}: {error.strerror}.") from None
        self._thread = threading.Thread(target=self._run, name="streams memory", daemon=True)
        self._thread.start()

    def take(self, snapshot: Snapshot) -> None:
        """Remember what is new in it; returns at once."""
        self._latest = snapshot
        self._new.set()

    def close(self) -> None:
        """Write what is not written yet; safe to call twice."""
        self._closed.set()
        self._new.set()
        self._thread.join(5)

    def _prepare(self) -> None:
        with closing(self._connect()) as connection, connection:
            connection.executescript(_SCHEMA)
            for statement, bound in _BOUNDS:
                connection.execute(statement, bound)

    def _connect(self) -> sqlite3.Connection:
        connection = private_database(self._path, PATIENCE)
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA synchronous = OFF")  # what a power cut takes is seconds of a history
        return connection

    def _run(self) -> None:
        with closing(self._connect()) as connection:
            while not self._closed.is_set():
                self._new.wait()
                self._new.clear()
                if self._latest is not None:
                    with suppress(sqlite3.OperationalError):  # another program holds it
                        self._keep(connection, self._latest)
                self._closed.wait(EVERY)
            if self._latest is not None:
                with suppress(sqlite3.OperationalError):
                    self._keep(connection, self._latest)

    def _keep(self, connection: sqlite3.Connection, snapshot: Snapshot) -> None:
        newest: dict[str, float] = {}
        rows, starts, well = [], [], set[tuple[str, int]]()
        for query in snapshot.queries:
            run = query.run_id
            if run not in self._kept:
                self._remind(connection, query)
            starts += self._fresh_starts(query)
            if query.ended_well and query.id is not None and query.started_at is not None:
                well.add((query.id, int(query.started_at)))
            # The newest one again: another layer may have told the rest of it since.
            rows += [(run, batch.at, _told(batch)) for batch in query.batches if batch.at >= self._kept[run]]
            newest[run] = query.batches[-1].at if query.batches else 0.0
        with connection:
            connection.executemany("INSERT OR REPLACE INTO batch VALUES (?, ?, ?)", rows)
            for run in {run for run, _, _ in rows}:
                connection.execute(_FORGET, (run, run, KEPT - 1))
            connection.executemany("INSERT OR IGNORE INTO start VALUES (?, ?)", starts)
            connection.executemany("DELETE FROM start WHERE query = ? AND at = ?", well - self._well)
            for query_id in {query_id for query_id, _ in starts}:
                connection.execute(_FORGET_STARTS, (query_id, query_id, STARTS - 1))
        self._well |= well
        self._kept.update(newest)
        for query_id, at in starts:
            self._starts[query_id].add(at)

    def _remind(self, connection: sqlite3.Connection, query: StreamingQuery) -> None:
        """Tell what is remembered of a run that was not seen since the program began."""
        found = connection.execute("SELECT at, told FROM batch WHERE run = ? ORDER BY at", (query.run_id,))
        batches = tuple(Batch(at, **json.loads(told)) for at, told in found)
        runs = connection.execute("SELECT at FROM start WHERE query = ? ORDER BY at", (query.id,))
        starts = tuple(float(at) for (at,) in runs)
        self._kept[query.run_id] = 0.0
        if batches or starts:
            self._recall(StreamingQuery("", query.run_id, query.id, batches=batches, runs=starts))

    def _fresh_starts(self, query: StreamingQuery) -> list[tuple[str, int]]:
        """Starts that are not in the file, in whole seconds: a page tells no more, a log does."""
        if query.id is None or query.started_at is None:
            return []
        told = {int(at) for at in (*query.runs, query.started_at)}
        return [(query.id, at) for at in sorted(told - self._starts.setdefault(query.id, set()))]


def _told(batch: Batch) -> str:
    values = ((field.name, getattr(batch, field.name)) for field in fields(batch) if field.name != "at")
    known = {
        name: dict(value) if name == "parts_ms" else value
        for name, value in values
        if value not in (None, {})
    }
    return json.dumps(known, separators=(",", ":"))
