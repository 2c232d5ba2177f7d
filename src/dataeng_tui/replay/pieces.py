"""A state in pieces: what of it lies in each of the places that deliveries touch."""

from collections.abc import Hashable, Sequence

from dataeng_tui.replay.database import Database, Row
from dataeng_tui.replay.footprint import Footprints
from dataeng_tui.replay.rows import RowBits
from dataeng_tui.replay.sums import sums

_EVERYWHERE = ("everywhere",)  # the one place there is where no footprints are proved
_REACH = 2**40  # of what is added at once: so many of them never overflow together
_BITS = 64  # for each column's sum


class Pieces:
    """Takes states of one database apart."""

    def __init__(self, database: Database, footprints: Footprints | None, bits: RowBits) -> None:
        self._footprints, self._bits = footprints, bits
        self.sums = sums(database) if footprints is not None else {}

    def places(self, event: int) -> Sequence[Hashable]:
        """What a delivery of the event depends on and changes, and nothing else."""
        return _EVERYWHERE if self._footprints is None else sorted(self._footprints.places(event))

    def piece(self, state: int, place: Hashable, *, level: bool) -> tuple[int, int] | None:
        """The part of the state in the place, and 0; ``level``: the part with its sums at 0, and the sums.

        None: there is a sum that is no small whole number, or more than one row of sums.
        """
        if self._footprints is None:
            return state, 0
        piece, rows = 0, []
        for bit, number, _, row, new in self._bits.of(state):
            if self._footprints.of_row(number, row) == place:
                piece |= 1 << bit
                if new:
                    rows.append((bit, number, row))
        columns = self.sums.get(rows[0][1], ()) if rows and level else ()
        if not columns:
            return piece, 0
        if len(rows) > 1:
            return None
        bit, number, row = rows[0]
        levelled = self._levelled(number, row, columns)
        return levelled and (piece ^ 1 << bit ^ levelled[0], levelled[1])

    def _levelled(self, number: int, row: Row, columns: Sequence[int]) -> tuple[int, int] | None:
        total, level = 0, list(row)
        for place, column in enumerate(columns):
            amount = row[column]
            if not isinstance(amount, int) or abs(amount) >= _REACH:
                return None
            total += amount << _BITS * place
            level[column] = 0
        return self._bits.present(number, [(None, *level)]), total
