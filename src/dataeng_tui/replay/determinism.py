"""SQL whose effect is not decided by rows and event: found in SQLite's own plan, defaults included."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.replay.program import tokens

CLOCK = {"current_timestamp", "current_date", "current_time"}
DATES = {"date", "time", "datetime", "julianday", "strftime", "unixepoch"}
_CHANCE = {"random", "randomblob"}
_MEMORY = {"last_insert_rowid", "total_changes"}  # of the connection, from before the transaction

Plan = Sequence[tuple[Any, ...]]


def called(plan: Plan) -> set[str]:
    """The functions that the plan calls, in small letters."""
    return {str(step[5]).split("(")[0].lower() for step in plan if step[1] in {"Function", "PureFunc"}}


def asks_the_clock(plan: Plan, sql: str, values: Sequence[object]) -> str:
    """What in the plan depends on the time of day; empty if nothing.

    ``sql`` is the statement and the schema, where a call without a time shows; ``values`` are the events'.
    """
    functions = called(plan)
    for name in sorted(CLOCK & functions):
        return name.upper()
    if not DATES & functions:
        return ""
    texts = [step[5] for step in plan if step[1] in {"String8", "String"}]
    now = any(isinstance(text, str) and text.lower() == "now" for text in [*texts, *values])
    return f"{min(DATES & functions)}('now')" if now or _without_time(sql) else ""


def _without_time(sql: str) -> bool:
    """Whether a date function is called with no time: ``datetime()``, ``strftime('%Y')``."""
    found = [token for token in tokens(sql) if token.kind != "blank"]
    for place, token in enumerate(found[:-2]):
        if token.kind == "word" and token.text.lower() in DATES and found[place + 1].text == "(":
            after = [other.text for other in found[place + 2 : place + 4]]
            if after[0] == ")" or (token.text.lower() == "strftime" and after[1:] == [")"]):
                return True
    return False


def refuse(plan: Plan, sql: str, values: Sequence[object], where: str, *, first: bool, clock: bool) -> None:
    """Raise UserError where the plan's effect is a matter of chance, of time, or of what ran before it.

    ``first``: nothing of the same transaction has written before it; ``clock``: the scenario has one.
    """
    functions = called(plan)
    for name in sorted(functions & _CHANCE):
        raise UserError(
            f"{where}: {name}() gives something else each time, so nothing can be proved: "
            "make the value a field of the event."
        )
    for name in sorted(functions & _MEMORY) + (["changes"] if first and "changes" in functions else []):
        raise UserError(
            f"{where}: {name}() depends on what the connection did before this transaction: "
            "read the value from the table, e.g. SELECT id AS new FROM … WHERE …, and write :new after it."
        )
    asked = "" if clock else asks_the_clock(plan, sql, values)
    if asked:
        raise UserError(
            f"{where}: {asked} asks the clock, so the same schedule gives something else each time: make "
            "the time a field of the event, or stop the clock in scenario.toml:  "
            'clock = "2021-12-01 12:00:00"'
        )


def stop_clock(connection: sqlite3.Connection, clock: str, name: str) -> None:
    """Let it always be ``clock`` for the connection's SQL. Raises UserError where that is no time."""
    try:
        moment = datetime.fromisoformat(clock).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise UserError(
            f'{name}: clock must be a time such as "2021-12-01 12:00:00", not {clock!r}.'
        ) from None
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def standing(function: str, *arguments: object) -> Any:
        least = 1 if function == "strftime" else 0  # before the time comes the format
        given = [moment if isinstance(a, str) and a.lower() == "now" else a for a in arguments]
        if len(given) == least:
            given.append(moment)
        marks = ", ".join("?" * len(given))
        return plain.execute(f"SELECT {function}({marks})", given).fetchone()[0]

    connection.execute("PRAGMA trusted_schema = ON")  # so that defaults may call these, too
    for function in sorted(DATES):
        connection.create_function(function, -1, lambda *a, f=function: standing(f, *a), deterministic=True)
    for function, kind in (
        ("current_timestamp", "datetime"),
        ("current_date", "date"),
        ("current_time", "time"),
    ):
        connection.create_function(function, 0, lambda k=kind: standing(k, moment), deterministic=True)
