"""An independent judge: plain SQLite, every schedule of bounded length spelled out, nothing merged or shared.

It knows nothing of the slice's search, states or faults; only the reading of a scenario is common.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from dataeng_tui.replay.scenario import Scenario


@dataclass(frozen=True)
class World:
    """A database's bytes and what is in progress: per worker ``(event, transactions done, locals)``."""

    image: bytes
    history: tuple[int, ...]  # the events in the order in which their deliveries began
    workers: tuple[tuple[int, int, tuple[tuple[str, object], ...]] | None, ...] = (None, None)
    owed: int | None = None


class Brute:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.n = len(scenario.events)
        self.last = len(scenario.transactions) - 1
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys = ON")
        for sql in scenario.schema:
            self.connection.execute(sql)
        self.start = World(self.connection.serialize(), ())
        self.references: dict[frozenset[int], list[str]] = {}

    def shortest(self, fault: str, most: int) -> int | None:
        """The fewest deliveries of a failing schedule with at most ``most``; None: there is none."""
        found = [self._shortest(fault, self.start, most)]
        lengths = [length for length in found if length is not None]
        return min(lengths, default=None)

    def _shortest(self, fault: str, world: World, most: int) -> int | None:
        if self._quiet(fault, world) and self._seen(world.image) != self._reference(frozenset(world.history)):
            return len(world.history)
        best: int | None = None
        for after in self._next(fault, world):
            if len(after.history) <= (most if best is None else best - 1):
                length = self._shortest(fault, after, most if best is None else best - 1)
                best = length if length is not None and (best is None or length < best) else best
        return best

    def _quiet(self, fault: str, world: World) -> bool:
        if world.workers != (None, None) or world.owed is not None:
            return False
        return fault != "rewind" or not world.history or world.history[-1] == max(world.history)

    def _next(self, fault: str, world: World) -> Iterator[World]:
        done = set(world.history)
        newest = max(world.history, default=-1)
        every = range(self.n)
        match fault:
            case "lost-ack":
                events = [e for e in every if e == newest + 1 or (world.history and e == world.history[-1])]
            case "rewind":
                position = world.history[-1] + 1 if world.history else 0
                events = [e for e in every if e <= position]
            case "reorder":
                events = [e for e in every if e not in done]
            case "partition-order":
                key = self.scenario.partitions
                events = [
                    e for e in every if e not in done and all(p in done for p in range(e) if key[p] == key[e])
                ]
            case "reorder+redelivery":
                events = list(every)
            case "crash":
                yield from self._crashing(world, newest)
                return
            case "zombie":
                for worker in (0, 1):
                    if world.workers[worker] is None:
                        for event in every:
                            yield self._step(world, worker, event)
                    else:
                        yield self._step(world, worker)
                return
        for event in events:
            yield self._whole(world, event)

    def _crashing(self, world: World, newest: int) -> Iterator[World]:
        busy = world.workers[0]
        if busy is not None:
            yield self._step(world, 0)
            yield World(world.image, world.history, (None, None), busy[0])
        elif world.owed is not None:
            yield self._step(World(world.image, world.history), 0, world.owed)
        elif newest + 1 < self.n:
            yield self._step(world, 0, newest + 1)

    def _whole(self, world: World, event: int) -> World:
        world = self._step(world, 0, event)
        while world.workers[0] is not None:
            world = self._step(world, 0)
        return world

    def _step(self, world: World, worker: int, event: int | None = None) -> World:
        """One transaction: the next of the worker's event, or the first of a new one."""
        history = world.history
        busy = world.workers[worker]
        if event is not None:
            busy, history = (event, 0, ()), (*history, event)
        assert busy is not None
        event, done, known = busy
        image, values = self._run(world.image, event, done, dict(known))
        finished = values is None or done == self.last
        now = None if finished else (event, done + 1, tuple((values or {}).items()))
        workers = (now, world.workers[1]) if worker == 0 else (world.workers[0], now)
        return World(image, history, workers, None)

    def _run(
        self, image: bytes, event: int, transaction: int, values: dict[str, object]
    ) -> tuple[bytes, dict[str, object] | None]:
        connection = self._open(image)
        connection.execute("BEGIN")
        try:
            for statement in self.scenario.transactions[transaction].statements:
                cursor = connection.execute(statement.sql, {**self.scenario.events[event].fields, **values})
                if cursor.description is not None:
                    names = [column[0] for column in cursor.description]
                    values = {
                        **values,
                        **dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True)),
                    }
        except sqlite3.IntegrityError:
            return image, None
        connection.execute("COMMIT")
        return connection.serialize(), values

    def _open(self, image: bytes) -> sqlite3.Connection:
        self.connection.close()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.deserialize(image)
        return self.connection

    def _seen(self, image: bytes) -> list[str]:
        connection = self._open(image)
        if self.scenario.observe is not None:
            return sorted(map(repr, connection.execute(self.scenario.observe)))
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        return sorted(
            f"{name}{row!r}"
            for (name,) in names.fetchall()
            for row in connection.execute(f'SELECT * FROM "{name}"')
        )

    def _reference(self, delivered: frozenset[int]) -> list[str]:
        if delivered not in self.references:
            world = self.start
            for event in sorted(delivered):
                world = self._whole(world, event)
            self.references[delivered] = self._seen(world.image)
        return self.references[delivered]
