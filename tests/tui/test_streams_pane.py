"""The streams pane: what it shows of a snapshot, and what stays where it is when the next one comes."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dataeng_tui.settings import Settings, StreamsSettings
from dataeng_tui.streams.recording import Recorder
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Finding,
    Observation,
    Problem,
    Snapshot,
    SourceProgress,
    StreamingQuery,
)  # fmt: skip
from dataeng_tui.tui import app as apps
from dataeng_tui.tui import streams_work as work
from dataeng_tui.tui.app import DataengApp
from dataeng_tui.tui.panes.streams import StreamsPane
from dataeng_tui.tui.widgets.lines import Lines
from dataeng_tui.tui.widgets.live_table import LiveTable
from tests.screens import SIZES, assert_golden, screen_text

START = 1_772_532_000.0  # 2026-03-03 10:00 UTC
HARMFUL = "topic[/] [00:15] \x1b[31mred\x07 📧"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(apps, "PANES", {"streams": apps.PANES["streams"]})
    monkeypatch.setattr(work, "watch", lambda post, services: None)
    monkeypatch.setenv("TZ", "UTC")
    __import__("time").tzset()
    yield
    monkeypatch.undo()
    __import__("time").tzset()


def batch(n: int, rate: float = 500.0, took: float = 800.0) -> Batch:
    parts = {
        "addBatch": took * 0.7,
        "walCommit": took * 0.2,
        "queryPlanning": took * 0.1,
        "triggerExecution": took,
    }
    return Batch(
        START + n * 2.0,
        n,
        int(rate * 2),
        rate,
        rate * (1 + n % 7 / 5),
        took,
        parts,
        START - 600,
        1200,
        5 << 20,
    )


def query(name: str | None, app: str = "app-1", *, batches: int = 40, **changes: object) -> StreamingQuery:
    done = tuple(batch(n) for n in range(batches))
    last = done[-1] if done else Batch(0.0)
    base = StreamingQuery(
        application=app, run_id=f"run of {name}", id=f"id of {name}", name=name, state="waiting",
        batches=done,
        batch_id=last.id, input_rows=last.input_rows, input_rows_per_second=last.input_rows_per_second,
        processed_rows_per_second=last.processed_rows_per_second, batch_duration_ms=last.duration_ms,
        duration_ms=last.parts_ms, watermark=last.watermark, state_rows=last.state_rows,
        state_bytes=last.state_bytes, started_at=START - 3600, seen_in=("driver-ui", "event-log"),
        sources=(SourceProgress("KafkaV2[Subscribe[opened]]", '{"opened":{"0":10}}', '{"opened":{"0":90}}',
                                '{"opened":{"0":140}}', 80, 50),),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


FAILED = query(
    "email bounced", state="failed", exception="java.lang.RuntimeException: boom\n\tat a.b(C.scala:1)\n" * 40,
    health=(Finding("failed", "java.lang.RuntimeException: boom", START + 80),),
)  # fmt: skip
SLOW = query(
    "email opened",
    state="processing",
    health=(Finding("slow-batch", "batches take 8 s where the trigger is 2 s (12 of them)", START + 20),),
)
SNAPSHOT = Snapshot(
    START + 100,
    (
        Application("app-1", "emails", "hadoop", "RUNNING", spark_version="4.3.0"),
        Application("app-2", HARMFUL, state="UNREACHABLE"),
        Application("app-3", "nightly", state="ACCEPTED", waiting_for="queue default is full [01]"),
    ),
    (
        query("clicks"),
        FAILED,
        SLOW,
        query(None, batches=0, state="initializing", sources=(), started_at=None),
        query(HARMFUL, "app-2", state=None),
        query("over and done", "app-2", state="finished"),
    ),
    (Problem("http://worker-7:4040", "nothing listens there"),),
)


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (120, 40), **given: object
) -> AsyncIterator[tuple[Pilot[int], StreamsPane]]:
    app = DataengApp(Settings(**given), first="streams")  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        pane = app.query_one(StreamsPane)
        await pilot.pause()
        assert isinstance(app.focused, LiveTable)  # the keys do something from the first moment on
        yield pilot, pane
    app.services.close()


async def tell(pilot: Pilot[int], pane: StreamsPane, snapshot: Snapshot) -> None:
    pane.post_message(work.Seen(snapshot))
    await pilot.pause()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_it_looks_like(size: tuple[int, int]) -> None:
    async with opened(size) as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        assert_golden(pilot.app, f"streams-failed-{size[0]}x{size[1]}")
        await pilot.press("j")
        assert_golden(pilot.app, f"streams-slow-{size[0]}x{size[1]}")
        assert pane.badge == "▲2"


@pytest.mark.parametrize("theme", ["dataeng-light", "ansi-light"])
async def test_health_is_told_without_colour(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(theme=theme) as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        shown = screen_text(pilot.app)
        assert "✖ failed" in shown
        assert "▲ slow-batch" in shown
        assert "waits in the queue: queue default is full [01]" in shown
        assert "UNREACHABLE" in shown


async def test_the_cursor_stays_on_its_query_when_another_comes_before_it() -> None:
    async with opened() as (pilot, pane):
        many = tuple(query(f"query {n:02}") for n in range(60))
        calm = replace(SNAPSHOT, queries=many, problems=())
        await tell(pilot, pane, calm)
        table = pane.query_one(LiveTable)
        await pilot.press(*"j" * 30)
        await pilot.pause()
        chosen = table.chosen
        at = table._line_of(chosen) - round(table.scroll_y)
        bad = tuple(replace(one, health=SLOW.health) if n > 50 else one for n, one in enumerate(many))
        await tell(pilot, pane, replace(calm, queries=bad))
        assert table.chosen == chosen == "run of query 30"
        assert table._line_of(chosen) - round(table.scroll_y) == at
        await tell(pilot, pane, replace(calm, queries=tuple(one for one in bad if one.run_id != chosen)))
        assert table.chosen is not None


async def test_only_lines_that_differ_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        painted: list[tuple[str | None, int]] = []
        paint = Lines.render_line

        def noted(self: Lines, y: int) -> object:
            painted.append((self.id, y))
            return paint(self, y)

        monkeypatch.setattr(Lines, "render_line", noted)
        await tell(pilot, pane, replace(SNAPSHOT, at=START + 101))
        assert painted == []
        moved = tuple(replace(one, batch_id=41) if one.name == "clicks" else one for one in SNAPSHOT.queries)
        await tell(pilot, pane, replace(SNAPSHOT, queries=moved))
        assert {name for name, _ in painted} == {"streams-table"}
        assert len(set(painted)) == 1


async def test_filtering_by_words_and_out_of_it() -> None:
    async with opened() as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        await pilot.press("slash", *"email slow")
        await pilot.pause()
        assert pane.query_one(LiveTable).keys == ["run of email opened"]
        await pilot.press("enter")
        assert pane.wanted == "email slow"
        assert "filter: email slow" in pane.status
        await pilot.press("escape")
        assert len(pane.query_one(LiveTable).keys) == 6


async def test_details_scroll_and_ids_are_copied() -> None:
    async with opened((80, 24)) as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        await pilot.press("enter", "pagedown")
        await pilot.pause()
        assert "at a.b(C.scala:1)" in screen_text(pilot.app)
        await pilot.press("z")
        await pilot.pause()
        assert screen_text(pilot.app).count("at a.b(C.scala:1)") > 8
        await pilot.press("z")
        await pilot.press("y")
        assert "runId = run of email bounced" in pilot.app.clipboard
        await pilot.press("escape")
        assert isinstance(pilot.app.focused, LiveTable)


async def test_pausing_and_the_interval() -> None:
    async with opened() as (pilot, pane):
        await tell(pilot, pane, SNAPSHOT)
        await pilot.press("space", "plus")
        assert pane.services.streams.paused
        assert pane.services.streams.interval == 0.5
        assert "PAUSED" in pane.status
        await pilot.press("space", "minus", "minus")
        assert not pane.services.streams.paused
        assert "every 2 s" in pane.status


async def test_a_demo_says_how_far_it_is() -> None:
    async with opened((80, 24), demo=True) as (pilot, pane):
        pane.post_message(work.Starting("starting Java", None, False))
        await pilot.pause()
        await pilot.pause()
        assert "A real local Spark is being started: starting Java" in screen_text(pilot.app)
        pane.post_message(work.Starting("not started", "PySpark is not installed: run [x]", False))
        await pilot.pause()
        await pilot.pause()
        assert "PySpark is not installed: run [x]" in screen_text(pilot.app)


async def test_an_exception_of_a_megabyte_and_a_name_of_ten_thousand_characters() -> None:
    async with opened((80, 24)) as (pilot, pane):
        long = replace(FAILED, name="n[/]" * 2500, exception="x" * 1_000_000 + "\nthe end")
        await tell(pilot, pane, replace(SNAPSHOT, queries=(long,)))
        await pilot.press("enter")
        detail = pane.query_one("#streams-detail", Lines)
        place = next(y for y, line in enumerate(detail._lines) if line.plain == "the end")
        detail.scroll_to(y=place, animate=False)
        await pilot.pause()
        assert "the end" in screen_text(pilot.app)


async def test_a_recording_has_keys_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "r")
    for n in range(60):
        told = replace(query("clicks", batches=0), batches=(batch(n // 2),), batch_id=n // 2)
        recorder.take(Observation("driver-ui", "d", START + n, (Application("app-1"),), (told,)))
    recorder.close()
    monkeypatch.undo()  # the real work
    monkeypatch.setattr(apps, "PANES", {"streams": apps.PANES["streams"]})
    async with opened(streams=StreamsSettings(replay=str(tmp_path / "r"), interval=1.0)) as (pilot, pane):
        await pilot.press("space")

        async def shows(number: int) -> None:
            end = time.monotonic() + 60
            while pane.snapshot is None or pane.snapshot.queries[0].batch_id != number:
                assert time.monotonic() < end, pane.snapshot
                await pilot.pause(0.05)

        await pilot.press("right_curly_bracket")
        await shows(29)
        assert "PAUSED" in pane.status
        assert "recording, " in pane.status
        await pilot.press("left_square_bracket")
        await shows(24)
        await pilot.press("left_curly_bracket", "space", *["plus"] * 6)
        assert "×64" in pane.status
        await shows(29)
        keys = pilot.app.screen.active_bindings
        assert {"left_square_bracket", "space"} <= keys.keys()
        assert "r" not in keys
    async with opened() as (pilot, pane):
        assert "left_square_bracket" not in pilot.app.screen.active_bindings


async def test_typing_a_filter_moves_nothing_below_the_table() -> None:
    async with opened() as (pilot, pane):
        many = tuple(query(f"query {n:02}") for n in range(8))
        await tell(pilot, pane, replace(SNAPSHOT, queries=many, problems=()))
        detail = pane.query_one("#streams-detail")
        top = detail.region.y
        assert pane.query_one(LiveTable).size.height == 8 + 3  # a line an application, and no empty one
        assert detail.size.height > pane.query_one(LiveTable).size.height
        await pilot.press("slash", *"query 03")
        await pilot.pause()
        assert detail.region.y == top
        await pilot.press("escape")
        many = tuple(query(f"query {n:02}") for n in range(80))
        await tell(pilot, pane, replace(SNAPSHOT, queries=many, problems=()))
        assert abs(detail.size.height - pane.query_one(LiveTable).size.height) < 5
        pane.query_one(LiveTable).focus()
        await pilot.press("z")
        await pilot.pause()
        assert pane.query_one(LiveTable).size.height > 30
