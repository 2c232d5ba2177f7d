"""The after-hours pane, on the demo's year with a clock that stands still."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from dataeng_tui.after_hours.hours import MEASURES
from dataeng_tui.after_hours.sources.demo import INCIDENT_WEEK, demo_history
from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.settings import AfterHoursSettings, Settings
from dataeng_tui.tui import themes
from dataeng_tui.tui.panes.after_hours import AfterHoursPane
from dataeng_tui.tui.widgets.calendar_heatmap import CalendarHeatmap
from dataeng_tui.tui.widgets.punch_card import PunchCard
from dataeng_tui.tui.widgets.week_bars import WeekBars
from tests.screens import SIZES, assert_golden, screen_text

ZONE = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 18, 21, 40, tzinfo=UTC)
DEMO = Settings(demo=True, after_hours=AfterHoursSettings(timezone="Europe/London", goal_hours=5.0))


class OnePane(App[None]):
    """The pane by itself."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.services = Services(settings)
        for theme in themes.OURS:
            self.register_theme(theme)
        self.theme = settings.theme

    def compose(self) -> ComposeResult:
        yield AfterHoursPane(self.services)

    @property
    def pane(self) -> AfterHoursPane:
        return self.query_one(AfterHoursPane)


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AfterHoursPane, "clock", staticmethod(lambda: NOW))


async def until(pilot: Pilot[None], what: str, condition: object) -> None:
    """Wait for the workers; the end is only against hanging."""
    assert callable(condition)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        await pilot.pause(0.02)
        if condition():
            await pilot.pause()
            return
    raise AssertionError(f"never came: {what}\n{screen_text(pilot.app)}")


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (120, 40), settings: Settings = DEMO
) -> AsyncIterator[tuple[OnePane, Pilot[None]]]:
    """The pane with all that it has to say."""
    app = OnePane(settings)
    if settings.demo:
        app.services.after_hours.__dict__["_demo"] = demo_history(NOW, ZONE)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "the report", lambda: app.pane.found is not None)
        yield app, pilot
        await app.workers.wait_for_complete()
        app.services.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", ["sure", "day"])
async def test_it_looks_as_it_did(size: tuple[int, int], view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # glyphs: they say in a text file what colours say on the screen
    async with opened(size) as (app, pilot):
        if view == "day":
            await pilot.press("w", "enter")
            await until(pilot, "the day", lambda: app.pane.detail is not None)
        assert_golden(app, f"after-hours-{view}-{size[0]}x{size[1]}")


async def test_the_present_moment_is_told() -> None:
    async with opened() as (app, _):
        first = screen_text(app).splitlines()[0]
        assert "21:40, " in first
        assert "after hours today" in first


async def test_a_goal_is_told_with_the_weeks_that_kept_it() -> None:
    async with opened() as (app, _):
        assert app.pane.data is not None
        weeks = [week for week in app.pane.data.report.weeks if week.start + timedelta(6) < NOW.date()]
        kept = sum(week.figures.after_hours_minutes <= 5 * 60 for week in weeks)
        line = screen_text(app).splitlines()[3]
        assert 0 < kept < len(weeks)
        assert f"of 5 h · kept in {kept} of {len(weeks)}" in line
        assert "free evening" in line


async def test_of_days_that_the_history_does_not_tell_of_nothing_is_said(tmp_path: Path) -> None:
    """Twenty weeks of a file that ended a week ago, under the range of a year."""
    file = tmp_path / "short.csv"
    days = [NOW.date() - timedelta(days=9) - timedelta(days=n) for n in range(140)]
    rows = [f"{day},{day}T{12 if day.weekday() else 20}:00:00Z,ALICE\n" for day in days]
    file.write_text("QUERY_ID,START_TIME,USER_NAME\n" + "".join(rows))
    own = AfterHoursSettings(timezone="Europe/London", history=(str(file),), goal_hours=0)
    async with opened(settings=Settings(after_hours=own)) as (app, pilot):
        screen = screen_text(app)
        assert screen.splitlines()[0].rstrip().endswith("21:40, off work")
        assert "0 free evenings in a row · kept in 0 of 19" in screen, "the last day was a Monday's evening"
        assert "No step in the weekly figure of 19 whole weeks" in screen
        assert "the history does not tell of this day" in screen
        await pilot.press("enter")
        await until(pilot, "the day", lambda: app.pane.detail is not None)
        assert "The history does not tell of this day." in screen_text(app)
        punch = app.query_one(PunchCard)
        punch.cursor = (0, 20)
        assert "Monday 20:00–21:00  15 min a week" in punch.told.plain


async def test_a_key_goes_through_the_measures_and_each_says_what_it_is() -> None:
    async with opened() as (app, pilot):
        for measure in (*MEASURES[1:], MEASURES[0]):
            await pilot.press("u")
            await pilot.pause()
            lines = screen_text(app).splitlines()
            assert measure.title in lines[0]
            assert lines[1].strip() == (measure.sentence if len(measure.sentence) < 119 else measure.brief)
            assert f"by {measure.title.lower()}" in lines[4]


async def test_machines_are_counted_in_and_left_out_again() -> None:
    async with opened() as (app, pilot):
        assert app.pane.data is not None
        without, with_ = app.pane.data.without, app.pane.data.with_
        assert without < with_
        assert app.pane.data.report.totals.after_hours_minutes == without
        await pilot.press("m")
        await until(pilot, "machines", lambda: app.pane.data and app.pane.data.counting)
        assert app.pane.data.report.totals.after_hours_minutes == with_
        assert (app.pane.data.without, app.pane.data.with_) == (without, with_), "side by side, either way"
        await pilot.press("m")
        await until(pilot, "no machines", lambda: app.pane.data and not app.pane.data.counting)
        assert app.pane.data.report.totals.after_hours_minutes == without


async def test_ranges_begin_on_a_monday_and_the_last_is_all_there_is() -> None:
    async with opened() as (app, pilot):
        seen = []
        for name in ("half a year", "a quarter", "all there is", "a year"):
            await pilot.press("p")
            await until(pilot, name, lambda name=name: app.pane.data and app.pane.data.range_name == name)
            assert app.pane.data is not None
            seen.append((app.pane.data.report.until - app.pane.data.report.since).days // 7)
            if name != "all there is":
                assert app.pane.data.report.since.weekday() == 0
        assert seen == [26, 13, 53, 52]


async def test_an_old_history_is_shown_up_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    later = NOW + timedelta(days=400)
    monkeypatch.setattr(AfterHoursPane, "clock", staticmethod(lambda: later))
    async with opened() as (app, _):
        assert app.pane.data is not None
        assert app.pane.data.report.until == NOW.date()
        assert app.pane.data.report.totals.after_hours_minutes > 0


async def test_the_cursor_tells_its_day_and_stays_inside() -> None:
    async with opened() as (app, pilot):
        calendar = app.query_one(CalendarHeatmap)
        assert calendar.cursor == date(2026, 3, 18)
        await pilot.press("l", "down", "G")
        assert calendar.cursor == date(2026, 3, 18)
        await pilot.press("h", "k")
        assert calendar.cursor == date(2026, 3, 10)
        await pilot.pause()
        assert "Tue 10 Mar 2026" in screen_text(app)
        await pilot.press("g")
        assert calendar.cursor == app.pane.data.report.since  # type: ignore[union-attr]
        await pilot.press("w")
        monday = NOW.date() - timedelta(NOW.weekday()) - timedelta(weeks=INCIDENT_WEEK)
        assert monday <= calendar.cursor < monday + timedelta(7)


async def test_the_keys_of_the_grids_can_be_put_elsewhere() -> None:
    app = OnePane(DEMO)
    app.set_keymap({"grid.left": "a", "grid.first": "f"})
    app.services.after_hours.__dict__["_demo"] = demo_history(NOW, ZONE)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "the report", lambda: app.pane.found is not None)
        calendar, hours = app.query_one(CalendarHeatmap), app.query_one(PunchCard)
        await pilot.press("left", "h")
        assert calendar.cursor == date(2026, 3, 18)
        await pilot.press("a")
        assert calendar.cursor == date(2026, 3, 11)
        app.query_one(WeekBars).focus()
        await pilot.press("a")
        assert calendar.cursor == date(2026, 3, 4)
        hours.focus()
        await pilot.press("a", "a")
        assert hours.cursor == (0, 18)
        await pilot.press("f")
        assert hours.cursor == (0, 0)
        await app.workers.wait_for_complete()
        app.services.close()


async def test_a_click_puts_the_cursor_under_it() -> None:
    async with opened() as (app, pilot):
        calendar = app.query_one(CalendarHeatmap)
        await pilot.click(CalendarHeatmap, offset=(2 + 5 + 2 * 3, 1 + 1 + 4))  # fourth week, Friday
        assert calendar.cursor == app.pane.data.report.since + timedelta(weeks=3, days=4)  # type: ignore[union-attr]


async def test_weeks_and_hours_have_cursors_of_their_own() -> None:
    async with opened() as (app, pilot):
        app.query_one(WeekBars).focus()
        await pilot.press("left", "left")
        assert app.query_one(CalendarHeatmap).cursor == date(2026, 3, 4)
        app.query_one(PunchCard).focus()
        await pilot.press("down", "left")
        await pilot.pause()
        assert "Tuesday 19:00–20:00" in screen_text(app)


async def test_the_sessions_of_a_day_are_told_on_the_clock_of_that_day() -> None:
    """Of a person who moved to Sydney, the days before are still London's."""
    moves = ({"from": "2026-03-16", "timezone": "Australia/Sydney"},)
    there = replace(DEMO, after_hours=replace(DEMO.after_hours, changes=moves))
    day, shown = date(2026, 3, 12), []
    for settings in (DEMO, there):
        async with opened(settings=settings) as (app, pilot):
            app.query_one(CalendarHeatmap).move_to(day)
            await pilot.press("enter")
            await until(pilot, "the day", lambda: app.pane.detail and app.pane.detail.day.day == day)
            shown.append([line for line in screen_text(app).splitlines() if " – " in line][1:])
    assert shown[0]
    assert shown[0] == shown[1]


async def test_the_ladder_is_told_without_a_cause() -> None:
    async with opened((140, 60)) as (app, _):
        text = screen_text(app)
        assert "rung 4 of 4: the step vanishes without it" in text
        assert "pulse-board (program)" in text
        assert "Only an experiment goes further" in text
        assert "caused by" not in text


async def test_what_is_seen_is_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as (app, pilot):
        await pilot.press("e", "j")
        await until(pilot, "the file", lambda: any(tmp_path.glob("after-hours-*.json")))
        await app.workers.wait_for_complete()
        written = json.loads(next(tmp_path.glob("*.json")).read_text())
        assert app.pane.data is not None
        assert written["totals"]["after_hours_minutes"] == app.pane.data.report.totals.after_hours_minutes


async def test_the_file_has_the_range_the_measure_and_the_machines_of_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as (app, pilot):
        await pilot.press("u", "p", "m")
        await until(pilot, "machines", lambda: app.pane.data and app.pane.data.counting)
        await until(pilot, "the step", lambda: app.pane.found is not None)
        assert app.pane.data is not None
        shown = app.pane.data.report
        await pilot.press("e", "j")
        await until(pilot, "the file", lambda: any(tmp_path.glob("*.json")))
        await app.workers.wait_for_complete()
        file = next(tmp_path.glob("*.json"))
        assert file.name == f"after-hours-{shown.since}-to-{shown.until}-sessions-with-machines.json"
        seen = json.loads(file.read_text())["seen"]
        assert (seen["measure"], seen["machines_counted"]) == ("sessions", True)
        assert seen["minutes"] == pytest.approx(shown.totals.session_minutes, abs=0.01)


async def test_an_empty_history_says_what_to_do() -> None:
    async with opened(settings=Settings()) as (app, pilot):
        assert "There is no history yet." in screen_text(app)
        assert app.pane.status == "no history yet"
        # Nothing else is on the screen, and no key is left that would do nothing.
        assert "Mon" not in screen_text(app)
        assert not app.pane.check_action("measure", ())
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "There is no history yet." in screen_text(app)


async def test_a_wrong_setting_is_a_line_in_the_pane() -> None:
    app = OnePane(Settings(after_hours=AfterHoursSettings(timezone="Europe/Lundon")))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, "the sentence", lambda: "There is no time zone 'Europe/Lundon'" in screen_text(app)
        )
    app.services.close()


class FakeSync:
    """A sync that goes on until it is cancelled, or fails."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble, self.stopped = trouble, Event()
        self.progress = lambda stage, rows: None

    def run(self) -> None:
        self.progress("Reading ACCOUNT_USAGE", 1234)
        if self.trouble:
            raise UserError(self.trouble)
        assert self.stopped.wait(10)

    def cancel(self) -> None:
        self.stopped.set()


async def test_the_history_is_shown_while_a_sync_goes_on_and_a_key_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sync = FakeSync()

    def syncing(self: object, progress: object) -> FakeSync:
        sync.progress = progress  # type: ignore[assignment]
        return sync

    monkeypatch.setattr("dataeng_tui.tui.panes.after_hours_work.Work.syncing", syncing)
    async with opened() as (app, pilot):
        await until(pilot, "the progress", lambda: "1,234 statements" in app.pane.status)
        assert "pulse-board" in screen_text(app), "opening waits for no sync"
        await pilot.press("x")
        await until(pilot, "the end", lambda: sync.stopped.is_set() and app.pane._sync is None)


async def test_a_sync_that_fails_is_one_sentence_beside_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = FakeSync("The password is wrong [b]oh[/b].")
    monkeypatch.setattr("dataeng_tui.tui.panes.after_hours_work.Work.syncing", lambda self, progress: sync)
    async with opened() as (app, pilot):
        await until(pilot, "the sentence", lambda: "The password is wrong [b]oh[/b]." in screen_text(app))
        assert "pulse-board" in screen_text(app)


async def test_an_idle_pane_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (app, pilot):
        drawn: list[str] = []
        for widget in app.query("*"):
            monkeypatch.setattr(widget, "render_line", lambda y, w=widget: drawn.append(w.id or "") or w)
        for _ in range(5):
            app.pane._tick()
            await pilot.pause()
        assert drawn == []


async def test_every_size_can_be_drawn() -> None:
    async with opened((80, 24)) as (app, pilot):
        for size in ((20, 6), (40, 12), (80, 50), (200, 60), (101, 33)):
            await pilot.resize_terminal(*size)
            for _ in range(3):
                await pilot.press("v")
                await pilot.pause()
            assert app.pane.data is not None
    assert os.environ.get("NO_COLOR") is None
    await asyncio.sleep(0)


async def test_enlarged_the_year_takes_the_screen_and_tells_its_cursor() -> None:
    async with opened() as (app, pilot):
        year = app.query_one(CalendarHeatmap)
        app.screen.maximize(year)
        await until(pilot, "room", lambda: year.size.height > 20)
        await pilot.press("h")
        await until(pilot, "the day", lambda: "Wed 11 Mar 2026" in screen_text(app).splitlines()[0])
        app.screen.minimize()
        await until(pilot, "the title", lambda: "A year, by slots" in screen_text(app))


async def test_enlarged_the_ladder_has_the_whole_width() -> None:
    async with opened() as (app, pilot):
        sentence = "starts in 3 minutes of the hour; it ran on 5 of 5 days of leave"
        assert sentence not in screen_text(app)
        app.screen.maximize(app.pane._aside)
        await until(pilot, "one line", lambda: sentence in screen_text(app))
        app.screen.minimize()
        await until(pilot, "several lines", lambda: sentence not in screen_text(app))


def test_before_the_first_frame_no_arithmetic_is_imported() -> None:
    code = (
        "import sys, dataeng_tui.tui.panes.after_hours;"
        "print(*(m for m in sys.modules if m.startswith('dataeng_tui.after_hours.')"
        " or m in ('sqlite3', 'zoneinfo', 'holidays', 'sqlite_utils')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"dataeng_tui.after_hours.measures", "dataeng_tui.after_hours.scale"}


async def test_a_click_on_a_views_name_shows_it() -> None:
    async with opened((80, 24)) as (app, pilot):
        lines = screen_text(app).splitlines()
        border = next(y for y, line in enumerate(lines) if "│ Day │" in line)
        await pilot.click(offset=(lines[border].index(" Day ") + 1, border))
        await until(pilot, "the day", lambda: app.query_one(AfterHoursPane).view == "day")
