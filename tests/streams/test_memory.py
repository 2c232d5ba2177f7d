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
    told: list[StreamingQuery] = []
    memory = Memory(path, told.append)
    memory.take(Snapshot(0.0, queries=queries))
    memory.close()
    memory.close()
    return {one.run_id: one.batches for one in told}


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
    memory = Memory(path, lambda _: None)
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


def run(number: int, started: float) -> StreamingQuery:
    return StreamingQuery("a", f"run-{number}", "q", state="waiting", started_at=started)


def watched(path: Path, now: float, *runs: StreamingQuery) -> StreamingQuery:
    """The query as a program sees it that begins, watches these runs, and ends."""
    watcher = Watcher((), judge, clock=lambda: now)
    watcher.accept(Observation("driver-ui", "d", now, queries=runs))
    memory = Memory(path, watcher.recall)
    memory.take(watcher.once())
    memory.close()
    (seen,) = watcher.once().queries
    return seen


def test_restarts_are_counted_across_restarts_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    assert watched(path, 1000.0, run(1, 990.7), run(2, 995.2)).health == ()
    # The driver came back as another application, which lists its own run only; a page tells whole seconds.
    seen = watched(path, 1100.0, run(3, 1090.0))
    assert [int(at) for at in seen.runs] == [990, 995]
    assert [finding.code for finding in seen.health] == ["restarting"]
    assert "3 runs within" in seen.health[0].evidence
    # The same run is no restart, nor is it one when another layer knows its start to the millisecond.
    assert [int(at) for at in watched(path, 1200.0, run(3, 1090.4)).runs] == [990, 995]
    assert watched(path, 1090.0 + 3700, run(3, 1090.0)).health == ()


def test_a_run_that_ended_well_is_not_remembered_as_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    for number in range(5):  # every ten minutes another application, which takes what is there and ends
        at = 1000.0 + 600 * number
        seen = watched(path, at + 5, run(number, at))
        assert (seen.runs, seen.health) == ((), ())
        watched(path, at + 60, replace(run(number, at), state="finished", ended_well=True))


def test_the_starts_stay_bounded_and_an_older_file_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "STARTS", 4)
    path = tmp_path / "streams.db"
    with sqlite3.connect(path) as connection:  # as it was before starts were kept
        connection.execute(
            "CREATE TABLE batch (run TEXT, at REAL, told TEXT NOT NULL, PRIMARY KEY (run, at)) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO batch VALUES ('run-9', 1000, '{\"id\": 7}')")
    seen = watched(path, 2000.0, *(run(number, 1000.0 + number) for number in range(10)))
    assert [(batch.at, batch.id) for batch in seen.batches] == [(1000.0, 7)]

    def kept() -> list[int]:
        with sqlite3.connect(path) as connection:
            return [at for (at,) in connection.execute("SELECT at FROM start ORDER BY at")]

    assert kept() == [1006, 1007, 1008, 1009]
    later = 1000 + 86_400 * 30
    watched(path, later, StreamingQuery("a", "x", "other", started_at=float(later)))
    see(path)
    assert kept() == [later]
