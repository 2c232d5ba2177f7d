"""What a schedule is judged against: the same messages, each once, in log order, without a fault."""

from collections.abc import Sequence
from typing import Protocol


class Deliveries(Protocol):
    """As much of the states as a reference needs."""

    def go(self, state: int) -> None:
        """Where to deliver from."""

    def deliver(self, event: int) -> tuple[int, str]:
        """The state after a delivery, and why the database refused it, if it did."""
        ...


class Reference:
    """The rows after a delivered set without a fault; remembered, and learnt from what a search tries."""

    def __init__(self, states: Deliveries, messages: Sequence[int]) -> None:
        self.states = states
        self.refused: dict[int, str] = {}  # event -> why the database would not take it, with no fault at all
        self.messages = messages
        self._distinct = all(first == event for event, first in enumerate(messages))
        self._known: dict[int, int] = {0: 0}

    def state(self, delivered: int) -> int:
        """The state for the delivered set. May move the tables."""
        wanted = delivered if self._distinct else self._first(delivered)
        known = self._known.get(wanted)
        return self._deliver(wanted) if known is None else known

    def learn(self, delivered: int, rows: int, event: int, after: int, reason: str) -> None:
        """``event`` led from ``rows`` to ``after``: which is the reference if it comes last in the log."""
        if delivered >> event == 0 and self._distinct and self._known.get(delivered) == rows:
            self._known[delivered | 1 << event] = after
            if reason:
                self.refused.setdefault(event, reason)

    def _first(self, delivered: int) -> int:
        """The set with each event replaced by the first of its message."""
        found = 0
        for event, first in enumerate(self.messages):
            if delivered >> event & 1:
                found |= 1 << first
        return found

    def _deliver(self, wanted: int) -> int:
        missing = []
        while wanted not in self._known:
            event = wanted.bit_length() - 1
            wanted ^= 1 << event
            missing.append(event)
        state = self._known[wanted]
        for event in reversed(missing):
            self.states.go(state)
            state, reason = self.states.deliver(event)
            if reason:
                self.refused.setdefault(event, reason)
            wanted |= 1 << event
            self._known[wanted] = state
        return state
