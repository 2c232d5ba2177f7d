"""The demo's Spark: a small local session with a handful of jobs; the main program of a child process.

It tells how far it is in JSON lines on stdout, and lives as long as its stdin stays open: when the program
that started it is gone, however it went, nothing of this process group stays behind.
"""

import ctypes
import json
import os
import signal
import sqlite3
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeng_tui.demo.email_jobs import email_job, hourly
from dataeng_tui.demo.spark import remove
from dataeng_tui.jobs import Job, Outcome, run_jobs

PR_SET_PDEATHSIG = 1  # linux/prctl.h

SESSION = {
    "spark.scheduler.mode": "FAIR",
    # More slots than the two cores of a small machine: the slow job sleeps in its slot.
    "spark.master": "local[4]",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.retainedJobs": "200",
    "spark.ui.retainedStages": "200",
    "spark.sql.ui.retainedExecutions": "50",
    "spark.eventLog.enabled": "true",
}


def tell(**progress: Any) -> None:
    """One line to the program: ``step``, and from when they are known ``ui`` and ``event_log``."""
    print(json.dumps(progress), flush=True)  # noqa: T201


def end_with_the_program(folder: Path, parent: int) -> None:
    """End this process group with ``parent``: when our stdin ends, or the kernel says that it has gone."""

    def end(*_: object) -> None:
        group = os.getpgrp()
        if os.fork() == 0:  # somebody has to outlive the group: the JVM, which is in it, writes to the last
            os.setsid()
            os.killpg(group, signal.SIGKILL)
            remove(folder)
            os._exit(0)
        signal.pause()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        end()


def events(spark: SparkSession, rate: int, poison_every: int = 0) -> DataFrame:
    """``rate`` made-up events a second as JSON in a column ``value``; some that nobody can parse."""
    number = F.col("value")
    event = F.struct(
        number.cast("string").alias("event_id"),
        F.concat(F.lit("email-"), (F.hash(number) % 8 + 8).cast("string")).alias("email_id"),
        F.concat(F.lit("subscriber-"), F.abs(F.hash(number) % 500).cast("string")).alias("subscriber_id"),
        # Some phones report hours later.
        (
            F.col("timestamp")
            - F.expr("make_interval(0, 0, 0, 0, cast(pmod(hash(value), 7) = 0 AS int) * 3)")
        ).alias("at"),
    )
    value: Column = F.to_json(event)
    if poison_every:
        value = F.when(number % poison_every == poison_every - 1, F.lit('{"event_id": 7, "at"')).otherwise(
            value
        )
    return spark.readStream.format("rate").option("rowsPerSecond", rate).load().select(value.alias("value"))


def slow(rows: DataFrame) -> DataFrame:
    """Hourly counts that take about a quarter of a second an event, as if each one asked a service."""
    return hourly(rows.where("java_method('java.lang.Thread', 'sleep', 250L) = 'null'"))


def failing(rows: DataFrame) -> DataFrame:
    """Hourly counts that break as soon as a certain event comes."""
    broken = "CASE WHEN CAST(event_id AS bigint) >= 12 THEN raise_error('no schema 12') END IS NULL"
    return hourly(rows.where(broken))


def demo_jobs() -> list[Job[Any, Any]]:
    """Five that work, one of them slow, and one that fails; the last waits until that one is given up."""

    def job(name: str, rate: int, seconds: int, poison_every: int = 0, **changes: Any) -> Job[Any, Any]:
        read = partial(events, rate=rate, poison_every=poison_every)
        return email_job(name, read=read, trigger={"processingTime": f"{seconds} seconds"}, **changes)

    return [
        job("email-opened", 20, 5, poison_every=50),
        job("email-clicked", 8, 6),
        job("email-unsubscribed", 2, 8),
        job("email-bounced", 1, 4, transform=failing),
        job("email-geo-lookup", 4, 6, transform=slow),
        job("email-forwarded", 1, 10),
    ]


def main(folder: Path, parent: int) -> None:
    """Start the session in ``folder`` and run the jobs until the program is gone."""
    end_with_the_program(folder, parent)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # where the driver's UI listens
    os.environ["SPARK_LOCAL_DIRS"] = str(folder)
    os.chdir(folder)
    logs = folder / "events"
    logs.mkdir()
    tell(step="starting Java")
    builder = SparkSession.builder.appName("email-engagement").config("spark.eventLog.dir", logs.as_uri())
    for key, value in SESSION.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    ui, jobs = spark.sparkContext.uiWebUrl, demo_jobs()
    tell(step="session ready", ui=ui, event_log=str(logs))
    states: dict[str, str] = {}

    def changed(outcome: Outcome) -> None:
        states[outcome.job] = outcome.state
        running = sum(state == "running" for state in states.values())
        others = [
            f"{name} {states[name]}" for name in sorted(states) if states[name] not in ("running", "starting")
        ]
        tell(step=f"jobs {running}/{len(jobs)} running", ui=ui, event_log=str(logs), others=others)

    run_jobs(
        spark,
        jobs,
        lambda: sqlite3.connect(folder / "email.db", timeout=30),
        checkpoints=str(folder / "checkpoints"),
        max_concurrent_jobs=len(jobs) - 1,
        max_restarts=4,
        backoff=4.0,
        on_change=changed,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
