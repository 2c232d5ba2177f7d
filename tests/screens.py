"""Golden screens: what the program shows, as plain text that reads well in a diff.

``GOLDEN_UPDATE=1 pytest …`` writes them anew; look at the diff before it is committed.
"""

import os
from pathlib import Path

from textual.app import App

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((80, 24), (120, 40))


def screen_text(app: App[object]) -> str:
    """The screen as lines of text, without colours and without spaces at the ends of lines."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def assert_golden(app: App[object], name: str) -> None:
    """The screen is the one kept in ``golden/<name>.txt``."""
    file = GOLDEN / f"{name}.txt"
    shown = screen_text(app)
    if os.environ.get("GOLDEN_UPDATE"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert file.exists(), f"there is no golden screen {file.name}: GOLDEN_UPDATE=1 writes it"
    assert shown == file.read_text(encoding="utf-8"), f"another screen than golden/{file.name}:\n{shown}"
