"""What watching costs us with 300 queries on 40 drivers, what it costs a driver, and how late it shows."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import mean, median

import pytest

from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Focus, Snapshot
from dataeng_tui.streams.sources.http import KeepAlive
from tests.streams.fake_driver import SHORT_LIST
from tests.streams.test_spark import Driver, free_port

pytestmark = pytest.mark.bench


KINDS = {"Sp": "pages", "G1": "collector", "GC": "collector", "C1": "compiler", "C2": "compiler"}


def cpu_by_kind(process: int) -> Counter[str]:
    """Seconds of CPU that a JVM's threads have taken: Spark's UI, the collector, the compiler, the others."""
    taken: Counter[str] = Counter()
    for thread in Path(f"/proc/{process}/task").iterdir():
        try:
            name = (thread / "comm").read_text()
            seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue
        taken[KINDS.get(name[:2], "other")] += seconds
    return taken


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


def compile_pages(driver: Driver) -> None:
    """A driver that is watched has been for an hour: as many answers, at once."""
    http, run = KeepAlive(), next(iter(driver.ask("progress")))
    application = f"/api/v1/applications/{driver.application}"
    for path in (SHORT_LIST, f"/StreamingQuery/statistics/?id={run}", f"{application}/jobs?status=running"):
        for _ in range(1800):
            assert http.get(driver.url + path).status == 200
    http.close()


@pytest.mark.parametrize("looking", [False, True], ids=["from the command line", "on the screen"])
def test_watching_costs_the_driver_two_hundredths_of_a_core(spark: Driver, looking: bool) -> None:
    """The threads that serve the pages, to the nanosecond, and what the collector has to do more.

    The whole process would be no measure: its compiler alone takes 5 to 20 hundredths of a core, now more and
    now less, for minutes. What it compiles of the pages it compiles once.
    """
    process = java(spark)
    compile_pages(spark)
    focus = Focus(frozenset(list(spark.ask("progress"))[:1]) if looking else frozenset())

    def shares(seconds: float, interval: float | None) -> Counter[str]:
        watcher = open_watcher([spark.url], discover=False, interval=interval or 1.0)
        if interval:
            watcher.look_at(focus)
            watcher.start()
            time.sleep(3)
        before, began = cpu_by_kind(process), time.monotonic()
        time.sleep(seconds)
        after, took = cpu_by_kind(process), time.monotonic() - began
        watcher.stop()
        return Counter({kind: (after[kind] - before[kind]) / took for kind in after})

    shares(5, 0.1)
    rounds = [(shares(10, None), shares(10, 1.0)) for _ in range(3)]
    often = shares(15, 0.1)["collector"]  # ten times as much to see it at all
    calm = mean(without["collector"] for without, _ in rounds)
    serving = median(watched["pages"] - without["pages"] for without, watched in rounds)
    collecting = max(0.0, often - calm) / 10
    rest = {
        kind: [f"{watched[kind] - without[kind]:+.1%}" for without, watched in rounds]
        for kind in ("compiler", "other")
    }
    print(
        f"\nwatching costs the driver {serving + collecting:.2%} of a core ({serving:.2%} for the pages, "
        f"{collecting:.2%} for the collector); what else was more or less meanwhile: {rest}"
    )
    assert serving + collecting <= 0.02


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
    end = time.monotonic() + 120
    while len(shown) < 60 and time.monotonic() < end:
        time.sleep(1)
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
