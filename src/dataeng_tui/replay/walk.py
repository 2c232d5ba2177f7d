"""A short random walk through a fault's schedules: one that fails, shortened, is an upper bound for a search.

The same every time. A search that runs out of its budget has it to show.
"""

import random
from typing import Protocol

from dataeng_tui.replay.delivery import Fault, Move
from dataeng_tui.replay.node import Node
from dataeng_tui.replay.schedule import Schedule

LONGEST = 3  # times each event, in one walk
SHORTENING = 16  # transitions, times the log's events, that making it shorter may take


class Ground(Protocol):
    """As much of a search as a walk needs."""

    @property
    def fault(self) -> Fault:
        """What may happen."""
        ...

    @property
    def start(self) -> Node:
        """Before everything."""
        ...

    @property
    def transitions(self) -> int:
        """How many were tried so far."""
        ...

    def take(self, node: Node, move: Move) -> Node:
        """The node after the move."""
        ...

    def fails(self, node: Node) -> bool:
        """Whether the reader sees what no reference shows."""
        ...


def walk(ground: Ground, events: int, transitions: int) -> tuple[Schedule, Node] | None:
    """A schedule that fails and where it ends, after about so many transitions; None: none was met."""
    choose = random.Random(ground.transitions).choice  # another one each time, and the same in every run
    end = ground.transitions + transitions
    while ground.transitions < end:
        node, steps = ground.start, []
        for _ in range(LONGEST * events):
            moves = ground.fault.moves(node[0], node[1])
            if not moves:
                break
            move = choose(moves)
            node = ground.take(node, move)
            steps.append(move[0])
            if ground.fails(node):
                return _shortened(ground, tuple(steps), node, ground.transitions + SHORTENING * events)
    return None


def _shortened(ground: Ground, steps: Schedule, node: Node, end: int) -> tuple[Schedule, Node]:
    """The schedule without the steps that it fails without, too: halves first, single ones last."""
    size = len(steps) // 2
    while size and ground.transitions < end:
        at = len(steps) - 1 - size  # the last step is the one that fails
        while at >= 0 and ground.transitions < end:
            found = _replayed(ground, steps[:at] + steps[at + size :])
            if found is not None:
                steps, node = found
                at = min(at, len(steps) - 1)
            at -= size
        size //= 2
    return steps, node


def _replayed(ground: Ground, steps: Schedule) -> tuple[Schedule, Node] | None:
    """As much of the schedule as fails; None: it cannot happen, or nothing fails in it."""
    node = ground.start
    for count, step in enumerate(steps, 1):
        move = next((m for m in ground.fault.moves(node[0], node[1]) if m[0] == step), None)
        if move is None:
            return None
        node = ground.take(node, move)
        if ground.fails(node):
            return steps[:count], node
    return None
