"""The hours of the week: when the person is at it, on average; one widget, drawn a line at a time."""

from bisect import bisect_left
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from dataeng_tui.after_hours.scale import hours_and_minutes
from dataeng_tui.tui.widgets.heat import LEFT, WEEKDAYS, Heat, Run, moves

if TYPE_CHECKING:
    from dataeng_tui.after_hours.hours import Report

BOUNDS: Final = (0, 2, 5, 10, 20)
"""Minutes a week in one hour of it; up to and including each is a step."""
WORK: Final = ("·", "░", "▒", "▓", "█", "█")
MOVES: Final = {
    "left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0), "first": (0, -24), "last": (0, 24),
}  # fmt: skip
NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class PunchCard(Heat):
    """Monday to Sunday from top to bottom, the day's 24 hours from left to right, and a cursor on an hour.

    Hours of work are shaded in grey, hours outside it in the colours of heat.
    """

    DEFAULT_CSS = "PunchCard { height: 8; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *moves(
            left="An hour back",
            right="An hour on",
            up="The weekday before",
            down="The weekday after",
            first="Midnight",
            last="The last hour",
        )
    ]

    class Moved(Message):
        """The cursor is on another hour."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all: tuple[tuple[int, ...], ...] = ()
        self._after: tuple[tuple[int, ...], ...] = ()
        self._weeks = 1.0
        self.cursor = (0, 20)

    def show(self, report: "Report") -> None:
        """Show a report's hours."""
        self._all, self._after = report.punch, report.after_hours_punch
        first, last = report.known or (report.since, report.until)
        self._weeks = max(1.0, ((last - first).days + 1) / 7)
        self.refresh()

    @property
    def told(self) -> Content:
        """The hour under the cursor, in words."""
        if not self._all:
            return Content("")
        weekday, hour = self.cursor
        minutes, after = self._all[weekday][hour], self._after[weekday][hour]
        when = f"{NAMES[weekday]} {hour:02}:00–{(hour + 1) % 24:02}:00"
        if not minutes:
            return Content.assemble((when, "bold"), "  nothing")
        part = "" if after in (0, minutes) else f", {hours_and_minutes(after)} of it after hours"
        kind = "after hours" if after == minutes else "working hours" if not after else "both"
        weekly = f"{minutes / self._weeks:.0f} min a week"
        return Content.assemble(
            (when, "bold"), f"  {weekly}, {hours_and_minutes(minutes)} in all, {kind}{part}"
        )

    def action_move(self, where: str) -> None:
        days, hours = MOVES[where]
        weekday, hour = self.cursor
        self._move_to((weekday + days) % 7, max(0, min(23, hour + hours)))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.x >= LEFT:
            hour = (offset.x - LEFT) // self._columns()
            weekday = (offset.y - 1) // self._height() + self._first()
            if 0 <= hour < 24 and offset.y > 0 and weekday < 7:
                self._move_to(weekday, hour)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base, columns = self.size.width, self.style(""), self._columns()
        if not self._all or y > 7 * self._height():
            return Strip.blank(width, base)
        run = Run()
        if y == 0:
            every = 3 if columns < 3 else 2
            names = "".join(f"{hour:<{columns * every}}" for hour in range(0, 24, every))
            run.add(" " * LEFT + names, self.style("$text-muted"))
            return run.strip(width, base)
        weekday, line = divmod(y - 1 + self._first() * self._height(), self._height())
        run.add(f"{WEEKDAYS[weekday] if line == 0 else '':<{LEFT}}", self.style("$text-muted"))
        for hour in range(24):
            run.add(*self._cell(weekday, hour, columns))
        return run.strip(width, base)

    def _cell(self, weekday: int, hour: int, columns: int) -> tuple[str, RichStyle]:
        minutes, after = self._all[weekday][hour], self._after[weekday][hour]
        step = bisect_left(BOUNDS, minutes / self._weeks) if minutes else 0
        if (weekday, hour) == self.cursor and self.has_focus:
            return ("▐" + "█" * (columns - 2) + "▌")[-columns:], self.cursor_style(step)
        if minutes and after * 2 < minutes:
            return WORK[step] * columns, self.style("$primary 45%")
        return self.cell(step, columns)

    def _move_to(self, weekday: int, hour: int) -> None:
        if (weekday, hour) != self.cursor:
            self.cursor = (weekday, hour)
            self.refresh()
            self.post_message(self.Moved())

    def _first(self) -> int:
        """The first weekday that is shown: where there is no room for seven, those around the cursor."""
        fit = (self.size.height - 1) // self._height()
        return max(0, min(7 - fit, self.cursor[0] - fit // 2))

    def _columns(self) -> int:
        return max(1, min(4, (self.size.width - LEFT) // 24))

    def _height(self) -> int:
        return max(1, min(5, (self.size.height - 1) // 7))
