"""The load that the figures of jobs are measured with; a program of its own for what needs its own process.

python -m tests.bench.jobs_load FOLDER JOBS      runs JOBS jobs over FOLDER/events and tells memory and CPU
"""

import json
import os
import sqlite3
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from dataeng_tui.demo.email_jobs import email_job
from dataeng_tui.jobs import Job, run_jobs
from tests.jobs.conftest import event, open_session, write_events

CLOCK = os.sysconf("SC_CLK_TCK")


def feed(folder: Path, files: int, lines: int) -> None:
    """``files`` files of ``lines`` events in ``folder``/events."""
    for number in range(files):
        stamps = (
            (line, f"2026-03-{1 + number % 20:02}T{line % 24:02}:{line % 60:02}:00Z") for line in range(lines)
        )
        texts = [event(number * lines + line, f"mail-{line % 50}", at) for line, at in stamps]
        write_events(folder / "events", f"{number:05}", texts)


def _read(folder: str, spark: Any) -> Any:
    return spark.readStream.format("text").option("maxFilesPerTrigger", 1).load(folder)


def plain_parse(raw: Any) -> Any:
    """The events without a look at poison, as a first version has it."""
    from pyspark.sql import functions as F

    schema = "event_id STRING, email_id STRING, subscriber_id STRING, at TIMESTAMP"
    return raw.select(F.from_json("value", schema).alias("event")).select("event.*")


def load_jobs(folder: Path, names: list[str]) -> list[Job[Any, Any]]:
    """A job a name over the events in ``folder``, a file a batch, until all are read."""
    read = partial(_read, str(folder / "events"))
    return [email_job(n, read=read, consume=plain_parse, trigger={"availableNow": True}) for n in names]


def java_process() -> int:
    """The JVM that this process's session runs in."""
    from pyspark import SparkContext

    return int(SparkContext._gateway.proc.pid)


def cpu_seconds(pid: int) -> float:
    """Of the JVM and of this Python so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK + time.process_time()


def own_memory(pid: int) -> int:
    """What the process alone holds, in KiB: anonymous pages, none of a file's that others may share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def main(folder: Path, number: int) -> None:
    session = open_session()
    java, peak, over = java_process(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.2):
            peak = max(peak, own_memory(java) + own_memory(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    names = [f"job-{index}" for index in range(number)]
    place = folder / f"run-{os.getpid()}"
    place.mkdir()
    outcomes = run_jobs(
        session,
        load_jobs(folder, names),
        lambda: sqlite3.connect(place / "rows.db", timeout=60),
        checkpoints=str(place / "checkpoints"),
    )
    over.set()
    watcher.join()
    assert {outcome.state for outcome in outcomes} == {"finished"}
    print(json.dumps({"memory": peak, "cpu": cpu_seconds(java), "rows": outcomes[0].rows}))
    session.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
