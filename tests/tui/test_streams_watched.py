"""The streams pane over a real socket, from what a driver serves to what stands on the screen."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataeng_tui.locations import data_folder
from dataeng_tui.settings import Settings, StreamsSettings
from dataeng_tui.streams.memory import Memory
from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Snapshot, StreamingQuery
from dataeng_tui.tui import app as apps
from dataeng_tui.tui.app import DataengApp
from dataeng_tui.tui.panes.streams import StreamsPane
from dataeng_tui.tui.widgets.live_table import LiveTable
from tests.screens import screen_text
from tests.streams.fake_driver import RECORDINGS, FakeDriver, pages_of, recording

AWAY = 300.0  # seconds in which nobody watched


@pytest.fixture
def driver() -> Iterator[FakeDriver]:
    running = FakeDriver(pages_of(recording(RECORDINGS[-1])))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apps, "PANES", {"streams": apps.PANES["streams"]})
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("dataeng_tui.streams.sources.local_ports.LocalPorts._listens", lambda *_: False)


def seen_before(driver: FakeDriver, name: str) -> StreamingQuery:
    """Let a program that watched five minutes earlier have left what it saw of the query."""
    seen = open_watcher([driver.url], discover=False).once(120)
    query = next(query for query in seen.queries if query.name == name)
    earlier = tuple(replace(batch, at=batch.at - AWAY, id=None) for batch in query.batches)
    memory = Memory(data_folder() / "streams.db", lambda _: None)
    memory.take(Snapshot(0.0, queries=(replace(query, batches=earlier),)))
    memory.close()
    return query


async def test_a_gap_in_which_nobody_watched_is_drawn_as_one(driver: FakeDriver) -> None:
    query = seen_before(driver, "slow")
    settings = Settings(streams=StreamsSettings(driver=(driver.url,), interval=0.2))
    app = DataengApp(settings, first="streams")
    async with app.run_test(size=(120, 40)) as pilot:
        pane, end = app.query_one(StreamsPane), time.monotonic() + 120
        table = pane.query_one(LiveTable)
        while table.chosen != query.run_id or len(getattr(pane.query_shown, "batches", ())) < 20:
            assert time.monotonic() < end, screen_text(app)
            if table.chosen != query.run_id:
                await pilot.press("j")
            await pilot.pause(0.1)
        await pilot.pause(0.3)
        # The lowest line of every chart: what was seen before, the gap, and what is seen now.
        rows = [line for line in screen_text(app).splitlines() if re.search("[▁-█]·{5,}[▁-█]", line)]
        assert len(rows) == 2, screen_text(app)  # rows in and done; durations stand beside the latter
        assert len(re.findall("[▁-█]·{5,}[▁-█]", rows[1])) == 2
        assert {len(gap) for row in rows for gap in re.findall("█(·+)█", row)} <= {*range(15, 60)}
    app.services.close()
