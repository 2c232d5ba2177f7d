"""What was seen is there again after a restart, bounded, private, and with its gap."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.streams import memory as memories
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.memory import Memory
from dataeng_tui.streams.snapshot import Batch, Observation, Snapshot, StreamingQuery
from dataeng_tui.streams.watch import Watcher

PARTS = {"addBatch": 5.0}


def query(*starts: float, run: str = "r") -> StreamingQuery:
    batches = tuple(Batch(at, int(at), input_rows=3, parts_ms=PARTS) for at in starts)
    return StreamingQuery("a", run, state="waiting", batches=batches)


def see(path: Path, *queries: StreamingQuery) -> dict[str, tuple[Batch, ...]]:
    told: dict[str, tuple[Batch, ...]] = {}
    memory = Memory(path, told.__setitem__)
    memory.take(Snapshot(0.0, queries=queries))
    memory.close()
    memory.close()
    return told


def test_batches_come_back_with_the_gap_between(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    assert see(path, query(1000, 1001)) == {}
    assert see(path, query(2000)) == {"r": query(1000, 1001).batches}
    told = see(path, query(2001))
    assert [batch.at for batch in told["r"]] == [1000, 1001, 2000]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_watcher_shows_what_was_seen_before(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    see(path, query(1000, 1001))
    watcher = Watcher((), judge, clock=lambda: 1003.0)
    watcher.accept(Observation("driver-ui", "d", 1003.0, queries=(query(1002),)))
    memory = Memory(path, watcher.recall)
    memory.take(watcher.once())
    memory.close()
    assert [batch.at for batch in watcher.once().queries[0].batches] == [1000, 1001, 1002]


def test_it_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "KEPT", 10)
    path = tmp_path / "streams.db"
    see(path, query(*range(1000, 1050)), query(*range(1000, 1005), run="other"))
    see(path, query(1050, run="third"))
    with sqlite3.connect(path) as connection:
        counts = dict(connection.execute("SELECT run, count(*) FROM batch GROUP BY run"))
    assert counts == {"r": 10, "other": 5, "third": 1}
    see(path, query(1000 + 86_400 * 30, run="later"))
    see(path)
    with sqlite3.connect(path) as connection:
        assert [run for (run,) in connection.execute("SELECT DISTINCT run FROM batch")] == ["later"]


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    path.write_bytes(b"not a database, surely not one at all" * 100)
    assert see(path, query(1)) == {}
    assert see(path, query(2))["r"] == query(1).batches
    assert path.with_suffix(".damaged").exists()


def test_what_another_layer_tells_later_of_the_newest_batch_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    told: dict[str, tuple[Batch, ...]] = {}
    memory = Memory(path, told.__setitem__)
    bare = query(1000)
    memory.take(Snapshot(0.0, queries=(replace(bare, batches=(Batch(1000.0),)),)))
    memory._keep(memory._connect(), Snapshot(0.0, queries=(bare,)))
    memory.take(Snapshot(1.0, queries=(bare,)))
    memory.close()
    assert see(path, query(1001))["r"] == bare.batches


def test_a_file_that_another_holds_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "PATIENCE", 0.05)
    path = tmp_path / "streams.db"
    see(path, query(1000))
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="another program holds it"):
            Memory(path, {}.__setitem__)
    assert not path.with_suffix(".damaged").exists()
    assert see(path, query(2000))["r"] == query(1000).batches
