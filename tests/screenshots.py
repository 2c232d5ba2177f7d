"""The pictures in ``screenshots/``, made from the program itself with its demo and the demo's real Spark.

    python -m tests.screenshots

SVG, as the program exports it; any browser shows it.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from dataeng_tui.settings import load
from dataeng_tui.tui.app import DataengApp

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZE = (120, 40)


async def _quiet(pilot: Pilot[int], seconds: float) -> None:
    """Let the workers bring what they are at."""
    await pilot.pause(seconds)
    await pilot.pause()


async def _until(pilot: Pilot[int], words: str) -> None:
    """Wait for words on the screen, and then for what comes with them."""
    wanted = words.replace(" ", "&#160;")
    for _ in range(300):
        if wanted in pilot.app.export_screenshot():
            return await _quiet(pilot, 2)
        await pilot.pause(1)
    raise SystemExit(f"{words!r} was not shown.")


def _save(app: DataengApp, name: str) -> None:
    svg = FOLDER / f"{name}.svg"
    svg.write_text(app.export_screenshot(title="dataeng-tui"), encoding="utf-8")
    print(svg.relative_to(FOLDER.parent))


async def _main() -> None:
    app = DataengApp(load(flags={"demo": True}))
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, "rung 4 of 4")
        _save(app, "after-hours")
        await pilot.press("3")
        await _until(pilot, "breaks in 2")
        await pilot.press("enter")  # the shortest counterexample, played to its end
        await _quiet(pilot, 6)
        _save(app, "replay")
        await pilot.press("2")
        await _quiet(pilot, 75)  # the demo's Spark starts, and has a few batches behind it
        await pilot.press("j", "j")  # one that has charts
        await _quiet(pilot, 3)
        _save(app, "streams")
        await pilot.press("t", "1")
        await _until(pilot, "rung 4 of 4")
        _save(app, "after-hours-light")
        app.services.close()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for part in ("CONFIG", "DATA", "CACHE", "STATE"):
            os.environ[f"XDG_{part}_HOME"] = home
        os.environ["HADOOP_USER_NAME"] = "ada"  # whose Spark it is said to be
        asyncio.run(_main())
