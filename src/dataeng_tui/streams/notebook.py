"""The streams of a Spark session told line by line, for a notebook's cell or a driver that shows itself."""

import time
from collections.abc import Callable
from typing import Any

from dataeng_tui.streams.board import Board
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.report import changes
from dataeng_tui.streams.snapshot import Focus, Snapshot
from dataeng_tui.streams.sources.session import Session


def watch(
    spark: Any, show: Callable[[str], object] = print, *, interval: float = 1.0, polls: int = 0
) -> None:
    """Call ``show`` with a line whenever something about ``spark``'s streaming queries has changed.

    A batch that ended, a state, something unhealthy with its evidence. ``interval`` is seconds between two
    looks and ``polls`` how many there are; 0 means until interrupted, or until the session has stopped.
    """
    source, board = Session(spark), Board(judge)
    seen, asked = Snapshot(0.0), 0
    while not polls or asked < polls:
        if asked:
            time.sleep(interval)
        asked += 1
        now = time.time()
        told = source.poll(now, Focus())
        board.accept(told)
        snapshot = board.snapshot(now)
        for _, line, _ in changes(seen, snapshot):
            show(line)
        if not told.answered:
            return
        seen = snapshot
