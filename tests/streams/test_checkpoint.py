"""Checkpoint folders: what each says of its query, alone and merged with the run that writes there."""

import json
from pathlib import Path

import pytest

from dataeng_tui.cli import main
from dataeng_tui.streams.board import Board
from dataeng_tui.streams.snapshot import Application, Focus, Observation, StreamingQuery
from dataeng_tui.streams.sources import checkpoint
from dataeng_tui.streams.sources.checkpoint import Checkpoints

OFFSETS = 'v1\n{"batchWatermarkMs":%d,"batchTimestampMs":1,"conf":{}}\n{"opened":{"0":%d}}\n-'


def written(folder: Path, id_: str = "q", batch: int = 3, committed: bool = True) -> Path:
    """A checkpoint as Spark 4.3 writes it."""
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "metadata").write_text(json.dumps({"id": id_}))
    (folder / "offsets" / str(batch)).write_text(OFFSETS % (1_700_000_000_000, batch * 10))
    (folder / "offsets" / f".{batch}.crc").write_bytes(b"crc\0")
    if committed:
        (folder / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    return folder


def poll(source: Checkpoints) -> Observation:
    return source.poll(0.0, Focus())


def test_what_is_planned_is_not_done(tmp_path: Path) -> None:
    folder = written(tmp_path, batch=9)
    written(folder, batch=10, committed=False)
    (query,) = poll(Checkpoints(folder)).queries
    assert (query.id, query.batch_id, query.watermark, query.state) == ("q", 9, 1_700_000_000.0, None)
    assert [source.end_offset for source in query.sources] == ['{"opened":{"0":90}}', None]
    (folder / "commits" / "10").write_text("v1")
    (query,) = poll(Checkpoints(folder)).queries
    assert query.batch_id == 10


def test_a_folder_of_many_tells_each_and_one_that_is_broken_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        written(tmp_path / f"job {number}", f"q{number}")
    (tmp_path / "no checkpoint").mkdir()
    (tmp_path / "job 1" / "metadata").write_text("{")
    (tmp_path / "job 2" / "offsets" / "3").write_text("v1\n")
    (tmp_path / "job 3" / "offsets" / "3").write_text("v1\n[]\n")
    said = poll(Checkpoints(tmp_path))
    assert said.answered
    assert {query.id for query in said.queries} == {"q0", "q4"}
    assert [Path(problem.source).name for problem in said.problems] == ["job 1", "job 2", "job 3"]
    monkeypatch.setattr(checkpoint, "MOST", 2)
    said = poll(Checkpoints(tmp_path))
    assert len(said.queries) + len(said.problems) == 2


def test_another_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, why in ((tmp_path, "no checkpoint folder"), (tmp_path / "none", "No such file")):
        said = poll(Checkpoints(path))
        assert not said.answered
        assert why in said.problems[0].message
        with pytest.raises(SystemExit) as ended:
            main(["streams", "--checkpoint", str(path), "--once"])
        assert ended.value.code == 2
        assert why in capsys.readouterr().err


def test_it_fills_what_the_drivers_pages_do_not_tell(tmp_path: Path) -> None:
    source = Checkpoints(written(tmp_path, batch=3))
    board = Board(lambda *_: ())
    runs = (
        StreamingQuery("app", "r1", id="q", name="a", state="failed", batch_id=2, started_at=1.0),
        StreamingQuery("app", "r2", id="q", name="a", state="waiting", batch_id=3, started_at=2.0),
    )
    ui = Observation("driver-ui", "d", 0.0, (Application("app"),), runs)
    for first, second in ((ui, poll(source)), (poll(source), ui)):
        board.accept(first)
        board.snapshot(0.0)
        board.accept(second)
        (query,) = board.snapshot(0.0).queries
        assert (query.run_id, query.application, query.state) == ("r2", "app", "waiting")
        assert query.seen_in == ("driver-ui", "checkpoint")
        assert query.runs == (1.0,)
        assert query.sources[0].end_offset == '{"opened":{"0":30}}'
        assert query.watermark == 1_700_000_000.0
    # Also where nothing tells when a run that is over began.
    over = Board(lambda *_: ())
    over.accept(
        Observation("driver-ui", "d", 0.0, (), (StreamingQuery("app", "r1", id="q", state="failed"),))
    )
    over.accept(poll(source))
    assert [query.state for query in over.snapshot(0.0).queries] == ["failed"]
    written(tmp_path, batch=4)
    board.accept(poll(source))
    (query,) = board.snapshot(1.0).queries
    assert (query.batch_id, query.sources[0].end_offset) == (4, '{"opened":{"0":40}}')


def test_a_query_that_is_down_is_told_by_its_folder(tmp_path: Path) -> None:
    board = Board(lambda *_: ())
    board.accept(poll(Checkpoints(written(tmp_path / "by hour"))))
    (query,) = board.snapshot(0.0).queries
    assert (query.application, query.state, query.batch_id) == (str(tmp_path / "by hour"), None, 3)
