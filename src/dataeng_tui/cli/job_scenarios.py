"""A streaming job as a scenario of the replay sandbox: an event is a micro-batch, in one transaction."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from dataeng_tui.errors import UserError

if TYPE_CHECKING:
    from dataeng_tui.jobs import Job

Row = Mapping[str, Any]

# What made-up batches bring: to which key each row belongs. The first key comes again twice, the second once.
_KEYS = ((1, 2), (1, 3), (2, 1))


def write_scenario(job: "Job[Any, Any]", folder: Path, dialect: str) -> Path:
    """The scenario's files in ``folder``; its batches are the job's ``samples``, else made up from its table.

    A batch of two rows is the SQL twice in one transaction, its parameters numbered by the row. Raises
    UserError for a job without a table, or with samples of different lengths.
    """
    from dataeng_tui.jobs import bind, parameters

    if not job.schema:
        raise UserError(f"{job.name}: give the job schema=, its table's CREATE TABLE, to be checked on.")
    names = parameters(job.sql)
    batches = list(job.samples) or list(_made_up(job, names))
    if len({len(batch) for batch in batches}) != 1 or not batches[0]:
        raise UserError(f"{job.name}: every batch of its samples must have as many rows as the first.")
    missing = [n for batch in batches for row in batch for n in names if n not in row]
    if missing:
        raise UserError(f"{job.name}: a row of its samples has no {missing[0]!r}, which its SQL wants.")
    once = bind(job.sql, "format")
    write = [once % tuple(f":{name}_{row}" for name in names) for row in range(1, len(batches[0]) + 1)]
    events = [
        {f"{n}_{i}": _plain(row[n]) for i, row in enumerate(batch, 1) for n in dict.fromkeys(names)}
        for batch in batches
    ]
    files = {
        "schema.sql": job.schema + "\n;\n",
        "write.sql": "".join(f"{statement.strip().rstrip(';')}\n;\n" for statement in write),
        "events.jsonl": "".join(_line(job, event) + "\n" for event in events),
        "scenario.toml": _TOML.format(
            title=json.dumps(f"{job.name}, an event a micro-batch"), dialect=dialect
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


_TOML = """\
title   = {title}
events  = "events.jsonl"
schema  = "schema.sql"
write   = ["write.sql"]
dialect = "{dialect}"

[delivery]
faults = ["lost-ack", "rewind"]   # the batch in hand again; everything again, from another checkpoint
"""


def _line(job: "Job[Any, Any]", event: Row) -> str:
    try:
        return json.dumps(event)
    except TypeError as error:  # "Object of type bytes is not JSON serializable"
        raise UserError(f"{job.name}: its samples cannot be written down as JSON: {error}.") from None


def _made_up(job: "Job[Any, Any]", names: Sequence[str]) -> Iterator[Sequence[Row]]:
    keys = _key_columns(job)
    hints = get_type_hints(job.row) if job.row else {}
    number = 0
    for batch in _KEYS:
        rows = []
        for key in batch:
            number += 1
            rows.append(
                {name: _value(hints.get(name), key if name in keys else 100 * number) for name in names}
            )
        yield rows


def _key_columns(job: "Job[Any, Any]") -> set[str]:
    """The columns of the primary key of the table that the job's schema makes."""
    with closing(sqlite3.connect(":memory:")) as scratch:
        try:
            scratch.execute(job.schema)
            tables = [
                name for (name,) in scratch.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            columns = [
                row
                for table in tables
                for row in scratch.execute("SELECT * FROM pragma_table_info(?)", [table])
            ]
        except sqlite3.Error as error:
            raise UserError(
                f"{job.name}: its schema cannot be read ({error}): give the job samples=."
            ) from None
    return {name for _, name, _, _, _, in_key in columns if in_key}


def _value(hint: Any, number: int) -> Any:
    """The ``number``-th value of a field's type; a whole number where the job does not tell."""
    kinds = [part for part in getattr(hint, "__args__", ()) if part is not type(None)] or [hint]
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=number)
    made: dict[Any, Any] = {str: f"value-{number}", float: number / 4, datetime: at, date: at.date()}
    return made.get(kinds[0], number)


def _plain(value: Any) -> Any:
    """A value of a sample for JSON: times as text, decimals as numbers."""
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
