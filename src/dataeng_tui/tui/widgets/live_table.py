"""A table of rows that change all the time: a row is known by its key; only lines that differ are painted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message

from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.lines import Lines


@dataclass(frozen=True, slots=True)
class Row:
    """One line, with two columns left for the cursor's mark; a heading has no ``key``."""

    key: str | None
    line: Content


class LiveTable(Lines):
    """Rows by key. The cursor stays on its key, and where it is on the screen, however the rows are ordered.

    Lines are painted only as far as they differ, and nothing is written when nothing changed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        key("up,k", "move(-1)", "The row before", "table.up", show=False),
        key("down,j", "move(1)", "The next row", "table.down", show=False),
        key("pageup", "page(-1)", "A page up", "table.page-up", show=False),
        key("pagedown", "page(1)", "A page down", "table.page-down", show=False),
        key("home,g", "move(-1000000)", "The first row", "table.first", show=False),
        key("end,G", "move(1000000)", "The last row", "table.last", show=False),
    ]

    class Chosen(Message):
        """The cursor is on another row; ``key`` is None when there is no row."""

        def __init__(self, key: str | None) -> None:
            super().__init__()
            self.key = key

    class Opened(Message):
        """The row was clicked while it had the cursor already."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []
        self._keys: list[int] = []  # the lines that can be chosen
        self.chosen: str | None = None
        self.room = 0  # lines that it takes where its height is its own, however few it shows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(self.room, self.virtual_size.height)

    @property
    def keys(self) -> list[str]:
        """The rows' keys from top to bottom."""
        return [self._rows[y].key or "" for y in self._keys]

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows instead, each in the place of the one with the same key."""
        on_screen = self._line_of(self.chosen) - round(self.scroll_y)
        place = self._place()
        self._rows = list(rows)
        self._keys = [y for y, row in enumerate(self._rows) if row.key is not None]
        keys = self.keys
        if self.chosen not in keys:
            self._choose(keys[min(place, len(keys) - 1)] if keys else None)
        self._draw()
        top = self._line_of(self.chosen) - on_screen
        if keys and 0 <= on_screen < self.size.height and top != round(self.scroll_y):
            self.scroll_to(y=max(0, top), animate=False, immediate=True)

    def action_move(self, by: int) -> None:
        """Move the cursor by rows that can be chosen, as far as there are any."""
        if self._keys:
            place = max(0, min(self._place() + by, len(self._keys) - 1))
            self._choose(self._rows[self._keys[place]].key)
            self._draw()
            # The first row brings its heading with it.
            self._reveal(0 if place == 0 else self._keys[place])

    def action_page(self, by: int) -> None:
        """Move the cursor by about a screen."""
        self.action_move(by * max(1, self.size.height - 2))

    def on_click(self, event: events.Click) -> None:
        y = event.y + round(self.scroll_y)
        if y in self._keys:
            again = self._rows[y].key == self.chosen
            self._choose(self._rows[y].key)
            self._draw()
            if again:
                self.post_message(self.Opened())

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _choose(self, key: str | None) -> None:
        if key != self.chosen:
            self.chosen = key
            self.post_message(self.Chosen(key))

    def _place(self) -> int:
        keys = self.keys
        return keys.index(self.chosen) if self.chosen in keys else 0

    def _line_of(self, key: str | None) -> int:
        return next((y for y, row in enumerate(self._rows) if row.key == key and key is not None), 0)

    def _reveal(self, line: int) -> None:
        self.scroll_to_region(Region(0, line, 1, 1), animate=False, force=True)

    def _draw(self) -> None:
        self.show([self._marked(row) for row in self._rows])

    def _marked(self, row: Row) -> Content:
        if row.key is None:
            return row.line
        if row.key != self.chosen:
            return row.line
        return self.under_cursor(Content.assemble(("▌ ", "bold $primary"), row.line[2:]))
