"""A scenario: the log of events, the schema, the write, and what is asked of them. A folder on disk."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.replay.delivery import FAULTS
from dataeng_tui.replay.program import Transaction
from dataeng_tui.replay.source import compiled
from dataeng_tui.resources import sql_folder

Value = None | int | float | str | bytes
FILE = "scenario.toml"
_KEYS: dict[str, set[str]] = {
    "": {
        "title",
        "events",
        "schema",
        "write",
        "observe",
        "dialect",
        "ignore",
        "delivery",
        "expect",
        "budget",
        "clock",
    },
    "delivery": {"message", "partition_by", "faults"},
    "expect": {"rows"},
    "budget": {"seconds"},
}


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the log. ``number`` counts from 1; ``fields`` are the SQL's named parameters."""

    number: int
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a check needs, read and frozen; no SQL has been run yet.

    ``messages[i]`` is the index of the first event with the message of event ``i`` (mostly ``i`` itself);
    ``partitions[i]`` is the value by which event ``i`` is partitioned.
    """

    name: str
    title: str
    events: tuple[Event, ...]
    schema: tuple[str, ...]  # statements
    transactions: tuple[Transaction, ...]
    messages: tuple[int, ...]
    partitions: tuple[Value, ...]
    observe: str | None = None
    dialect: str = "sqlite"
    ignore: tuple[str, ...] = ()  # "table.column"
    faults: tuple[str, ...] = tuple(FAULTS)
    expect: tuple[Mapping[str, Value], ...] | None = None
    seconds: float | None = None  # the budget; None: the settings'
    clock: str | None = None  # a fixed "now" for the SQL's clock functions, ISO 8601
    about: str = ""  # the comment at the head of scenario.toml
    folder: Path | None = None
    builtin: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)  # the write's files as the author wrote them


def builtin_names() -> tuple[str, ...]:
    """The built-in scenarios' names, in the order in which they tell their story."""
    order = (sql_folder() / "replay" / "order.txt").read_text(encoding="utf-8").split()
    return tuple(order)


def load(where: str | Path, events: tuple[Event, ...] | None = None) -> Scenario:
    """The scenario in the folder ``where``, or the built-in of that name, with its own log or ``events``.

    Raises UserError, naming the file, for everything that is missing, unknown or of the wrong kind.
    """
    folder, builtin = Path(where), False
    if not folder.exists():
        if str(where) not in builtin_names():
            close = get_close_matches(str(where), builtin_names(), 1)
            hint = f"did you mean the built-in {close[0]!r}?" if close else "see  dataeng-tui replay list"
            raise UserError(f"There is no scenario folder {where}, and no built-in of that name: {hint}")
        folder, builtin = sql_folder() / "replay" / str(where), True
    if folder.name == FILE:
        folder = folder.parent
    return read(folder, builtin=builtin, log=events)


def read(folder: Path, *, builtin: bool = False, log: tuple[Event, ...] | None = None) -> Scenario:
    """The scenario in ``folder``. Raises UserError as ``load`` does."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: a scenario is a folder with a {FILE}.")
    file = folder / FILE
    text = _text(file)
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not valid TOML: {error}.") from None
    shape = _Shape(str(file), settings)
    events = log or read_events(folder / shape.text("events", "events.jsonl"))
    delivery, expect, budget = shape.table("delivery"), shape.table("expect"), shape.table("budget")
    dialect = shape.text("dialect", "sqlite")
    files = shape.texts("write", ("write.sql",))
    if not files:
        raise UserError(f'{file}: write names no file: give at least one, e.g. write = ["write.sql"].')
    sources = {name: _text(folder / name) for name in files}
    schema_file = folder / shape.text("schema", "schema.sql")
    observe = shape.text("observe", "") or None
    program = compiled(dialect, _text(schema_file), sources, observe, folder, file)
    return Scenario(
        name=folder.resolve().name,
        title=shape.text("title", folder.resolve().name),
        events=events,
        schema=program.schema,
        transactions=program.transactions,
        messages=_messages(events, delivery.texts("message", ()), str(file)),
        partitions=_partitions(events, delivery.text("partition_by", "") or None, str(file)),
        observe=program.observe,
        dialect=dialect,
        ignore=_ignored(shape.texts("ignore", ()), str(file)),
        faults=_faults(delivery.texts("faults", tuple(FAULTS)), str(file)),
        expect=expect.rows("rows"),
        seconds=budget.number("seconds"),
        clock=shape.text("clock", "") or None,
        about=_head(text),
        folder=folder,
        builtin=builtin,
        sources=sources,
    )


def read_events(file: Path) -> tuple[Event, ...]:
    """The log in ``file``: a JSON object a line. Raises UserError with the number of a bad line."""
    events: list[Event] = []
    for number, line in enumerate(_text(file).split("\n"), 1):
        if line.strip():
            events.append(Event(len(events) + 1, event_fields(line, f"{file}, line {number}")))
    if not events:
        raise UserError(f"{file} has no event: write a JSON object a line.")
    return tuple(events)


def event_fields(line: str, where: str) -> Mapping[str, Value]:
    """A line of a log as named parameters: objects and lists as JSON text, true and false as 1 and 0.

    Raises UserError, with ``where`` in its sentence, for anything that is not a JSON object.
    """
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON: {error}.") from None
    except RecursionError:
        raise UserError(f"{where} is nested too deeply.") from None
    if not isinstance(fields, dict):
        raise UserError(f'{where} must be a JSON object, e.g. {{"id": 1}}, not {line.strip()[:60]}.')
    return {
        name: value if type(value) is str and value.isascii() else _value(value, f"{where}: {name}")
        for name, value in fields.items()
    }


def _value(value: Any, where: str) -> Value:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UserError(f"{where} does not fit into 64 bits: write it as a text.")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UserError(f"{where} has half of a surrogate pair, which is no text.") from None
    if isinstance(value, float) and value != value:
        return None  # what SQLite makes of NaN
    assert value is None or isinstance(value, int | float | str)
    return value


def _messages(events: tuple[Event, ...], fields: tuple[str, ...], file: str) -> tuple[int, ...]:
    if not fields:
        return tuple(range(len(events)))
    first: dict[object, int] = {}
    found = []
    for index, event in enumerate(events):
        key = json.dumps([_field(event, name, file, "message") for name in fields])
        known = first.setdefault(key, index)
        if events[known].fields != event.fields:
            raise UserError(
                f"{file}: events {known + 1} and {event.number} have the same {', '.join(fields)} but differ "
                "elsewhere, so they are not one message: name what tells them apart in [delivery] message."
            )
        found.append(known)
    return tuple(found)


def _partitions(events: tuple[Event, ...], name: str | None, file: str) -> tuple[Value, ...]:
    if name is None:
        return (None,) * len(events)
    return tuple(_field(event, name, file, "partition_by") for event in events)


def _field(event: Event, name: str, file: str, what: str) -> Value:
    if name not in event.fields:
        raise UserError(
            f"{file}: [delivery] {what} names {name!r}, which event {event.number} does not have."
        )
    return event.fields[name]


def _faults(names: tuple[str, ...], file: str) -> tuple[str, ...]:
    for name in names:
        if name not in FAULTS:
            raise UserError(f"{file}: there is no fault {name!r}. Known: {', '.join(FAULTS)}.")
    if not names:
        raise UserError(f"{file}: faults is empty: leave it out for all of them.")
    return tuple(dict.fromkeys(names))


def _ignored(names: tuple[str, ...], file: str) -> tuple[str, ...]:
    for name in names:
        if name.count(".") != 1:
            raise UserError(f'{file}: ignore takes "table.column", not {name!r}.')
    return names


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"The scenario's file {file} is missing.") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text.") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None


def _head(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return "\n".join(lines)


class _Shape:
    """A table of scenario.toml, whose values are asked for by kind."""

    def __init__(self, file: str, values: Mapping[str, Any], name: str = "") -> None:
        self.where = f"{file}: [{name}]" if name else file
        self.file, self.values = file, values
        for key in values:
            if key not in _KEYS[name]:
                close = get_close_matches(key, _KEYS[name], 1)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(sorted(_KEYS[name]))}."
                raise UserError(f"{self.where} has an unknown key {key!r}. {hint}")

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.values.get(key, default)
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of texts")
        return tuple(value)

    def number(self, key: str) -> float | None:
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise self._wrong(key, "a number above 0")
        return float(value)

    def rows(self, key: str) -> tuple[Mapping[str, Value], ...] | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self._wrong(key, "a list of tables, e.g. [{ id = 1, sent = 1100 }]")
        return tuple(
            {name: _cell(cell, f"{self.where} {key}") for name, cell in row.items()} for row in value
        )

    def table(self, key: str) -> "_Shape":
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, f"a table, [{key}]")
        return _Shape(self.file, value, key)

    def _wrong(self, key: str, kind: str) -> UserError:
        return UserError(f"{self.where}: {key} must be {kind}, not {self.values[key]!r}.")


def _cell(value: Any, where: str) -> Value:
    return _value(value.isoformat(sep=" ") if hasattr(value, "isoformat") else value, where)
