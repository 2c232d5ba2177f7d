"""The after-hours pane beside a Snowflake on a real socket, through the real connector."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from dataeng_tui.settings import AfterHoursSettings, Settings
from dataeng_tui.tui.app import DataengApp
from dataeng_tui.tui.panes.after_hours import AfterHoursPane
from tests.after_hours.syncs import days_ago, kept, row, sync, wait_for
from tests.screens import screen_text
from tests.snowflake_server import FakeSnowflake
from tests.terminal import Terminal
from tests.tui.test_after_hours_pane import until

LAST = "QUERY_HISTORY_BY_USER"
SETTINGS = Settings(after_hours=AfterHoursSettings(connection="dev", timezone="UTC"))


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[DataengApp, AfterHoursPane, Pilot[int]]]:
    app = DataengApp(SETTINGS)
    async with app.run_test(size=(120, 40)) as pilot:
        try:
            yield app, app.query_one(AfterHoursPane), pilot
        finally:
            app.services.close()
            await app.workers.wait_for_complete()


def statements(pane: AfterHoursPane) -> int:
    return 0 if pane.data is None else pane.data.report.totals.statements


async def test_the_history_is_on_the_screen_before_snowflake_has_answered_anything(
    snowflake: FakeSnowflake,
) -> None:
    snowflake.load([row(n, days_ago(9)) for n in range(3)])
    await asyncio.to_thread(sync)
    snowflake.hang_login = True
    async with opened() as (app, pane, pilot):
        await until(pilot, "the history", lambda: statements(pane) == 3)
        await until(pilot, "the progress", lambda: "Logging in · x stops" in screen_text(app).splitlines()[0])
        assert statements(pane) == 3
        await pilot.press("x")
        await until(pilot, "the end", lambda: pane._sync is None)
        await until(pilot, "the source", lambda: "ALICE · 3 statements" in screen_text(app))


async def test_progress_stands_beside_the_history_and_x_stops_the_query_on_the_server(
    snowflake: FakeSnowflake,
) -> None:
    snowflake.load([row(n, days_ago(9)) for n in range(3)])
    await asyncio.to_thread(sync)
    snowflake.load([row(n, days_ago(2)) for n in range(3, 8)])
    snowflake.hang = LAST
    async with opened() as (app, pane, pilot):
        await until(pilot, "the progress", lambda: "8 statements · x stops" in screen_text(app))
        assert statements(pane) == 3, "what was there stays in sight meanwhile"
        assert "Stop the sync" in screen_text(app).splitlines()[-1]
        await until(pilot, "the question", lambda: any(LAST in asked.sql for asked in snowflake.asked))
        await pilot.press("x")
        await until(pilot, "the end", lambda: pane._sync is None)
        wait_for(lambda: bool(snowflake.aborted))
        await until(pilot, "what came", lambda: statements(pane) == 8)
        assert "Stop the sync" not in screen_text(app).splitlines()[-1]
    assert len(kept()) == 8


async def test_r_asks_again_and_shows_what_is_new(snowflake: FakeSnowflake) -> None:
    async with opened() as (_, pane, pilot):
        await until(pilot, "the first sync", lambda: pane._sync is None and bool(snowflake.asked))
        snowflake.load([row(1, days_ago(3))])
        await pilot.press("r")
        await until(pilot, "the statement", lambda: statements(pane) == 1)


async def test_a_refusal_is_a_sentence_beside_the_history(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    await asyncio.to_thread(sync)
    snowflake.login_error = ("390100", "Incorrect username or password was specified.")
    async with opened() as (app, pane, pilot):
        await until(pilot, "the sentence", lambda: "Snowflake refuses the user name" in screen_text(app))
        assert statements(pane) == 1


@pytest.mark.parametrize("moment", ["login", LAST])
def test_leaving_waits_for_no_sync(snowflake: FakeSnowflake, moment: str) -> None:
    snowflake.load([row(1, days_ago(9))])
    snowflake.hang_login, snowflake.hang = moment == "login", LAST
    environment = {"DATAENG_TUI_AFTER_HOURS_CONNECTION": "dev"}
    terminal = Terminal([sys.executable, "-W", "ignore", "-m", "dataeng_tui"], env=environment)
    try:
        terminal.until(lambda: b"xstops" in terminal.text())
        asks = snowflake.asked
        wait_for(lambda: bool(snowflake.logins) and (moment == "login" or any(LAST in a.sql for a in asks)))
        os.write(terminal.fd, b"q")
        terminal.until(lambda: not terminal.alive)
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()
    assert moment == "login" or snowflake.aborted
