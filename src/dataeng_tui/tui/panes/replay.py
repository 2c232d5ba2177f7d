"""The pane "Replay"."""

from typing import ClassVar

from dataeng_tui.tui.panes import Pane


class ReplayPane(Pane):
    """Replay."""

    NAME: ClassVar[str] = "Replay"
