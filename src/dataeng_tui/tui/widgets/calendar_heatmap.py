"""A year as weeks by weekdays, each day as warm as it was long; one widget, drawn a line at a time."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from dataeng_tui.after_hours.scale import step
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.widgets.heat import LEFT, WEEKDAYS, Heat, Run, moves, visible

if TYPE_CHECKING:
    from dataeng_tui.after_hours.hours import Report

AWAY: Final = ("holiday", "leave")
FAR: Final = 30_000
DAYS: Final = {
    "left": -7, "right": 7, "up": -1, "down": 1, "page_up": -28, "page_down": 28, "first": -FAR, "last": FAR,
}  # fmt: skip


class CalendarHeatmap(Heat):
    """Weeks from left to right, Monday to Sunday from top to bottom, and a cursor on a day."""

    DEFAULT_CSS = "CalendarHeatmap { height: 8; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *moves(
            left="A week back",
            right="A week on",
            up="A day back",
            down="A day on",
            page_up="Four weeks back",
            page_down="Four weeks on",
            first="The first day",
            last="The last day",
        ),
        key("w", "worst", "The longest day", "after.worst", show=False),
    ]

    class Moved(Message):
        """The cursor is on another day."""

        def __init__(self, day: date) -> None:
            super().__init__()
            self.day = day

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._report: Report | None = None
        self._steps: list[list[int]] = []  # a row a weekday; -1 is a day not known of, -2 a day away
        self._monday = date.min
        self._minutes: dict[date, float] = {}
        self.cursor = date.min

    def show(self, report: "Report", measure: str, cursor: date) -> None:
        """Show a report by a measure."""
        self._report = report
        self._monday = report.since - timedelta(report.since.weekday())
        self._minutes = {day.day: day.figures.minutes(measure) for day in report.days}
        self._steps = [[] for _ in WEEKDAYS]
        day = self._monday
        last = report.until + timedelta(6 - report.until.weekday())
        while day <= last:
            self._steps[day.weekday()].append(self._step(report, day))
            day += timedelta(1)
        self.cursor = cursor
        self.refresh()

    def move_to(self, day: date) -> None:
        """Put the cursor on a day, or on the nearest there is."""
        if self._report is not None:
            day = min(max(day, self._report.since), self._report.until)
            if day != self.cursor:
                self.cursor = day
                self.refresh()
                self.post_message(self.Moved(day))

    def move_by(self, days: int) -> None:
        """Put the cursor so many days on, as far as there are any."""
        self.move_to(self.cursor + timedelta(max(-FAR, min(days, FAR))))

    def action_move(self, where: str) -> None:
        self.move_by(DAYS[where])

    def action_worst(self) -> None:
        if self._minutes:
            self.move_to(max(self._minutes, key=lambda day: (self._minutes[day], day)))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self._steps:
            return
        first, count, columns = self._window()
        week, weekday = (offset.x - LEFT) // columns, (offset.y - 1) // self._height()
        if 0 <= week < count and 0 <= weekday < 7 and offset.x >= LEFT:
            self.move_to(self._monday + timedelta(weeks=first + week, days=weekday))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.style("")
        if not self._steps or y > 7 * self._height():
            return Strip.blank(width, base)
        if y == 0:
            return self._months(width)
        weekday, line = divmod(y - 1, self._height())
        run = Run()
        run.add(f"{WEEKDAYS[weekday] if line == 0 else '':<{LEFT}}", self.style("$text-muted"))
        first, count, columns = self._window()
        here = (self.cursor - self._monday).days
        for week in range(first, first + count):
            text, style = self._cell(self._steps[weekday][week], columns)
            if week * 7 + weekday == here:
                text, style = self._under_cursor(self._steps[weekday][week], columns)
            run.add(text, style)
        return run.strip(width, base)

    def _months(self, width: int) -> Strip:
        """The names of the months over the weeks in which they begin."""
        first, count, columns = self._window()
        line = [" "] * (LEFT + count * columns + 12)
        sundays = [self._monday + timedelta(weeks=first + week, days=6) for week in range(count)]
        begins = [week for week, sunday in enumerate(sundays) if sunday.day <= 7]
        if begins and begins[0] * columns > len("Sep"):
            begins.insert(0, 0)  # there is room for the month that was there before
        free = 0
        for week in begins or [0]:
            sunday, at = sundays[week], LEFT + week * columns
            if at >= free:
                name = f"{sunday:%b %y}" if sunday.month == 1 else f"{sunday:%b}"
                line[at : at + len(name)] = name
                free = at + len(name) + 1
        run = Run()
        run.add("".join(line), self.style("$text-muted"))
        return run.strip(width, self.style(""))

    def _cell(self, step_: int, columns: int) -> tuple[str, RichStyle]:
        if step_ == -1:
            return " " * columns, self.style("")
        if step_ == -2:  # away, and nothing done
            return "◇" + " " * (columns - 1), self.away_style()
        return self.cell(step_, columns)

    def _under_cursor(self, step_: int, columns: int) -> tuple[str, RichStyle]:
        style = self.cursor_style(max(step_, 0))
        return (f"{'[':<{columns - 1}}]" if self.colourless else "▐" + "█" * (columns - 2) + "▌"), style

    def _step(self, report: "Report", day: date) -> int:
        if not report.is_known(day):
            return -1
        found = step(self._minutes.get(day, 0))
        return -2 if not found and report.day(day).kind in AWAY else found

    def _window(self) -> tuple[int, int, int]:
        at = (self.cursor - self._monday).days // 7
        return visible(self.size.width, len(self._steps[0]), at)

    def _height(self) -> int:
        return max(1, min(5, (self.size.height - 1) // 7))
