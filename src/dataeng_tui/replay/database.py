"""A scenario's database, in memory and guarded: schema run, write compiled, one transaction at a time."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from dataeng_tui.errors import UserError
from dataeng_tui.replay.determinism import Plan, refuse, stop_clock
from dataeng_tui.replay.dialects import STAGING, not_exact
from dataeng_tui.replay.guard import Guard
from dataeng_tui.replay.program import Statement, words
from dataeng_tui.replay.scenario import Scenario, Value

Locals = tuple[
    Value, ...
]  # what the SELECTs of a delivery have bound so far, in the order of ``Database.locals``
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The database would not take the transaction (a constraint); it is rolled back and the delivery ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``columns`` are stored, ``shown`` adds generated ones; ``key``: an INTEGER PRIMARY KEY."""

    name: str
    columns: tuple[str, ...]
    shown: tuple[str, ...]
    key: int | None
    rowid: str | None  # the name by which the rowid can be had; None: WITHOUT ROWID

    @property
    def quoted(self) -> str:
        """The name as SQL takes it."""
        return quote(self.name)


def quote(name: str) -> str:
    """``name`` as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Bound:
    """A compiled statement: for each parameter the field's name or a local's index; the locals it binds."""

    sql: str
    file: str
    parameters: tuple[str | int, ...]
    binds: tuple[int, ...]


class Database:
    """An open scenario. Raises UserError, with the file and SQLite's words, where its SQL does not hold."""

    def __init__(self, scenario: Scenario, statement_seconds: float = 5.0) -> None:
        self.scenario = scenario
        self.guard = Guard(statement_seconds)
        self.connection = self.guard.connection
        try:
            if scenario.clock is not None:
                stop_clock(self.connection, scenario.clock, scenario.name)
            self._define()
            # A schema may switch foreign keys off, as other databases do not enforce them either.
            self.foreign_keys = self.connection.execute("PRAGMA foreign_keys").fetchone()[0]
            self.tables = self._tables()
            self.locals: list[str] = []
            self.program = self._compile()
            self.columns = self._observed_columns()
        except BaseException:
            self.guard.close()
            raise

    def _define(self) -> None:
        where = str(self.scenario.folder / "schema.sql") if self.scenario.folder else "schema.sql"
        for sql in self.scenario.schema:
            if "DEFERRED" in words(sql):
                raise UserError(
                    f"{where}: a DEFERRED foreign key is looked at when a transaction commits, which is not "
                    "replayed here: leave DEFERRABLE INITIALLY DEFERRED out, and each statement is checked."
                )
            self.guard.run("schema", lambda sql=sql: self._run_schema(sql), where)  # type: ignore[misc]

    def _run_schema(self, sql: str) -> None:
        self.connection.execute("EXPLAIN " + sql).fetchall()  # never served from the statement cache unseen
        self.connection.execute(sql).fetchall()

    def _tables(self) -> tuple[Table, ...]:
        names = self.connection.execute(
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
            "AND name NOT LIKE 'sqlite@_%' ESCAPE '@' AND name NOT GLOB ? ORDER BY name",
            ("" if self.scenario.dialect == "sqlite" else f"{STAGING}*",),
        ).fetchall()
        if not names:
            raise UserError(f"{self.scenario.name}: the schema creates no table.")
        return tuple(self._table(name, not without) for name, without in names)

    def _table(self, name: str, rowid: bool) -> Table:
        info = self.connection.execute(
            "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", (name,)
        ).fetchall()
        stored = [column for column in info if column[3] == 0]
        keys = [i for i, column in enumerate(stored) if column[2]]
        taken = {column[0].lower() for column in stored}
        free = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)
        alone = len(keys) == 1 and rowid and stored[keys[0]][1].upper() == "INTEGER"
        # "INTEGER PRIMARY KEY DESC" is not the rowid, which shows by an index of its own.
        alone = (
            alone
            and not self.connection.execute(
                "SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'", (name,)
            ).fetchone()
        )
        columns = tuple(column[0] for column in stored)
        shown = tuple(column[0] for column in info if column[3] != 1)
        return Table(name, columns, shown, keys[0] if alone else None, free if rowid else None)

    def _compile(self) -> tuple[tuple[Bound, ...], ...]:
        program = []
        for part in self.scenario.transactions:
            self._written = False
            program.append(tuple(self._bound(statement) for statement in part.statements))
        return tuple(program)

    def _bound(self, statement: Statement) -> Bound:
        missing: dict[str, int] = {}
        for event in self.scenario.events:
            for name in statement.parameters:
                if name not in self.locals and name not in event.fields:
                    missing.setdefault(name, event.number)
        if missing:
            name, number = next(iter(missing.items()))
            fields = ", ".join(self.scenario.events[number - 1].fields)
            raise UserError(
                f"{statement.file}: :{name} is neither a field of event {number} "
                f"nor bound by a SELECT before it (the event has {fields})."
            )
        parameters = tuple(self.locals.index(n) if n in self.locals else n for n in statement.parameters)
        return Bound(
            statement.bound, statement.file, parameters, tuple(map(self._local, self._result(statement)))
        )

    def _local(self, name: str) -> int:
        if name not in self.locals:
            self.locals.append(name)
        return self.locals.index(name)

    def _result(self, statement: Statement) -> tuple[str, ...]:
        """The columns of the statement's result; this also asks the authorizer and the parser."""
        nothing = (None,) * len(statement.parameters)
        names: list[str] = []

        def prepare() -> None:
            plan = self.connection.execute("EXPLAIN " + statement.bound, nothing).fetchall()
            self._refuse_chance(plan, statement.sql, statement.file, first=not self._written)
            if not any(step[1] == "Transaction" and step[3] for step in plan):  # it only reads
                cursor = self.connection.execute(statement.bound, nothing)
                names.extend(column[0] for column in cursor.description or ())
            else:
                self._written = True

        self.guard.run("write", prepare, statement.file)
        return tuple(names)

    _written = False  # whether a statement of the transaction being compiled writes

    def _refuse_chance(self, plan: Plan, sql: str, where: str, *, first: bool) -> None:
        values = [value for event in self.scenario.events for value in event.fields.values()]
        whole = ";".join((sql, *self.scenario.schema))
        refuse(plan, whole, values, where, first=first, clock=self.scenario.clock is not None)

    def _observed_columns(self) -> tuple[str, ...]:
        if self.scenario.observe is None:
            return ()
        names: list[str] = []
        where = f"{self.scenario.name}: observe"

        def prepare() -> None:
            assert self.scenario.observe is not None
            plan = self.connection.execute("EXPLAIN " + self.scenario.observe).fetchall()
            self._refuse_chance(plan, self.scenario.observe, where, first=True)
            cursor = self.connection.execute(self.scenario.observe)
            names.extend(column[0] for column in cursor.description or ())

        self.guard.run("write", prepare, where)
        if not names:
            raise UserError(f"{where} must be a SELECT.")
        return tuple(names)

    def arguments(self, event: Mapping[str, Value], bound: Bound, values: Locals) -> tuple[Value, ...]:
        """The statement's parameters for this event and these locals."""
        return tuple(values[p] if isinstance(p, int) else event[p] for p in bound.parameters)

    def no_locals(self) -> Locals:
        """What a delivery starts with."""
        return (None,) * len(self.locals)

    def run(self, event: Mapping[str, Value], transaction: int, values: Locals) -> Locals | Refused:
        """Run one transaction of the write for ``event``, inside what is open already; its locals after it.

        A refused one is undone. Raises UserError where the SQL fails for any other reason.
        """
        connection = self.connection
        connection.execute("SAVEPOINT delivery")
        self.guard.start_clock()
        file = self.scenario.transactions[transaction].file
        try:
            for bound in self.program[transaction]:
                cursor = connection.execute(bound.sql, self.arguments(event, bound, values))
                if bound.binds:
                    values = _with_result(values, bound, cursor)
        except (sqlite3.Error, MemoryError, OverflowError) as error:
            reason = self.reason(error, file)
            connection.execute("ROLLBACK TO delivery")
            return Refused(reason)
        finally:
            self.guard.stop_clock()
            if connection.in_transaction:
                connection.execute("RELEASE delivery")
        return values

    def reason(self, error: BaseException, file: str) -> str:
        """Why the database refused a transaction. Raises UserError where the error is the SQL's own fault."""
        if not self.connection.in_transaction:
            if not isinstance(
                error, sqlite3.IntegrityError
            ):  # an interrupted write is rolled back as a whole
                raise self.guard.complaint(error, file) from None
            raise UserError(f"{file}: a conflict's ROLLBACK ended the transaction: write ABORT.") from None
        if isinstance(error, sqlite3.IntegrityError):
            if self.scenario.dialect != "sqlite" and (why := not_exact(str(error))):
                raise UserError(f"{file}: {why}.") from None
            return str(error)
        raise self.guard.complaint(error, file) from None

    @property
    def reads(self) -> set[tuple[str, str]]:
        """The columns that the write and the reader look at: (table, column), in small letters."""
        return self.guard.reads

    def rows(self, table: Table, columns: tuple[str, ...] = ()) -> list[Row]:
        """The table's rows, each with its rowid (None where there is none) before its columns."""
        names = ", ".join(map(quote, columns or table.columns))
        key = table.rowid or "NULL"
        return self.connection.execute(f"SELECT {key}, {names} FROM {table.quoted}").fetchall()

    def observe(self) -> list[Row]:
        """What the reader's query gives now; only for a scenario that has one."""
        assert self.scenario.observe is not None
        found: list[Row] = []
        run = self.connection.execute
        query = self.scenario.observe
        self.guard.run("write", lambda: found.extend(run(query)), f"{self.scenario.name}: observe")
        return found

    def close(self) -> None:
        """Let go of the database."""
        self.guard.close()


def _with_result(values: Locals, bound: Bound, cursor: sqlite3.Cursor) -> Locals:
    """The locals after a SELECT: its first row's columns, or nulls where it has no row."""
    row = cursor.fetchone() or (None,) * len(bound.binds)
    cursor.close()
    changed = list(values)
    for index, value in zip(bound.binds, row, strict=True):
        changed[index] = value
    return tuple(changed)
