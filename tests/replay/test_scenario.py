"""Scenarios: read from a folder, by name; every bad input is one clear sentence that names its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay.check import check
from dataeng_tui.replay.scenario import builtin_names, load

TOML = 'title = "mine"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "scenario.toml").write_text(TOML)
    (place / "schema.sql").write_text("CREATE TABLE t (id INTEGER PRIMARY KEY, v);")
    (place / "write.sql").write_text("INSERT OR REPLACE INTO t VALUES (:id, :v);")
    (place / "events.jsonl").write_text('{"id": 1, "v": true}\n\n{"id": 2, "v": {"a": [1]}}\n')
    return place


def test_values_become_what_sqlite_takes(folder: Path) -> None:
    scenario = load(folder)
    assert [dict(event.fields) for event in scenario.events] == [
        {"id": 1, "v": 1},
        {"id": 2, "v": '{"a":[1]}'},
    ]
    assert check(scenario, ["reorder"]).verdict == "replay-safe"


def test_the_file_itself_names_its_folder(folder: Path) -> None:
    assert load(folder / "scenario.toml").name == load(folder).name == "mine"


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def toml(text: str) -> Callable[[Path], object]:
    return write("scenario.toml", TOML + text)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (write("scenario.toml", "title = "), ["scenario.toml", "not valid TOML"]),
        (toml("titel = 1"), ["unknown key 'titel'", "Did you mean 'title'"]),
        (toml("[delivery]\nfault = []"), ["[delivery]", "'fault'", "'faults'"]),
        (write("scenario.toml", "title = 5"), ["title must be a text", "5"]),
        (toml("delivery = 3"), ["delivery must be a table"]),
        (toml("write = []"), ["write names no file"]),
        (toml('write = ["other.sql"]'), ["other.sql", "missing"]),
        (toml('[delivery]\nfaults = ["lost-akc"]'), ["no fault 'lost-akc'", "lost-ack"]),
        (toml("[delivery]\nfaults = []"), ["faults is empty"]),
        (toml('[delivery]\npartition_by = "key"'), ["partition_by", "'key'", "event 1"]),
        (toml('[delivery]\nmessage = ["mid"]'), ["message", "'mid'", "event 1"]),
        (toml("[budget]\nseconds = 0"), ["seconds must be a number above 0"]),
        (toml("[expect]\nrows = 4"), ["rows must be a list"]),
        (toml('ignore = ["v"]'), ["table.column"]),
        (toml('ignore = ["t.w"]'), ["t.w", "schema does not have"]),
        (toml('dialect = "oracle"'), ["oracle"]),
        (toml('observe = "SELECT 1; SELECT 2"'), ["observe must be one SELECT"]),
        (toml('observe = "SELECT absent FROM t"'), ["observe", "no such column: absent"]),
        (toml('observe = "DELETE FROM t"'), ["observe"]),
        (toml("[expect]\nrows = [{ x = 1 }]"), ["[expect]", "'x'", "id, v"]),
        (toml("[expect]\nrows = [{ id = 1 }, { v = 1 }]"), ["same columns"]),
        (lambda folder: (folder / "schema.sql").unlink(), ["schema.sql", "missing"]),
        (lambda folder: (folder / "events.jsonl").unlink(), ["events.jsonl", "missing"]),
        (write("events.jsonl", ""), ["events.jsonl", "no event"]),
        (write("events.jsonl", '{"id": 1'), ["events.jsonl, line 1", "not JSON"]),
        (write("events.jsonl", '{"id": 1, "v": 1}\n[1]'), ["line 2", "must be a JSON object"]),
        (write("events.jsonl", '{"id": 99999999999999999999}'), ["id", "64 bits"]),
        (write("events.jsonl", '{"id": 1, "v": "\\ud800"}'), ["v", "surrogate"]),
        (write("events.jsonl", "[" * 100_000), ["line 1"]),
        (lambda folder: (folder / "write.sql").write_bytes(b"\xff\xfe"), ["write.sql", "UTF-8"]),
        (write("write.sql", "-- nothing"), ["write.sql", "no statement"]),
        (write("write.sql", "INSERT INT t VALUES (1)"), ["write.sql", "syntax error"]),
        (write("write.sql", "INSERT INTO u VALUES (:id)"), ["write.sql", "no such table: u"]),
        (write("write.sql", "INSERT INTO t VALUES (:id, :w)"), ["write.sql", ":w", "event 1", "id, v"]),
        (write("write.sql", "INSERT INTO t VALUES (?, 1)"), ["write.sql", "parameter needs the name"]),
        (write("schema.sql", "CREATE TABEL t"), ["schema.sql", "syntax error"]),
        (write("schema.sql", ""), ["no table"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(folder: Path, damage: Callable[[Path], object], words: list[str]) -> None:
    damage(folder)
    with pytest.raises(UserError) as caught:
        check(load(folder))
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence, sentence


def test_two_lines_of_one_message_are_one_message(folder: Path) -> None:
    (folder / "events.jsonl").write_text('{"id": 1, "v": 1}\n{"id": 2, "v": 1}\n{"id": 1, "v": 1}\n')
    toml('[delivery]\nmessage = ["id"]')(folder)
    scenario = load(folder)
    assert scenario.messages == (0, 1, 0)
    assert check(scenario, ["reorder", "lost-ack"]).verdict == "replay-safe"
    write("write.sql", "INSERT INTO t VALUES (:id, :v) ON CONFLICT DO UPDATE SET v = v + 1")(folder)
    found = check(load(folder), ["reorder"]).faults[0]
    assert found.verdict == "diverges"
    assert found.counterexample is not None
    assert found.counterexample.length == 2  # both lines of one message
    (folder / "events.jsonl").write_text('{"id": 1, "v": 1}\n{"id": 1, "v": 2}\n')
    with pytest.raises(UserError, match="events 1 and 2 have the same id but differ"):
        load(folder)


def test_a_name_that_is_none(folder: Path) -> None:
    with pytest.raises(UserError, match="did you mean the built-in 'additive'"):
        load("aditive")
    with pytest.raises(UserError, match="is not a folder"):
        load(folder / "write.sql")


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_is_told_in_three_lines(name: str) -> None:
    scenario = load(name)
    assert scenario.builtin
    assert len(scenario.about.split("\n")) == 3
    assert scenario.expect is not None
