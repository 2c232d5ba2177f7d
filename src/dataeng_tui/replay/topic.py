"""A dump of a real topic: its events split into groups that share no row, each group checked for itself.

If the rows of every group converge, those of the topic do, whatever else is delivered in between; and
any fault of the topic is, seen from one group, the same fault of that group. Where it is not proved that
the groups share no row, there is nothing to split.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import Run, check
from dataeng_tui.replay.database import Database
from dataeng_tui.replay.footprint import Footprints, footprints
from dataeng_tui.replay.program import tokens
from dataeng_tui.replay.scenario import Event, Scenario, Value, event_fields
from dataeng_tui.replay.verdict import WORST, Verdict

TOGETHER = 25  # groups in one database; more rows make each state longer
EXAMPLES = 5  # counterexamples kept of a part, shortest first
# Words with which a reader's query can see more than one group's rows at a time.
_ACROSS = {"LIMIT", "DISTINCT", "OVER", "WITH", "UNION", "EXCEPT", "INTERSECT", "EXISTS", "IN", "OFFSET"}
_AGGREGATES = {"COUNT", "SUM", "TOTAL", "AVG", "MIN", "MAX", "GROUP_CONCAT", "JSON_GROUP_ARRAY", "HAVING"}


@dataclass(frozen=True, slots=True)
class Group:
    """Events that no other group shares a row with. ``key`` says which rows these are."""

    key: str
    events: tuple[Event, ...]
    messages: tuple[int, ...]
    partitions: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A split dump. ``whole_tables``: the reader's query cannot be split, so that all rows are compared."""

    scenario: Scenario  # without events
    groups: tuple[Group, ...]
    whole_tables: bool

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(len(group.events) for group in self.groups)


@dataclass(frozen=True, slots=True)
class Part:
    """What came of some of the groups: how many had which verdict, and the shortest counterexamples."""

    verdicts: Mapping[str, int]
    events: int
    longest: int  # events of the longest group
    found: tuple[tuple[str, Verdict], ...] = field(default=())

    def __add__(self, other: "Part") -> "Part":
        counts = Counter(self.verdicts) + Counter(other.verdicts)
        found = sorted((*self.found, *other.found), key=lambda item: (_length(item[1]), item[0]))
        longest = max(self.longest, other.longest)
        return Part(dict(counts), self.events + other.events, longest, tuple(found[:EXAMPLES]))

    @property
    def verdict(self) -> str:
        """The worst of the groups'."""
        return next((outcome for outcome in WORST if self.verdicts.get(outcome)), "replay-safe")

    @property
    def exit_code(self) -> int:
        """0 safe, 1 something found, 3 undecided."""
        return {"replay-safe": 0, "undecided": 3}.get(self.verdict, 1)


NOTHING = Part({}, 0, 0)


def read_dump(file: Path) -> tuple[Event, ...]:
    """The events of a dump: JSON lines, or Parquet where pyarrow is installed. Raises UserError."""
    events: list[Event] = []
    for number, fields in enumerate(_parquet(file) if file.suffix == ".parquet" else _lines(file), 1):
        events.append(Event(number, fields))
    if not events:
        raise UserError(f"{file} has no event: a dump is a JSON object a line.")
    return tuple(events)


def _lines(file: Path) -> Any:
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield event_fields(line, f"{file}, line {number}")
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text.") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None


def _parquet(file: Path) -> Any:
    import json

    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("Parquet needs pyarrow: run  pip install pyarrow") from None
    try:
        for batch in parquet.ParquetFile(file).iter_batches():
            for row in batch.to_pylist():
                yield event_fields(json.dumps(row, default=_text), str(file))
    except (OSError, arrow.ArrowException) as error:
        raise UserError(f"{file} cannot be read as Parquet: {error}.") from None


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.hex() if isinstance(value, bytes) else str(value)


def split(scenario: Scenario) -> Topic:
    """The scenario's events in groups. Raises UserError where it is not proved that they share no row."""
    database = Database(scenario)
    try:
        proved = footprints(database)
        members = proved.components() if proved is not None else []
        local = proved is not None and reads_by_group(database, proved, members)
    finally:
        database.close()
    if proved is None:
        raise UserError(
            f"{scenario.name}: it is not proved that events of different keys write different rows, so that "
            "the dump cannot be checked key by key: every statement (of a MERGE, both its ON and its INSERT) "
            "must name its rows by column = :field, and that column must be in every key of the table."
        )
    groups = tuple(_group(scenario, proved, events) for events in members)
    stub = replace(scenario, events=(), messages=(), partitions=(), expect=None, sources={}, about="")
    return Topic(
        stub if local else replace(stub, observe=None), groups, not local and scenario.observe is not None
    )


def _group(scenario: Scenario, proved: Footprints, members: list[int]) -> Group:
    place = {event: index for index, event in enumerate(members)}
    rows = sorted({"/".join(values) for _, values in proved.events[members[0]]})
    return Group(
        ", ".join(rows[:3]),
        tuple(Event(index + 1, scenario.events[event].fields) for index, event in enumerate(members)),
        tuple(place.get(scenario.messages[event], place[event]) for event in members),
        tuple(scenario.partitions[event] for event in members),
    )


def reads_by_group(database: Database, proved: Footprints, groups: Sequence[Sequence[int]]) -> bool:
    """Whether what the reader sees is, for certain, what it sees of each group, put together."""
    query = database.scenario.observe
    if query is None:
        return True
    words = [token.text.upper() for token in tokens(query) if token.kind != "blank"]
    if words.count("SELECT") != 1 or _ACROSS & set(words) or "," in _from(words):
        return False
    if not (_AGGREGATES & set(words) or {"JOIN", "GROUP"} & set(words)):
        return True  # row by row
    if "GROUP" not in words and _AGGREGATES & set(words):
        return False
    return any(_by_key(words, key) for key in _keys(database, proved, groups))


def _by_key(words: Sequence[str], key: str) -> bool:
    """Whether rows meet in the query only where their ``key`` is the same."""
    joined = sum(list(words[at : at + 4]) == ["USING", "(", key, ")"] for at in range(len(words)))
    if words.count("JOIN") != joined:
        return False
    return "GROUP" not in words or list(words[words.index("GROUP") + 1 :][:2]) == ["BY", key]


def _keys(database: Database, proved: Footprints, groups: Sequence[Sequence[int]]) -> set[str]:
    """The columns that every table has and of which no two groups have a value in common."""
    names = [
        {database.tables[number].columns[column].upper() for column in columns}
        for number, columns in proved.columns.items()
    ]
    return {key for key in set.intersection(*names) if _apart(database, proved, groups, key)}


def _apart(database: Database, proved: Footprints, groups: Sequence[Sequence[int]], key: str) -> bool:
    place = {
        number: [database.tables[number].columns[column].upper() for column in columns].index(key)
        for number, columns in proved.columns.items()
    }
    owner: dict[str, int] = {}
    for index, members in enumerate(groups):
        for event in members:
            for number, values in proved.events[event]:
                if owner.setdefault(values[place[number]], index) != index:
                    return False
    return True


def _from(words: Sequence[str]) -> Sequence[str]:
    """The words of the FROM, in which a comma is a join."""
    start = words.index("FROM") if "FROM" in words else len(words)
    ends = [
        words.index(word, start) for word in ("WHERE", "GROUP", "ORDER", "USING") if word in words[start:]
    ]
    return words[start : min(ends, default=len(words))]


def check_groups(stub: Scenario, groups: Sequence[Group], faults: Sequence[str], seconds: float) -> Part:
    """Check these groups one by one, each for at most ``seconds``. Pure: it can run anywhere."""
    total = NOTHING
    for start in range(0, len(groups), TOGETHER):
        some = groups[start : start + TOGETHER]
        for group, safe in zip(some, _safe(stub, some, faults, seconds), strict=True):
            found: tuple[tuple[str, Verdict], ...] = ()
            outcome = "replay-safe"
            if not safe:
                verdict = check(_scenario(stub, [group], seconds), faults, seconds, None, False)
                outcome = verdict.verdict
                found = ((group.key, verdict),) if verdict.exit_code == 1 else ()
            total += Part({outcome: 1}, len(group.events), len(group.events), found)
    return total


def _safe(stub: Scenario, groups: Sequence[Group], faults: Sequence[str], seconds: float) -> list[bool]:
    """Which groups are surely safe: searched one by one in one database, since opening one takes longest."""
    run = Run(_scenario(stub, groups, seconds), apart=False)
    try:
        found, first = [], 0
        for group in groups:
            events = range(first, first + len(group.events))
            found.append(run.safe(faults, events, group.messages, seconds))
            first = events.stop
        return found
    finally:
        run.close()


def _scenario(stub: Scenario, groups: Sequence[Group], seconds: float) -> Scenario:
    """The groups' events in one log."""
    events: list[Event] = []
    messages: list[int] = []
    partitions: list[Value] = []
    for group in groups:
        first = len(events)
        messages += [first + message for message in group.messages]
        events += [Event(first + number, event.fields) for number, event in enumerate(group.events, 1)]
        partitions += group.partitions
    return replace(
        stub,
        events=tuple(events),
        messages=tuple(messages),
        partitions=tuple(partitions),
        seconds=seconds,
    )


def _length(verdict: Verdict) -> int:
    return min((fault.counterexample.length for fault in verdict.faults if fault.counterexample), default=0)
