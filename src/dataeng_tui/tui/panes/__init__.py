"""The three panes, and what they have in common."""

from typing import ClassVar

from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive

from dataeng_tui.services import Services


class Pane(Vertical):
    """A third of the program. It is mounted hidden, after the first frame, unless it is the one shown first.

    ``status`` is one line of plain text for the top bar's right side (what is shown, as of when): parts with
    `` · `` between them, the most important first, as the last ones go where there is no room; ``badge`` is
    a few characters beside the pane's name, for what one must know from another pane.
    """

    NAME: ClassVar[str]
    HELP_TEXT: ClassVar[str] = ""

    status: reactive[str] = reactive("", init=False, repaint=False)
    badge: reactive[str] = reactive("", init=False, repaint=False)

    class Changed(Message):
        """The status or badge of a pane is another."""

    def __init__(self, services: Services, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self.services = services

    def watch_status(self) -> None:
        self.post_message(self.Changed())

    def watch_badge(self) -> None:
        self.post_message(self.Changed())

    def shown(self) -> None:
        """The pane has come to the front; put the focus where the work is."""
