"""Where a search can be."""

from dataeng_tui.replay.database import Locals
from dataeng_tui.replay.delivery import State

Pending = tuple[Locals | None, ...]  # by worker: what the SELECTs of its event in progress have bound
Node = tuple[int, State, Pending | None, int]  # delivered set, consumer, locals, rows
