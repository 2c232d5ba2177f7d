"""The pane "Streams"."""

from typing import ClassVar

from dataeng_tui.tui.panes import Pane


class StreamsPane(Pane):
    """Streams."""

    NAME: ClassVar[str] = "Streams"
