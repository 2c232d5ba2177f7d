"""The after-hours pane's face: its widgets, where each stands, and how it is drawn from frozen records."""

from datetime import date
from typing import TYPE_CHECKING, Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive

from dataeng_tui.after_hours.measures import MEASURES, Measure
from dataeng_tui.services import Services
from dataeng_tui.text import clean
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.themes import heat
from dataeng_tui.tui.widgets.calendar_heatmap import CalendarHeatmap
from dataeng_tui.tui.widgets.heat import legend
from dataeng_tui.tui.widgets.lines import Lines
from dataeng_tui.tui.widgets.punch_card import PunchCard
from dataeng_tui.tui.widgets.week_bars import WeekBars

if TYPE_CHECKING:
    from dataeng_tui.after_hours.certainty import Certainty
    from dataeng_tui.after_hours.details import DayDetail
    from dataeng_tui.tui.widgets.after_hours_lines import Shown

VIEWS: Final = {
    "hours": "Hour of week",
    "weeks": "Weeks",
    "sure": "How sure",
    "day": "Day",
    "machines": "Left out",
}
TALL: Final = 30  # rows from which on the weeks and the hours have room of their own
WIDE: Final = 100
VAST: Final = 52
LEGIBLE: Final = 72  # columns from which on the legend has words


class AfterHoursView(Pane):
    """The calendar, the weeks, the hours of the week; a day looked at closely; the ladder of certainty."""

    DEFAULT_CSS = """
    AfterHoursView #ah-heading { height: 2; background: $background; scrollbar-size: 0 0; }
    AfterHoursView .box { border: round $border; border-title-color: $text-muted; padding: 0 1; }
    AfterHoursView .box:focus { border: round $primary; border-title-color: $primary; }
    AfterHoursView Lines.box { background: $background; }
    AfterHoursView #ah-year { height: 10; }
    AfterHoursView #ah-told { height: 1; background: $background; scrollbar-size: 0 0; padding: 0 2; }
    AfterHoursView #ah-weeks { height: 1fr; }
    AfterHoursView #ah-rest { height: 1fr; }
    AfterHoursView #ah-left { width: 1fr; height: 1fr; }
    AfterHoursView #ah-punch { height: 10; max-height: 100%; }
    AfterHoursView #ah-machines { height: 1fr; }
    AfterHoursView #ah-aside { width: 1fr; height: 1fr; }
    AfterHoursView.-roomy #ah-heading { height: 4; }
    AfterHoursView.-roomy #ah-weeks { height: 7; }
    AfterHoursView.-roomy.-beside #ah-left { width: 57; }
    AfterHoursView.-vast #ah-weeks { height: 12; }
    AfterHoursView.-vast #ah-punch { height: 17; }
    AfterHoursView .box.-maximized { height: 100% !important; width: 100% !important; }
    """

    data: reactive["Shown | None"] = reactive(None, init=False, repaint=False)
    measure: reactive[Measure] = reactive(MEASURES[0], init=False, repaint=False)
    found: reactive["Certainty | None"] = reactive(None, init=False, repaint=False)
    detail: reactive["DayDetail | None"] = reactive(None, init=False, repaint=False)
    view: reactive[str] = reactive("sure", init=False, repaint=False)

    def __init__(self, services: Services, id: str) -> None:
        super().__init__(services, id)
        self.cursor: date | None = None
        self.goal = services.settings.after_hours.goal_hours
        self.trouble = ""

    def compose(self) -> ComposeResult:
        yield Lines(id="ah-heading")
        yield CalendarHeatmap(id="ah-year")
        yield Lines(id="ah-told")
        yield WeekBars(id="ah-weeks")
        with Horizontal(id="ah-rest"):
            with Vertical(id="ah-left"):
                yield PunchCard(id="ah-punch")
                yield Lines(id="ah-machines", classes="box")
            yield Lines(id="ah-aside", classes="box")

    def on_mount(self) -> None:
        self._heading, self._told = self.query_one("#ah-heading", Lines), self.query_one("#ah-told", Lines)
        self._year, self._weeks = self.query_one(CalendarHeatmap), self.query_one(WeekBars)
        self._punch, self._aside = self.query_one(PunchCard), self.query_one("#ah-aside", Lines)
        self._machines = self.query_one("#ah-machines", Lines)
        self._heading.can_focus = self._told.can_focus = False
        for widget in (self._year, self._weeks, self._punch):
            widget.add_class("box")
        self._year.border_title = "Year"
        self._machines.border_title = VIEWS["machines"]
        self._told.show([Content.styled("Reading the history …", "$text-muted")])
        self._year.focus()
        self.watch(self.app, "theme", self.draw, init=False)
        self.watch(self.screen, "maximized", self._draw_later, init=False)

    def shown(self) -> None:
        (self._year if self._year.display else self._aside).focus()

    def watch_measure(self) -> None:
        self._draw_measured()

    def watch_found(self) -> None:
        self._draw_weeks()
        self._draw_aside()

    def watch_detail(self) -> None:
        if self.view == "day":
            self._draw_aside()

    def watch_view(self) -> None:
        self._arrange()
        self._draw_aside()

    def say(self, trouble: str) -> None:
        """One line about what went wrong, until the cursor moves; an empty one takes it away."""
        self.trouble = trouble
        self._draw_told()

    def draw(self) -> None:
        """Draw all that is known."""
        data = self.data
        if data is None or self.cursor is None:
            return
        if data.nothing_to_ask == self._year.display:
            self._arrange()
        colours = heat(self.app.theme_variables, self.app.current_theme.dark)
        self._year.border_subtitle = legend(colours, self.app.no_color, self.app.size.width >= LEGIBLE)
        self._punch.show(data.report)
        self._draw_measured()
        self._draw_aside()

    def _draw_later(self) -> None:
        """Draw when everything has its new size."""
        self.call_after_refresh(self.draw)

    def _draw_measured(self) -> None:
        """What is another by another measure."""
        data = self.data
        if data is None or self.cursor is None:
            return
        self._year.show(data.report, self.measure.name, self.cursor)
        if self._is_tall and self.screen.maximized is not self._year:
            self._year.border_title = f"{data.range_name.capitalize()}, by {self.measure.title.lower()}"
        self._draw_heading()
        self._draw_told()
        self._draw_weeks()

    def _draw_heading(self) -> None:
        from dataeng_tui.tui.widgets import after_hours_lines as lines

        if self.data is not None:
            width = self.size.width
            rows = lines.heading(self.data, self.measure, self.goal, width, 4 if self._is_tall else 2)
            self._heading.show(lines.filled(rows, width))

    def _draw_told(self) -> None:
        """The cursor's cell in words; what went wrong takes its place, in as many lines as it needs."""
        from dataeng_tui.tui.widgets import after_hours_lines as lines

        enlarged = self.screen.maximized is self._year
        width = (self._year.outer_size if enlarged else self.size).width - 4
        told = self._told_by_cursor(width - 2)  # as a border's title, with a space at either end
        rows = lines.paragraph(clean(self.trouble, 600), width, "$error") if self.trouble else [told]
        if len(rows) != self._told.size.height:  # it costs a layout
            self._told.styles.height = len(rows)
        self._told.display = bool(self.trouble) or (self._is_tall and self._year.display)
        self._told.show(lines.filled(rows, width))
        if not self._is_tall or enlarged:
            self._year.border_title = told

    def _told_by_cursor(self, width: int) -> Content:
        from dataeng_tui.tui.widgets import after_hours_lines as lines

        if self._punch.has_focus:
            return self._punch.told
        if self.data is None or self.cursor is None:
            return Content("" if self.trouble else "Reading the history …")
        return lines.day_told(self.data.report, self.cursor, self.measure, width)

    def _draw_weeks(self) -> None:
        if self.data is not None and self.cursor is not None:
            found = None if self.data.counting else self.found
            self._weeks.show(self.data.report, self.measure.name, self.cursor, found, self.goal)

    def _draw_aside(self) -> None:
        from dataeng_tui.tui.widgets import after_hours_lines as lines

        data, width = self.data, _room(self._aside)
        title = lines.title_of([(view, VIEWS[view]) for view in self._views()], self.view)
        # Where there is no room for all of them, one place shows them in turn and all their names.
        self._aside.border_title = title if data is None or not data.nothing_to_ask else "To begin with"
        self._weeks.border_title = "Hours a week" if self._is_tall else title
        self._punch.border_title = "Hour of week" if self._is_tall else title
        if data is None:
            return
        self._machines.show(lines.left_out_lines(data, _room(self._machines)))
        if data.nothing_to_ask:
            self._aside.show(lines.no_history_lines(width))
        elif self.view == "day":
            detail = self.detail
            self._aside.show(lines.day_lines(detail, data.report, width) if detail else [])
        elif self.view == "sure":
            self._aside.show(lines.certainty_lines(self.found, width))
        elif self.view == "machines":
            self._aside.show(lines.left_out_lines(data, width))

    # The room there is.

    @property
    def _is_tall(self) -> bool:
        return self.size.height >= TALL

    def _views(self) -> tuple[str, ...]:
        """What the place below the calendar can show; where there is room, the rest stands beside it."""
        if not self._is_tall:
            return tuple(VIEWS)
        return ("sure", "day") if self.size.width >= WIDE else ("hours", "sure", "day")

    def _arrange(self) -> None:
        views, height = self._views(), self.size.height
        if self.view not in views:
            self.view = views[0]
            return
        tall, beside = self._is_tall, "hours" not in views
        self.set_class(tall, "-roomy")
        self.set_class(beside, "-beside")
        self.set_class(height >= VAST, "-vast")
        self._weeks.display = tall or self.view == "weeks"
        self._machines.display = tall
        left = self.query_one("#ah-left")
        left.display = beside or self.view == "hours"
        self._aside.display = self.view not in ("weeks", "hours")
        self.query_one("#ah-rest").display = left.display or self._aside.display
        # Where there is no history, what to do about it has the whole pane.
        nothing = self.data is not None and self.data.nothing_to_ask
        self._year.display = self._heading.display = not nothing
        if nothing:
            self._weeks.display = left.display = False
            self._aside.display = self.query_one("#ah-rest").display = True
            if self.display:
                self._aside.focus()

    def on_click(self, event: events.Click) -> None:
        """A view's name in a border shows it."""
        self.view = event.style.meta.get("view", self.view)

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._draw_later()

    @on(CalendarHeatmap.Moved)
    def _day_moved(self, message: CalendarHeatmap.Moved) -> None:
        self.cursor, self.trouble = message.day, ""
        self._weeks.move_to(message.day)
        self._draw_told()
        self.cursor_moved()

    @on(WeekBars.Moved)
    def _week_moved(self, message: WeekBars.Moved) -> None:
        self._year.move_by(7 * message.weeks)

    @on(PunchCard.Moved)
    def _hour_moved(self) -> None:
        self.trouble = ""
        self._draw_told()

    def cursor_moved(self) -> None:
        """The cursor is on another day: what belongs to a day is to be asked for."""

    def on_descendant_focus(self) -> None:
        if self.data is not None:  # the first frame does without the words
            self._draw_told()


def _room(box: Lines) -> int:
    """The columns for text inside a box's border and padding, beside its scrollbar."""
    return max((box.outer_size.width or box.container_size.width) - 5, 24)
