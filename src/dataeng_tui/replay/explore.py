"""The search: every schedule of a fault, shortest first, over (delivered set, consumer, exact rows).

A redelivery that changes nothing leads back to the node it came from, so *any number* of redeliveries costs
no more nodes than one. Nodes are taken in the order of their shortest schedule (deliveries, then steps), so
the first node that fails is a shortest counterexample, and a search that ends without one is a proof.
"""

import heapq
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import factorial, prod
from typing import Protocol

from dataeng_tui.replay.database import Database, Locals, Refused
from dataeng_tui.replay.delivery import Fault, Log, Move, State
from dataeng_tui.replay.guard import OutOfTime
from dataeng_tui.replay.reader import Reader
from dataeng_tui.replay.reference import Deliveries, Reference
from dataeng_tui.replay.schedule import Schedule, Step

Pending = tuple[Locals | None, ...]  # by worker: what the SELECTs of its event in progress have bound
Node = tuple[int, State, Pending | None, int]  # delivered set, consumer, locals, rows
Cost = int  # deliveries * DELIVERY + steps
DELIVERY = 1 << 32
PATIENCE = 3_000  # transitions before a random walk looks for an upper bound
WALKS = 40
LOOK = 256  # nodes between two looks at the clock

Progress = Callable[[str, int, int, int], None]  # fault, nodes, transitions, deliveries deep


class Cancelled(Exception):
    """Somebody no longer wants the answer; raised by a progress callback."""


class Tables(Deliveries, Protocol):
    """As much of the states as a search needs."""

    @property
    def database(self) -> Database:
        """The open scenario."""
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
    """One fault on one database."""

    fault: Fault
    log: Log
    states: Tables
    reader: Reader
    reference: Reference
    deadline: float
    progress: Progress | None = None
    only: int | None = None  # judge at this delivered set alone
    node_limit: int = 3_000_000
    transitions: int = 0
    _best: dict[Node, tuple[Cost, Node | None, Step | None]] = field(default_factory=dict)
    _layers: dict[Cost, list[Node]] = field(default_factory=dict)
    _order: list[Cost] = field(default_factory=list)
    _walked: tuple[Cost, Schedule, Node] | None = None

    def run(self) -> Found:
        """Search until a counterexample, the end, or the deadline."""
        start: Node = (0, self.fault.start, None, 0)
        self._best[start] = (0, None, None)
        self._layers[0] = [start]
        self._order.append(0)
        cost = 0
        patience = PATIENCE
        try:
            while self._order:
                cost = heapq.heappop(self._order)
                if self._walked and cost >= self._walked[0]:
                    return self._end(self._walked[1], self._walked[2], cost, complete=True)
                for count, node in enumerate(self._layers.pop(cost)):
                    if self._best[node][0] != cost:
                        continue  # a shorter way was found meanwhile
                    if self._fails(node):
                        return self._end(self._path(node), node, cost, complete=True)
                    if count % LOOK == 0:
                        self._look_at_the_clock(cost)
                    self._expand(node, cost)
                    if self.transitions > patience and self._walked is None:
                        patience *= 64
                        self._walk(cost)
        except (OutOfTime, MemoryError, sqlite3.OperationalError) as error:
            # Past the deadline SQLite interrupts whatever it is doing, our own statements, too.
            if isinstance(error, sqlite3.OperationalError) and time.perf_counter() < self.deadline:
                raise
            if self._walked:
                return self._end(self._walked[1], self._walked[2], cost, complete=False)
            return self._end(None, start, cost, complete=False)
        return self._end(None, start, cost, complete=True)

    def _end(self, schedule: Schedule | None, node: Node, cost: Cost, *, complete: bool) -> Found:
        deep = cost // DELIVERY - (0 if complete else 1)
        return Found(schedule, node[3], node[0], len(self._best), self.transitions, complete, max(deep, 0))

    def _look_at_the_clock(self, cost: Cost) -> None:
        if time.perf_counter() > self.deadline or len(self._best) > self.node_limit:
            raise OutOfTime
        if self.progress is not None:
            self.progress(self.fault.name, len(self._best), self.transitions, cost // DELIVERY)

    def _fails(self, node: Node) -> bool:
        delivered, state, _, rows = node
        if not self.fault.quiet(delivered, state) or (self.only is not None and delivered != self.only):
            return False
        expected = self.reference.state(delivered)
        return rows != expected and not self.reader.same(rows, expected)

    def _expand(self, node: Node, cost: Cost) -> None:
        best = self._best
        self.states.go(node[3])
        for move in self.fault.moves(node[0], node[1]):
            after = self._take(node, move)
            step = move[0]
            price = cost + 1 + (DELIVERY if step.starts_delivery else 0)
            known = best.get(after)
            if known is None or price < known[0]:
                best[after] = (price, node, step)
                layer = self._layers.get(price)
                if layer is None:
                    self._layers[price] = [after]
                    heapq.heappush(self._order, price)
                else:
                    layer.append(after)

    def _take(self, node: Node, move: Move) -> Node:
        """The node after the move; the tables must be in ``node``'s state, and stay there."""
        step, delivered, consumer, refused = move
        rows = node[3]
        self.transitions += 1
        if step.kind == "deliver":
            after, reason = self.states.deliver(step.event)
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

    def _walk(self, cost: Cost) -> None:
        """Some random schedules, the same every time; the shortest that fails is an upper bound."""
        choose = random.Random(len(self._best)).choice
        longest = 3 * self.log.events * self.log.transactions
        until = min(self.deadline, time.perf_counter() + 0.2)
        for _ in range(WALKS):
            node: Node = (0, self.fault.start, None, 0)
            price = 0
            steps: list[Step] = []
            while len(steps) < longest and (self._walked is None or price < self._walked[0]):
                moves = list(self.fault.moves(node[0], node[1]))
                if not moves:
                    break
                self.states.go(node[3])
                move = choose(moves)
                node = self._take(node, move)
                steps.append(move[0])
                price += 1 + (DELIVERY if move[0].starts_delivery else 0)
                if self._fails(node) and (self._walked is None or price < self._walked[0]):
                    self._walked = (price, tuple(steps), node)
            if time.perf_counter() > until:
                return


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
