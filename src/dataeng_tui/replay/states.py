"""The states of a scenario's tables, and what leads from one to another: try it, learn where it leads, undo.

Triggers of our own tell what a transaction changed, so that nothing has to be read back. Where they could
miss something (a schema with triggers of its own), the tables are read back whole.
"""

import marshal
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from dataeng_tui.replay.changelog import has_foreign_keys, own_triggers, sequences_matter, watch
from dataeng_tui.replay.database import Database, Locals, Refused, Row, quote
from dataeng_tui.replay.effects import Effects
from dataeng_tui.replay.footprint import Footprints, footprints
from dataeng_tui.replay.identity import identities
from dataeng_tui.replay.pieces import Pieces
from dataeng_tui.replay.program import stands_alone
from dataeng_tui.replay.rows import SEQUENCE, Change, RowBits, stays_put
from dataeng_tui.replay.scenario import Value

_NOTHING: tuple[str, Row] = ("SELECT 1", ())
HOPE = 8  # times that deliveries tried together may turn out to move something, beyond those that did not
_COLUMNS_LOGGED = 60  # a function takes at most 127 arguments: old and new values, and which table


class States:
    """The states reachable in one open database. The start is state 0; ``here`` is where the tables are."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connection = database.connection
        self.identities = identities(database)
        self.bits = RowBits(self.identities)
        self.here = 0
        self._at = 0  # where the tables really are; they are brought to ``here`` when something has to be run
        self._log: list[Change] = []
        self._masks: dict[bytes, tuple[int, bool]] = {}
        self._flips: list[tuple[tuple[str, Row], tuple[str, Row]]] = []
        self._triggers = own_triggers(self.connection)
        self._whole = bool(self._triggers) or any(len(i.logged) > _COLUMNS_LOGGED for i in self.identities)
        self._careful = bool(self._triggers) or has_foreign_keys(self.connection, self.identities)
        self.sequences = sequences_matter(self.connection, self.identities)
        self._bags = any(identity.bag for identity in self.identities)
        self._simple = not (self._whole or self.sequences or self._bags)
        self._plans = [] if database.locals else self._compile()
        self._cursor = self.connection.cursor()  # one for all: making one costs a third of a small statement
        self.footprints = self._footprints()
        self._batches = self._batched() if self._simple and self.footprints is None else []
        self._hope = HOPE
        self._effects = Effects(self.footprints, len(database.scenario.events))
        self.bits.added = self._effects.new_bit
        self._start()

    def _start(self) -> None:
        for number, identity in enumerate(self.identities):
            if self._whole or identity.bag:
                self.bits.start_with(number, self.database.rows(identity.table))
        if self.sequences:
            self.bits.start_with(SEQUENCE, self._read_sequences())
        if not self._whole:
            watch(self.connection, self.identities, self._log)
        self.connection.execute("BEGIN")
        self.connection.execute("SAVEPOINT node")

    def _compile(self) -> list[list[list[tuple[str, Row]]]]:
        """By event and transaction: the statements with their arguments."""
        arguments, program = self.database.arguments, self.database.program
        return [
            [[(bound.sql, arguments(event.fields, bound, ())) for bound in part] for part in program]
            for event in self.database.scenario.events
        ]

    def _batched(self) -> list[tuple[int, str, list[Row]]]:
        """The statements, each with its transaction and its arguments by event; empty: not to be batched."""
        sqls = [bound.sql for part in self.database.program for bound in part]
        staged = self.database.scenario.dialect != "sqlite"  # in tables of our own, which tell of nothing
        if staged or not self._plans or not all(map(stands_alone, sqls)):
            return []
        return [
            (part, bound.sql, [plan[part][place][1] for plan in self._plans])
            for part, statements in enumerate(self.database.program)
            for place, bound in enumerate(statements)
        ]

    def _footprints(self) -> Footprints | None:
        """Which rows each event can touch, where that is proved and rowids do not tie rows together."""
        if self._whole or self._careful or self.sequences or any(i.with_rowid for i in self.identities):
            return None
        return footprints(self.database)

    @cached_property
    def pieces(self) -> Pieces:
        """What takes the states apart."""
        return Pieces(self.database, self.footprints, self.bits)

    @property
    def events(self) -> Sequence[int]:
        """All of the scenario's, by number."""
        return range(len(self.database.scenario.events))

    # Moving about

    def go(self, state: int) -> None:
        """Let ``state`` be where transactions are tried from."""
        self.here = state

    def bring(self, state: int) -> None:
        """Bring the tables themselves to ``state``."""
        self.here = state
        if state == self._at:
            return
        run = self._cursor.execute
        try:
            run("RELEASE node")
            if self._careful:
                self._without_the_schemas_help(lambda: self._apply(state))
            else:
                self._apply(state)
        except sqlite3.Error as error:
            raise self.database.guard.complaint(error, self.database.scenario.name) from None
        self._at = state
        self._log.clear()
        run("SAVEPOINT node")

    def _apply(self, state: int) -> None:
        execute = self._cursor.execute
        inserts = []
        flips = state ^ self._at
        while flips:
            lowest = flips & -flips
            flips ^= lowest
            taken, put = self._flip(lowest.bit_length() - 1)
            if bool(state & lowest) != bool(self.bits.base & lowest):
                inserts.append(put)
            else:
                execute(*taken)
        for sql, values in inserts:
            execute(sql, values)
        if self.sequences:
            self._set_sequences(state ^ self.bits.base)

    def _flip(self, bit: int) -> tuple[tuple[str, Row], tuple[str, Row]]:
        """The statements that take the bit's row out of its table and put it in."""
        for number, rowid, row in self.bits.rows[len(self._flips) : bit + 1]:
            if number == SEQUENCE:
                self._flips.append((_NOTHING, _NOTHING))
            else:
                identity = self.identities[number]
                self._flips.append((identity.delete(rowid, row), identity.insert(rowid, row)))
        return self._flips[bit]

    def _set_sequences(self, present: int) -> None:
        """Last, because inserting rows moves them."""
        self.connection.execute("DELETE FROM sqlite_sequence")
        for bit, (number, _, row) in enumerate(self.bits.rows):
            if number == SEQUENCE and present >> bit & 1:
                self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", row)

    def _without_the_schemas_help(self, work: Callable[[], None]) -> None:
        """Do ``work`` while no trigger and no foreign key of the schema can act or object."""
        run = self.connection.execute
        run("COMMIT")
        run("PRAGMA foreign_keys = OFF")
        run("BEGIN")
        for name, _ in self._triggers:
            run(f"DROP TRIGGER {quote(name)}")
        work()
        for _, sql in self._triggers:
            run(sql)
        run("COMMIT")
        self._restore_foreign_keys()
        run("BEGIN")

    def _restore_foreign_keys(self) -> None:
        self.connection.execute(f"PRAGMA foreign_keys = {self.database.foreign_keys}")

    # Trying what happens

    def deliver(self, event: int) -> tuple[int, str]:
        """The state after a delivery of the event from here, and why it ended early if it did; here stays."""
        here = self.here
        if self.footprints is None:
            if self._at != here:
                self.bring(here)
            return self._deliver(event) if self._plans else self._deliver_step_by_step(event)
        known = self._effects.get(event, here)
        if known is not None:
            return here ^ known[0], known[1]
        self.bring(here)
        after, reason = self._deliver(event) if self._plans else self._deliver_step_by_step(event)
        self._effects.put(event, here, after ^ here, reason)
        return after, reason

    def unmoved(self, events: Sequence[int]) -> bool:
        """Whether each of these events, delivered from here, surely changes nothing. False: perhaps one does.

        Statement by statement for all of them at once: if nothing moves, each has run on the rows of here.
        """
        if self.footprints is not None:
            return all(self._effects.get(event, self.here) == (0, "") for event in events)
        if not self._batches or not self._hope:
            return False
        if self._at != self.here:
            self.bring(self.here)
        current = 0
        try:
            for transaction, sql, arguments in self._batches:
                current = transaction
                self._cursor.executemany(sql, [arguments[event] for event in events])
        except sqlite3.Error as error:
            self._reason(error, current)
            moved = True
        else:
            moved = any(self._mask([change])[1] for change in self._log)
        self._hope += -1 if moved else 1
        if moved:
            self._undo()
        self._log.clear()
        return not moved

    def _deliver(self, event: int) -> tuple[int, str]:
        execute, part = self._cursor.execute, -1
        try:
            for plan in self._plans[event]:
                part += 1
                for sql, arguments in plan:
                    execute(sql, arguments)
        except sqlite3.Error as error:
            reason = self._reason(error, part)
            self._undo()
            for plan in self._plans[event][:part]:  # these are committed; the refused one leaves nothing
                for sql, arguments in plan:
                    execute(sql, arguments)
            return self._arrive(), reason
        if self._simple:  # the path that nearly every transition of a search takes
            if not self._log:
                return self.here, ""
            known = self._masks.get(marshal.dumps(self._log, 2))
            if known is not None:
                if known[1]:
                    execute("ROLLBACK TO node")
                self._log.clear()
                return self.here ^ known[0], ""
        return self._arrive(), ""

    def _deliver_step_by_step(self, event: int) -> tuple[int, str]:
        reason = self._run(self.database.scenario.events[event].fields)
        return self._arrive(), reason

    def deliver_all(self, events: Sequence[Mapping[str, Value]]) -> int:
        """The state after deliveries from here, of events that need not be the scenario's; here stays."""
        self.bring(self.here)
        for fields in events:
            self._run(fields)
        return self._arrive()

    def _run(self, fields: Mapping[str, Value]) -> str:
        """Every transaction for one event; why the database refused one of them, if it did."""
        values: Locals = self.database.no_locals()
        for transaction in range(len(self.database.program)):
            logged = len(self._log)
            found = self.database.run(fields, transaction, values)
            if isinstance(found, Refused):
                del self._log[logged:]
                return found.reason
            values = found
        return ""

    def recover(self) -> None:
        """Undo what a statement stopped in the middle has left (SQLite may have rolled back itself)."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        if not self._careful:  # nothing was ever committed, so that is the start
            self._at = 0
        self._restore_foreign_keys()
        self.connection.execute("BEGIN")
        self.connection.execute("SAVEPOINT node")
        self._log.clear()

    def transact(self, event: int, transaction: int, values: Locals) -> tuple[int, Locals | Refused]:
        """The state and the locals after one transaction of the event from here; here stays."""
        self.bring(self.here)
        found = self.database.run(self.database.scenario.events[event].fields, transaction, values)
        if isinstance(found, Refused):
            self._log.clear()
        return self._arrive(), found

    def _reason(self, error: sqlite3.Error, transaction: int) -> str:
        return self.database.reason(error, self.database.scenario.transactions[transaction].file)

    def _undo(self) -> None:
        self.connection.execute("ROLLBACK TO node")
        self._log.clear()

    def _arrive(self) -> int:
        """The state the tables are in now; then they go back to where they were."""
        if self._whole:
            state, moved = self._read_back(), True
        elif self._bags:
            state, moved = self.bits.after(self.here, self._log), bool(self._log)
        else:
            mask, moved = self._mask(self._log)
            state = self.here ^ mask
        if self.sequences:
            state, moved = self._with_sequences(state), True
        if moved:
            self.connection.execute("ROLLBACK TO node")
        self._log.clear()
        return state

    def _mask(self, log: list[Change]) -> tuple[int, bool]:
        """What these changes flip, and whether anything has really moved."""
        key = marshal.dumps(log, 2)
        known = self._masks.get(key)
        if known is None:
            mask = self.bits.after(self.here, log) ^ self.here
            known = self._masks[key] = (mask, not all(map(stays_put, log)))
        return known

    def _read_back(self) -> int:
        present = 0
        for number, identity in enumerate(self.identities):
            present |= self.bits.present(number, self.database.rows(identity.table))
        return present ^ (self.bits.base & ~self._sequence_bits())

    def _read_sequences(self) -> list[Row]:
        return self.connection.execute("SELECT NULL, name, seq FROM sqlite_sequence").fetchall()

    def _sequence_bits(self) -> int:
        return sum(1 << bit for bit, row in enumerate(self.bits.rows) if row[0] == SEQUENCE)

    def _with_sequences(self, state: int) -> int:
        present = self.bits.present(SEQUENCE, self._read_sequences())
        mine = self._sequence_bits()
        return (state & ~mine) | (present ^ (self.bits.base & mine))
