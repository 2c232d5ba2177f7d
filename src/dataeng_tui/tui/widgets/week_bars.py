"""A bar a week under the calendar's columns, with the step marked and what its explanation holds of it."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from dataeng_tui.tui.widgets.heat import LEFT, Heat, Run, moves, visible

if TYPE_CHECKING:
    from dataeng_tui.after_hours.certainty import Certainty
    from dataeng_tui.after_hours.hours import Report

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"


class WeekBars(Heat):
    """One bar a week, in hours. A bar's light part is what would be gone without the best explanation.

    A week that towers over the rest is cut, with an arrow on top, so that the others can be told apart.
    """

    DEFAULT_CSS = "WeekBars { height: 5; }"
    BINDINGS: ClassVar[list[BindingType]] = [*moves(left="A week back", right="A week on")]

    class Moved(Message):
        """Another week is asked for."""

        def __init__(self, weeks: int) -> None:
            super().__init__()
            self.weeks = weeks

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hours: list[float] = []
        self._without: dict[date, float] = {}
        self._step: date | None = None
        self._goal: float | None = None
        self._monday = date.min
        self._top = 1.0
        self.cursor = date.min

    def show(
        self, report: "Report", measure: str, cursor: date, found: "Certainty | None", goal: float | None
    ) -> None:
        """Show a report's weeks by a measure; the step and its explanation belong to the slots alone."""
        self._hours = [week.figures.minutes(measure) / 60 for week in report.weeks]
        self._monday = report.weeks[0].start if report.weeks else date.min
        self._goal, self._step, self._without = goal, None, {}
        if found is not None and found.step is not None and measure == "slots":
            self._step = found.weeks[found.step.index]
            if found.best is not None and found.best.rise_share > 0:
                self._without = dict(zip(found.weeks, found.best.without, strict=True))
        ordered = sorted(self._hours)
        usual = ordered[int(len(ordered) * 0.95)] if ordered else 0
        self._top = max(min(max(ordered, default=0), usual * 1.35), 1.0)
        self.cursor = cursor
        self.refresh()

    def move_to(self, day: date) -> None:
        """The calendar's cursor is on this day."""
        if day != self.cursor:
            self.cursor = day
            self.refresh()

    def action_move(self, where: str) -> None:
        self.post_message(self.Moved(-1 if where == "left" else 1))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.x >= LEFT and self._hours:
            first, _, columns = self._window()
            self.post_message(self.Moved(first + (offset.x - LEFT) // columns - self._at()))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height, base = self.size.width, self.size.height, self.style("")
        if not self._hours or y >= height:
            return Strip.blank(width, base)
        run = Run()
        label = f"{self._top:.0f} h" if y == 0 else "0" if y == height - 1 else ""
        run.add(f"{label:>{LEFT - 1}} ", self.style("$text-muted"))
        first, count, columns = self._window()
        for week in range(first, first + count):
            text, style = self._cell(week, height - 1 - y, height, columns - 1)
            run.add(text, style)
            if self._monday + timedelta(weeks=week + 1) == self._step:
                run.add("│", self.style("bold $warning"))
            else:  # in the bar's own style where a space looks the same: fewer segments
                run.add("┄" if text[0] == "┄" else " ", style if style.bgcolor == base.bgcolor else base)
        return run.strip(width, base)

    def _cell(self, week: int, row: int, height: int, columns: int) -> tuple[str, RichStyle]:
        """The part of a week's bar in a row, counted from the bottom."""
        hours = self._hours[week]
        part = self._filled(hours, row, height)
        rest = min(self._without.get(self._monday + timedelta(weeks=week), hours), hours)
        own = self._filled(rest, row, height) if rest < hours else part
        colour = "$accent" if week == self._at() else "$primary" if self.has_focus else "$secondary"
        if hours > self._top and row == height - 1:
            return "↑" * columns, self.style(f"bold {colour}")
        if own == part == 0:
            goal = self._is_goal(row, height)
            return ("┄" if goal else " ") * columns, self.style("$success" if goal else "")
        if own == part:
            return EIGHTHS[part] * columns, self.style(colour)
        if self.colourless:
            return ("█" if own * 2 > part else "░") * columns, self.style("")
        if own:  # the light part begins within this row
            return EIGHTHS[own] * columns, self.style(f"{colour} on $warning" if part == 8 else colour)
        return EIGHTHS[part] * columns, self.style("$warning")

    def _filled(self, hours: float, row: int, height: int) -> int:
        """Eighths of a row that a bar of so many hours fills; what is there at all is seen."""
        eighths = hours / self._top * height * 8 - row * 8
        return 1 if row == 0 and 0 < eighths < 1 else max(0, min(8, round(eighths)))

    def _is_goal(self, row: int, height: int) -> bool:
        return (
            self._goal is not None
            and 0 < self._goal <= self._top
            and int(self._goal / self._top * height - 1e-9) == row
        )

    def _at(self) -> int:
        return (self.cursor - self._monday).days // 7

    def _window(self) -> tuple[int, int, int]:
        return visible(self.size.width, len(self._hours), self._at())
