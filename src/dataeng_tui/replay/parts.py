"""Events that provably share no row are searched apart: sums of states, not products, and the same answer.

An event of one part commutes with every event of another, so a schedule of the whole log fails exactly when
its part does. For faults without log order a part's schedule is a schedule of the whole log as it stands, and
the shortest of all parts' counterexamples is the shortest of all; likewise for an order within partitions,
where each lies in one part. For the others only a proof carries over.
"""

from collections.abc import Sequence
from dataclasses import replace

from dataeng_tui.replay.database import Database, Locals, Refused
from dataeng_tui.replay.delivery import FAULTS, Log
from dataeng_tui.replay.explore import Found, Progress, Search
from dataeng_tui.replay.pieces import Pieces
from dataeng_tui.replay.program import tokens
from dataeng_tui.replay.reader import Reader
from dataeng_tui.replay.reference import Reference
from dataeng_tui.replay.schedule import Schedule, length
from dataeng_tui.replay.states import States

FREE = {"reorder", "reorder+redelivery", "zombie"}  # a part's schedule needs nothing of the other parts
_JOINT = {
    "GROUP", "DISTINCT", "LIMIT", "JOIN", "UNION", "EXCEPT", "INTERSECT", "OVER", "HAVING", "COUNT",
    "SUM", "AVG", "TOTAL", "MIN", "MAX", "GROUP_CONCAT", "STRING_AGG", "JSON_GROUP_ARRAY",
    "JSON_GROUP_OBJECT", "WITH",
}  # fmt: skip


class Part:
    """The states as a search sees them that knows some of the events only, numbered anew from 0."""

    def __init__(self, states: States, events: Sequence[int]) -> None:
        self.states, self.events = states, events

    @property
    def database(self) -> Database:
        """The one that all parts share."""
        return self.states.database

    def go(self, state: int) -> None:
        """As the whole's."""
        self.states.go(state)

    def deliver(self, event: int) -> tuple[int, str]:
        """As the whole's."""
        return self.states.deliver(self.events[event])

    def unmoved(self, events: Sequence[int]) -> bool:
        """As the whole's."""
        return self.states.unmoved([self.events[event] for event in events])

    @property
    def pieces(self) -> Pieces:
        """As the whole's."""
        return self.states.pieces

    def recover(self) -> None:
        """As the whole's."""
        self.states.recover()

    def transact(self, event: int, transaction: int, values: Locals) -> tuple[int, Locals | Refused]:
        """As the whole's."""
        return self.states.transact(self.events[event], transaction, values)


def search_apart(
    fault: str,
    parts: Sequence[Sequence[int]],
    reader: Reader,
    log: Log,
    deadline: float,
    end: float,
    progress: Progress | None,
) -> Found | None:
    """What a search of the whole log would find, or None where only that can tell."""
    best: Found | None = None
    nodes = transitions = 0
    complete = True
    each_row = each_row_for_itself(reader.database)
    free = fault in FREE or (fault == "partition-order" and _holds_whole_partitions(parts, log))
    for events in parts:
        reader.doubted = False
        found = search_part(fault, events, range(len(events)), reader, log, deadline, end, progress)
        if reader.doubted and not each_row:
            return None  # rows differ unseen, and beside another part's rows they might be seen
        nodes, transitions = nodes + found.nodes, transitions + found.transitions
        complete = complete and found.complete
        if found.schedule is not None:
            if not free:
                return None
            if best is None or best.schedule is None or _cost(found.schedule) < _cost(best.schedule):
                best = found
        elif best is None:
            best = found
    assert best is not None
    return replace(best, nodes=nodes, transitions=transitions, complete=complete)


def search_part(
    fault: str,
    events: Sequence[int],
    messages: Sequence[int],
    reader: Reader,
    log: Log,
    deadline: float,
    end: float,
    progress: Progress | None = None,
) -> Found:
    """What a search finds that knows these events only; ``messages`` counts among them."""
    part = Part(reader.states, events)
    small = Log(len(events), [log.partitions[event] for event in events], log.transactions)
    reference = Reference(part, messages)
    search = Search(FAULTS[fault](small), small, part, reader, reference, deadline, progress, end)
    found = search.run()
    schedule = None
    if found.schedule is not None:
        schedule = tuple(replace(step, event=events[step.event]) for step in found.schedule)
    delivered = sum(1 << event for number, event in enumerate(events) if found.delivered >> number & 1)
    return replace(found, schedule=schedule, delivered=delivered)


def _holds_whole_partitions(parts: Sequence[Sequence[int]], log: Log) -> bool:
    """Whether no partition has events of two parts, so that its order asks nothing of another part."""
    owner: dict[object, int] = {}
    return all(
        owner.setdefault(log.partitions[event], number) == number
        for number, events in enumerate(parts)
        for event in events
    )


def _cost(schedule: Schedule) -> tuple[int, int]:
    return length(schedule), len(schedule)


def each_row_for_itself(database: Database) -> bool:
    """Whether the reader sees each row, or nothing of it, whatever other rows there are."""
    query = database.scenario.observe
    if query is None:
        return True
    found = [token.text.upper() for token in tokens(query) if token.kind != "blank"]
    if _JOINT & set(found) or found.count("SELECT") != 1 or found.count("FROM") != 1:
        return False
    rest = found[found.index("FROM") + 1 :]
    end = min((rest.index(word) for word in ("WHERE", "ORDER") if word in rest), default=len(rest))
    return "," not in rest[:end] and "(" not in rest[:end]
