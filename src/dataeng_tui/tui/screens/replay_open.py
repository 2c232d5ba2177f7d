"""A scenario to open: one of the list, or a folder by its path."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from dataeng_tui.replay.service import Listed
from dataeng_tui.text import clean
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.lines import Choices


class ScenarioList(Choices):
    """A scenario a line: its name, its title, or why it cannot be opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("down,j", "move(1)", "Next", "open.next", show=False),
        key("up,k", "move(-1)", "Before", "open.previous", show=False),
        key("enter", "open", "Open", "open.open"),
    ]

    def __init__(self, listed: Sequence[Listed]) -> None:
        super().__init__(id="scenarios")
        self._listed = listed

    def on_mount(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        """Titles are cut to another width."""
        self.redraw()

    def redraw(self) -> None:
        wide = max((len(clean(item.where, 40)) for item in self._listed), default=0)
        self.show([self.mark(index, self._line(item, wide)) for index, item in enumerate(self._listed)])

    def _line(self, item: Listed, wide: int) -> Content:
        style = "$warning" if item.problem else "$text-muted"
        line = Content.assemble(
            (f"{clean(item.where, 40):<{wide + 2}}", "bold"), (clean(item.problem or item.title, 200), style)
        )
        room = self.scrollable_content_region.width - 2
        return line.truncate(room, ellipsis=True) if room > 0 else line

    def action_move(self, by: int) -> None:
        self.move(by)

    def action_open(self) -> None:
        if self._listed:
            self.screen.dismiss(self._listed[self.chosen].where)


class OpenScreen(ModalScreen[str | None]):
    """Gives the name or the path, or None when nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [key("escape", "dismiss(None)", "Back", "open.back")]
    SCOPED_CSS = False
    DEFAULT_CSS = """
    OpenScreen #box { width: 100%; max-width: 92; height: auto; max-height: 95%; }
    OpenScreen #box { border: round $primary; background: $surface; padding: 0 1; }
    OpenScreen #box { border-subtitle-color: $text-muted; }
    OpenScreen #scenarios { height: auto; max-height: 60vh; }
    OpenScreen Input { border: none; height: 1; margin: 1 0 0 0; background: $panel; }
    """

    def __init__(self, title: str, listed: Sequence[Listed]) -> None:
        super().__init__()
        self._title, self._listed = title, listed

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(clean(self._title, 60))
            box.border_subtitle = "⏎ open · tab: a path · esc: back"
            yield ScenarioList(self._listed)
            yield Input(placeholder="or the path of a scenario's folder", compact=True)

    def on_mount(self) -> None:
        self.query_one(ScenarioList).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The path, as it was written."""
        if event.value.strip():
            self.dismiss(event.value.strip())
