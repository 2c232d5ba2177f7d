"""The watcher over real sockets: nobody delays anybody, nothing overlaps, and only changes are told."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.streams.board import Board
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Batch, Focus, Layer, Observation, Snapshot, StreamingQuery
from dataeng_tui.streams.sources.driver_ui import DriverUi
from dataeng_tui.streams.sources.event_log import EventLogSource
from dataeng_tui.streams.sources.local_ports import LocalPorts
from dataeng_tui.streams.watch import Watcher
from tests.streams.fake_driver import FakeDriver, as_another_application, pages_of
from tests.streams.test_event_log import progress

Serve = Callable[..., FakeDriver]


def eventually(holds: Callable[[], object], within: float = 120.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    running: list[Watcher] = []

    def start(*urls: str, **options: Any) -> Watcher:
        watcher = open_watcher(urls, discover=False, **{"interval": 0.1, **options})
        running.append(watcher)
        watcher.start()
        return watcher

    yield start
    for watcher in running:
        watcher.stop()


def test_a_driver_that_hangs_delays_no_other_and_is_asked_once_at_a_time(
    serve: Serve, watch: Callable[..., Watcher], newest: Any
) -> None:
    hanging = serve(as_another_application(newest, "app-hangs", "bbbb"))
    hanging.hold.clear()
    well = serve(newest)
    watcher = watch(hanging.url, well.url)
    eventually(lambda: len(watcher.latest.queries) == len(newest["progress"]))
    asked = len(well.asked)
    eventually(lambda: len(well.asked) > asked + 10)
    assert len(hanging.asked) == 1
    hanging.hold.set()
    eventually(lambda: len(watcher.latest.applications) == 2)
    assert well.most_at_once == hanging.most_at_once == 1


def test_three_hundred_queries_over_forty_drivers_some_of_which_hang(
    serve: Serve, watch: Callable[..., Watcher], newest: Any
) -> None:
    drivers = [
        serve(as_another_application(newest, f"app-{n:02}", f"{n:04x}", same_queries=False))
        for n in range(40)
    ]
    hanging, well = drivers[::8], [driver for n, driver in enumerate(drivers) if n % 8]
    for driver in hanging:
        driver.hold.clear()
    watcher = watch(*(driver.url for driver in drivers), interval=1.0)
    wanted = 35 * len(newest["progress"])
    eventually(lambda: sum(query.input_rows is not None for query in watcher.latest.queries) == wanted)
    asked = [len(driver.asked) for driver in well]
    eventually(lambda: all(len(driver.asked) > n + 2 for driver, n in zip(well, asked, strict=True)))
    assert [len(driver.asked) for driver in hanging] == [1] * 5
    for driver in hanging:
        driver.hold.set()
    eventually(lambda: len(watcher.latest.queries) == 40 * len(newest["progress"]))
    assert {driver.most_at_once for driver in drivers} == {1}


def test_a_driver_that_goes_away_and_comes_back(
    serve: Serve, watch: Callable[..., Watcher], newest: Any
) -> None:
    driver = serve(newest)
    watcher = watch(driver.url)
    eventually(lambda: any(query.input_rows for query in watcher.latest.queries))
    before = watcher.latest
    driver.stop()
    eventually(lambda: watcher.latest.problems)
    gone = watcher.latest
    assert [application.state for application in gone.applications] == ["UNREACHABLE"]
    # What it last showed stays, as the past: what is over is over, and the rest is unknown.
    assert {query.state for query in gone.queries} == {None, "finished", "failed"}
    assert [query.batch_id for query in gone.queries] == [query.batch_id for query in before.queries]
    serve(newest, port=driver.port)
    eventually(lambda: not watcher.latest.problems)
    assert [application.state for application in watcher.latest.applications] == ["RUNNING"]
    assert {query.state for query in watcher.latest.queries} == {query.state for query in before.queries}


def test_only_changes_are_published(serve: Serve, watch: Callable[..., Watcher], newest: Any) -> None:
    driver = serve(newest)
    watcher = watch(driver.url)
    seen: list[Snapshot] = []
    watcher.subscribe(seen.append)
    eventually(
        lambda: all(
            query.input_rows is not None for query in watcher.latest.queries or [StreamingQuery("", "")]
        )
    )
    time.sleep(0.5)
    published, asked = len(seen), len(driver.asked)
    eventually(lambda: len(driver.asked) > asked + 10)
    assert len(seen) == published
    with pytest.raises(AttributeError):
        seen[-1].at = 0.0  # type: ignore[misc]


def test_pause_asks_nothing_until_resumed(serve: Serve, watch: Callable[..., Watcher], newest: Any) -> None:
    driver = serve(newest)
    watcher = watch(driver.url)
    eventually(lambda: watcher.latest.queries)
    watcher.pause()
    time.sleep(0.5)
    asked = len(driver.asked)
    time.sleep(0.5)
    assert watcher.paused
    assert len(driver.asked) == asked
    watcher.resume()
    eventually(lambda: len(driver.asked) > asked)


def test_drivers_are_found_on_local_ports_and_other_services_are_passed_over(
    serve: Serve, newest: Any
) -> None:
    driver = serve(newest)
    other = serve({"/api/v1/applications": (200, "text/html", "<h1>It works!</h1>")})
    found = LocalPorts([driver.port, other.port], host="127.0.0.1")
    watcher = Watcher([found], lambda *_: (), make_driver=lambda url, given: DriverUi(url, given=given))
    snapshot = watcher.once()
    assert len(snapshot.queries) == len(newest["progress"])
    assert snapshot.problems == ()
    assert watcher.unanswered == ()


def test_once_names_a_source_that_does_not_answer_in_time(serve: Serve, newest: Any) -> None:
    hanging, well = serve(newest), serve(as_another_application(newest, "app-2", "cccc"))
    hanging.hold.clear()
    watcher = open_watcher([hanging.url, well.url], discover=False)
    snapshot = watcher.once(timeout=1.5)
    assert [problem.source for problem in watcher.unanswered] == [hanging.url]
    assert {query.application for query in snapshot.queries} == {"app-2"}


class Scripted:
    """A source that says what it is told to."""

    layer: Layer = "driver-ui"

    def __init__(self, where: str) -> None:
        self.where = where
        self.said = Observation(self.layer, where, 0.0)

    def poll(self, now: float, focus: Focus) -> Observation:
        return replace(self.said, at=now)

    def close(self) -> None:
        pass


def test_a_new_run_of_the_same_query_takes_the_earlier_ones_place() -> None:
    source = Scripted("a")
    runs = [
        StreamingQuery("app", "run-1", id="q", state="failed", started_at=10.0, exception="boom"),
        StreamingQuery("app", "run-2", id="q", state="waiting", started_at=20.0),
    ]
    source.said = replace(source.said, queries=tuple(runs))
    (query,) = Watcher([source], lambda *_: ()).once().queries
    assert (query.run_id, query.state, query.runs) == ("run-2", "waiting", (10.0,))


def test_an_old_run_that_only_seems_to_live_does_not_hide_that_the_new_one_failed() -> None:
    old = StreamingQuery("app-1", "run-1", id="q", state="waiting", started_at=10.0, batches=(Batch(50.0),))
    new = StreamingQuery("app-2", "run-2", id="q", state="failed", started_at=60.0, exception="boom")
    source = Scripted("a")
    for runs in ((old, new), (new, old)):
        source.said = replace(source.said, queries=runs)
        (query,) = Watcher([source], lambda *_: ()).once().queries
        assert (query.run_id, query.runs) == ("run-2", (10.0,))
    young = replace(new, state="initializing", started_at=None)
    source.said = replace(source.said, queries=(young, old))
    assert Watcher([source], lambda *_: ()).once().queries[0].run_id == "run-2"


def test_runs_that_ended_well_are_no_restarts() -> None:
    source = Scripted("a")
    runs = [
        StreamingQuery(
            "app", f"run-{n}", id="q", state="finished", ended_well=n != 2 or None, started_at=10.0 * n
        )
        for n in range(1, 5)
    ]
    source.said = replace(source.said, queries=tuple(runs))
    (query,) = Watcher([source], lambda *_: ()).once().queries
    assert (query.run_id, query.runs) == ("run-4", (20.0,))


def test_a_stall_is_seen_although_our_clock_was_set_back() -> None:
    board = Board(judge)
    history = tuple(Batch(1e9 + 5 * n, n, input_rows=1, duration_ms=1.0) for n in range(5))
    board.accept(
        Observation(
            "driver-ui", "a", 1e9, queries=(StreamingQuery("app", "r", state="waiting", batches=history),)
        )
    )
    assert board.snapshot(1e9 + 20).unhealthy == ()
    assert board.snapshot(1e9 - 80_000).unhealthy == ()
    assert board.snapshot(1e9 - 79_500).unhealthy == ()
    (stalled,) = board.snapshot(1e9 - 79_300).unhealthy
    assert stalled.health[0].code == "stalled"


def test_a_batch_that_never_ends_is_seen_by_the_log_alone_and_at_once(tmp_path: Path) -> None:
    job = b'{"Event":"SparkListenerJobStart","Properties":'
    job += b'{"spark.jobGroup.id":"r","streaming.sql.batchId":"9"}}\n'
    log = tmp_path / "a.inprogress"
    log.write_bytes(b"".join(progress(batch) for batch in range(9)) + job)
    last = datetime(2026, 3, 3, 10, 0, 8, tzinfo=UTC).timestamp()

    def codes(now: float, *others: Observation) -> list[str]:
        os.utime(log, (now, now))  # other events are written on
        board = Board(judge)
        for said in (EventLogSource(log).poll(now, Focus(everything=True)), *others):
            board.accept(said)
        return [finding.code for query in board.snapshot(now).queries for finding in query.health]

    assert codes(last + 60) == []
    assert codes(last + 700) == ["stalled"]
    # The driver's clock is behind ours, and its pages tell by how much.
    page = StreamingQuery("a", "r", state="processing", quiet_since=last + 690)
    assert codes(last + 700, Observation("driver-ui", "d", last + 700, queries=(page,))) == []


def test_stopping_leaves_no_thread_behind(serve: Serve, newest: Any) -> None:
    driver = serve(newest)
    watcher = open_watcher([driver.url], interval=0.1)
    watcher.start()
    eventually(lambda: watcher.latest.queries)
    watcher.stop()
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("streams")])
    watcher.stop()
    assert pages_of(newest)
