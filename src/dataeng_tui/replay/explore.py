"""The search: every schedule of a fault, shortest first, over (delivered set, consumer, exact rows).

A redelivery that changes nothing leads back to the node it came from, so *any number* of redeliveries costs
no more nodes than one. Nodes are taken in the order of their shortest schedule (deliveries, then steps), so
the first node that fails is a shortest counterexample, and a search that ends without one is a proof.
"""

import heapq
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import factorial, prod
from typing import Protocol

from dataeng_tui.replay.commute import Ground, commute
from dataeng_tui.replay.database import Database, Locals, Refused
from dataeng_tui.replay.delivery import ONCE, Fault, Log, Move
from dataeng_tui.replay.guard import OutOfTime
from dataeng_tui.replay.node import Node, Pending
from dataeng_tui.replay.reader import Reader
from dataeng_tui.replay.reference import Reference
from dataeng_tui.replay.schedule import Schedule, Step
from dataeng_tui.replay.walk import walk

Cost = int  # deliveries * DELIVERY + steps
DELIVERY = 1 << 32
WIDE = 5  # so many events that may come first: the search will be long, and a random walk comes before it
FIRST = 4  # transitions, times the log's events, of that walk
PATIENCE = 3_000  # transitions before another walk looks for an upper bound, and that it may take
MANY = 12  # events; with more of them, what may be proved without their sets is looked for as well
LOOK = 256  # nodes between two looks at the clock

Progress = Callable[[str, int, int, int], None]  # fault, nodes, transitions, deliveries deep


class Cancelled(Exception):
    """Somebody no longer wants the answer; raised by a progress callback."""


class Tables(Ground, Protocol):
    """As much of the states as a search needs."""

    @property
    def database(self) -> Database:
        """The open scenario."""
        ...

    def unmoved(self, events: Sequence[int]) -> bool:
        """Whether each of these deliveries from here surely changes nothing."""
        ...

    def transact(self, event: int, transaction: int, values: Locals) -> tuple[int, Locals | Refused]:
        """The state and the locals after one transaction."""
        ...


@dataclass(slots=True)
class Found:
    """A search's end. ``schedule`` fails where it is not None; ``complete``: nothing was left untried.

    ``deep`` is the number of deliveries up to which every schedule was tried.
    """

    schedule: Schedule | None
    state: int
    delivered: int
    nodes: int
    transitions: int
    complete: bool
    deep: int


@dataclass(slots=True)
class Search:
    """One fault on one database. ``deadline`` is its own; ``end`` that of all faults, which a proof helps."""

    fault: Fault
    log: Log
    states: Tables
    reader: Reader
    reference: Reference
    deadline: float
    progress: Progress | None = None
    end: float = 0.0
    only: int | None = None  # judge at this delivered set alone
    node_limit: int = 3_000_000
    transitions: int = 0
    _best: dict[Node, tuple[Cost, Node | None, Step | None]] = field(default_factory=dict)
    _layers: dict[Cost, list[Node]] = field(default_factory=dict)
    _order: list[Cost] = field(default_factory=list)
    _walked: tuple[Schedule, Node] | None = None
    _nodes_apart: int = 0  # of a proof without delivered sets

    def run(self) -> Found:
        """Search until a counterexample, the end, or the deadline."""
        start = self.start
        self._best[start] = (0, None, None)
        self._layers[0] = [start]
        self._order.append(0)
        cost = 0
        patience = PATIENCE
        try:
            if len(self.fault.moves(0, self.fault.start)) >= WIDE and self._proved(FIRST * self.log.events):
                return self._end(None, start, 0, complete=True)
            while self._order:
                cost = heapq.heappop(self._order)
                layer = [node for node in self._layers.pop(cost) if self._best[node][0] == cost]
                for node in self._watched(layer, cost):
                    if self.fails(node):
                        return self._end(self._path(node), node, cost, complete=True)
                for node in self._watched(_near_together(layer), cost):
                    self._expand(node, cost)
                    if self.transitions > patience and self._walked is None:
                        patience = self.transitions * 64
                        if self._proved(PATIENCE):
                            return self._end(None, start, cost, complete=True)
        except (OutOfTime, MemoryError, sqlite3.OperationalError) as error:
            # Past the deadline SQLite interrupts whatever it is doing, our own statements, too.
            if isinstance(error, sqlite3.OperationalError) and time.perf_counter() < self.deadline:
                raise
            schedule, node = self._walked or (None, start)
            return self._end(schedule, node, cost, complete=False)
        return self._end(None, start, cost, complete=True)

    def _proved(self, steps: int) -> bool:
        """Whether it is certain without a search that no schedule fails. A walk looks for one that does."""
        self._walked = walk(self, self.log.events, steps)
        if self._walked or self.log.events <= MANY or self.only is not None or not self.fault.whole:
            return False
        start = time.perf_counter()
        proof = commute(
            self.states,
            self.reference.messages,
            lambda: self._look_at_the_clock(0, start + (self.end - start) / 2),
            once=self.fault.name in ONCE,
        )
        self.deadline = max(self.deadline, min(self.deadline + time.perf_counter() - start, self.end))
        if proof is not None:
            self._nodes_apart, self.transitions = proof[0], self.transitions + proof[1]
        return proof is not None

    @property
    def start(self) -> Node:
        """Before everything."""
        return 0, self.fault.start, None, 0

    def _end(self, schedule: Schedule | None, node: Node, cost: Cost, *, complete: bool) -> Found:
        deep = cost // DELIVERY - (0 if complete else 1)
        nodes = len(self._best) + self._nodes_apart
        return Found(schedule, node[3], node[0], nodes, self.transitions, complete, max(deep, 0))

    def _watched(self, layer: Iterable[Node], cost: Cost) -> Iterator[Node]:
        """The layer's nodes, with a look at the clock now and then."""
        for count, node in enumerate(layer):
            if count % LOOK == 0:
                self._look_at_the_clock(cost, self.deadline)
            yield node

    def _look_at_the_clock(self, cost: Cost, deadline: float) -> None:
        if time.perf_counter() > deadline or len(self._best) > self.node_limit:
            raise OutOfTime
        if self.progress is not None:
            self.progress(self.fault.name, len(self._best), self.transitions, cost // DELIVERY)

    def fails(self, node: Node) -> bool:
        """Whether the reader sees in the node what the reference does not show."""
        delivered, state, _, rows = node
        if not self.fault.quiet(delivered, state) or (self.only is not None and delivered != self.only):
            return False
        expected = self.reference.state(delivered)
        return rows != expected and not self.reader.same(rows, expected)

    def _expand(self, node: Node, cost: Cost) -> None:
        here, consumer, _, rows = node
        self.states.go(rows)
        moves, onward, again = self.fault.moves(here, consumer), [], []
        for move in moves:
            if move[1] == here and move[2] == consumer and move[0].kind == "deliver":
                again.append(move[0].event)
            else:
                onward.append(move)
        if len(again) > 1 and self.states.unmoved(again):  # they lead back to where we are
            self.transitions += len(again)
            moves = onward
        best, delivery = self._best, cost + 1 + DELIVERY
        for move in moves:
            after = self.take(node, move)
            price = delivery if move[0].starts_delivery else cost + 1
            known = best.get(after)
            if known is None or price < known[0]:
                best[after] = (price, node, move[0])
                layer = self._layers.get(price)
                if layer is None:
                    self._layers[price] = [after]
                    heapq.heappush(self._order, price)
                else:
                    layer.append(after)

    def take(self, node: Node, move: Move) -> Node:
        """The node after the move."""
        step, delivered, consumer, refused = move
        rows = node[3]
        self.transitions += 1
        self.states.go(rows)
        if step.kind == "deliver":
            after, reason = self.states.deliver(step.event)
            if not node[0] >> step.event:  # the last in the log of those delivered
                self.reference.learn(node[0], rows, step.event, after, reason)
            return delivered, refused if reason else consumer, None, after
        if step.kind == "transaction":
            return self._run_transaction(node, move)
        return (
            delivered,
            consumer,
            self._without(node[2], step.worker) if step.kind == "crash" else None,
            rows,
        )

    def _run_transaction(self, node: Node, move: Move) -> Node:
        step, delivered, consumer, refused = move
        values = node[2][step.worker] if node[2] and step.transaction else None
        rows, found = self.states.transact(
            step.event, step.transaction, values or self.states.database.no_locals()
        )
        if isinstance(found, Refused):
            return delivered, refused, self._without(node[2], step.worker), rows
        if step.transaction == self.log.transactions - 1 or not self.states.database.locals:
            return delivered, consumer, self._without(node[2], step.worker), rows
        pending = list(node[2] or (None, None))
        pending[step.worker] = found
        return delivered, consumer, tuple(pending), rows

    def _without(self, pending: Pending | None, worker: int) -> Pending | None:
        if pending is None or pending[worker] is None:
            return pending
        rest = tuple(None if i == worker else values for i, values in enumerate(pending))
        return rest if any(values is not None for values in rest) else None

    def _path(self, node: Node) -> Schedule:
        steps: list[Step] = []
        at: Node | None = node
        while at is not None:
            _, at, step = self._best[at]
            if step is not None:
                steps.append(step)
        return tuple(reversed(steps))


def _near_together(layer: list[Node]) -> list[Node]:
    """The same nodes, those with nearly the same events delivered side by side: few rows move in between.

    Sets of one size, in the order of a Gray code, differ from their neighbours in two events.
    """
    return sorted(layer, key=_place) if len(layer) > LOOK else layer


def _place(node: Node) -> tuple[int, int]:
    """Where the delivered set stands in the reflected Gray code, and the rows."""
    place, shift = node[0], 1
    while place >> shift:
        place ^= place >> shift
        shift *= 2
    return place, node[3]


def orders(fault: str, log: Log) -> int:
    """How many orders of the whole log a proof under the fault stands for (redeliveries not counted)."""
    if fault in {"reorder", "reorder+redelivery", "zombie"}:
        return factorial(log.events)
    if fault == "partition-order":
        sizes: dict[object, int] = {}
        for partition in log.partitions:
            sizes[partition] = sizes.get(partition, 0) + 1
        return factorial(log.events) // prod(factorial(size) for size in sizes.values())
    return 1
