"""A check: each fault searched, the result compared with the expected one, the forgotten fields found."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from dataeng_tui.errors import UserError
from dataeng_tui.replay.database import Database
from dataeng_tui.replay.delivery import FAULTS, Log, applicable
from dataeng_tui.replay.explore import Found, Progress, Search, orders
from dataeng_tui.replay.forgotten import forgotten_fields
from dataeng_tui.replay.guard import OutOfTime
from dataeng_tui.replay.parts import search_apart, search_part
from dataeng_tui.replay.reader import Reader
from dataeng_tui.replay.reference import Reference
from dataeng_tui.replay.scenario import Scenario, Value
from dataeng_tui.replay.schedule import Schedule, Step
from dataeng_tui.replay.states import States
from dataeng_tui.replay.verdict import Bounds, Counterexample, FaultVerdict, Forgotten, Verdict

ENGINE = f"SQLite {sqlite3.sqlite_version}"
ISOLATION = "serialised transactions, as SQLite runs them; a READ COMMITTED race is outside"
SECONDS = 20.0  # the budget where neither the scenario nor the caller names one
WORTH_SPLITTING = 5  # events; fewer are searched together at once
_UNLIMITED = {"lost-ack", "rewind", "reorder+redelivery", "crash", "zombie"}


def check(
    scenario: Scenario,
    faults: Iterable[str] | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
    forget: bool = True,
) -> Verdict:
    """Search the scenario's faults (or these) for at most its budget, or ``seconds``, altogether.

    ``forget``: find out which fields the tables forget, too.
    Raises UserError for SQL that does not hold, and whatever ``progress`` raises to call the check off.
    """
    names = tuple(faults) if faults is not None else scenario.faults
    for name in names:
        if name not in FAULTS:
            raise UserError(f"There is no fault {name!r}. Known: {', '.join(FAULTS)}.")
    run = Run(scenario)
    try:
        return run.verdict(names, scenario.seconds or seconds or SECONDS, progress, forget=forget)
    finally:
        run.close()


class Run:
    """An open check: one database, shared by its faults. ``apart``: search events apart that share no row."""

    def __init__(self, scenario: Scenario, *, apart: bool = True) -> None:
        self.scenario = scenario
        self.database = Database(scenario)
        self.states = States(self.database)
        self.reader = Reader(self.states)
        self.reference = Reference(self.states, scenario.messages)
        self.log = Log(len(scenario.events), scenario.partitions, len(scenario.transactions))
        self.parts = self._parts() if apart else []
        self.columns: tuple[str, ...] = ()

    def _parts(self) -> list[list[int]]:
        """The events in groups that share no row; empty where that is not proved or not worth it."""
        footprints = self.states.footprints
        repeats = any(first != event for event, first in enumerate(self.scenario.messages))
        if footprints is None or repeats or self.log.events < WORTH_SPLITTING:
            return []
        return footprints.components()

    def verdict(
        self, names: Sequence[str], seconds: float, progress: Progress | None, *, forget: bool = True
    ) -> Verdict:
        """The whole answer."""
        end = time.perf_counter() + seconds
        found = []
        for number, name in enumerate(names):
            found.append(self.fault(name, _share(end, len(names) - number), progress, end))
        forgotten, complete = self._forgotten(end) if forget else ((), True)
        expected = None if self.scenario.expect is None else self._unexpected() is None
        return Verdict(
            scenario=self.scenario.name,
            title=self.scenario.title,
            faults=tuple(found),
            forgotten=forgotten,
            bounds=Bounds(self.log.events, redelivery(names), ISOLATION),
            engine=ENGINE,
            result=self.reader.rows(self.reference.state(self._everything)),
            as_expected=expected,
            notes=tuple(self._notes(complete)),
        )

    def fault(
        self, name: str, deadline: float, progress: Progress | None = None, end: float | None = None
    ) -> FaultVerdict:
        """One fault's verdict; ``end`` is the deadline of all faults, where there are others."""
        if not applicable(name, self.log):
            return FaultVerdict(name, "not-applicable")
        start = time.perf_counter()
        found = self._search(name, deadline, end or deadline, progress, None)
        return self._judged(name, found, time.perf_counter() - start)

    def safe(
        self, names: Sequence[str], events: Sequence[int], messages: Sequence[int], seconds: float
    ) -> bool:
        """Whether these events alone are surely safe under the faults; ``messages`` counts among them."""
        end = time.perf_counter() + seconds
        for number, name in enumerate(names):
            if applicable(name, self.log):
                deadline = _share(end, len(names) - number)
                with self._until(end):
                    found = search_part(name, events, messages, self.reader, self.log, deadline, end)
                if not found.complete or found.schedule is not None:
                    return False
        return True

    def story(self, name: str, seconds: float) -> Counterexample | None:
        """The shortest counterexample that tells the whole log, every event; None: none found."""
        if not applicable(name, self.log):
            return None
        end = time.perf_counter() + seconds
        return self._counterexample(self._search(name, end, end, None, self._everything))

    def _search(
        self, name: str, deadline: float, end: float, progress: Progress | None, only: int | None
    ) -> Found:
        with self._until(end):
            if only is None and len(self.parts) > 1:
                found = search_apart(name, self.parts, self.reader, self.log, deadline, end, progress)
                if found is not None:
                    return found
            fault = FAULTS[name](self.log)
            return Search(
                fault, self.log, self.states, self.reader, self.reference, deadline, progress, end, only
            ).run()

    @contextmanager
    def _until(self, deadline: float) -> Iterator[None]:
        """What runs within is stopped at the deadline."""
        guard = self.database.guard
        guard.deadline = deadline
        guard.stop_clock()
        try:
            yield
        finally:
            guard.deadline = float("inf")
            guard.stop_clock()
            self.states.recover()

    @property
    def _everything(self) -> int:
        return (1 << self.log.events) - 1

    def _judged(self, name: str, found: Found, seconds: float) -> FaultVerdict:
        counterexample = self._counterexample(found)
        if counterexample is not None:
            outcome = "diverges"
        elif not found.complete:
            outcome = "undecided"
        else:
            counterexample = self._unexpected()
            outcome = "replay-safe" if counterexample is None else "unexpected-result"
        return FaultVerdict(
            fault=name,
            verdict=outcome,  # type: ignore[arg-type]
            nodes=found.nodes,
            transitions=found.transitions,
            seconds=seconds,
            counterexample=counterexample,
            orders=orders(name, self.log),
            depth=None if found.complete else found.deep,
        )

    def _counterexample(self, found: Found) -> Counterexample | None:
        if found.schedule is None:
            return None
        rows, versus_rows = (
            self.reader.rows(found.state),
            self.reader.rows(self.reference.state(found.delivered)),
        )
        return Counterexample(found.schedule, self.without_fault(found.delivered), rows, versus_rows)

    def without_fault(self, delivered: int) -> Schedule:
        """The reference's schedule: each delivered message once, in log order."""
        first = {message for event, message in enumerate(self.scenario.messages) if delivered >> event & 1}
        return tuple(Step("deliver", event) for event in sorted(first))

    def _unexpected(self) -> Counterexample | None:
        """The whole log without a fault, where its result is not the expected one."""
        expected = self.scenario.expect
        if expected is None:
            return None
        everything = self._everything
        rows = self.reader.rows(self.reference.state(everything))
        if _as_expected(rows, expected, self.scenario.name):
            return None
        return Counterexample(self.without_fault(everything), (), rows, tuple(expected))

    def _forgotten(self, end: float) -> tuple[tuple[Forgotten, ...], bool]:
        until = max(end, time.perf_counter() + 0.5)
        try:
            return forgotten_fields(self.states, self.reference, self.scenario, until), True
        except OutOfTime:
            return (), False

    def _notes(self, complete: bool) -> Iterable[str]:
        for event, reason in sorted(self.reference.refused.items()):
            yield f"The database refuses event {event + 1} even without a fault ({reason})."
        if not complete:
            yield "Which fields the tables forget was not found out: the time was up."

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def redelivery(names: Sequence[str]) -> str:
    """How often an event may come again under these faults, in words."""
    limited = [name for name in names if name not in _UNLIMITED]
    if not limited:
        return "any number"
    return "none" if len(limited) == len(names) else f"any number; none under {', '.join(limited)}"


def _share(end: float, faults: int) -> float:
    """The deadline of the next of so many faults."""
    now = time.perf_counter()
    return now + max(end - now, 0) / faults


def _as_expected(
    rows: Iterable[Mapping[str, Value]], expected: Sequence[Mapping[str, Value]], name: str
) -> bool:
    """Whether the rows are the expected ones, in any order, as far as their columns are named."""
    columns = tuple(expected[0]) if expected else ()
    for row in expected:
        if tuple(sorted(row)) != tuple(sorted(columns)):
            raise UserError(f"{name}: the rows of [expect] must all have the same columns.")
    seen = list(rows)
    for column in columns:
        if seen and column not in seen[0]:
            raise UserError(f"{name}: [expect] names {column!r}, but the reader sees {', '.join(seen[0])}.")
    return Counter(_chosen(row, columns) for row in seen) == Counter(
        _chosen(row, columns) for row in expected
    )


def _chosen(row: Mapping[str, Value], columns: tuple[str, ...]) -> tuple[Value, ...]:
    return tuple(row[column] for column in columns)
