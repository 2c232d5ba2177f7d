"""Rows as bits: a set of rows is a whole number, whose bits are the rows in which it differs from the start.

So a table's thousand untouched rows cost nothing.
"""

import marshal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from dataeng_tui.replay.database import Row
from dataeng_tui.replay.identity import Identity
from dataeng_tui.replay.scenario import Value

OWN_ROWIDS = 1 << 40  # what we give to rows whose rowid nothing looks at
SEQUENCE = -1  # the number, in place of a table's, of sqlite_sequence
INSERT, UPDATE, DELETE = range(
    3
)  # of a change in the log: (table's number * 3 + this, *old values, *new values)
Change = tuple[Value, ...]


class RowBits:
    """The bits given out so far, and the rows they stand for."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self.identities = identities
        self.base = 0  # the bits of rows that are there at the start
        self.rows: list[tuple[int, int | None, Row]] = []  # bit -> table's number, rowid, values
        self.added: Callable[[int, int, Row], None] = lambda bit, number, row: None  # told of each new bit
        self._bits: dict[bytes, int] = {}

    def start_with(self, number: int, rows: Iterable[Row]) -> None:
        """Give bits to rows, ``(rowid, *values)``, that are there at the start."""
        copies: Counter[bytes] = Counter()
        for row in rows:
            key = self._key(number, row)
            self._new(_copy(key, copies[key]), number, row, base=True)
            copies[key] += 1

    def present(self, number: int, rows: Iterable[Row]) -> int:
        """The bits of all rows of one table."""
        copies: Counter[bytes] = Counter()
        found = 0
        for row in rows:
            key = self._key(number, row)
            copy = _copy(key, copies[key])
            bit = self._bits.get(copy)
            found |= self._new(copy, number, row, base=False) if bit is None else 1 << bit
            copies[key] += 1
        return found

    def after(self, state: int, changes: Iterable[Change]) -> int:
        """``state`` after the changes, one after the other."""
        for change in changes:
            code = change[0]
            assert isinstance(code, int)
            number, kind = divmod(code, 3)
            identity = self.identities[number]
            width = len(identity.logged)
            if kind != INSERT:
                state ^= self._bit(state, number, identity.unlogged(change[1 : 1 + width]), present=True)
            if kind != DELETE:
                state ^= self._bit(state, number, identity.unlogged(change[-width:]), present=False)
        return state

    def of(self, state: int) -> Iterator[tuple[int, int, int | None, Row, bool]]:
        """What differs from the start: ``(bit, table's number, rowid, values, whether it is there)``."""
        while state:
            lowest = state & -state
            state ^= lowest
            bit = lowest.bit_length() - 1
            number, rowid, row = self.rows[bit]
            yield bit, number, rowid, row, not self.base & lowest

    def _bit(self, state: int, number: int, row: Row, *, present: bool) -> int:
        """The bit of a row that is there (its last copy) or is not yet (the first copy missing)."""
        key = self._key(number, row)
        if not self.identities[number].bag:
            bit = self._bits.get(key)
            return self._new(key, number, row, base=present) if bit is None else 1 << bit
        copies = 0
        while (bit := self._bits.get(_copy(key, copies))) is not None and (state ^ self.base) >> bit & 1:
            copies += 1
        if present:
            return 1 << self._bits[_copy(key, copies - 1)]
        return self._new(_copy(key, copies), number, row, base=False) if bit is None else 1 << bit

    def _key(self, number: int, row: Row) -> bytes:
        return marshal.dumps(row, 2) if number == SEQUENCE else self.identities[number].key(number, row)

    def _new(self, key: bytes, number: int, row: Row, *, base: bool) -> int:
        bit = len(self.rows)
        self._bits[key] = bit
        rowid = row[0]
        if number != SEQUENCE and self.identities[number].own_rowid and not base:
            rowid = OWN_ROWIDS + bit
        assert rowid is None or isinstance(rowid, int)
        self.rows.append((number, rowid, row[1:]))
        self.added(bit, number, row[1:])
        if base:
            self.base |= 1 << bit
        return 1 << bit


def _copy(key: bytes, number: int) -> bytes:
    return key if number == 0 else key + number.to_bytes(4, "big")


def stays_put(change: Change) -> bool:
    """Whether the change is an UPDATE to the very values that were there."""
    code, half = change[0], len(change) // 2
    assert isinstance(code, int)
    return code % 3 == UPDATE and marshal.dumps(change[1 : half + 1], 2) == marshal.dumps(
        change[half + 1 :], 2
    )
