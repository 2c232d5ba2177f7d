"""What we show is what the driver itself said at that moment, field by field, for every version recorded."""

import math
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.streams.board import Board
from dataeng_tui.streams.snapshot import Focus, Observation, StreamingQuery
from dataeng_tui.streams.sources.driver_ui import DriverUi
from dataeng_tui.streams.sources.event_log import EventLogSource
from dataeng_tui.streams.sources.http import Answer

EVERYTHING = Focus(everything=True)


class Replayed:
    """The recording as an Http."""

    def __init__(self, recorded: dict[str, Any]) -> None:
        self._base = recorded["base"]
        self._answers = recorded["answers"]

    def get(self, url: str) -> Answer:
        page = self._answers.get(url.removeprefix(self._base).partition("?limit=")[0])
        if page is None:
            return Answer(404)
        return Answer(page["status"], page["body"].encode("utf-8"), page["content_type"], page["date"])

    def close(self) -> None:
        pass


def ui(recorded: dict[str, Any]) -> Observation:
    return DriverUi(recorded["base"], Replayed(recorded)).poll(recorded["at"], EVERYTHING)


def log(recorded: dict[str, Any], folder: Path) -> Observation:
    for name, text in recorded["event_log"].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return EventLogSource(folder).poll(recorded["at"], EVERYTHING)


def merged(recorded: dict[str, Any], *observations: Observation) -> dict[str, StreamingQuery]:
    board = Board(lambda *_: ())
    for observation in observations:
        assert observation.answered, observation.problems
        board.accept(observation)
    return {query.run_id: query for query in board.snapshot(recorded["at"]).queries}


def seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def last_batch(said: dict[str, Any]) -> dict[str, Any]:
    """The last progress that was a batch: from 3.5 on a query without new data tells one only to itself."""
    return [one for one in said["recent"] if "addBatch" in one["durationMs"]][-1]


def close(found: float | None, told: float | None) -> bool:
    # 4.3 writes its own JSON's rates with one decimal; the pages and the log have them whole.
    if found is None or told is None:
        return found is told
    return math.isclose(found, told, rel_tol=1e-9) or abs(found - told) <= 0.05


def parts(durations: dict[str, float]) -> dict[str, float]:
    """Without the whole, which opening the statistics page takes out of the driver's own lastProgress, and
    without the zeros that the page has where a batch had no such part.
    """
    return {name: ms for name, ms in durations.items() if name != "triggerExecution" and ms}


@pytest.mark.parametrize("layers", ["driver-ui", "driver-ui and event-log"])
def test_every_field_equals_the_drivers_own_last_progress(
    recorded: dict[str, Any], layers: str, tmp_path: Path
) -> None:
    observations = [ui(recorded)] + ([log(recorded, tmp_path)] if "event-log" in layers else [])
    found = merged(recorded, *observations)
    assert found.keys() == recorded["progress"].keys()
    for run_id, said in recorded["progress"].items():
        query = found[run_id]
        last = said["last"] if recorded["version"] < "3.5" else last_batch(said)
        assert query.application == recorded["application"]
        assert query.id == said["id"]
        assert query.batch_id == last["batchId"]
        assert query.batches[-1].at == seconds(last["timestamp"])
        assert query.input_rows == last["numInputRows"]
        assert close(query.input_rows_per_second, last.get("inputRowsPerSecond", 0.0))
        assert close(query.processed_rows_per_second, last.get("processedRowsPerSecond", 0.0))
        assert parts(dict(query.duration_ms)) == parts(last["durationMs"])
        if "batchDuration" in last:
            assert query.batch_duration_ms == last["batchDuration"]
        operators = last["stateOperators"]
        rows = sum(one["numRowsTotal"] for one in operators)
        memory = sum(one["memoryUsedBytes"] for one in operators)
        assert query.state_rows == (rows if operators else None)
        assert query.state_bytes == (memory if operators else None)
        told = seconds(last.get("eventTime", {}).get("watermark"))
        assert query.watermark == (told or None)
        if said["last"] == last and recorded["version"] < "4.3":
            assert [query.input_rows_per_second, query.processed_rows_per_second] == said["rates"]


def test_the_sources_and_their_offsets_come_from_the_log(recorded: dict[str, Any], tmp_path: Path) -> None:
    found = merged(recorded, ui(recorded), log(recorded, tmp_path))
    for run_id, said in recorded["progress"].items():
        last = last_batch(said)
        source = found[run_id].sources[0]
        assert source.description == last["sources"][0]["description"]
        assert source.input_rows == found[run_id].input_rows
        if found[run_id].batch_id == last["batchId"] and "latestOffset" in last["sources"][0]:
            assert source.end_offset is not None


def test_names_states_and_exceptions(recorded: dict[str, Any], tmp_path: Path) -> None:
    pages, both = merged(recorded, ui(recorded)), merged(recorded, ui(recorded), log(recorded, tmp_path))
    for run_id, said in recorded["progress"].items():
        query = both[run_id]
        assert query.name == said["name"]
        if said["exception"]:
            assert query.state == "failed"
            assert "is not true" in (query.exception or "") or "assert" in (query.exception or "")
        elif said["name"] == "stopped by hand":
            assert query.state == pages[run_id].state == "finished"
        else:
            assert query.state in {"processing", "waiting", "idle", "running"}
        assert set(query.seen_in) >= {"driver-ui", "event-log"}
    # The pages of 3.1 to 3.4.0 alone cannot tell a failed run from a stopped one; 3.4.1 and later can.
    failed = next(run for run, said in recorded["progress"].items() if said["exception"])
    assert pages[failed].state == ("finished" if "3.1" <= recorded["version"] < "3.4.1" else "failed")


def test_started_at_is_told_alike_by_page_and_log(recorded: dict[str, Any], tmp_path: Path) -> None:
    pages, logged = merged(recorded, ui(recorded)), merged(recorded, log(recorded, tmp_path))
    for run_id, query in pages.items():
        assert query.started_at is not None
        assert abs(query.started_at - (logged[run_id].started_at or 0)) < 1.0


def test_gauges_fill_what_the_statistics_have_not_told_yet(recorded: dict[str, Any]) -> None:
    statistics = [path for path in recorded["answers"] if "/statistics/" in path]
    for path in statistics:
        recorded["answers"][path] = {"status": 500, "body": "", "content_type": "", "date": ""}
    stateful = next(query for query in ui(recorded).queries if query.name == "opened by hour")
    said = recorded["progress"][stateful.run_id]
    assert stateful.seen_in == ("driver-ui", "metrics")
    assert stateful.input_rows_per_second == said["rates"][0]
    assert stateful.watermark == seconds(said["last"]["eventTime"]["watermark"])
    assert stateful.state_rows == said["last"]["stateOperators"][0]["numRowsTotal"]
    assert stateful.input_rows is None
    stateless = next(query for query in ui(recorded).queries if query.name is None)
    assert (stateless.watermark, stateless.state_rows) == (None, None)


def test_the_moment_of_the_recording_is_the_servers(recorded: dict[str, Any]) -> None:
    dates = [parsedate_to_datetime(page["date"]).timestamp() for page in recorded["answers"].values()]
    assert max(dates) - min(dates) < 30
