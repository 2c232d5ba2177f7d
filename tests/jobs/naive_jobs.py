"""The job that everybody writes first: an upsert that adds what a message brings to what is there."""

import sqlite3
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeng_tui.jobs import Job


@dataclass
class Campaign:
    """One message of a campaign."""

    id: int
    email: str
    sent: int


def parse(raw: DataFrame) -> DataFrame:
    """The message of each JSON in ``value``."""
    return raw.select(F.from_json("value", "id INT, email STRING, sent INT").alias("m")).select("m.*")


jobs = [
    Job(
        "campaign",
        read=lambda spark: spark.readStream.format("text").load("campaign-events"),
        consume=parse,
        transform=lambda messages: messages,
        schema="CREATE TABLE IF NOT EXISTS campaign (id INTEGER PRIMARY KEY, email TEXT, sent INTEGER)",
        sql="""INSERT INTO campaign (id, email, sent) VALUES (:id, :email, :sent)
            ON CONFLICT (id) DO UPDATE SET sent = sent + :sent""",
        event=Campaign,
        row=Campaign,
        samples=[
            [{"id": 1, "email": "A", "sent": 100}],
            [{"id": 2, "email": "B", "sent": 100}],
            [{"id": 1, "email": "A", "sent": 1000}],
        ],
    )
]


def database() -> sqlite3.Connection:
    """A connection for one micro-batch."""
    return sqlite3.connect("campaign.db")
