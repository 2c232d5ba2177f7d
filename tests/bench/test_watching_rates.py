"""What watching costs us with 300 queries on 40 drivers, what it costs a driver, and how late it shows."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

import pytest

from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Focus, Snapshot
from tests.streams.test_spark import Driver, free_port

pytestmark = pytest.mark.bench
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.fixture
def forty() -> Iterator[list[str]]:
    program = [sys.executable, str(Path(__file__).with_name("forty_drivers.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield list(iter(lambda: process.stdout.readline().strip(), ""))  # type: ignore[union-attr]
        process.kill()


def test_three_hundred_queries_on_forty_drivers_take_a_tenth_of_a_core(forty: list[str]) -> None:
    watcher = open_watcher(forty, discover=False, interval=1.0)
    watcher.start()
    try:
        time.sleep(15)  # the first reading of every run's history
        seconds, used = time.monotonic(), time.process_time()
        time.sleep(20)
        share = (time.process_time() - used) / (time.monotonic() - seconds)
        queries = watcher.latest.queries
    finally:
        watcher.stop()
    fresh = [query.batch_id for query in queries if (query.batch_id or 0) >= time.time() - 3.5]
    known = [query for query in queries if query.input_rows is not None]
    print(f"\n300 queries, 40 drivers, 1 Hz: {share:.1%} of a core; {len(known)} with a batch read whole")
    assert len(queries) == len(known) == 300
    assert len(fresh) == 300
    assert share <= 0.10


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Driver]:
    pytest.importorskip("pyspark")
    driver = Driver(tmp_path, free_port())
    yield driver
    driver.stop()


def java(driver: Driver) -> int:
    """The JVM under the Python driver."""
    port = int(driver.url.rpartition(":")[2])
    told = subprocess.run(
        ["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    return int(told.partition("pid=")[2].partition(",")[0])


def test_watching_costs_the_driver_two_hundredths_of_a_core(spark: Driver) -> None:
    process = java(spark)

    def share(seconds: float) -> float:
        before, began = cpu_seconds(process), time.monotonic()
        time.sleep(seconds)
        return (cpu_seconds(process) - before) / (time.monotonic() - began)

    warm = open_watcher([spark.url], discover=False, interval=0.1)
    warm.start()
    time.sleep(45)  # a driver that is watched has been for a while: its pages are compiled
    warm.stop()
    costs = []
    for _ in range(5):
        without = share(8)
        watcher = open_watcher([spark.url], discover=False, interval=1.0)
        watcher.start()
        time.sleep(3)
        costs.append(share(8) - without)
        watcher.stop()
    print(f"\nwatching costs the driver {median(costs):.1%} of a core: {[f'{cost:.1%}' for cost in costs]}")
    assert median(costs) <= 0.02


def test_a_batch_is_shown_at_most_an_interval_and_a_tenth_of_a_second_late(spark: Driver) -> None:
    """By the driver's own recentProgress: a batch is done its duration after its timestamp."""
    interval = 1.0
    shown: dict[tuple[str, int], float] = {}
    watcher = open_watcher([spark.url], discover=False, interval=interval)

    def note(snapshot: Snapshot) -> None:
        for query in snapshot.queries:
            if query.batch_id is not None:
                shown.setdefault((query.run_id, query.batch_id), time.time())

    watcher.subscribe(note)
    watcher.look_at(Focus())
    watcher.start()
    time.sleep(40)
    watcher.stop()
    late = sorted(
        shown[run, progress["batchId"]] - done
        for run, told in spark.ask("progress").items()
        for progress in told
        for done in [_ended(progress)]
        if (run, progress["batchId"]) in shown and done > min(shown.values()) + 3
    )
    p95 = late[int(len(late) * 0.95)]
    print(
        f"\n{len(late)} batches: shown {median(late):.2f} s (median), {p95:.2f} s (p95) after they were done"
    )
    assert len(late) >= 30
    assert p95 <= interval + 0.1


def _ended(progress: dict[str, object]) -> float:
    began = datetime.fromisoformat(str(progress["timestamp"])).timestamp()
    return began + float(str(progress["batchDuration"])) / 1000
