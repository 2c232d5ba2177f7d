"""Strangers' SQL: whatever it tries, nothing is written or read, and time and memory stay bounded."""

import resource
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.replay import contained
from dataeng_tui.replay.check import check as check_in_here
from dataeng_tui.replay.scenario import load
from dataeng_tui.replay.service import Replay

SCHEMA = "CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
NEWER = sqlite3.sqlite_version_info >= (3, 41)  # printf's result and brackets are bounded by SQLite itself
LONG = "x'" + "00" * 600_000 + "'"


def scenario(
    folder: Path, *, write: str = "INSERT OR IGNORE INTO t VALUES (:id, 1);", schema: str = SCHEMA
) -> Path:
    place = folder / "attack"
    place.mkdir(exist_ok=True)
    (place / "scenario.toml").write_text('title = "attack"\n[budget]\nseconds = 1\n')
    (place / "schema.sql").write_text(schema)
    (place / "write.sql").write_text(write)
    (place / "events.jsonl").write_text('{"id": 1}\n{"id": 2}\n')
    return place


def check(place: Path) -> str:
    """The verdict, or the sentence with which the check was refused."""
    service = Replay()
    try:
        return service.check(service.load(place)).verdict
    except UserError as error:
        return str(error)
    finally:
        service.close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contained, "GRACE", 1.0)


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{file}' AS other",
        "VACUUM INTO '{file}'",
        "VACUUM",
        "PRAGMA journal_mode = WAL",
        "PRAGMA database_list",
        "PRAGMA writable_schema = ON",
        "CREATE TEMP TABLE s (x)",
        "CREATE TEMP TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t; END",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "SELECT load_extension('{file}') AS x",
        "SELECT writefile('{file}', 'x') AS x",
        "SELECT readfile('/etc/passwd') AS x",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
        "RELEASE delivery",
        "ROLLBACK TO node",
        "DETACH main",
        "ANALYZE",
    ],
)
@pytest.mark.parametrize("where", ["write", "schema"])
def test_what_reaches_out_is_refused_and_no_file_is_written(tmp_path: Path, sql: str, where: str) -> None:
    target = tmp_path / "stolen"
    text = sql.format(file=target) + ";"
    sentence = check(
        scenario(tmp_path, write=text) if where == "write" else scenario(tmp_path, schema=SCHEMA + text)
    )
    assert "not allowed" in sentence or "SQLite says" in sentence, sentence
    assert f"{where}.sql" in sentence
    assert "\n" not in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attack"]


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE u (x)", "DROP TABLE t", "ALTER TABLE t ADD COLUMN w", "CREATE INDEX i ON t (v)"]
)
def test_a_write_defines_nothing(tmp_path: Path, sql: str) -> None:
    assert "is not allowed" in check(scenario(tmp_path, write=sql))


@pytest.mark.parametrize(
    "sql",
    [
        f"INSERT OR REPLACE INTO t {ENDLESS} SELECT :id, max(i) FROM n",
        f"{ENDLESS} SELECT count(*) AS c FROM n",
        f"{ENDLESS} SELECT i AS c FROM n ORDER BY -i",
        f"INSERT INTO t (v) {ENDLESS} SELECT i FROM n",
        f"{ENDLESS} SELECT count(*) AS c FROM n a, n b, n c",
        f"INSERT INTO t (v) {ENDLESS} SELECT zeroblob(1000000) FROM n",
        "INSERT OR REPLACE INTO t VALUES (:id, zeroblob(2000000000))",
        "WITH RECURSIVE d(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM d) SELECT max(s) AS c FROM d",
        "INSERT OR REPLACE INTO t VALUES (:id, printf('%.*c', 900000000, 'x'))",
        "INSERT OR REPLACE INTO t VALUES (:id, length(printf('%900000000d', 1)))",
        "INSERT OR REPLACE INTO t VALUES (:id, replace(hex(zeroblob(4000000)), '0', hex(zeroblob(100))))",
        f"INSERT OR REPLACE INTO t VALUES (:id, {LONG})",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " AS c",
    ],
)
def test_time_and_memory_are_bounded(tmp_path: Path, sql: str) -> None:
    started = time.monotonic()
    sentence = check(scenario(tmp_path, write=sql))
    assert time.monotonic() - started < 12  # generous: the bound is what is tested, not the speed
    harmless = "%900000000d" in sql or (NEWER and ("%.*c" in sql or "((((" in sql))  # SQLite gives up at once
    assert harmless or sentence == "undecided" or "stopped" in sentence or "SQLite says" in sentence, sentence
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert peak < contained.MEMORY


@pytest.mark.parametrize(
    ("schema", "write"),
    [
        (SCHEMA, "INSERT OR ROLLBACK INTO t VALUES (1, :id);"),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK, v);",
            "INSERT INTO t VALUES (1, :id);",
        ),
        (
            SCHEMA
            + "CREATE TRIGGER tr BEFORE INSERT ON t WHEN NEW.id = 2 BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
            "INSERT OR IGNORE INTO t VALUES (:id, 1);",
        ),
    ],
)
def test_a_conflict_that_rolls_back_is_noticed(tmp_path: Path, schema: str, write: str) -> None:
    assert "ROLLBACK" in check(scenario(tmp_path, schema=schema, write=write))


def test_after_an_attack_the_service_still_answers(tmp_path: Path) -> None:
    service = Replay()
    bad = service.load(scenario(tmp_path, write="SELECT printf('%.*c', 900000000, 'x') AS c"))
    for _ in range(2):
        with suppress(UserError) if NEWER else pytest.raises(UserError, match=r"stopped|SQLite"):
            service.check(bad)
    good = service.load(scenario(tmp_path))
    assert service.check(good).verdict == "replay-safe"
    service.close()


def test_a_check_can_be_called_off(tmp_path: Path) -> None:
    from dataeng_tui.replay.service import Cancelled

    def stop(*news: object) -> None:
        raise Cancelled

    service = Replay()
    with pytest.raises(Cancelled):
        service.check(service.load(scenario(tmp_path)), None, stop)
    service.close()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_a_check_ends_with_the_program_that_asked_for_it(tmp_path: Path) -> None:
    """Killed without a word, it leaves no search behind."""
    import os
    import signal
    import subprocess
    import sys

    grow = "INSERT INTO t (id, v) VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET v = v + 1"
    place = scenario(tmp_path, write=grow)
    (place / "scenario.toml").write_text(
        'title = "endless"\nobserve = "SELECT id FROM t"\n[budget]\nseconds = 60\n'
    )
    asker = subprocess.Popen([sys.executable, "-m", "dataeng_tui", "replay", "check", str(place)])
    child = ""
    deadline = time.monotonic() + 60
    while not child and time.monotonic() < deadline:
        found = Path(f"/proc/{asker.pid}/task/{asker.pid}/children").read_text().split()
        child = found[0] if found else ""
        time.sleep(0.05)
    assert child
    time.sleep(1.5)
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(int(child), 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    os.kill(int(child), signal.SIGKILL)
    pytest.fail("the search went on without its asker")


def test_a_sqlite_that_is_too_old_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(UserError, match=r"needs SQLite 3\.38 or later"):
        check_in_here(load(scenario(tmp_path)))
