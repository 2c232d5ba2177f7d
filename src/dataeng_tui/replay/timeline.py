"""A concrete schedule, played: one frozen frame a step, to go back and forth in without running anything."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dataeng_tui.errors import UserError
from dataeng_tui.replay.database import Database, Locals, Refused, Row, Table
from dataeng_tui.replay.scenario import Scenario, Value
from dataeng_tui.replay.schedule import Schedule, Step, sentences

Key = Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class TableState:
    """A table at one moment: ``rows`` by a key that a row keeps while it lives (its rowid, if it has one)."""

    name: str
    columns: tuple[str, ...]
    rows: Mapping[Key, Row]


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in a table: ``column`` is an index."""

    table: str
    key: Key
    column: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The world after a step; the first frame, with ``step`` None, is the world before any.

    ``changed`` are the cells that this step wrote anew (all of a new row's), ``removed`` the rows it took.
    ``deliveries[i]`` is how often event ``i`` was delivered, ``delivered`` the events delivered so far.
    ``observed`` is what the reader sees, ``quiet`` whether nothing is half done, so that it may be judged;
    ``reference`` is what the reader would see without any fault, for the same delivered set.
    """

    number: int
    step: Step | None
    sentence: str
    tables: tuple[TableState, ...]
    changed: frozenset[Cell]
    removed: tuple[tuple[str, Row], ...]
    deliveries: tuple[int, ...]
    observed: tuple[Row, ...]
    reference: tuple[Row, ...]
    quiet: bool
    refused: str = ""

    @property
    def differs(self) -> bool:
        """Whether this frame alone shows the scenario unsafe."""
        return self.quiet and Counter(map(repr, self.observed)) != Counter(map(repr, self.reference))

    @property
    def delivered(self) -> frozenset[int]:
        """The events, by index, that were delivered at least once."""
        return frozenset(event for event, times in enumerate(self.deliveries) if times)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The frames of a schedule. ``columns`` are those of ``observed``."""

    schedule: Schedule
    columns: tuple[str, ...]
    frames: tuple[Frame, ...]


def play(scenario: Scenario, schedule: Schedule) -> Timeline:
    """Play ``schedule`` on a fresh database. Raises UserError for broken SQL and for steps that cannot be."""
    database = Database(scenario)
    try:
        return _Player(database, schedule).timeline()
    finally:
        database.close()


def reference(scenario: Scenario, delivered: frozenset[int]) -> Schedule:
    """The schedule without a fault for the same delivered set: each message once, in log order."""
    first = sorted({scenario.messages[event] for event in delivered})
    return tuple(Step("deliver", event) for event in first)


class _Player:
    def __init__(self, database: Database, schedule: Schedule) -> None:
        self.database, self.scenario, self.schedule = database, database.scenario, schedule
        self.locals: dict[int, Locals] = {}
        self.busy: dict[int, tuple[int, int]] = {}  # worker -> its event, and the transaction it ran last
        self.owed: set[int] = set()  # crashed events that did not come again yet
        self.position = 0
        self.rewound = False  # only a consumer that went back has something to catch up with
        self.references: dict[frozenset[int], tuple[Row, ...]] = {}
        self.counts = [0] * len(self.scenario.events)

    def timeline(self) -> Timeline:
        workers = 1 + max((step.worker for step in self.schedule), default=0)
        texts = sentences(self.schedule, len(self.scenario.transactions), workers)
        frames = [self._frame(0, None, "nothing delivered yet", self._tables(), "")]
        for number, (step, text) in enumerate(zip(self.schedule, texts, strict=True), 1):
            if not 0 <= step.event < len(self.scenario.events):
                raise UserError(f"{self.scenario.name} has no event {step.event + 1}.")
            before = frames[-1].tables
            refused = self._take(step)
            frames.append(self._frame(number, step, text, before, refused))
        return Timeline(self.schedule, self.columns(), tuple(frames))

    def columns(self) -> tuple[str, ...]:
        return self.database.columns or ("table", "row")

    def _take(self, step: Step) -> str:
        """Do it; the reason where the database refused."""
        match step.kind:
            case "rewind":
                self.position, self.rewound = step.event, True
                return ""
            case "crash":
                if self.busy.pop(step.worker, None) is None:
                    raise UserError("Only a worker with an event half written can crash.")
                self.owed.add(step.event)
                return ""
            case "deliver":
                self._start(step)
                for transaction in range(len(self.scenario.transactions)):
                    refused = self._run(step.event, transaction, step.worker)
                    if refused:
                        return refused
                return ""
            case "transaction":
                if step.transaction == 0:
                    self._start(step)
                elif self.busy.get(step.worker) != (step.event, step.transaction - 1):
                    raise UserError(
                        f"Worker {step.worker + 1} cannot run transaction {step.transaction + 1} of event "
                        f"{step.event + 1} now."
                    )
                return self._run(step.event, step.transaction, step.worker)

    def _start(self, step: Step) -> None:
        if step.worker in self.busy:
            raise UserError(
                f"Worker {step.worker + 1} still has event {self.busy[step.worker][0] + 1} half written."
            )
        self.counts[step.event] += 1
        self.owed.discard(step.event)
        self.position = step.event + 1
        self.locals[step.worker] = self.database.no_locals()

    def _run(self, event: int, transaction: int, worker: int) -> str:
        fields = self.scenario.events[event].fields
        found = self.database.run(fields, transaction, self.locals[worker])
        if isinstance(found, Refused):
            self.busy.pop(worker, None)
            return found.reason
        self.locals[worker] = found
        if transaction < len(self.scenario.transactions) - 1:
            self.busy[worker] = (event, transaction)
        else:
            self.busy.pop(worker, None)
        return ""

    def _frame(
        self, number: int, step: Step | None, sentence: str, before: tuple[TableState, ...], refused: str
    ) -> Frame:
        tables = self._tables()
        changed, removed = difference(before, tables)
        delivered = frozenset(event for event, times in enumerate(self.counts) if times)
        caught_up = not self.rewound or self.position > max(delivered, default=-1)
        return Frame(
            number=number,
            step=step,
            sentence=sentence,
            tables=tables,
            changed=changed,
            removed=removed,
            deliveries=tuple(self.counts),
            observed=self._observed(tables),
            reference=self._reference(delivered),
            quiet=not self.busy and not self.owed and caught_up,
            refused=refused,
        )

    def _tables(self) -> tuple[TableState, ...]:
        return tuple(self._table(table) for table in self.database.tables)

    def _table(self, table: Table) -> TableState:
        rows = self.database.rows(table, table.shown)
        return TableState(
            table.name, table.shown, {row[0] if table.rowid else row[1:]: row[1:] for row in rows}
        )

    def _observed(self, tables: tuple[TableState, ...]) -> tuple[Row, ...]:
        if self.scenario.observe is not None:
            return tuple(self.database.observe())
        ignored = {name.lower() for name in self.scenario.ignore}
        found: list[Row] = []
        for table in tables:
            kept = [
                i for i, column in enumerate(table.columns) if f"{table.name}.{column}".lower() not in ignored
            ]
            found += sorted(
                (table.name, ", ".join(f"{table.columns[i]}={row[i]!r}" for i in kept))
                for row in table.rows.values()
            )
        return tuple(found)

    def _reference(self, delivered: frozenset[int]) -> tuple[Row, ...]:
        if delivered not in self.references:
            database = Database(self.scenario)
            try:
                for step in reference(self.scenario, delivered):
                    values: Locals | Refused = database.no_locals()
                    for transaction in range(len(self.scenario.transactions)):
                        if isinstance(values, Refused):
                            break
                        values = database.run(self.scenario.events[step.event].fields, transaction, values)
                other = _Player(database, ())
                self.references[delivered] = other._observed(other._tables())
            finally:
                database.close()
        return self.references[delivered]


def difference(
    before: tuple[TableState, ...], after: tuple[TableState, ...]
) -> tuple[frozenset[Cell], tuple[tuple[str, Row], ...]]:
    """The cells that are new or different in ``after``, and the rows of ``before`` that it has no more."""
    changed: set[Cell] = set()
    removed: list[tuple[str, Row]] = []
    for old, new in zip(before, after, strict=True):
        for key, row in new.rows.items():
            was = old.rows.get(key)
            for column, value in enumerate(row):
                if was is None or (type(value), value) != (type(was[column]), was[column]):
                    changed.add(Cell(new.name, key, column))
        removed += [(old.name, row) for key, row in old.rows.items() if key not in new.rows]
    return frozenset(changed), tuple(removed)
