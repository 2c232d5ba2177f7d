"""A dump of a topic: split only where that is proved, and then the same answer as the joint search."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay import topic as topics
from dataeng_tui.replay.check import check
from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.topic import check_groups, read_dump, split
from dataeng_tui.replay.topic_run import on_cores, on_spark, portions

FAULTS = ("lost-ack", "reorder", "reorder+redelivery")


def dump(file: Path, events: int, keys: int, seed: int = 1) -> Path:
    rng = random.Random(seed)
    with file.open("w") as out:
        for number in range(events):
            key = rng.randrange(keys)
            event = {
                "message_id": f"m{number}",
                "id": key,
                "email": "AB"[key % 2],
                "subject": "S",
                "sent": 100 + number,
            }
            day, second = divmod(number, 86_400)
            event["date"] = (
                f"2021-12-{1 + day:02d} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            )
            out.write(json.dumps(event) + "\n")
    return file


@pytest.mark.parametrize(
    "name", ["additive", "last-arrival", "last-time", "one-to-many", "inbox", "read-modify-write"]
)
def test_the_groups_together_say_what_the_joint_search_says(name: str, tmp_path: Path) -> None:
    for seed in range(6):
        scenario = load(name, read_dump(dump(tmp_path / "dump.jsonl", 5, 3, seed)))
        topic = split(scenario)
        for fault in FAULTS:
            joint = check(scenario, [fault], forget=False).faults[0].verdict
            apart = check_groups(topic.scenario, topic.groups, [fault], 20.0).verdict
            assert (joint == "diverges") == (apart == "diverges"), (seed, fault)


@pytest.mark.parametrize("name", ["additive", "last-arrival", "inbox", "one-to-many"])
def test_groups_that_share_a_database_are_judged_as_each_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = dump(tmp_path / "dump.jsonl", 80, 40).read_text().splitlines()
    again = [line for place, line in enumerate(lines) for _ in range(2 if place % 7 == 0 else 1)]
    (tmp_path / "dump.jsonl").write_text("\n".join(again))  # some messages stand in the log twice
    topic = split(load(name, read_dump(tmp_path / "dump.jsonl")))
    assert len(topic.groups) > topics.TOGETHER

    def judged(fault: str) -> tuple[dict[str, int], list[tuple[str, int | None]]]:
        part = check_groups(topic.scenario, topic.groups, [fault], 20.0)
        assert part.events == len(again)
        worst = [(key, verdict.faults[0].counterexample) for key, verdict in part.found]
        return dict(part.verdicts), [(key, found.length if found else None) for key, found in worst]

    together = [judged(fault) for fault in FAULTS]
    monkeypatch.setattr(topics, "TOGETHER", 1)
    monkeypatch.setattr(topics, "_safe", lambda stub, groups, faults, seconds: [False] * len(groups))
    assert [judged(fault) for fault in FAULTS] == together


def test_a_group_has_all_events_of_its_rows_in_log_order(tmp_path: Path) -> None:
    scenario = load("one-to-many", read_dump(dump(tmp_path / "dump.jsonl", 500, 40)))
    topic = split(scenario)
    assert topic.events == 500
    by_key: dict[object, list[object]] = {}
    for event in scenario.events:
        by_key.setdefault(event.fields["id"], []).append(event.fields["message_id"])
    found = {
        group.events[0].fields["id"]: [e.fields["message_id"] for e in group.events] for group in topic.groups
    }
    assert found == by_key
    assert all(
        [e.number for e in group.events] == list(range(1, len(group.events) + 1)) for group in topic.groups
    )


def own(folder: Path, write: str, observe: str = "", schema: str = "") -> Path:
    folder.mkdir()
    table = "CREATE TABLE campaign (id INTEGER PRIMARY KEY, sent INTEGER NOT NULL);"
    (folder / "schema.sql").write_text(schema or table)
    (folder / "write.sql").write_text(write)
    (folder / "events.jsonl").write_text('{"id": 1, "sent": 1}\n')
    (folder / "scenario.toml").write_text(
        f"observe = {json.dumps(observe)}\n" if observe else 'title = "own"\n'
    )
    return folder


UPSERT = """INSERT INTO campaign (id, sent) VALUES (:id, :sent)
            ON CONFLICT (id) DO UPDATE SET sent = sent + excluded.sent"""
SHARING = (
    "UPDATE campaign SET sent = sent + :sent",
    "UPDATE campaign SET sent = (SELECT max(sent) FROM campaign) WHERE id = :id",
    "DELETE FROM campaign WHERE id > :id",
    "INSERT INTO campaign VALUES (:id / 2, :sent) ON CONFLICT DO NOTHING",
)


@pytest.mark.parametrize("write", SHARING)
def test_a_write_that_may_touch_other_keys_rows_is_not_split(write: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", write)
    with pytest.raises(UserError, match="not proved"):
        split(load(folder, read_dump(dump(tmp_path / "dump.jsonl", 20, 3))))


@pytest.mark.parametrize(
    ("observe", "local"),
    [
        ("SELECT id, sent FROM campaign ORDER BY id", True),
        ("SELECT id, sum(sent) FROM campaign GROUP BY id", True),
        ("SELECT sum(sent) FROM campaign", False),
        ("SELECT sent, count(*) FROM campaign GROUP BY sent", False),
        ("SELECT id FROM campaign ORDER BY sent LIMIT 1", False),
        ("SELECT a.id FROM campaign a, campaign b", False),
        ("SELECT a.id FROM campaign a JOIN campaign b ON a.sent = b.sent", False),
        ("SELECT id FROM campaign WHERE sent = (SELECT max(sent) FROM campaign)", False),
    ],
)
def test_a_reader_that_looks_across_keys_is_given_up_for_all_rows(
    observe: str, local: bool, tmp_path: Path
) -> None:
    folder = own(tmp_path / "own", UPSERT, observe)
    topic = split(load(folder, read_dump(dump(tmp_path / "dump.jsonl", 20, 3))))
    assert topic.whole_tables is not local
    assert (topic.scenario.observe is not None) is local


@pytest.mark.parametrize(
    ("observe", "local"), [("id, sent", True), ("id, sum(sent) FROM x GROUP BY id", False)]
)
def test_a_group_by_part_of_a_key_looks_across_keys(observe: str, local: bool, tmp_path: Path) -> None:
    schema = "CREATE TABLE campaign (id INTEGER, date TEXT, sent INTEGER, PRIMARY KEY (id, date))"
    write = (
        "INSERT INTO campaign (id, date, sent) VALUES (:id, :date, :sent) ON CONFLICT (id, date) DO NOTHING"
    )
    query = f"SELECT {observe.replace(' FROM x', ' FROM campaign')}" + (
        "" if "FROM" in observe else " FROM campaign"
    )
    folder = own(tmp_path / "own", write, query, schema)
    topic = split(load(folder, read_dump(dump(tmp_path / "dump.jsonl", 20, 3))))
    assert len(topic.groups) == 20
    assert topic.whole_tables is not local


def test_over_cores_as_by_itself(tmp_path: Path) -> None:
    topic = split(load("additive", read_dump(dump(tmp_path / "dump.jsonl", 300, 60))))
    told: list[int] = []
    apart = on_cores(
        topic, ["lost-ack"], 5.0, 2, lambda part, groups: told.append(sum(part.verdicts.values()))
    )
    alone = check_groups(topic.scenario, topic.groups, ["lost-ack"], 5.0)
    assert dict(apart.verdicts) == dict(alone.verdicts) == {"diverges": len(topic.groups)}
    assert apart.events == 300
    assert told == sorted(told)
    assert told[-1] == len(topic.groups)
    assert [verdict.faults[0].counterexample.length for _, verdict in apart.found] == [2] * 5  # type: ignore[union-attr]


def test_portions_hold_every_group_once(tmp_path: Path) -> None:
    topic = split(load("additive", read_dump(dump(tmp_path / "dump.jsonl", 300, 60))))
    cut = portions(topic.groups, 2)
    assert sorted(group.key for part in cut for group in part) == sorted(group.key for group in topic.groups)
    sizes = [sum(len(group.events) for group in part) for part in cut]
    assert max(sizes) < 2 * 300 / len(sizes)


@pytest.mark.spark
def test_over_spark_as_by_itself(tmp_path: Path) -> None:
    topic = split(load("last-time", read_dump(dump(tmp_path / "dump.jsonl", 200, 40))))
    found = on_spark(topic, ["lost-ack"], 5.0, "local[2]")
    assert dict(found.verdicts) == {"replay-safe": len(topic.groups)}
    assert found.events == 200


def test_the_command(tmp_path: Path) -> None:
    file = dump(tmp_path / "dump.jsonl", 60, 12)
    command = [sys.executable, "-m", "dataeng_tui", "replay", "check"]
    done = subprocess.run(
        [*command, "additive", "--events", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "12 keys that share no row: 12 diverges" in done.stdout
    more = [*command, "last-time", "--events", str(file), "--fault", "lost-ack", "--format", "json"]
    done = subprocess.run(more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["events"], document["keys"]) == ("replay-safe", 60, 12)
    done = subprocess.run(
        [*command, "additive", "--spark", "local"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--events" in done.stderr


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dump.jsonl"
    file.write_text('{"id": 1}\n[1]\n')
    with pytest.raises(UserError, match="line 2"):
        read_dump(file)


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"id": [1, 2], "sent": [5, None]}), tmp_path / "dump.parquet")
    assert [dict(event.fields) for event in read_dump(tmp_path / "dump.parquet")] == [
        {"id": 1, "sent": 5},
        {"id": 2, "sent": None},
    ]
