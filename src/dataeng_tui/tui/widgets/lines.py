"""Lines of text in one widget: repainted line by line, scrolled, never laid out again."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from dataeng_tui.tui.keys import key
from dataeng_tui.tui.themes import OURS


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """A list of contents, one a line. Of new lines only those that say something else are painted.

    Home and end are left to the pane around it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        key("up,k", "scroll_up", "Up", "lines.up", show=False),
        key("down,j", "scroll_down", "Down", "lines.down", show=False),
        key("left", "scroll_left", "Left", "lines.left", show=False),
        key("right", "scroll_right", "Right", "lines.right", show=False),
        key("pageup", "page_up", "A page up", "lines.page-up", show=False),
        key("pagedown", "page_down", "A page down", "lines.page-down", show=False),
    ]

    DEFAULT_CSS = "Lines { background: $surface; scrollbar-size: 0 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Content] = []
        self._styles: dict[str, Style] = {}

    def show(self, lines: Sequence[Content]) -> None:
        """Show these lines instead."""
        before, self._lines = self._lines, list(lines)
        size = Size(max((line.cell_length for line in lines), default=0), len(lines))
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh()
            return
        top, width = self.scroll_offset.y, self.size.width
        seen = [
            # No further than there is text, so that the scrollbar beside it is not written again.
            Region(0, y - top, min(width, max(old.cell_length, new.cell_length)), 1)
            for y, (old, new) in enumerate(zip(before, lines, strict=True))
            if 0 <= y - top < self.size.height and not _same(old, new)
        ]
        if seen:
            self.refresh(*seen)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width, base = self.size.width, self.visual_style
        if y + top >= len(self._lines):
            return Strip.blank(width, base.rich_style)
        content = self._lines[y + top]
        parts = content.render(base, end="", parse_style=self._parsed)
        strip = Strip([Segment(text, style.rich_style) for text, style in parts])
        return strip.crop_extend(left, left + width, base.rich_style)

    def _parsed(self, style: str | Style) -> Style:
        if isinstance(style, Style):
            return style
        found = self._styles.get(style)
        if found is None:
            found = self._styles[style] = Style.parse(style, self.app.theme_variables)
        return found

    def under_cursor(self, line: Content) -> Content:
        """``line`` as the one that the keys act on, lit where the focus is.

        Its own colours are kept where they are known to be read on the cursor's.
        """
        if not self.has_focus:
            return line
        whole = line + " " * max(self.size.width - line.cell_length, 0)
        style = "$block-cursor-foreground on $block-cursor-background"
        ours = any(self.app.theme == theme.name for theme in OURS)
        return whole.stylize_before(style) if ours else whole.stylize(style)


def _same(one: Content, other: Content) -> bool:
    return one.plain == other.plain and one.spans == other.spans


class Choices(Lines):
    """Lines of which one is chosen. ``chosen`` is its index; what moves it posts the widget's own message."""

    chosen = 0

    def choices(self) -> int:
        """How many lines can be chosen."""
        return len(self._lines)

    def line_of(self, chosen: int) -> int:
        """The line on which a choice stands."""
        return chosen

    def move(self, by: int) -> None:
        """Choose another, as far as there are any."""
        self.choose(self.chosen + by)

    def choose(self, index: int) -> None:
        """Choose this one, or the nearest there is."""
        index = max(0, min(index, self.choices() - 1))
        if index != self.chosen:
            self.chosen = index
            self.redraw()
            line = self.line_of(index)
            self.scroll_to_region(Region(0, line, 1, 1), animate=False, force=True)

    def redraw(self) -> None:
        """Draw the lines again; a subclass makes them from what it knows."""

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def on_click(self, event: Click) -> None:
        """Choose the line under the mouse."""
        inside = event.get_content_offset(self)
        line = -1 if inside is None else inside.y + self.scroll_offset.y - self.line_of(0)
        if 0 <= line < self.choices():
            self.choose(line)

    def mark(self, index: int, line: Content) -> Content:
        """``line`` with the sign of being chosen, or room for it."""
        if index != self.chosen:
            return Content.assemble("  ", line)
        return self.under_cursor(Content.assemble(("▌ ", "bold $primary"), line))
