"""What was seen, kept across restarts: the batches of each run, bounded, in a private SQLite file.

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
from dataeng_tui.streams.snapshot import Batch, Snapshot

KEPT = 100  # batches of a run
RUNS = 1_000
DAYS = 14
EVERY = 2.0  # seconds between two transactions
PATIENCE = 10.0  # seconds to wait for another program that watches, too
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (run TEXT, at REAL, told TEXT NOT NULL, PRIMARY KEY (run, at)) WITHOUT ROWID;
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
)
_FORGET = """
DELETE FROM batch WHERE run = ?
AND at < (SELECT at FROM batch WHERE run = ? ORDER BY at DESC LIMIT 1 OFFSET ?)
"""

Recall = Callable[[str, tuple[Batch, ...]], None]


class Memory:
    """Takes snapshots; what it remembers of a run is told once, when the run is first seen.

    ``recall`` gets a run's id and its batches, from the memory's own thread. Raises UserError when the file
    is not to be used. One that is damaged is put aside and begun anew: it holds nothing that cannot be lost.
    """

    def __init__(self, path: Path, recall: Recall) -> None:
        self._path = path
        self._recall = recall
        self._kept: dict[str, float] = {}  # run -> the start of its newest batch in the file
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
        rows = []
        for query in snapshot.queries:
            run = query.run_id
            if run not in self._kept:
                remembered = self._remembered(connection, run)
                self._kept[run] = 0.0
                if remembered:
                    self._recall(run, remembered)
            # The newest one again: another layer may have told the rest of it since.
            rows += [(run, batch.at, _told(batch)) for batch in query.batches if batch.at >= self._kept[run]]
            newest[run] = query.batches[-1].at if query.batches else 0.0
        with connection:
            connection.executemany("INSERT OR REPLACE INTO batch VALUES (?, ?, ?)", rows)
            for run in {run for run, _, _ in rows}:
                connection.execute(_FORGET, (run, run, KEPT - 1))
        self._kept.update(newest)

    def _remembered(self, connection: sqlite3.Connection, run: str) -> tuple[Batch, ...]:
        found = connection.execute("SELECT at, told FROM batch WHERE run = ? ORDER BY at", (run,))
        return tuple(Batch(at, **json.loads(told)) for at, told in found)


def _told(batch: Batch) -> str:
    values = ((field.name, getattr(batch, field.name)) for field in fields(batch) if field.name != "at")
    known = {
        name: dict(value) if name == "parts_ms" else value
        for name, value in values
        if value not in (None, {})
    }
    return json.dumps(known, separators=(",", ":"))
