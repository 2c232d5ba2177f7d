"""The faults, each a transition relation: what was delivered, where the consumer stands, what may come next.

Nothing here knows SQL. A *delivered* set is a bit mask over the events of the log; a *state* is what the
consumer remembers, different for each fault; a *move* is ``(step, delivered, state, refused)``: the set and
the state after the step, and the state if the database refuses its transaction (the delivery ends there).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from dataeng_tui.replay.schedule import Step

State = Hashable
Move = tuple[Step, int, State, State]
IDLE = (-1, 0)  # a worker without an event; else (event, its next transaction)


@dataclass(frozen=True, slots=True)
class Log:
    """What a fault has to know of the log: how many events, their partitions, and a write's transactions."""

    events: int
    partitions: Sequence[object]
    transactions: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault's behaviour on one log: where it starts, what may happen next, and when it may be judged.

    ``whole``: every delivery runs to its end before the next one starts.
    """

    name: str
    start: State
    moves: Callable[[int, State], Sequence[Move]]
    quiet: Callable[[int, State], bool]
    whole: bool = True


def _always(delivered: int, state: State) -> bool:
    return True


def _lost_ack(log: Log) -> Fault:
    """In log order; the event just delivered may come again, any number of times."""
    steps = [Step("deliver", event) for event in range(log.events)]

    def moves(delivered: int, state: State) -> list[Move]:
        position = delivered.bit_length()
        found: list[Move] = []
        if position < log.events:
            found.append((steps[position], delivered | 1 << position, None, None))
        if position:
            found.append((steps[position - 1], delivered, None, None))
        return found

    return Fault("lost-ack", None, moves, _always)


def _rewind(log: Log) -> Fault:
    """In log order; at any moment back to an earlier offset, and on from there. Quiet when caught up."""
    steps = [Step("deliver", event) for event in range(log.events)]
    back = [Step("rewind", event) for event in range(log.events)]

    def moves(delivered: int, state: State) -> list[Move]:
        assert isinstance(state, int)  # the next offset to be read
        found: list[Move] = []
        if state < log.events:
            found.append((steps[state], delivered | 1 << state, state + 1, state + 1))
        found += [(back[offset], delivered, offset, offset) for offset in range(state)]
        return found

    return Fault("rewind", 0, moves, lambda delivered, state: state == delivered.bit_length())


def _partition_order(log: Log) -> Fault:
    """Each event once; log order inside a partition, any interleaving between partitions."""
    steps = [Step("deliver", event) for event in range(log.events)]
    earlier = [
        sum(1 << other for other in range(event) if log.partitions[other] == log.partitions[event])
        for event in range(log.events)
    ]

    def moves(delivered: int, state: State) -> list[Move]:
        return [
            (steps[event], delivered | 1 << event, None, None)
            for event in range(log.events)
            if not delivered >> event & 1 and not earlier[event] & ~delivered
        ]

    return Fault("partition-order", None, moves, _always)


def _reorder(log: Log) -> Fault:
    """Each event once, in any order."""
    steps = [(Step("deliver", event), 1 << event) for event in range(log.events)]

    def moves(delivered: int, state: State) -> list[Move]:
        return [(step, delivered | bit, None, None) for step, bit in steps if not delivered & bit]

    return Fault("reorder", None, moves, _always)


def _reorder_redelivery(log: Log) -> Fault:
    """Any order, any number of redeliveries of anything already delivered."""
    steps = [(Step("deliver", event), 1 << event) for event in range(log.events)]

    def moves(delivered: int, state: State) -> list[Move]:
        return [(step, delivered | bit, None, None) for step, bit in steps]

    return Fault("reorder+redelivery", None, moves, _always)


def _crash(log: Log) -> Fault:
    """In log order; between two transactions the worker may die: the event comes again from its first."""
    last = log.transactions - 1

    def moves(delivered: int, state: State) -> list[Move]:
        event, transaction = state if isinstance(state, tuple) else IDLE
        if event < 0 or transaction == 0:  # nothing in progress; a crashed event is owed before the next one
            event = event if event >= 0 else delivered.bit_length()
            if event >= log.events:
                return []
            after = (event, 1) if last else IDLE
            return [(Step("transaction", event, 0), delivered | 1 << event, after, IDLE)]
        after = (event, transaction + 1) if transaction < last else IDLE
        return [
            (Step("transaction", event, transaction), delivered, after, IDLE),
            (Step("crash", event, transaction), delivered, (event, 0), (event, 0)),
        ]

    return Fault("crash", IDLE, moves, lambda delivered, state: state == IDLE, whole=False)


def _zombie(log: Log) -> Fault:
    """Two workers, any order, any redelivery; an event in progress may go to the other worker as well."""
    if (
        log.transactions == 1
    ):  # a delivery is one commit, so two workers are one that is told everything twice
        single = _reorder_redelivery(log)
        return Fault("zombie", single.start, single.moves, single.quiet)
    last = log.transactions - 1
    steps = [
        [[Step("transaction", event, k, worker) for k in range(last + 1)] for event in range(log.events)]
        for worker in (0, 1)
    ]

    def moves(delivered: int, state: State) -> list[Move]:
        assert isinstance(state, tuple)
        found: list[Move] = []
        idle = (
            (0,) if state == (IDLE, IDLE) else (0, 1)
        )  # with both idle, it does not matter which one starts
        for worker in idle:
            event, transaction = state[worker]
            free = (IDLE, state[1]) if worker == 0 else (state[0], IDLE)
            if event >= 0:
                busy = (event, transaction + 1) if transaction < last else IDLE
                after = (busy, state[1]) if worker == 0 else (state[0], busy)
                found.append((steps[worker][event][transaction], delivered, after, free))
                continue
            for event in range(log.events):
                after = ((event, 1), state[1]) if worker == 0 else (state[0], (event, 1))
                found.append((steps[worker][event][0], delivered | 1 << event, after, free))
        return found

    return Fault("zombie", (IDLE, IDLE), moves, lambda delivered, state: state == (IDLE, IDLE), whole=False)


FAULTS: dict[str, Callable[[Log], Fault]] = {
    "lost-ack": _lost_ack,
    "rewind": _rewind,
    "partition-order": _partition_order,
    "reorder": _reorder,
    "reorder+redelivery": _reorder_redelivery,
    "crash": _crash,
    "zombie": _zombie,
}


ONCE = {"partition-order", "reorder"}  # in these each event is delivered once


def applicable(name: str, log: Log) -> bool:
    """Whether the fault can happen: nobody can die between the transactions of a write that has only one."""
    return name != "crash" or log.transactions > 1
