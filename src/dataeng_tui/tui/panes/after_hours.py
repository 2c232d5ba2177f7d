"""The pane "After hours"."""

from typing import ClassVar

from dataeng_tui.tui.panes import Pane


class AfterHoursPane(Pane):
    """After hours."""

    NAME: ClassVar[str] = "After hours"
