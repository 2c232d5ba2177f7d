"""A schedule: what happened to the consumer, step after step. Plain and frozen, to be played or printed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["deliver", "transaction", "crash", "rewind"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. ``event`` and ``transaction`` count from 0, as indices do.

    - ``deliver``: ``worker`` gets the event and runs all of its transactions.
    - ``transaction``: ``worker`` runs one transaction of the event; the first of them is the delivery.
    - ``crash``: ``worker`` dies with the event half written.
    - ``rewind``: the consumer goes back to the offset ``event``.
    """

    kind: Kind
    event: int
    transaction: int = 0
    worker: int = 0

    @property
    def starts_delivery(self) -> bool:
        """Whether a delivery begins with this step; a schedule's length counts these."""
        return self.kind == "deliver" or (self.kind == "transaction" and self.transaction == 0)


Schedule = tuple[Step, ...]


def deliveries(*numbers: int) -> Schedule:
    """The schedule that delivers these events, numbered from 1: ``deliveries(1, 2, 3, 3)``."""
    return tuple(Step("deliver", number - 1) for number in numbers)


def length(schedule: Iterable[Step]) -> int:
    """How many deliveries the schedule has."""
    return sum(step.starts_delivery for step in schedule)


def sentences(schedule: Schedule, transactions: int = 1, workers: int = 1) -> tuple[str, ...]:
    """The steps in words, one each: "deliver event 1", "redeliver event 1 (its acknowledgement was lost)"."""
    seen: set[int] = set()
    found = []
    previous: Step | None = None
    for step in schedule:
        who = f"worker {step.worker + 1}: " if workers > 1 else ""
        number = step.event + 1
        match step.kind:
            case "crash":
                text = f"the worker dies with event {number} half written"
            case "rewind":
                text = f"rewind to the offset of event {number}"
            case _:
                again = "redeliver" if step.event in seen else "deliver"
                lost = previous is not None and previous.kind == "deliver" and previous.event == step.event
                text = f"{again} event {number}" + (", its acknowledgement was lost" if lost else "")
                if step.kind == "transaction":
                    text = f"{again} event {number}, " if step.transaction == 0 else f"event {number}, "
                    text += f"transaction {step.transaction + 1} of {transactions}"
        if step.starts_delivery:
            seen.add(step.event)
        found.append(who + text)
        previous = step
    return tuple(found)


def as_json(schedule: Schedule) -> list[dict[str, object]]:
    """The schedule for scripts: ``{"step", "event"}``, with ``transaction`` and ``worker`` where they matter.

    Everything counts from 1; ``"again": true`` marks a redelivery.
    """
    seen: set[int] = set()
    found: list[dict[str, object]] = []
    for step in schedule:
        entry: dict[str, object] = {"step": step.kind, "event": step.event + 1}
        if step.kind == "transaction":
            entry |= {"transaction": step.transaction + 1, "worker": step.worker + 1}
        if step.starts_delivery:
            if step.event in seen:
                entry["again"] = True
            seen.add(step.event)
        found.append(entry)
    return found


def counts(schedule: Iterable[Step]) -> Mapping[int, int]:
    """How often each event, by its index, was delivered."""
    found: dict[int, int] = {}
    for step in schedule:
        if step.starts_delivery:
            found[step.event] = found.get(step.event, 0) + 1
    return found
