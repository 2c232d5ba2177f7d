"""The pane "Streams": every Structured Streaming query, the unhealthy first, and one of them told whole."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from dataeng_tui.services import Services
from dataeng_tui.streams.snapshot import Application, Focus, Snapshot, StreamingQuery
from dataeng_tui.text import clean
from dataeng_tui.tui import streams_detail, streams_rows
from dataeng_tui.tui import streams_work as work
from dataeng_tui.tui.foreign import foreign
from dataeng_tui.tui.keys import key
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.widgets.lines import Lines
from dataeng_tui.tui.widgets.live_table import LiveTable

PROBLEMS = 3  # lines of problems that are shown; the last one says how many more there are
NOTHING = (
    "No streaming query is to be seen. Drivers on localhost 4040-4050 are found by themselves;",
    "  dataeng-tui --driver URL     watches another one, and",
    "  dataeng-tui --demo           a real local Spark, to look around in.",
)
FASTEST, SLOWEST = 0.25, 60.0  # seconds between polls
QUICKEST = 1 / 128  # seconds that a recorded one may take


class Told(Lines, can_focus=False):
    """Lines to be read only."""


class QueryDetail(Lines):
    """The query under the cursor; its charts are as wide as there is room."""

    class Resized(Message):
        """There is another amount of room."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class StreamsPane(Pane):
    """A table of queries in groups of applications, and the query under the cursor."""

    NAME: ClassVar[str] = "Streams"
    HELP_TEXT: ClassVar[str] = """
A row is a streaming query, under its application. What is wrong comes first: ✖ failed, ▲ with the word for
what is wrong; ▶ a batch is being worked on, ◦ it waits for the next or has nothing to do, ■ it is over, and
? nothing that knows it answers any more. in/s and done/s are rows that came in and that were processed in a
second, took is the last batch, kept the rows in the state, lag the rows between the last batch and the end
of the topic. ? is unknown, never zero.

The lower part tells the query under the cursor: what is wrong and since when, rates and durations over time
(· where nothing is known), where the last batch's time went, sources with their offsets, state, watermark,
and the exception as a whole. Tab goes there, arrows scroll it, z gives it the screen, y copies the ids.

A recording (streams --replay FILE) is played: space stops it, [ and ] go back and on by ten seconds, { and }
by five minutes, + and - change its pace.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter", "details", "Details", "streams.details", tooltip="put the focus on the query's details"),
        key(
            "slash", "filter", "Filter", "streams.filter", tooltip="words in names, ids, states and findings"
        ),
        key("space", "pause", "Pause", "streams.pause", tooltip="ask nothing, and show what was last seen"),
        key("left_square_bracket", "seek(-10)", "Back 10 s", "streams.back-10"),
        key("right_square_bracket", "seek(10)", "On 10 s", "streams.on-10"),
        key("left_curly_bracket", "seek(-300)", "Back 5 min", "streams.back-300", show=False),
        key("right_curly_bracket", "seek(300)", "On 5 min", "streams.on-300", show=False),
        key(
            "y", "copy", "Copy ids", "streams.copy", tooltip="name, id, runId and findings, to the clipboard"
        ),
        key("r", "refresh_now", "Refresh", "streams.refresh", tooltip="ask every source now"),
        key("plus,equals_sign", "interval(0.5)", "Faster", "streams.faster", tooltip="ask twice as often"),
        key("minus", "interval(2)", "Slower", "streams.slower", tooltip="ask half as often"),
        key("escape", "back", "Back", "streams.back", show=False),
    ]
    SCOPED_CSS = False  # the breakpoints' classes are on the screen
    DEFAULT_CSS = """
    StreamsPane { background: $surface; }
    StreamsPane #streams-head { height: 1; background: $surface; }
    StreamsPane #streams-table { height: auto; min-height: 5; max-height: 50%; }
    StreamsPane #streams-detail {
        height: 1fr; border: round $border; border-title-color: $text-muted; padding: 0 1;
    }
    StreamsPane #streams-detail:focus { border: round $primary; border-title-color: $primary; }
    StreamsPane #streams-note { height: auto; max-height: 6; padding: 0 1; }
    StreamsPane #streams-filter { dock: bottom; height: 1; background: $panel; }
    StreamsPane #streams-filter Input { width: 1fr; padding: 0 1; background: $panel; }
    StreamsPane #streams-filter Static { width: auto; color: $text-muted; padding: 0 1; }
    StreamsPane #streams-table.-maximized { height: 1fr; max-height: 100%; }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, init=False, repaint=False)
    wanted: reactive[str] = reactive("", init=False, repaint=False)
    paused: reactive[bool] = reactive(False, init=False, repaint=False)

    def __init__(self, services: Services, id: str) -> None:
        super().__init__(services, id)
        self._starting = Content.styled("Starting…", "$text-muted")

    def compose(self) -> ComposeResult:
        yield Told(id="streams-head")
        yield LiveTable(id="streams-table")
        yield Told(id="streams-note")
        yield QueryDetail(id="streams-detail")

    def on_mount(self) -> None:
        self.query_one("#streams-detail").border_title = "Query"
        self.status = "looking for drivers"
        self._tell()
        self.run_worker(
            lambda: work.watch(self.post_message, self.services), thread=True, exit_on_error=False
        )

    def shown(self) -> None:
        self._tell()
        self.query_one(LiveTable).focus()

    def on_resize(self) -> None:
        self._tell()

    # What the sources say

    @on(work.Seen)
    def _seen(self, message: work.Seen) -> None:
        self.snapshot = message.snapshot

    @on(work.Starting)
    def _demo_goes_on(self, message: work.Starting) -> None:
        if message.problem:
            self._starting = foreign(message.problem, "bold $warning", 400)
        elif message.done:
            self._starting = Content.styled(
                "The demo's Spark is up; its first batches are running.", "$text-muted"
            )
        else:
            told = f"A real local Spark is being started: {message.step} …"
            self._starting = foreign(told, "$accent", 300)
        self._tell()

    @on(work.Refused)
    def _refused(self, message: work.Refused) -> None:
        self._starting = foreign(message.reason, "bold $error", 400)
        self.status = "not watching"
        self._tell()

    @on(work.Forgetful)
    def _forgetful(self, message: work.Forgetful) -> None:
        self.notify(clean(message.reason, 300), severity="warning", markup=False)

    def watch_snapshot(self, snapshot: Snapshot) -> None:
        unhealthy = len(snapshot.unhealthy)
        self.badge = f"▲{unhealthy}" if unhealthy else ""
        self._update_status()
        self._tell()

    def watch_wanted(self) -> None:
        self._update_status()
        self._tell()

    def watch_paused(self) -> None:
        self._update_status()

    def _update_status(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        queries, bad = len(snapshot.queries), len(snapshot.unhealthy)
        told = ["PAUSED"] if self.paused else []
        pace = f"every {self.services.streams.interval:g} s"
        if self.playing:
            told.append(f"recording, {streams_detail.clock(snapshot.at, day=True)}")
            pace = f"×{1 / self.services.streams.interval:g}"
        if self.wanted:
            told.append(f"filter: {self.wanted}")
        if queries:
            told += [f"{queries} quer{'y' if queries == 1 else 'ies'}"]
            told += [f"{bad} unhealthy" if bad else "all healthy"]
        else:
            told.append("no streaming query yet")
        if not self.paused:
            told.append(pace)
        self.status = " · ".join(told)

    @property
    def playing(self) -> bool:
        """Whether a recording is shown instead of what the sources say now."""
        return self.services.settings.streams.replay is not None

    # What is shown

    def _tell(self) -> None:
        """Show the snapshot; a pane behind another keeps its badge and draws nothing."""
        if not self.display or not self.is_mounted or not self.size.width:
            return
        snapshot, width = self.snapshot or Snapshot(0.0), self.size.width
        table = self.query_one(LiveTable)
        with self.app.batch_update():
            self.query_one("#streams-head", Lines).show([streams_rows.heading(width)])
            rows = streams_rows.rows(snapshot, self.wanted, width)
            if not self.wanted:  # while one types, nothing else moves
                table.room = len(rows)
            table.show_rows(rows)
            self._tell_notes(snapshot)
            self._tell_detail()

    def _tell_notes(self, snapshot: Snapshot) -> None:
        note = self.query_one("#streams-note", Lines)
        shown = snapshot.problems if len(snapshot.problems) <= PROBLEMS else snapshot.problems[: PROBLEMS - 1]
        lines = [
            Content.assemble(
                ("! ", "bold $warning"), foreign(problem.source, "$text-muted", 120), " ",
                foreign(problem.message, limit=300),
            )
            for problem in shown
        ]  # fmt: skip
        if more := len(snapshot.problems) - len(shown):
            lines.append(Content.styled(f"! and {more} more", "$text-muted"))
        if not snapshot.queries:
            lines = [*self._nothing(), *lines]
        note.styles.height = len(lines)
        note.display = bool(lines)
        note.show(lines)

    def _nothing(self) -> list[Content]:
        if self.services.settings.demo or self.snapshot is None:
            return [self._starting]
        return [Content.styled(line, "$text-muted") for line in NOTHING]

    @property
    def query_shown(self) -> StreamingQuery | None:
        """The query under the cursor."""
        chosen = self.query_one(LiveTable).chosen
        queries = self.snapshot.queries if self.snapshot else ()
        return next((query for query in queries if query.run_id == chosen), None)

    @on(QueryDetail.Resized)
    def _tell_detail(self) -> None:
        detail, query = self.query_one("#streams-detail", Lines), self.query_shown
        detail.display = query is not None
        if query is None:
            return
        applications = self.snapshot.applications if self.snapshot else ()
        application: Application | None = next(
            (one for one in applications if one.id == query.application), None
        )
        size = detail.content_size
        detail.show(
            streams_detail.lines(query, application, (size.width or self.size.width - 4) - 2, size.height)
        )

    @on(LiveTable.Chosen)
    def _chosen(self, message: LiveTable.Chosen) -> None:
        runs = frozenset({message.key} if message.key else ())
        if "streams" in self.services.__dict__:
            self.services.streams.look_at(Focus(runs))
        self.query_one("#streams-detail", Lines).scroll_to(y=0, animate=False, immediate=True)
        self._tell_detail()

    @on(LiveTable.Opened)
    def action_details(self) -> None:
        """Put the focus on the details."""
        if self.query_shown is not None:
            self.query_one("#streams-detail").focus()

    # Keys

    def action_pause(self) -> None:
        """Ask nothing, or go on."""
        self.paused = not self.paused
        if self.paused:
            self.services.streams.pause()
        else:
            self.services.streams.resume()

    def action_interval(self, factor: float) -> None:
        """Ask more or less often."""
        watcher = self.services.streams
        fastest = QUICKEST if self.playing else FASTEST
        watcher.interval = max(fastest, min(SLOWEST, watcher.interval * factor))
        self._update_status()

    def action_seek(self, seconds: float) -> None:
        """Go on or back in the recording."""
        work.seek(self.services, seconds)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A recording has keys of its own, and none to ask the sources; the filter takes letters as such."""
        if action != "back" and self.query("Input:focus"):
            return False
        return self.playing if action == "seek" else not (action == "refresh_now" and self.playing)

    def action_refresh_now(self) -> None:
        """Ask every source at once."""
        self.services.streams.refresh()

    def action_copy(self) -> None:
        """The ids, to the terminal's clipboard."""
        if query := self.query_shown:
            self.app.copy_to_clipboard(streams_detail.ids(query))
            self.notify("Name, ids and findings are in the clipboard.", timeout=2)

    async def action_filter(self) -> None:
        """A line to type words into; what does not have them is hidden while one types."""
        from textual.containers import Horizontal
        from textual.widgets import Input, Static

        if not self.query(Input):
            line = Input(self.wanted, placeholder="words, e.g. failed email", compact=True)
            await self.mount(Horizontal(line, Static("⏎ keep it · esc: all again"), id="streams-filter"))
        self.query_one(Input).focus()

    def on_input_changed(self, message: Message) -> None:
        self.wanted = str(getattr(message, "value", ""))

    async def on_input_submitted(self) -> None:
        await self._close_filter()

    async def action_back(self) -> None:
        """Out of the filter, its words too; else back to the table."""
        if self.query("Input") or self.wanted:
            self.wanted = ""
            await self._close_filter()
        else:
            self.query_one(LiveTable).focus()

    async def _close_filter(self) -> None:
        await self.query("#streams-filter").remove()
        self.query_one(LiveTable).focus()
