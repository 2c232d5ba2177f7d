"""Two jobs over a folder of events, for the tests that kill their driver:  dataeng-tui jobs run emails.py

The folder is EMAILS. A commit takes a while before and after, so that a kill finds the driver anywhere: in
mid-transaction, and between the database's commit and Spark's. With EMAILS_LAST set they end when all is
read.
"""

import os
import sqlite3
import time
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from dataeng_tui.demo.email_jobs import email_job
from tests.jobs.conftest import open_session

FOLDER = Path(os.environ["EMAILS"])
PAUSE = float(os.environ.get("EMAILS_PAUSE", "0.15"))
TRIGGER = {"availableNow": True} if "EMAILS_LAST" in os.environ else {"processingTime": "100 milliseconds"}
checkpoints = str(FOLDER / "checkpoints")

open_session()


def read(spark: SparkSession) -> DataFrame:
    """Two files a batch, in the order in which they came; more when the rest is to be read."""
    files = 20 if "EMAILS_LAST" in os.environ else 2
    return spark.readStream.format("text").option("maxFilesPerTrigger", files).load(str(FOLDER / "events"))


class Slow(sqlite3.Connection):
    """Commits with a pause before and after."""

    def commit(self) -> None:
        time.sleep(PAUSE)
        super().commit()
        time.sleep(PAUSE)


def database() -> sqlite3.Connection:
    """A connection for one micro-batch; a database a job, as SQLite has one writer."""
    return sqlite3.connect(FOLDER / "emails.db", timeout=60, factory=Slow)


jobs = [
    # Distinct events an hour: an SQL that sets.
    email_job("hourly", read=read, trigger=TRIGGER),
    # All deliveries an email: an SQL that adds, right only if no batch is written twice.
    email_job(
        "deliveries",
        read=read,
        trigger=TRIGGER,
        transform=lambda events: events,
        row=None,
        schema="CREATE TABLE IF NOT EXISTS deliveries (email_id TEXT PRIMARY KEY, n INTEGER NOT NULL)",
        sql="INSERT INTO deliveries VALUES (:email_id, 1) ON CONFLICT (email_id) DO UPDATE SET n = n + 1",
    ),
]
