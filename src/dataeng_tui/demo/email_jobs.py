"""Email engagement in hourly buckets: opened, clicked, unsubscribed; three jobs in one Spark session.

    dataeng-tui jobs run email_jobs.py
    dataeng-tui jobs check email_jobs.py
    spark-submit --py-files jobs.py email_jobs.py

Events are JSON, one a Kafka message where EMAIL_BROKERS names the brokers, else one a line in the files of
EMAIL_EVENTS/<topic>/. Rows go into SQLite, or into the PostgreSQL of EMAIL_DATABASE (``postgresql://…``).
"""

import logging
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

try:
    from dataeng_tui.jobs import Job, run_jobs
except ImportError:  # on a cluster, where jobs.py came by --py-files
    from jobs import Job, run_jobs  # type: ignore[import-not-found,no-redef]

HOME = os.environ.get("EMAIL_HOME", "email-jobs")
checkpoints = os.environ.get("EMAIL_CHECKPOINTS", HOME + "/checkpoints")


@dataclass(frozen=True)
class EmailEvent:
    """Somebody opened or clicked an email, or unsubscribed from it."""

    event_id: str
    email_id: str
    subscriber_id: str
    at: datetime


@dataclass(frozen=True)
class HourlyCount:
    """How often that happened to one email in one hour (``bucket``: its start, ``2026-03-02 14:00``)."""

    email_id: str
    bucket: str
    events: int


def read_topic(topic: str, spark: SparkSession) -> DataFrame:
    """The raw events of a topic: a column ``value`` with the JSON."""
    brokers = os.environ.get("EMAIL_BROKERS")
    if brokers:
        kafka = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers)
        return kafka.option("subscribe", topic).option("startingOffsets", "earliest").load()
    folder = Path(os.environ.get("EMAIL_EVENTS", HOME + "/events"), topic)
    folder.mkdir(parents=True, exist_ok=True)
    return spark.readStream.format("text").load(str(folder))


def parse(raw: DataFrame) -> DataFrame:
    """The event of each JSON in ``value``; where there is none, ``poison`` says why."""
    texts = raw.select(F.col("value").cast("string").alias("payload"))
    event = F.from_json("payload", "event_id STRING, email_id STRING, subscriber_id STRING, at TIMESTAMP")
    events = texts.withColumn("event", event).select("event.*", "payload")
    absent = F.concat_ws(", ", *[F.when(F.col(name).isNull(), F.lit(name)) for name in events.columns[:-1]])
    reason = F.when(F.get_json_object("payload", "$").isNull(), F.lit("not JSON")).when(
        absent != "", F.concat(F.lit("missing or of another type: "), absent)
    )
    return events.withColumn("poison", reason)


def hourly(events: DataFrame) -> DataFrame:
    """Distinct events an email and hour; one that comes more than 24 hours late is left out."""
    return (
        events.withWatermark("at", "24 hours")
        .dropDuplicates(["event_id", "at"])
        .groupBy("email_id", F.window("at", "1 hour"))
        .agg(F.count("*").alias("events"))
        .select("email_id", F.date_format("window.start", "yyyy-MM-dd HH:mm").alias("bucket"), "events")
    )


def email_job(name: str, **changes: Any) -> "Job[EmailEvent, HourlyCount]":
    """The job of one topic; ``changes`` are other values for its fields."""
    table = name.replace("-", "_")
    fields: dict[str, Any] = {
        "read": partial(read_topic, name),
        "consume": parse,
        "transform": hourly,
        "schema": f"""CREATE TABLE IF NOT EXISTS {table}
            (email_id TEXT, bucket TEXT, events INTEGER NOT NULL, PRIMARY KEY (email_id, bucket))""",
        "sql": f"""INSERT INTO {table} (email_id, bucket, events) VALUES (:email_id, :bucket, :events)
            ON CONFLICT (email_id, bucket) DO UPDATE SET events = excluded.events""",
        "event": EmailEvent,
        "row": HourlyCount,
    }
    return Job(name, **{**fields, **changes})


def database() -> Any:
    """A connection for one micro-batch."""
    url = os.environ.get("EMAIL_DATABASE", "")
    if url.startswith("postgres"):
        import psycopg

        return psycopg.connect(url)
    import sqlite3

    Path(HOME).mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(HOME + "/email.db", timeout=30)


jobs = [email_job("email-opened"), email_job("email-clicked"), email_job("email-unsubscribed")]


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("dataeng_tui.jobs").setLevel(logging.INFO)  # every change of a job's state
    session = SparkSession.builder.appName("email-jobs").config("spark.scheduler.mode", "FAIR").getOrCreate()
    outcomes = run_jobs(session, jobs, database, checkpoints=checkpoints, max_concurrent_jobs=len(jobs))
    sys.exit(any(outcome.state == "failed" for outcome in outcomes))
