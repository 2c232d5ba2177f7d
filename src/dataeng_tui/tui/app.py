"""The program: a top bar, three panes, a line of keys."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import ClassVar, Final

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.settings import Settings
from dataeng_tui.tui import keys, themes
from dataeng_tui.tui.hangup import watch_for_hangup
from dataeng_tui.tui.panes import Pane
from dataeng_tui.tui.widgets.bars import KeyBar, TopBar

# A pane's module is imported when the pane is mounted: the first frame pays for one of them.
PANES: Final = {
    "after-hours": ("After hours", "after_hours", "AfterHoursPane"),
    "streams": ("Streams", "streams", "StreamsPane"),
    "replay": ("Replay", "replay", "ReplayPane"),
}
# Mounted behind the first frame, as its badge tells what is unhealthy while one looks elsewhere. The others
# are mounted when one goes there: what nobody looks at costs neither time nor memory.
ALWAYS_ON: Final = frozenset({"streams"})


class DataengApp(App[int]):
    """One program, three panes, each showing what a service says."""

    TITLE = "dataeng-tui"
    CSS_PATH = "app.tcss"
    COMMAND_PALETTE_BINDING = "colon"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.APP]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def __init__(
        self, settings: Settings, services: Services | None = None, first: str = "after-hours"
    ) -> None:
        super().__init__()
        self.settings = settings
        self.services = services or Services(settings)
        self.failure: BaseException | None = None
        self._first = first
        for theme in themes.OURS:
            self.register_theme(theme)
        if settings.theme not in self.available_themes:
            known = ", ".join(sorted(self.available_themes))
            raise UserError(f"There is no theme {settings.theme!r}. There are: {known}.")
        self.theme = settings.theme
        self.set_keymap(dict(settings.keys))

    def compose(self) -> ComposeResult:
        yield TopBar(demo=self.settings.demo)
        yield Container(self._make(self._first), id="panes")
        yield KeyBar()

    def on_mount(self) -> None:
        watch_for_hangup(self)
        self.call_after_refresh(self._after_first_frame)

    async def _after_first_frame(self) -> None:
        """What the first frame did not wait for."""
        for name in PANES:
            if name in ALWAYS_ON:
                await self._mounted(name)
        self._update_top_bar()

    async def _mounted(self, name: str) -> Pane:
        """The pane ``name``, mounted hidden if it is not there yet."""
        for pane in self.query(Pane):
            if pane.id == name:
                return pane
        pane = self._make(name)
        pane.display = False
        await self.query_one("#panes", Container).mount(pane)
        return pane

    def _make(self, name: str) -> Pane:
        _, module, cls = PANES[name]
        pane = getattr(import_module(f"dataeng_tui.tui.panes.{module}"), cls)(self.services, id=name)
        assert isinstance(pane, Pane)
        return pane

    @property
    def pane(self) -> Pane:
        """The pane at the front."""
        return next(pane for pane in self.query(Pane) if pane.display)

    async def action_pane(self, name: str) -> None:
        """Bring a pane to the front."""
        if len(self.screen_stack) > 1:
            return
        front, wanted = self.pane, await self._mounted(name)
        if wanted is front:
            return
        self.screen.minimize()
        with self.batch_update():
            front.display = False
            wanted.display = True
            wanted.shown()
            self._update_top_bar()

    def on_pane_changed(self) -> None:
        self._update_top_bar()

    def _update_top_bar(self) -> None:
        badges = {pane.id: pane.badge for pane in self.query(Pane)}
        tabs = [(name, title, badges.get(name, "")) for name, (title, _, _) in PANES.items()]
        self.query_one(TopBar).show(tabs, self.pane.id or "", self.pane.status)

    def action_zoom(self) -> None:
        """Give the focused part the whole screen, or give the screen back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            self.screen.maximize(self.focused)

    def action_next_theme(self) -> None:
        at = themes.CYCLE.index(self.theme) if self.theme in themes.CYCLE else -1
        self.theme = themes.CYCLE[(at + 1) % len(themes.CYCLE)]
        self.notify(self.theme, title="Theme", timeout=2)

    def action_save_screenshot(self) -> None:
        self.deliver_screenshot()

    def action_help(self) -> None:
        from dataeng_tui.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.pane))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key of the pane at the front and of the program, by its name."""
        for name, (title, _, _) in PANES.items():
            yield SystemCommand(f"Go to {title}", "A pane", self._runner(f"app.pane('{name}')"))
        for binding in keys.APP:
            if not binding.action.startswith("pane("):
                yield SystemCommand(
                    binding.description, f"key {binding.key}", self._runner(f"app.{binding.action}")
                )
        for key, binding in self.pane._bindings:
            yield SystemCommand(binding.description, f"key {key}", self._runner(binding.action, self.pane))
        for theme in sorted(self.available_themes):
            yield SystemCommand(f"Theme: {theme}", "Colours", self._runner(f"app.use_theme('{theme}')"))

    def _runner(self, action: str, namespace: Pane | None = None) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.run_action, action, namespace or self)

        return run

    def action_use_theme(self, name: str) -> None:
        self.theme = name

    async def action_quit(self) -> None:
        self.services.close()
        self.exit(0)

    def hung_up(self) -> None:
        """The terminal has gone: leave at once, writing nothing to it."""
        self.services.close()
        self.exit(0)

    def _handle_exception(self, error: Exception) -> None:
        """A mistake of ours: leave with one sentence (the command line writes it), never a traceback."""
        if self.failure is None:
            self.failure = error
        self.services.close()
        self.exit(70)
