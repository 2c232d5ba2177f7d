"""The shell around the panes."""

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.settings import Settings
from dataeng_tui.tui import themes
from dataeng_tui.tui.app import PANES, DataengApp
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.screens.help import HelpScreen
from tests.screens import screen_text


async def test_number_keys_bring_each_pane_to_the_front() -> None:
    app = DataengApp(Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for number, name in enumerate(PANES, 1):
            await pilot.press(str(number))
            for _ in range(1000):
                if app.pane.id == name:
                    break
                await pilot.pause(0.05)
            assert [pane.id for pane in app.query(Pane) if pane.display] == [name]


async def test_help_lists_the_keys_and_goes_away() -> None:
    app = DataengApp(Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert "Save a picture (SVG)" in screen_text(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)


@pytest.mark.parametrize(
    ("pane", "there", "not_there"),
    [
        ("replay", ("Show me", "First event"), ("Next fault",)),  # the log has the focus
        ("streams", ("Refresh", "The next row"), ("Back 10 s",)),  # nothing is played
    ],
)
async def test_help_lists_no_key_that_does_nothing_here(
    pane: str, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    app = DataengApp(Settings(), first=pane)
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        told = screen_text(app)
        assert [name for name in there if name not in told] == []
        assert [name for name in not_there if name in told] == []


async def test_a_key_can_be_put_elsewhere() -> None:
    app = DataengApp(Settings(keys={"app.theme": "f9"}))
    async with app.run_test() as pilot:
        await pilot.press("t")
        assert app.theme == "dataeng-dark"
        await pilot.press("f9")
        assert app.theme == "dataeng-light"


def test_an_unknown_theme_is_a_sentence() -> None:
    with pytest.raises(UserError, match="There is no theme 'neon'"):
        DataengApp(Settings(theme="neon"))


async def test_a_mistake_in_the_program_ends_it_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = DataengApp(Settings())
    async with app.run_test() as pilot:
        await pilot.pause()
        app._handle_exception(RuntimeError("boom"))
        await pilot.pause()
    assert isinstance(app.failure, RuntimeError)
    assert "Traceback" not in "".join(capsys.readouterr())


async def test_a_click_on_a_tab_and_on_a_key_does_what_they_say() -> None:
    app = DataengApp(Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        line = screen_text(app).splitlines()[0]
        await pilot.click("TopBar", offset=(line.index("Streams"), 0))
        for _ in range(1000):
            if app.pane.id == "streams":
                break
            await pilot.pause(0.05)
        assert app.pane.id == "streams"
        keys = screen_text(app).splitlines()[-1]
        await pilot.click("KeyBar", offset=(keys.index("Help"), 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


async def test_a_theme_changed_while_a_pane_is_behind_leaves_its_titles() -> None:
    app = DataengApp(Settings())
    async with app.run_test(size=(120, 40)) as pilot:

        async def at(name: str, key: str) -> None:
            await pilot.press(key)
            for _ in range(1000):
                if app.pane.id == name:
                    break
                await pilot.pause(0.05)
            await pilot.pause()

        await pilot.pause(0.5)
        before = [widget.border_title for widget in app.query(".box")]
        await at("streams", "2")
        await pilot.press("t")
        await pilot.pause()
        await at("after-hours", "1")
        assert [widget.border_title for widget in app.query(".box")] == before
        assert "Hours a week" in before


@pytest.mark.parametrize("theme", themes.CYCLE)
async def test_every_theme_shows_the_panes(theme: str) -> None:
    app = DataengApp(Settings(theme=theme))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        for _ in range(1000):
            if app.pane.id == "replay" and "lost-ack" in screen_text(app):
                break
            await pilot.pause(0.05)
        await pilot.press("1")
        await pilot.pause()
        assert app.failure is None
        assert "Reading" in screen_text(app) or "no history" in screen_text(app)
