"""Event logs, as Spark 4.3 wrote them and as they are found at 3 in the morning."""

import json
import shutil
import time
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.streams.snapshot import Application, Focus, Observation, StreamingQuery
from dataeng_tui.streams.sources import event_log, log_reader
from dataeng_tui.streams.sources.event_log import EventLogSource
from dataeng_tui.streams.sources.log_codecs import Lz4, Zstd
from dataeng_tui.streams.sources.log_events import LogFold
from dataeng_tui.streams.sources.log_lines import WANTED, LineFilter

LOGS = Path(__file__).parent / "logs"
PLAIN = LOGS / "local-1795398444803"  # to its end: one stopped, one failed, one without a name
LINES = PLAIN.read_bytes().splitlines(keepends=True)
EVENT = "org.apache.spark.sql.streaming.StreamingQueryListener$Query"


def read(path: Path) -> Observation:
    return EventLogSource(path).poll(time.time(), Focus(everything=True))


def by_name(said: Observation) -> dict[str | None, StreamingQuery]:
    return {query.name: query for query in said.queries}


def progress(batch: int, run: str = "r", rows: int = 5) -> bytes:
    told = {
        "id": "q",
        "runId": run,
        "name": "clicks",
        "timestamp": f"2026-03-03T10:{batch // 60 % 60:02}:{batch % 60:02}.000Z",
        "batchId": batch,
        "durationMs": {"addBatch": 7, "triggerExecution": 9},
        "stateOperators": [],
        "sources": [{"description": "KafkaV2[Subscribe[t]]", "numInputRows": rows,
                     "startOffset": '{"t":{"0":1}}', "endOffset": '{"t":{"0":5,"1":7}}',
                     "latestOffset": '{"t":{"0":9,"1":8}}',
                     "inputRowsPerSecond": 2.5, "processedRowsPerSecond": "Infinity"}],
    }  # fmt: skip
    return b'{"Event":"' + EVENT.encode() + b'ProgressEvent","progress":' + json.dumps(told).encode() + b"}\n"


def other(size: int = 300) -> bytes:
    return b'{"Event":"SparkListenerTaskEnd","x":"' + b"y" * size + b'"}\n'


def test_a_whole_plain_log() -> None:
    said = read(PLAIN)
    assert said.applications == (
        Application("local-1795398444803", "emails <b>", "root", "FINISHED", spark_version="4.3.0"),
    )
    assert said.problems == ()
    queries = by_name(said)
    assert {name: query.state for name, query in queries.items()} == {
        "email opened": "finished", "bad": "failed", None: "finished",
    }  # fmt: skip
    opened = queries["email opened"]
    last = [
        json.loads(line)["progress"] for line in LINES if b"email opened" in line and b"Progress" in line
    ][-1]
    assert opened.batch_id == last["batchId"] == 9
    assert opened.input_rows == sum(source["numInputRows"] for source in last["sources"])
    assert opened.input_rows_per_second == last["sources"][0]["inputRowsPerSecond"]
    assert opened.batch_duration_ms == last["durationMs"]["triggerExecution"]
    assert opened.duration_ms == last["durationMs"]
    assert opened.state_rows == last["stateOperators"][0]["numRowsTotal"]
    assert opened.state_bytes == last["stateOperators"][0]["memoryUsedBytes"]
    assert opened.sources[0].end_offset == last["sources"][0]["endOffset"]
    assert opened.sources[0].lag is None  # a rate source's offsets are seconds, not rows
    assert len(opened.batches) == 10
    assert "boom [red]x" in (queries["bad"].exception or "")
    assert queries[None].state_rows is None  # it keeps no state, which is not 0


@pytest.mark.parametrize("name", ["468427.zstd", "475621.lz4", "482716.snappy"])
def test_packed_logs_of_a_running_application_end_in_the_middle_of_a_frame(name: str) -> None:
    path = LOGS / f"local-1795398{name}.inprogress"
    said = read(path)
    queries = by_name(said)
    assert set(queries) == {"email opened", "bad", None}
    assert all(query.started_at for query in said.queries)
    assert any(query.batches for query in said.queries)
    assert said.problems == ()
    assert said.applications[0].name == "emails <b>"


def test_offsets_sums_and_lag_of_a_kafka_source(tmp_path: Path) -> None:
    log = tmp_path / "application_1_0002_1.inprogress"
    log.write_bytes(progress(3))
    said = read(log)
    (query,) = said.queries
    assert said.applications[0].id == "application_1_0002"
    assert query.input_rows == 5
    assert query.input_rows_per_second == 2.5
    assert query.processed_rows_per_second is None
    assert query.sources[0].lag == query.batches[0].lag == 4 + 1
    assert query.state == "waiting"


def test_states_follow_the_last_line(tmp_path: Path) -> None:
    job = b'{"Event":"SparkListenerJobStart","Properties":{"spark.jobGroup.id":"%s",'
    job += b'"streaming.sql.batchId":"8"}}\n'
    run = "0" * 36
    log = tmp_path / "a.inprogress"
    source = EventLogSource(log)

    def state_after(line: bytes) -> tuple[str | None, int | None]:
        with log.open("ab") as file:
            file.write(line)
        (query,) = source.poll(time.time(), Focus()).queries
        return query.state, query.batch_id

    started = {"Event": EVENT + "StartedEvent", "id": "q", "runId": run, "name": None,
               "timestamp": "2026-03-03T10:00:00.000Z"}  # fmt: skip
    log.write_bytes(json.dumps(started, separators=(",", ":")).encode() + b"\n")
    assert state_after(b"") == ("initializing", None)
    assert state_after(job % run.encode()) == ("processing", None)
    assert state_after(progress(8, run)) == ("waiting", 8)
    idle = b'{"Event":"' + EVENT.encode() + b'IdleEvent","id":"q","runId":"%s"}\n'
    assert state_after(idle % run.encode()) == ("idle", 8)
    over = b'{"Event":"' + EVENT.encode() + b'TerminatedEvent","id":"q","runId":"%s","exception":"boom"}\n'
    assert state_after(over % run.encode()) == ("failed", 8)


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    log = tmp_path / "a.inprogress"
    whole = progress(1) + progress(2)
    log.write_bytes(whole[:-40])
    source = EventLogSource(log)
    assert source.poll(time.time(), Focus()).queries[0].batch_id == 1
    log.write_bytes(whole)
    said = source.poll(time.time(), Focus())
    assert said.queries[0].batch_id == 2
    assert [batch.id for batch in said.queries[0].batches] == [2]  # only what is new
    assert said.problems == ()


def test_a_corrupt_line_is_counted_told_and_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "a"
    log.write_bytes(progress(1) + b"\x00\x00garbage\n" + progress(2)[:90] + b"\n" + other() + progress(3))
    said = read(log)
    assert said.queries[0].batch_id == 3
    assert [problem.message for problem in said.problems] == ["2 lines were unreadable and passed over."]


@pytest.mark.parametrize("at", [5, 20, 60])  # what says how to unpack; letters; the text itself
def test_a_damaged_zstd_frame_costs_no_other(tmp_path: Path, at: int) -> None:
    log = tmp_path / "a.zstd"
    frames = [zstandard.compress(progress(batch) + other()) for batch in range(6)]
    frames[2] = frames[2][:at] + b"\xff" * 9 + frames[2][at + 9 :]
    log.write_bytes(b"".join(frames))
    said = read(log)
    assert [batch.id for batch in said.queries[0].batches] == [0, 1, 3, 4, 5]
    assert "passed over" in said.problems[0].message


def test_a_library_that_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cramjam", None)
    said = read(next(LOGS.glob("*.lz4.inprogress")))
    assert said.queries == ()
    assert "pip install 'dataeng-tui[codecs]'" in said.problems[0].message


def test_what_is_no_event_log(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>")
    nothing = read(tmp_path)
    assert "no Spark event log" in nothing.problems[0].message
    assert not nothing.answered
    (tmp_path / "app-1").write_bytes(next(LOGS.glob("*[0-9]")).read_bytes())
    assert read(tmp_path).answered
    gone = read(tmp_path / "nowhere")
    assert not gone.answered
    assert "No such file" in gone.problems[0].message


def test_the_end_of_a_large_log_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "PLAIN_TAIL", 50_000)
    monkeypatch.setattr(log_reader, "PACKED_TAIL", 20_000)
    monkeypatch.setattr(log_reader, "PLAIN_PIECE", 10_000)
    log = tmp_path / "a.inprogress"
    log.write_bytes(b"".join(progress(n) + other(900) for n in range(200)))
    clock = iter(range(10_000))
    source = EventLogSource(log, clock=lambda: next(clock) * 0.03)  # a piece or two a poll
    first = source.poll(time.time(), Focus())
    assert first.queries[0].batch_id == 199
    assert "Older events are still being read" in first.problems[0].message
    seen = {batch.id for batch in first.queries[0].batches}
    assert 199 in seen
    assert len(seen) < 100
    while (said := source.poll(time.time(), Focus())).problems:
        seen |= {batch.id for batch in said.queries[0].batches}
    seen |= {batch.id for batch in said.queries[0].batches}
    assert seen == set(range(200))
    assert said.queries[0].batch_id == 199


def test_the_end_of_a_large_packed_log_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "PACKED_TAIL", 20_000)
    monkeypatch.setattr(log_reader, "PACKED_PIECE", 5_000)
    noise = bytes(range(256)) * 3  # so that the magic has something to hide in
    junk = b'{"Event":"SparkListenerTaskEnd","x":"%s"}\n'
    frames = []
    for n in range(200):
        salt = zlib.compress(noise + bytes([n])).hex().encode()
        frames.append(zstandard.compress(progress(n) + junk % salt))
    log = tmp_path / "a.zstd.inprogress"
    log.write_bytes(b"".join(frames))
    clock = iter(range(10_000))
    source = EventLogSource(log, clock=lambda: next(clock) * 0.03)
    first = source.poll(time.time(), Focus())
    assert first.queries[0].batch_id == 199
    assert "Older events" in first.problems[0].message
    seen: set[int | None] = set()
    for said in (first, *(source.poll(time.time(), Focus()) for _ in range(60))):
        seen |= {batch.id for batch in said.queries[0].batches}
    assert seen == set(range(200))
    assert said.problems == ()


def test_a_rolling_log_is_followed_over_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "eventlog_v2_application_9_0001"
    folder.mkdir()
    (folder / "appstatus_application_9_0001.inprogress").touch()
    part = folder / "events_1_application_9_0001.zstd"
    part.write_bytes(zstandard.compress(progress(1)))
    source = EventLogSource(tmp_path)
    assert source.poll(time.time(), Focus()).queries[0].batch_id == 1
    with part.open("ab") as file:
        file.write(zstandard.compress(progress(2)))
    (folder / "events_2_application_9_0001.zstd").write_bytes(zstandard.compress(progress(3)))
    said = source.poll(time.time(), Focus())
    assert [batch.id for batch in said.queries[0].batches] == [2, 3]
    assert said.applications[0].id == "application_9_0001"


def test_rolled_files_that_vanish_are_read_from_the_compacted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "PLAIN_PIECE", 500)
    folder = tmp_path / "eventlog_v2_app"
    folder.mkdir()
    for n in range(1, 4):
        (folder / f"events_{n}_app").write_bytes(b"".join(progress(10 * n + k) for k in range(5)))
    clock = iter(range(10_000))
    source = EventLogSource(folder, clock=lambda: next(clock) * 0.03)
    first = source.poll(time.time(), Focus())
    assert first.queries[0].batch_id == 34
    (folder / "events_2_app.compact").write_bytes(b"".join(progress(20 + k) for k in range(5)))
    (folder / "events_1_app").unlink()
    (folder / "events_2_app").unlink()
    polls = [first, *(source.poll(time.time(), Focus()) for _ in range(60))]
    seen = {batch.id for said in polls for batch in said.queries[0].batches}
    assert {20, 21, 22, 23, 24, 30, 34} <= seen
    assert any("gone before read" in problem.message for problem in polls[-1].problems)
    assert polls[-1].queries[0].batch_id == 34


def test_the_end_of_an_application_renames_its_file(tmp_path: Path) -> None:
    log = tmp_path / "application_7_0001.inprogress"
    log.write_bytes(progress(1))
    source = EventLogSource(tmp_path)
    source.poll(time.time(), Focus())
    with log.open("ab") as file:
        file.write(b'{"Event":"SparkListenerApplicationEnd","Timestamp":1}\n')
    log.rename(tmp_path / "application_7_0001")
    said = source.poll(time.time(), Focus())
    assert said.applications[0].state == "FINISHED"
    assert said.queries[0].state == "finished"
    assert said.queries[0].batches == ()


def test_another_file_in_its_place_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "a"
    log.write_bytes(progress(1) + progress(2))
    source = EventLogSource(log)
    source.poll(time.time(), Focus())
    log.write_bytes(progress(3, run="another"))
    said = source.poll(time.time(), Focus())
    assert {query.run_id for query in said.queries} == {"r", "another"}


def test_a_log_long_silent_says_nothing_of_now(tmp_path: Path) -> None:
    log = tmp_path / "a.inprogress"
    log.write_bytes(progress(1))
    said = EventLogSource(log).poll(time.time() + 2 * event_log.SILENT_AFTER, Focus())
    assert said.queries[0].state is None
    assert said.applications[0].state is None


def test_a_folder_of_very_many_reads_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_LOGS", 3)
    for n in range(5):
        shutil.copy(PLAIN, tmp_path / f"application_1_{n:04}")
    said = read(tmp_path)
    assert len(said.applications) == 3
    assert "2 older ones are not" in said.problems[-1].message


def fold_of(lines: list[bytes]) -> LogFold:
    fold = LogFold()
    for line in lines:
        fold.take(line.rstrip(b"\n"))
    return fold


def shown(fold: LogFold) -> list[StreamingQuery]:
    queries = fold.told(Application("a"), silent=False)
    return sorted(queries, key=lambda query: query.run_id)


RELEVANT = [line for line in LINES if line.startswith(WANTED)]


@given(st.integers(0, len(RELEVANT)))
def test_reading_in_two_parts_is_reading_in_one(cut: int) -> None:
    joined = fold_of(RELEVANT[cut:]).after(fold_of(RELEVANT[:cut]))
    assert shown(joined) == shown(fold_of(RELEVANT))


TEXT = b"".join((LINES[0], other(5), b"junk\n", progress(1), b"\n", other(2000), progress(2)))
EXPECTED = [line for line in TEXT.split(b"\n")[:-1] if line.startswith(WANTED)]


@given(st.lists(st.integers(0, len(TEXT)), max_size=30))
def test_the_filter_does_not_care_where_it_is_cut(cuts: list[int]) -> None:
    lines = LineFilter()
    found = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(TEXT)], strict=True):
        found += lines.feed(TEXT[start:end], end - start)
    assert found == EXPECTED
    assert lines.corrupt == 1


@settings(max_examples=30)
@given(st.lists(st.integers(1, 69_999), max_size=12), st.sampled_from(["zstd", "lz4"]))
def test_a_decoder_does_not_care_where_it_is_cut(cuts: list[int], kind: str) -> None:
    data = next(LOGS.glob(f"*.{kind}.inprogress")).read_bytes()
    make = {"zstd": Zstd, "lz4": Lz4}[kind]
    whole, parts = make(), make()
    text = b""
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        text += parts.decode(data[start:end])
    assert text == whole.decode(data)
    assert parts.damaged == 0
