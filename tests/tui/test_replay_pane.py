"""The replay pane: what it shows, and what its keys do to the schedule."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dataeng_tui.replay import files
from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.schedule import deliveries
from dataeng_tui.settings import ReplaySettings, Settings
from dataeng_tui.tui import app as apps
from dataeng_tui.tui.app import DataengApp
from dataeng_tui.tui.panes.replay import ReplayPane
from dataeng_tui.tui.screens.replay_matrix import Grid, MatrixScreen
from dataeng_tui.tui.widgets.replay_verdicts import Verdicts
from tests.screens import SIZES, assert_golden, screen_text

KEYS = {"[": "left_square_bracket", "]": "right_square_bracket"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apps, "PANES", {"replay": apps.PANES["replay"]})
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (120, 40), *folders: str
) -> AsyncIterator[tuple[Pilot[int], ReplayPane]]:
    app = DataengApp(Settings(replay=ReplaySettings(scenarios=folders)), first="replay")
    async with app.run_test(size=size, notifications=True) as pilot:
        pane = app.query_one(ReplayPane)
        await until(pilot, lambda: pane.scene is not None and len(pane._verdicts) == len(pane.designs))
        yield pilot, pane
    app.services.close()


async def until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if holds():
            await pilot.pause()
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come: " + screen_text(pilot.app))


async def press(pilot: Pilot[int], pane: ReplayPane, keys: str) -> None:
    """Press them one after the other, each waiting for the scene that it asks for."""
    for one in keys.split():
        before, schedule = pane.scene, pane.schedule
        await pilot.press(KEYS.get(one, one))
        await pilot.pause()
        if pane.schedule is not schedule:
            await until(pilot, lambda: pane.scene is not before)  # noqa: B023


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_lost_acknowledgement_doubles_the_additive_upsert_and_not_its_cure(
    size: tuple[int, int],
) -> None:
    async with opened(size) as (pilot, pane):
        await press(pilot, pane, "l")
        assert pane.schedule == deliveries(1, 2, 3, 3)
        additive, cure = (panel.frames[pane.at] for panel in pane.scene.panels)
        assert additive.differs
        assert not cure.differs
        assert dict(zip(pane.scene.panels[0].columns, additive.observed[0], strict=True))["sent"] == 2100
        assert_golden(pilot.app, f"replay-lost-ack-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_show_me_plays_the_counterexample_and_then_the_same_without_the_fault(
    size: tuple[int, int],
) -> None:
    async with opened(size) as (pilot, pane):
        await pilot.press("v")
        await until(pilot, lambda: pane.scene.kind == "counterexample")
        assert pane.playing
        await press(pilot, pane, "end")
        assert not pane.playing
        assert [step.event for step in pane.scene.steps] == [0, 0, 0]
        assert pane.scene.parts == 2
        assert_golden(pilot.app, f"replay-counterexample-{size[0]}x{size[1]}")
        await press(pilot, pane, "escape")
        assert pane.scene.kind == "play"


async def test_the_matrix_opens_a_cells_counterexample() -> None:
    async with opened() as (pilot, pane):
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, MatrixScreen))
        grid = pilot.app.screen.query_one(Grid)
        await until(pilot, lambda: 1 in grid.rows)
        await pilot.press("down", "right", "right", "right")
        assert "last-arrival, partition-order, not by id" in screen_text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: pane.scene.kind == "counterexample")
        assert pane.designs[0].name == "last-arrival"
        assert len(pane.designs[0].events) == len(pane.scene.panels[0].frames[0].deliveries)


async def test_faults_by_hand_and_taking_them_back() -> None:
    async with opened() as (pilot, pane):
        await press(pilot, pane, "home ] w")
        assert pane.schedule == deliveries(2, 1, 3)
        await press(pilot, pane, "u")
        assert pane.schedule == deliveries(1, 2, 3)
        await press(pilot, pane, "] ] b")
        assert [step.kind for step in pane.schedule] == ["deliver"] * 3 + ["rewind"] + ["deliver"] * 3
        await press(pilot, pane, "escape")
        assert pane.schedule == deliveries(1, 2, 3)
        await press(pilot, pane, "home ] x")
        assert [step.kind for step in pane.schedule] == [
            "transaction",
            "crash",
            "deliver",
            "deliver",
            "deliver",
        ]
        await press(pilot, pane, "]")
        assert not pane.scene.panels[1].frames[1].quiet


async def test_an_own_scenario_is_opened_and_opened_anew_when_its_sql_changes(tmp_path: Path) -> None:
    from dataeng_tui.replay.scenario import load

    folder = files.to_edit(load("additive"))
    assert folder.is_relative_to(tmp_path)
    async with opened((120, 40), str(folder)) as (pilot, pane):
        assert pane.counterexample("lost-ack") is not None
        sql = (folder / "write.sql").read_text()
        newer = "sent + CASE WHEN excluded.date > date THEN excluded.sent ELSE 0 END"
        (folder / "write.sql").write_text(sql.replace("sent + excluded.sent", newer))
        await until(pilot, lambda: bool(pane._verdicts) and pane.counterexample("lost-ack") is None)
        (folder / "write.sql").write_text("INSERT INTO nowhere VALUES (1)")
        await until(pilot, lambda: "no such table: nowhere" in screen_text(pilot.app))
        assert pane.scene is None


async def test_the_counterexample_is_copied_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (pilot, _):
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        pilot.app.query_one(Verdicts).focus()
        await pilot.press("y")
        assert "2. redeliver event 1" in copied[0]
        assert "200" in copied[0]


async def test_a_wrong_path_is_a_sentence_on_the_screen() -> None:
    async with opened() as (pilot, pane):
        await pilot.press("o")
        await pilot.pause()
        await pilot.press("tab", *"/nowhere", "enter")
        await pilot.pause()
        assert "There is no scenario folder /nowhere" in " ".join(screen_text(pilot.app).split())
        assert pane.designs[0].name == "additive"


async def test_a_too_old_sqlite_is_a_sentence_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    app = DataengApp(Settings(), first="replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "SQLite 3.38 or later" in screen_text(app))
        assert "cannot be run" in screen_text(app)
    app.services.close()


async def test_a_right_path_opens_the_scenario_that_is_there(tmp_path: Path) -> None:
    from dataeng_tui.replay.scenario import load

    folder = files.to_edit(load("read-modify-write"))
    async with opened() as (pilot, pane):
        await pilot.press("o")
        await pilot.pause()
        await pilot.press("tab", *str(folder), "enter")
        await until(pilot, lambda: pane.designs[0].folder == folder and bool(pane._verdicts))
        assert len(pane.designs) == 1
        assert str(folder) in pane.status
        await until(pilot, lambda: pane.scene is not None)
        before = pane.scene
        await press(pilot, pane, "v")  # and it can be shown like a built-in one
        await until(pilot, lambda: pane.scene is not before)
        assert pane.scene is not None
        assert pane.scene.kind == "counterexample"


async def test_every_fault_can_be_searched_and_the_scenarios_own_again() -> None:
    async with opened() as (pilot, pane):
        verdicts = pilot.app.query_one(Verdicts)
        own = {fault for design in pane.designs for fault in design.faults}
        assert set(verdicts._faults) == own != set(FAULTS)
        await pilot.press("a")
        await until(pilot, lambda: len(pane._verdicts) == len(pane.designs))
        assert set(verdicts._faults) == set(FAULTS)
        found = pane.counterexample("rewind")
        assert found is not None
        assert found[0].name == "additive"
        assert "cannot happen" in screen_text(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: len(pane._verdicts) == len(pane.designs))
        assert set(verdicts._faults) == own
        assert pane.counterexample("rewind") is None


async def test_nothing_is_drawn_while_nothing_plays() -> None:
    async with opened() as (pilot, pane):
        await pilot.pause(0.5)
        drawn: list[object] = []
        real = pilot.app._display
        pilot.app._display = lambda *a: (drawn.append(a), real(*a))  # type: ignore[method-assign]
        await pilot.pause(1.5)
        assert drawn == []
        assert pane._beat is None
