"""The keys of the whole program, in one table; each pane has its own beside its code.

Every binding has an id, so that ``[keys]`` in the settings can put it elsewhere: ``"app.quit" = "ctrl+q"``.
Terminals and multiplexers own ctrl+a b h i j m s d; they are never bound.
"""

from typing import Final

from textual.binding import Binding


def key(
    keys: str, action: str, description: str, id: str, *, show: bool = True, tooltip: str = ""
) -> Binding:
    """A binding that can be put elsewhere; ``description`` is what the bottom line and the help say."""
    return Binding(keys, action, description, show=show, id=id, tooltip=tooltip)


APP: Final = [
    key("1", "pane('after-hours')", "After hours", "app.pane-1", show=False),
    key("2", "pane('streams')", "Streams", "app.pane-2", show=False),
    key("3", "pane('replay')", "Replay", "app.pane-3", show=False),
    key("z", "zoom", "Enlarge the focused part", "app.zoom", show=False),
    key("t", "next_theme", "Next theme", "app.theme", show=False),
    key("s", "save_screenshot", "Save a picture (SVG)", "app.screenshot", show=False),
    key("question_mark", "help", "Help", "app.help"),
    key("q", "quit", "Quit", "app.quit"),
]
