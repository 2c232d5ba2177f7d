"""A state in pieces: what of it lies in each of the places that deliveries touch."""

from collections.abc import Hashable, Sequence
from typing import Any

from dataeng_tui.replay.columns import Columns, columns_apart, has_key_in
from dataeng_tui.replay.database import Database, Row
from dataeng_tui.replay.footprint import Footprints, Place
from dataeng_tui.replay.rows import RowBits
from dataeng_tui.replay.scenario import Value

_EVERYWHERE = ("everywhere",)  # the one place there is where no footprints are proved
_REACH = 2**40  # of what is added at once: so many of them never overflow together
_BITS = 64  # for each column's sum

Column = tuple[int, int]  # a table's number and the column's index


class Pieces:
    """Takes states of one database apart."""

    def __init__(self, database: Database, footprints: Footprints | None, bits: RowBits) -> None:
        self._footprints, self._bits = footprints, bits
        self.apart = self._apart(database, footprints) if footprints is not None else ()
        self._still: dict[tuple[Hashable, int], Value] = {}  # the value at which a column is held
        self._places: list[Place] = []  # by bit
        self.attempts: dict[Hashable, Any] = {}  # at a proof, by ``commute``

    def _apart(self, database: Database, footprints: Footprints) -> tuple[Columns, ...]:
        return tuple(
            columns if has_key_in(database, table, footprints.columns.get(number, ())) else Columns()
            for number, (table, columns) in enumerate(
                zip(database.tables, columns_apart(database), strict=True)
            )
        )

    def places(self, event: int) -> Sequence[Hashable]:
        """What a delivery of the event depends on and changes, and nothing else."""
        return _EVERYWHERE if self._footprints is None else sorted(self._footprints.events[event])

    def columns(self, place: Hashable) -> Sequence[Column]:
        """The columns of the place that can be followed one at a time."""
        if self._footprints is None:
            return ()
        table: int = place[0]  # type: ignore[index]
        return [(table, column) for column in self.apart[table].others]

    def piece(self, state: int, place: Hashable) -> int:
        """The part of the state in the place."""
        return self._in(state, place)[0] if self._footprints else state

    def level(self, state: int, place: Hashable, followed: Column | None) -> tuple[int, int] | None:
        """The part of the state in the place, its sums taken out, and these, 64 bits each.

        Every column that can be followed is held still but the one ``followed``. None: a sum is no small
        whole number.
        """
        if self._footprints is None:
            return state, 0
        piece, rows = self._in(state, place)
        if not rows or self.apart[rows[0][1]] == Columns():
            return piece, 0
        ((bit, number, row),) = rows
        total = 0
        level: list[Value] = list(row)
        for slot, column in enumerate(self.apart[number].sums):
            amount = row[column]
            if not isinstance(amount, int) or abs(amount) >= _REACH:
                return None
            total += amount << _BITS * slot
            level[column] = 0
        for column in self.apart[number].others:
            if (number, column) != followed:
                level[column] = self._still.setdefault((place, column), row[column])
        return piece ^ 1 << bit ^ self._bits.present(number, [(None, *level)]), total

    def _in(self, state: int, place: Hashable) -> tuple[int, list[tuple[int, int, Row]]]:
        """The part of the state in the place, and its rows that are not there at the start."""
        assert self._footprints is not None
        for number, _, row in self._bits.rows[len(self._places) :]:
            self._places.append(self._footprints.of_row(number, row))
        piece, rows = 0, []
        for bit, number, _, row, new in self._bits.of(state):
            if self._places[bit] == place:
                piece |= 1 << bit
                if new:
                    rows.append((bit, number, row))
        return piece, rows
