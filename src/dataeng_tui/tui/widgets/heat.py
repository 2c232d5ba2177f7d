"""What the widgets that draw time have in common: the steps of heat, in colour or in glyphs, and a cursor."""

from typing import Final

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.binding import Binding
from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from dataeng_tui.after_hours.scale import LABELS
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.themes import heat

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEFT: Final = 5  # columns for names at the left, so that the calendar and the bars under it line up
# Where there is no colour, two columns of glyphs tell six steps apart.
GLYPHS: Final = ("· ", "░░", "▒▒", "▓▓", "██", "█◆")
KEYS: Final = {
    "left": "left,h",
    "right": "right,l",
    "up": "up,k",
    "down": "down,j",
    "page_up": "pageup",
    "page_down": "pagedown",
    "first": "g,home",
    "last": "G,end",
}


def moves(**told: str) -> list[Binding]:
    """The keys that move a grid's cursor, each with what it does there; an id is one key in every grid."""
    return [
        key(KEYS[where], f"move('{where}')", what, f"grid.{where.replace('_', '-')}", show=False)
        for where, what in told.items()
    ]


class Heat(Widget, can_focus=True):
    """A widget of cells that are drawn line by line, each cell by its step."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles: dict[str, RichStyle] = {}

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    @property
    def colourless(self) -> bool:
        """Whether steps have to be told by glyphs alone."""
        return self.app.no_color

    @property
    def colours(self) -> tuple[str, ...]:
        """The theme's steps."""
        return heat(self.app.theme_variables, self.app.current_theme.dark)

    def style(self, name: str) -> RichStyle:
        """A style such as ``bold $primary`` over the widget's own, kept until the theme changes."""
        found = self._styles.get(name)
        if found is None:
            variables = self.app.theme_variables
            found = (self.visual_style + Style.parse(name, variables)).rich_style
            self._styles[name] = found
        return found

    def heat_style(self, step: int) -> RichStyle:
        """A cell's background at this step."""
        key = f"heat {step}"
        found = self._styles.get(key)
        if found is None:
            # A thin line of the background parts a cell from the next.
            colour, ground = self.colours[step], self.style("").bgcolor
            # A terminal's own background has no colour to draw a line in.
            line = colour if ground is None or ground.is_default else ground
            found = self._styles[key] = RichStyle(color=line, bgcolor=colour)
        return found

    def cell(self, step: int, width: int) -> tuple[str, RichStyle]:
        """A cell's text and style, ``width`` columns wide."""
        if self.colourless:
            glyph = GLYPHS[step]
            return glyph[0] * (width - 1) + glyph[1], self.style("")
        return " " * (width - 1) + "▕", self.heat_style(step)

    def away_style(self) -> RichStyle:
        """A sign on a cell without heat."""
        colour = self.colours[0]
        return self.style("$text-muted" if self.colourless else f"$text-muted on {colour}")

    def cursor_style(self, step: int) -> RichStyle:
        """The mark on the cell under the cursor, black or white, whichever is seen on the cell's heat."""
        if self.colourless:
            return self.style("bold reverse" if self.has_focus else "reverse")
        key = f"cursor {step}"
        found = self._styles.get(key)
        if found is None:
            colour = self.colours[step]
            bright = sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) > 400
            found = self._styles[key] = RichStyle(color="#000000" if bright else "#ffffff", bgcolor=colour)
        return found


class Run:
    """Collects a line's cells, neighbours of one style in one segment."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._text: list[str] = []
        self._style: RichStyle | None = None

    def add(self, text: str, style: RichStyle) -> None:
        """Put text behind what is there."""
        if style is not self._style:
            self._flush()
            self._style = style
        self._text.append(text)

    def strip(self, width: int, style: RichStyle) -> Strip:
        """The line, filled or cut to ``width``."""
        self._flush()
        return Strip(self._segments).adjust_cell_length(width, style)

    def _flush(self) -> None:
        if self._text:
            self._segments.append(Segment("".join(self._text), self._style))
            self._text = []


def legend(colours: tuple[str, ...], colourless: bool, words: bool) -> Content:
    """The steps of a day in the order of their size, each with its label, shorter without ``words``."""
    parts: list[Content] = []
    for step, label in enumerate(LABELS):
        swatch = Content(GLYPHS[step]) if colourless else Content.styled("  ", f"on {colours[step]}")
        said = label if words or step in (0, len(LABELS) - 1) else f"≤{label.removeprefix('to ')}"
        parts.append(Content.assemble(swatch, (f" {said} ", "$text-muted")))
    return Content(" " if words else "").join(parts)


def visible(width: int, weeks: int, at: int) -> tuple[int, int, int]:
    """``(first week, how many, columns each)`` of the weeks that fit, the one at ``at`` among them."""
    room = max(width - LEFT, 2)
    columns = max(2, min(6, room // max(weeks, 1)))
    count = min(weeks, room // columns)
    return max(0, min(weeks - count, at - count // 2)), count, columns
