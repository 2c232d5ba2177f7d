"""One small local Spark for the tests of a process, and events in files."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.demo.java import find_java

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
    os.environ["JAVA_HOME"] = str(find_java().home)
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
