"""The floor: the smallest Textual program with something on the screen that takes the focus."""

from textual.app import App, ComposeResult
from textual.widgets import Button, Static


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("bare")
        yield Button("one")
        yield Button("two")


if __name__ == "__main__":
    Bare().run()
