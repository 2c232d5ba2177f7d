"""Every key that does something now, and what the pane's words mean."""

from collections.abc import Callable, Iterable
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from dataeng_tui.tui import keys
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.widgets.lines import Lines

WIDEST = 96  # columns of the box: a longer line is read badly
KEYS, NAME = 12, 14  # columns for a line's keys, and for their name
# Textual's own that are worth knowing; its others explain themselves.
STOCK = {"tab": "The next part", "shift+tab": "The part before", "colon": "Every command, by name"}


class HelpScreen(ModalScreen[None]):
    """The keys of the pane at the front, of where the focus is, of the program; and the pane's words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keys.key("escape,q,question_mark", "dismiss", "Back", "help.back")
    ]

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = pane
        self._active = list(pane.screen.active_bindings.values())
        self._focused = pane.screen.focused

    def compose(self) -> ComposeResult:
        box = Lines(id="help")
        box.border_title = f"{self._pane.NAME}: keys and words"
        box.border_subtitle = "↑ ↓ scroll · esc: back"
        yield box

    def on_mount(self) -> None:
        self.query_one(Lines).focus()

    def on_resize(self) -> None:
        """The words are wrapped to another width."""
        box = self.query_one(Lines)
        width = min(WIDEST, self.size.width)
        lines = self._lines(width - 7)  # the border, the padding and the scrollbar
        box.styles.width, box.styles.height = width, min(len(lines) + 2, self.size.height - 2)
        box.show(lines)

    def _lines(self, width: int) -> list[Content]:
        pane, here = self._pane, self._focused
        part = [one for one in self._active if one.node is here and here is not pane]
        own = [one for one in self._active if one.node is pane]
        rest = [one for one in self._active if one not in part and one not in own]
        lines: list[Content] = []
        for title, found in ((pane.NAME, own), ("Where the focus is", part), ("Everywhere", rest)):
            if table := list(_table(found, width, self.app.get_key_display)):
                lines += [Content.styled(title, "bold $primary"), *table, Content("")]
        for paragraph in pane.HELP_TEXT.strip().split("\n\n"):
            lines += [*map(Content, wrap(" ".join(paragraph.split()), width)), Content("")]
        return lines[:-1]


def _table(
    found: Iterable[ActiveBinding], width: int, display: Callable[[Binding], str]
) -> Iterable[Content]:
    """A line a binding: its keys, its name, and in quiet letters what there is to say of it."""
    rows: dict[str, tuple[list[str], Binding]] = {}
    for active in found:
        binding = active.binding
        if active.enabled and (binding.id or binding.key in STOCK):
            pressed, _ = rows.setdefault(binding.id or binding.key, ([], binding))
            if display(binding) not in pressed:
                pressed.append(display(binding))
    for pressed, binding in rows.values():
        name = STOCK.get(binding.key, binding.description)
        tooltip = "" if binding.key in STOCK else binding.tooltip
        first = f"{name:<{NAME}}" if tooltip else name
        told = [tooltip]
        if KEYS + len(first) + len(tooltip) > width:
            told = ["", *wrap(tooltip, width - KEYS, initial_indent="  ", subsequent_indent="  ")]
        yield Content.assemble(
            (f"  {' '.join(pressed):<{KEYS - 2}}", "bold"), first, (told[0], "$text-muted")
        )
        yield from (Content.styled(" " * KEYS + line, "$text-muted") for line in told[1:])
