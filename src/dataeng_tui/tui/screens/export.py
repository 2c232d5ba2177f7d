"""Which kind of file to write what is seen into."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dataeng_tui.tui.keys import key

FORMATS = {
    "t": ("table", "Table", "plain text: every day, every measure, the step"),
    "j": ("json", "JSON", "for scripts: every day, and what is seen"),
    "c": ("csv", "CSV", "a row a day"),
    "m": ("markdown", "Markdown", "tables for a page or a message"),
    "s": ("svg", "SVG", "the calendar and the weeks as a picture"),
}


class ExportScreen(ModalScreen[str | None]):
    """One key chooses the format; the file goes into the working folder, readable by its owner only."""

    DEFAULT_CSS = """
    ExportScreen Static {
        width: 66; max-width: 100%; height: auto; background: $surface; border: round $primary; padding: 1 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            key(letter, f"choose('{format_}')", name, f"export.{format_}")
            for letter, (format_, name, _) in FORMATS.items()
        ),
        key("escape,q", "dismiss", "Back", "export.back"),
    ]

    def compose(self) -> ComposeResult:
        lines = [
            Content.assemble(
                (f" {letter} ", "bold $primary"), (f" {name:<10}", "bold"), (what, "$text-muted")
            )
            for letter, (_, name, what) in FORMATS.items()
        ]
        box = Static(Content("\n").join(lines))
        box.border_title = "Write what is seen as"
        box.border_subtitle = "into this folder, for you only · esc: back"
        yield box

    def action_choose(self, format_: str) -> None:
        self.dismiss(format_)
