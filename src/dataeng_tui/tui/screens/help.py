"""Every key that does something now, and what the pane's words mean."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from dataeng_tui.tui import keys
from dataeng_tui.tui.panes import Pane


class HelpScreen(ModalScreen[None]):
    """The keys of the pane at the front, of the program, and the pane's own explanation."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keys.key("escape,q,question_mark", "dismiss", "Back", "help.back"),
        keys.key("j,down", "scroll(1)", "Down", "help.down", show=False),
        keys.key("k,up", "scroll(-1)", "Up", "help.up", show=False),
    ]

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = pane

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content("\n").join(self._lines()))

    def _lines(self) -> list[Content]:
        pane = self._pane
        lines = [Content.styled(pane.NAME, "bold $primary"), *self._table(pane, *pane.query("*"))]
        lines += [Content(""), Content.styled("Everywhere", "bold $primary"), *self._table(self.app)]
        if pane.HELP_TEXT:
            lines += [Content(""), Content(pane.HELP_TEXT.strip())]
        return lines

    def _table(self, *owners: DOMNode) -> list[Content]:
        """A line a binding of ours; the widgets' stock keys (arrows, page keys) explain themselves."""
        rows: dict[str, tuple[list[str], Binding]] = {}
        for owner in owners:
            for _, binding in owner._bindings:
                if binding.id and not binding.system:
                    shown = self.app.get_key_display(binding)
                    keys_of, _ = rows.setdefault(binding.id, ([], binding))
                    if shown not in keys_of:
                        keys_of.append(shown)
        return [
            Content.assemble(
                (f"  {' '.join(keys_of):<14} ", "bold"),
                binding.description,
                (f"  {binding.tooltip}", "$text-muted"),
            )
            for keys_of, binding in rows.values()
        ]

    def action_scroll(self, by: int) -> None:
        self.query_one("#help").scroll_relative(y=by, animate=False)
