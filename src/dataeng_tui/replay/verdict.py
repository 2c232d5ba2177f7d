"""What a check found, frozen, and its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Any, Literal

from dataeng_tui.replay.scenario import Value
from dataeng_tui.replay.schedule import Schedule, as_json, length

Outcome = Literal["replay-safe", "diverges", "unexpected-result", "undecided", "not-applicable"]
WORST = (
    "diverges",
    "unexpected-result",
    "undecided",
    "replay-safe",
)  # the overall verdict is the first that occurs
Rows = tuple[Mapping[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Two schedules of the same delivered set, and what the reader sees after each.

    Where a result is stable but unexpected, ``versus`` is empty and ``versus_rows`` are the rows expected.
    """

    schedule: Schedule
    versus: Schedule
    rows: Rows
    versus_rows: Rows

    @property
    def length(self) -> int:
        """Deliveries in the faulty schedule."""
        return length(self.schedule)

    @property
    def steps(self) -> int:
        """Everything that happens in it: deliveries or their transactions, crashes, rewinds."""
        return len(self.schedule)

    def as_json(self) -> dict[str, Any]:
        """As ``replay check --format json`` prints it."""
        return {
            "length": self.length,
            "steps": self.steps,
            "schedule": as_json(self.schedule),
            "versus": as_json(self.versus),
            "rows": [dict(row) for row in self.rows],
            "versus_rows": [dict(row) for row in self.versus_rows],
        }


@dataclass(frozen=True, slots=True)
class FaultVerdict:
    """What came of one fault. ``orders`` is how many orders of the whole log the search stands for.

    ``depth`` is the longest schedule, in deliveries, up to which everything was tried; None when all was.
    """

    fault: str
    verdict: Outcome
    nodes: int = 0
    transitions: int = 0
    seconds: float = 0.0
    counterexample: Counterexample | None = None
    orders: int = 1
    depth: int | None = None

    @property
    def orders_told(self) -> str:
        """The orders in a few letters, however many: 479,001,600 or 8.3e81."""
        if self.orders < 10**9:
            return f"{self.orders:,}"
        power = log10(self.orders)
        return f"{10 ** (power % 1):.1f}e{int(power)}"

    def as_json(self) -> dict[str, Any]:
        """As ``replay check --format json`` prints it."""
        return {
            "fault": self.fault,
            "verdict": self.verdict,
            "nodes": self.nodes,
            "transitions": self.transitions,
            "seconds": round(self.seconds, 6),
            "counterexample": self.counterexample.as_json() if self.counterexample else None,
            "orders": self.orders if self.orders < 2**53 else self.orders_told,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A field of an event (counted from 1) that the table no longer tells."""

    event: int
    field: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the verdict holds for, in words."""

    events: int
    redelivery: str
    isolation: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole answer. ``notes`` are sentences: refused transactions, clocks, what was not looked at."""

    scenario: str
    title: str
    faults: tuple[FaultVerdict, ...]
    forgotten: tuple[Forgotten, ...]
    bounds: Bounds
    engine: str
    result: Rows = ()  # what the reader sees after the whole log without a fault
    as_expected: bool | None = None  # None: the scenario does not say what it expects
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Outcome:
        """The worst of the faults'."""
        found = {fault.verdict for fault in self.faults}
        return next((outcome for outcome in WORST if outcome in found), "replay-safe")

    @property
    def exit_code(self) -> int:
        """0 safe, 1 something found, 3 undecided."""
        return {"replay-safe": 0, "undecided": 3}.get(self.verdict, 1)

    def as_json(self) -> dict[str, Any]:
        """As ``replay check --format json`` prints it."""
        return {
            "scenario": self.scenario,
            "verdict": self.verdict,
            "faults": [fault.as_json() for fault in self.faults],
            "forgotten": [{"event": item.event, "field": item.field} for item in self.forgotten],
            "bounds": {
                "events": self.bounds.events,
                "redelivery": self.bounds.redelivery,
                "isolation": self.bounds.isolation,
            },
            "engine": self.engine,
            "notes": list(self.notes),
        }
