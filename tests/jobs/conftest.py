"""One small local Spark for the tests of a process, and events in files."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.demo.email_jobs import email_job

SESSION = {
    "spark.master": "local[2]",
    "spark.scheduler.mode": "FAIR",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "700m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
}


def open_session(**changes: str) -> Any:
    """A session as the tests use it; a new one where none is open in this process."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("tests")
    for key, value in {**SESSION, **changes}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    session = open_session()
    yield session
    session.stop()


def event(number: int, email: str, at: str) -> str:
    """One event as a line of JSON."""
    return json.dumps({"event_id": str(number), "email_id": email, "subscriber_id": "s", "at": at})


def write_events(folder: Path, name: str, lines: list[str]) -> None:
    """A file of events, there at once and whole."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f".{name}"
    hidden.write_text("".join(line + "\n" for line in lines))
    hidden.rename(folder / name)


@dataclass
class Place:
    """Where a test's events, checkpoints and database are."""

    folder: Path

    def database(self, **options: Any) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "test.db", timeout=30, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return sqlite3.connect(self.folder / "test.db").execute(query).fetchall()

    @property
    def checkpoints(self) -> str:
        return str(self.folder / "checkpoints")

    def job(self, name: str, **changes: Any) -> Any:
        """Hourly counts of this place's events, until none is left."""
        read = partial(read_lines, str(self.folder / "events"))
        return email_job(name, **{"read": read, "trigger": {"availableNow": True}, **changes})


def read_lines(folder: str, spark: Any) -> Any:
    """The files there as a stream of lines."""
    return spark.readStream.format("text").load(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    lines = [event(n, f"e{n % 2}", f"2026-03-02T14:{n:02}:00Z") for n in range(10)]
    write_events(tmp_path / "events", "first", [*lines, lines[3]])
    return found
