"""What the reader sees of a state, so that two states can be compared without caring for what nobody sees."""

import marshal
from collections import Counter

from dataeng_tui.replay.database import Row
from dataeng_tui.replay.rows import SEQUENCE
from dataeng_tui.replay.scenario import Value
from dataeng_tui.replay.states import States


class Reader:
    """Answers whether two states look the same. A query's rows are compared without regard to their order."""

    def __init__(self, states: States) -> None:
        self.states = states
        self.database = states.database
        self.doubted = False  # whether two different states have looked the same
        self._seen: dict[int, bytes] = {}
        ignored = set(map(str.lower, self.database.scenario.ignore))
        self._shown = [
            [i for i, column in enumerate(table.columns) if f"{table.name}.{column}".lower() not in ignored]
            for table in self.database.tables
        ]
        sees_all = all(
            set(shown) == set(identity.kept) and not identity.with_rowid
            for shown, identity in zip(self._shown, states.identities, strict=True)
        )
        # Then states differ only in what is seen: the counters of AUTOINCREMENT are not.
        self._exact = self.database.scenario.observe is None and sees_all and not states.sequences

    def same(self, one: int, other: int) -> bool:
        """Whether the reader sees the same in both states."""
        if one == other:
            return True
        if self._exact or self.view(one) != self.view(other):
            return False
        self.doubted = True
        return True

    def view(self, state: int) -> bytes:
        """What is seen in ``state``, to be compared. May move the tables there."""
        known = self._seen.get(state)
        if known is None:
            known = self._seen[state] = self._look(state)
        return known

    def _look(self, state: int) -> bytes:
        if self.database.scenario.observe is None:
            return self._difference(state)
        self.states.bring(state)
        return marshal.dumps(sorted(marshal.dumps(row, 2) for row in self.database.observe()), 2)

    def _difference(self, state: int) -> bytes:
        """How the visible rows differ from those at the start, as counts."""
        counts: Counter[bytes] = Counter()
        for bit, number, _, row, new in self.states.bits.of(state):
            if number != SEQUENCE:
                del bit
                counts[marshal.dumps((number, tuple(row[i] for i in self._shown[number])), 2)] += (
                    1 if new else -1
                )
        return marshal.dumps(sorted(item for item in counts.items() if item[1]), 2)

    def rows(self, state: int) -> tuple[dict[str, Value], ...]:
        """What is seen in ``state``, to be shown: by column; every table's rows where there is no query."""
        self.states.bring(state)
        if self.database.scenario.observe is not None:
            return tuple(
                dict(zip(self.database.columns, row, strict=True)) for row in self.database.observe()
            )
        several = len(self.database.tables) > 1
        found: list[dict[str, Value]] = []
        for table, shown in zip(self.database.tables, self._shown, strict=True):
            for row in sorted(self.database.rows(table), key=_sortable):
                start: dict[str, Value] = {"table": table.name} if several else {}
                found.append(start | {table.columns[i]: row[1 + i] for i in shown})
        return tuple(found)


def _sortable(row: Row) -> list[tuple[str, str]]:
    return [("" if isinstance(v, int | float) else type(v).__name__, _text(v)) for v in row[1:]]


def _text(value: Value) -> str:
    return f"{value:030.9f}" if isinstance(value, int | float) else str(value)
