"""What an event did once it does again wherever the rows it can touch are the same: no need to run it."""

from dataeng_tui.replay.database import Row
from dataeng_tui.replay.footprint import Footprints, Place


class Effects:
    """Remembers effects by event and by the part of the state within its footprint; without any, nothing."""

    def __init__(self, footprints: Footprints | None, events: int) -> None:
        self._footprints = footprints
        self._reach = [0] * events  # by event: the bits of the rows that it can touch
        self._known: list[dict[int, tuple[int, str]]] = [{} for _ in range(events)]
        self._owners: dict[Place, list[int]] = {}
        if footprints is not None:
            for event in range(events):
                for place in footprints.events[event]:
                    self._owners.setdefault(place, []).append(event)

    def new_bit(self, bit: int, number: int, row: Row) -> None:
        """A row has got a bit; ``number`` is its table's."""
        if self._footprints is not None and number >= 0:
            for event in self._owners.get(self._footprints.of_row(number, row), ()):
                self._reach[event] |= 1 << bit

    def get(self, event: int, state: int) -> tuple[int, str] | None:
        """The bits that a delivery of the event flips, and why it was refused, if that is known."""
        return self._known[event].get(state & self._reach[event]) if self._footprints is not None else None

    def put(self, event: int, state: int, flips: int, reason: str) -> None:
        """Remember it."""
        if self._footprints is not None:
            self._known[event][state & self._reach[event]] = (flips, reason)
