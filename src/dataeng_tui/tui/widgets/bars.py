"""The lines above and below the panes: one widget each, repainted only when it says something else."""

from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from dataeng_tui.text import clean

ROOMY = 100  # columns from which on the program says its name


class TopBar(Widget):
    """The panes' names, which one is at the front, what it shows, and whether it is a demo."""

    DEFAULT_CSS = "TopBar { color: $text-muted; }"
    panes: reactive[tuple[tuple[str, str, str], ...]] = reactive((("after-hours", "After hours", ""),))
    front: reactive[str] = reactive("after-hours")
    status: reactive[str] = reactive("")

    def __init__(self, *, demo: bool) -> None:
        super().__init__()
        self.demo = demo
        self.auto_links = False  # what can be clicked here looks like a tab, not like a link

    def show(self, panes: list[tuple[str, str, str]], front: str, status: str) -> None:
        """``panes``: (id, name, badge) in order; ``front``: the id of the one shown; ``status``: its line."""
        self.panes, self.front, self.status = tuple(panes), front, status

    def render(self) -> Content:
        brand = Content.styled(" dataeng " if self.size.width >= ROOMY else "", "bold $primary")
        parts: list[Content] = [brand]
        for number, (pane, name, badge) in enumerate(self.panes, 1):
            style = "bold reverse $primary" if pane == self.front else "$foreground"
            label = Content.styled(f" {number} {name} ", style)
            if badge:
                label += Content.styled(
                    f"{clean(badge, 12)} ", "bold $error" if pane != self.front else style
                )
            parts.append(label.stylize(Style.from_meta({"@click": f"app.pane('{pane}')"})) + Content(" "))
        left = Content.assemble(*parts)
        demo = Content.styled(" DEMO ", "bold reverse $accent") if self.demo else Content("")
        room = self.size.width - left.cell_length - demo.cell_length - 2
        status = Content.styled(_as_much_as_fits(clean(self.status, 400), room), "$text-muted")
        gap = max(self.size.width - left.cell_length - status.cell_length - demo.cell_length - 1, 0)
        return Content.assemble(left, " " * gap, status, " ", demo)


def _as_much_as_fits(status: str, room: int) -> str:
    """The first parts of a status that there is room for, each of them whole; the first one cut at need."""
    parts = status.split(" · ")
    while len(parts) > 1 and len(" · ".join(parts)) > room:
        parts.pop()
    return Content(" · ".join(parts)).truncate(max(room, 0), ellipsis=True).plain


class KeyBar(Widget):
    """The keys that do something where the focus is; a click does the same."""

    hints: reactive[tuple[tuple[str, str, str], ...]] = reactive(())

    def on_mount(self) -> None:
        self.auto_links = False
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[object]) -> None:
        seen: dict[str, tuple[str, str, str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.id not in seen:
                shown = self.app.get_key_display(binding)
                # Actions of a pane run in the pane, whichever of its parts has the focus.
                seen[binding.id or binding.action] = (shown, binding.description, binding.key)
        self.hints = tuple(seen.values())

    def render(self) -> Content:
        first = [hint for hint in self.hints if hint[1] not in {"Help", "Quit"}]
        last = [hint for hint in self.hints if hint[1] in {"Help", "Quit"}]
        right = Content.assemble(*(self._hint(hint) for hint in last))
        room = self.size.width - right.cell_length
        left = Content("")
        for hint in first:
            one = self._hint(hint)
            if left.cell_length + one.cell_length > room:
                break
            left += one
        return Content.assemble(left, " " * max(room - left.cell_length, 0), right)

    def _hint(self, hint: tuple[str, str, str]) -> Content:
        shown, description, key = hint
        content = Content.assemble((f" {shown}", "bold $primary"), (f" {description} ", "$text-muted"))
        return content.stylize(Style.from_meta({"@click": f"app.simulate_key('{key}')"}))
