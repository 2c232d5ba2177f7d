"""A real local Spark: four queries, one of which fails; what its pages, log, session and checkpoint say."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Focus, StreamingQuery
from dataeng_tui.streams.sources.checkpoint import Checkpoints

pytest.importorskip("pyspark")
pytestmark = pytest.mark.spark

# The driver runs beside us, does what it reads on stdin, and answers with a line of JSON.
DRIVER = """
import json, sys
from pathlib import Path
from pyspark.sql import SparkSession
from dataeng_tui.streams.report import query_json
from dataeng_tui.streams.snapshot import Focus
from dataeng_tui.streams.notebook import watch
from dataeng_tui.streams.sources.session import Session

folder, port = Path(sys.argv[1]), sys.argv[2]
settings = {"spark.ui.port": port, "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "1", "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": (folder / "events").as_uri(),
            "spark.ui.showConsoleProgress": "false"}
(folder / "events").mkdir(exist_ok=True)
builder = SparkSession.builder.master("local[2]").appName("four streams")
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
rate = lambda rows: spark.readStream.format("rate").option("rowsPerSecond", rows).load()

def start(frame, name):
    writer = frame.writeStream.format("noop").outputMode("update").trigger(processingTime="2 seconds")
    writer = writer.option("checkpointLocation", str(folder / "checkpoints" / (name or "unnamed")))
    return (writer.queryName(name) if name else writer).start()

hourly = rate(20).withWatermark("timestamp", "2 seconds").selectExpr("window(timestamp, '1 second') AS w")
queries = [start(hourly.groupBy("w").count(), "by hour"), start(rate(5), None), start(rate(3), "[red]clicks"),
           start(rate(20).selectExpr("assert_true(value < 30)"), "failing")]
session = Session(spark)
told = {"application": spark.sparkContext.applicationId, "page": spark.sparkContext.uiWebUrl}
print(json.dumps(told), flush=True)
for line in sys.stdin:
    if line.strip() == "progress":
        said = {q.runId: [json.loads(p.json) for p in q.recentProgress] for q in queries}
    elif line.strip() == "watch":
        said = []
        watch(spark, said.append, interval=0.5, polls=10)
    else:
        said = [query_json(query) for query in session.poll(0.0, Focus()).queries]
    print(json.dumps(said), flush=True)
"""


class Driver:
    def __init__(self, folder: Path, port: int) -> None:
        environment = dict(os.environ, SPARK_LOCAL_HOSTNAME="localhost")
        self._process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(folder), str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment,
        )  # fmt: skip
        told = self._read()
        self.application: str = told["application"]
        self.port = int(told["page"].rpartition(":")[2])  # another one, where that was taken in the meantime
        self.url = f"http://localhost:{self.port}"

    def ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """As at the end of a machine: the JVM ends when its Python is gone."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def driver(folder: Path) -> Iterator[Driver]:
    running = Driver(folder, free_port())
    end = time.monotonic() + 240
    # Until the one has failed and every other has done three batches.
    while True:
        said = {run: told for run, told in running.ask("progress").items() if told}
        states = {query["name"]: query["state"] for query in running.ask("session")}
        if states.get("failing") == "failed" and sum(len(told) >= 3 for told in said.values()) >= 3:
            break
        assert time.monotonic() < end
        time.sleep(0.5)
    # Its first answer takes a cold driver seconds, and a busy machine's driver many.
    while open_watcher([running.url], discover=False).once(120).problems:
        assert time.monotonic() < end + 120
    yield running
    running.stop()


def seen(driver: Driver, folder: Path) -> dict[str, StreamingQuery]:
    snapshot = open_watcher([driver.url], [str(folder / "events")], discover=False).once(120)
    assert snapshot.problems == ()
    return {query.run_id: query for query in snapshot.queries}


def ids(told: list[dict[str, Any]]) -> int:
    """The last batch: a progress without addBatch is that of a trigger that found nothing to do."""
    return max(one["batchId"] for one in told if "addBatch" in one["durationMs"])


def test_four_queries_one_of_which_fails(driver: Driver, folder: Path) -> None:
    before = driver.ask("progress")
    found = seen(driver, folder)
    after = driver.ask("progress")
    assert {query.name for query in found.values()} == {"by hour", None, "[red]clicks", "failing"}
    assert found.keys() == after.keys()
    for run, told in after.items():
        query, last = found[run], found[run].batches[-1]
        said = next(one for one in told if datetime.fromisoformat(one["timestamp"]).timestamp() == last.at)
        assert ids(before[run]) <= (query.batch_id or 0) <= ids(told)
        assert query.application == driver.application
        assert set(query.seen_in) >= {"driver-ui", "event-log"}
        assert (last.id, query.input_rows) == (said["batchId"], said["numInputRows"])
        assert query.batch_duration_ms == said["batchDuration"]
        assert query.duration_ms["addBatch"] == said["durationMs"]["addBatch"]
        assert query.sources[0].end_offset is not None
        if query.name == "failing":
            assert query.state == "failed"
            assert "is not true" in (query.exception or "")
            assert [finding.code for finding in query.health] == ["failed"]
        else:
            assert query.state in {"processing", "waiting", "idle"}
    stateful = next(query for query in found.values() if query.name == "by hour")
    assert stateful.state_rows is not None
    assert stateful.state_bytes is not None
    assert stateful.watermark is not None


def test_the_session_says_the_same_from_within(driver: Driver, folder: Path) -> None:
    found = seen(driver, folder)
    within = {query["run_id"]: query for query in driver.ask("session")}
    assert within.keys() == found.keys()
    for run, query in found.items():
        assert (within[run]["name"], within[run]["id"]) == (query.name, query.id)
        assert within[run]["batch_id"] >= (query.batch_id or 0)
    assert {query["state"] for query in within.values() if query["name"] == "failing"} == {"failed"}


def test_the_checkpoint_knows_the_last_committed_batch(driver: Driver, folder: Path) -> None:
    source = Checkpoints(folder / "checkpoints" / "by hour")
    (query,) = source.poll(0.0, Focus()).queries
    told = next(one for one in driver.ask("progress").values() if one and one[-1]["name"] == "by hour")
    assert query.id == told[-1]["id"]
    assert query.batch_id is not None
    assert told[0]["batchId"] <= query.batch_id <= told[-1]["batchId"] + 1
    assert query.watermark is not None
    assert query.sources[0].end_offset is not None
    # Merged, it brings what the driver's pages alone do not tell.
    pages = open_watcher([driver.url], discover=False).once(120)
    assert not any(query.sources for query in pages.queries)
    both = open_watcher([driver.url], checkpoints=[str(folder / "checkpoints")], discover=False).once(120)
    assert {query.run_id for query in both.queries} == {query.run_id for query in pages.queries}
    assert {query.application for query in both.queries} == {driver.application}
    for query in both.queries:
        assert query.seen_in == ("driver-ui", "checkpoint")
        assert query.sources[0].end_offset is not None or query.batch_id is None


def test_a_session_is_told_line_by_line(driver: Driver) -> None:
    lines = driver.ask("watch")
    assert any("by hour: batch " in line and " rows, " in line for line in lines)
    assert any("[red]clicks" in line for line in lines)
    # It was there when the watching began, and has been over since; nothing else is told of it.
    assert sum("failing" in line for line in lines) == 0
    assert len(lines) > 4


def test_a_driver_goes_away_and_another_comes_on_its_port(tmp_path: Path) -> None:
    first = Driver(tmp_path, free_port())
    watcher = open_watcher([first.url], discover=False, interval=0.3)
    watcher.start()

    def until(holds: Any) -> None:
        end = time.monotonic() + 180
        while not holds():
            assert time.monotonic() < end, watcher.latest
            time.sleep(0.05)

    try:
        until(lambda: any(query.application == first.application for query in watcher.latest.queries))
        first.stop()
        until(lambda: [one.state for one in watcher.latest.applications] == ["UNREACHABLE"])
        assert watcher.latest.problems
        second = Driver(tmp_path, first.port)
        try:
            until(lambda: any(query.application == second.application for query in watcher.latest.queries))
            until(lambda: not watcher.latest.problems)
            states = {one.id: one.state for one in watcher.latest.applications}
            assert states == {second.application: "RUNNING"}
            # From the same checkpoints: the same ids, in new runs.
            again = [query for query in watcher.latest.queries if query.application == second.application]
            assert all(query.runs for query in again if query.id and query.name == "by hour")
        finally:
            second.stop()
    finally:
        watcher.stop()
