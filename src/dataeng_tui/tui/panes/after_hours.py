"""The pane "After hours": a person's time outside their hours, and how sure one may be of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType

from dataeng_tui.after_hours.measures import MEASURES
from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.text import clean
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.panes.after_hours_view import AfterHoursView
from dataeng_tui.tui.panes.after_hours_work import RANGES, Detailed, Found, Loaded, Said, Work

if TYPE_CHECKING:
    from dataeng_tui.after_hours.syncing import Syncing
    from dataeng_tui.tui.widgets.after_hours_lines import Shown


class AfterHoursPane(AfterHoursView):
    """What the keys do and what comes back from the workers; how it looks is the view's."""

    NAME: ClassVar[str] = "After hours"
    HELP_TEXT: ClassVar[str] = "\n\n".join(
        [
            *(f"{measure.title}: {measure.sentence}" for measure in MEASURES),
            "The yellow line in the weeks is a step that Pettitt's test finds; the yellow part of the bars "
            "would be gone without its best explanation. A rung of certainty needs those below it; ◐ is one "
            "that holds, but only by itself. ◇ is a holiday or a day of leave.",
        ]
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "m", "machines", "Machines", "after.machines", tooltip="Count what machines ran, or leave it out"
        ),
        key("u", "measure", "Measure", "after.measure", tooltip="Slots, sessions, the blog's span"),
        key("p", "range", "Range", "after.range", tooltip="A year, half a year, a quarter, all there is"),
        key("v", "view", "View", "after.view", tooltip="How sure, a day, what was left out"),
        key("enter", "day", "Day", "after.day", tooltip="The day under the cursor, looked at closely"),
        key("e", "export", "Export", "after.export", tooltip="What is seen, as a file"),
        key(
            "r", "refresh", "Refresh", "after.refresh", show=False, tooltip="From Snowflake, if there is one"
        ),
        key("x", "stop_sync", "Stop the sync", "after.stop-sync"),
    ]
    clock: ClassVar[Callable[[], datetime]] = staticmethod(lambda: datetime.now(UTC))

    def __init__(self, services: Services, id: str = "after-hours") -> None:
        super().__init__(services, id)
        given = services.settings.after_hours
        self._asked = (len(RANGES) - 1 if given.since or given.until else 0, False)
        self._work = Work(services, type(self).clock)
        self._sync: Syncing | None = None

    def on_mount(self) -> None:
        # Not before the first frame stands: a worker that imports SQLite would hold it up.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._load(then_sync=True)
        self.set_interval(15, self._tick)

    # Asking: each runs in a worker's thread and answers with a message.

    def _load(self, then_sync: bool = False) -> None:
        asked = self._asked

        def load() -> None:
            try:
                data = self._work.load(*asked, self._reading)
                self.post_message(Loaded(data, *asked))
                self.post_message(Found(data, self._work.certainty(data.own)))
                if then_sync:
                    self._run_sync()
            except UserError as error:
                self.post_message(Said(str(error), wrong=True))

        self.run_worker(load, thread=True, group="after-hours-load")

    def _run_sync(self) -> None:
        self._sync = self._work.syncing(self._progress)
        if self._sync is None:
            return
        self.app.call_from_thread(self.refresh_bindings)
        try:
            result = self._sync.run()
            self.post_message(Said("" if result else "The sync was stopped.", over=True))
        except UserError as error:
            self.post_message(Said(str(error), wrong=True, over=True))

    def _reading(self, stage: str, rows: int) -> None:
        self.post_message(Said(_how_far(stage, rows)))

    def _progress(self, stage: str, rows: int) -> None:
        self.post_message(Said(f"{_how_far(stage, rows)} · x stops"))

    def _look_at_day(self) -> None:
        data, day = self.data, self.cursor
        if data is None or day is None:
            return

        def look() -> None:
            try:
                self.post_message(Detailed(self._work.day(data.report, day)))
            except UserError as error:
                self.post_message(Said(str(error), wrong=True))

        self.run_worker(look, thread=True, group="after-hours-day", exclusive=True)

    # Answers.

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        if message.asked != self._asked:
            return  # another range was asked for since
        report = message.data.report
        if self.cursor is None or not report.since <= self.cursor <= report.until:
            self.cursor = report.until
        self.data = message.data

    @on(Found)
    def _found(self, message: Found) -> None:
        if self.data is not None and message.data.report is self.data.report:
            self.found = message.found

    @on(Detailed)
    def _detailed(self, message: Detailed) -> None:
        if message.detail.day.day == self.cursor:
            self.detail = message.detail

    @on(Said)
    def _said(self, message: Said) -> None:
        if message.over:
            self._sync = None
            self.refresh_bindings()
            self._load()
        if message.wrong:
            self.say(message.text)
        else:
            self.status = clean(message.text, 200) or self._source()

    def watch_data(self, data: "Shown | None") -> None:
        if data is None:
            return
        self.found = self.detail = None
        self.refresh_bindings()
        if self._sync is None:
            self.status = self._source()
        self.draw()
        if self.view == "day":
            self._look_at_day()

    def watch_view(self) -> None:
        super().watch_view()
        if self.view == "day":
            self._look_at_day()

    def cursor_moved(self) -> None:
        if self.view == "day":
            self._look_at_day()

    def _tick(self) -> None:
        """Time goes on: what is happening now is drawn when it says something else; a new day is loaded."""
        data = self.data
        if data is None or not self.display:
            return
        now = self._work.now(data.report)
        self.set_reactive(AfterHoursPane.data, replace(data, now=now))
        self._draw_heading()
        if now.day != data.now.day:
            self._load()

    def _source(self) -> str:
        if self.data is None:
            return ""
        if self.data.nothing_to_ask:
            return "no history yet"
        status = self.data.status
        zone = self.data.now.at.tzinfo
        last = f" · up to {status.last.astimezone(zone):%-d %b %H:%M}" if status.last else ""
        note = f" · {status.note}" if status.note else ""
        return f"{clean(status.user, 40)} · {status.statements:,} statements{last}{clean(note, 200)}"

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop_sync":
            return self._sync is not None
        # Without a history there is nothing to look at in another way.
        return self.data is None or not self.data.nothing_to_ask or action == "refresh"

    def action_machines(self) -> None:
        self._asked = (self._asked[0], not self._asked[1])
        self._load()

    def action_measure(self) -> None:
        self.measure = MEASURES[(MEASURES.index(self.measure) + 1) % len(MEASURES)]

    def action_range(self) -> None:
        self._asked = ((self._asked[0] + 1) % len(RANGES), self._asked[1])
        self._load()

    def action_view(self) -> None:
        views = self._views()
        self.view = views[(views.index(self.view) + 1) % len(views)]

    def action_day(self) -> None:
        self.view = "day"

    def action_refresh(self) -> None:
        if self._sync is None:
            self._load(then_sync=True)

    def action_stop_sync(self) -> None:
        if self._sync is not None:
            self._sync.cancel()

    def action_export(self) -> None:
        from dataeng_tui.tui.screens.export import ExportScreen

        if self.data is not None:
            self.app.push_screen(ExportScreen(), self._export)

    def _export(self, format_: str | None) -> None:
        data, measure, found = self.data, self.measure, self.found
        if data is None or format_ is None:
            return

        def write() -> None:
            try:
                file = self._work.export(format_, data, measure, found)
                self.app.call_from_thread(self.notify, clean(str(file), 300), title="Written", markup=False)
            except UserError as error:
                self.post_message(Said(str(error), wrong=True))

        self.run_worker(write, thread=True, group="after-hours-export")


def _how_far(stage: str, rows: int) -> str:
    return f"{stage}, {rows:,} statements" if rows else stage
