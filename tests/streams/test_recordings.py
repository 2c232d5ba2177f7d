"""What we show is what the driver itself said at that moment, field by field, for every version recorded."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.streams.board import Board
from dataeng_tui.streams.snapshot import Batch, Focus, Observation, SourceProgress, StreamingQuery
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


def total(last: dict[str, Any], name: str) -> int | None:
    operators = last["stateOperators"]
    return sum(one[name] for one in operators) if operators else None


def offset(told: Any) -> Any:
    """The log and the pages have offsets as strings of JSON, the driver as JSON."""
    return json.loads(told) if isinstance(told, str) else told


# What a batch is to say, from a progress of the driver's own.
BATCH = {
    "at": lambda last: seconds(last["timestamp"]),
    "id": lambda last: last["batchId"],
    "input_rows": lambda last: last["numInputRows"],
    "input_rows_per_second": lambda last: last.get("inputRowsPerSecond"),
    "processed_rows_per_second": lambda last: last.get("processedRowsPerSecond"),
    "duration_ms": lambda last: last.get("batchDuration"),  # not in every version
    "parts_ms": lambda last: parts(last["durationMs"]),
    "watermark": lambda last: seconds(last.get("eventTime", {}).get("watermark")),
    "state_rows": lambda last: total(last, "numRowsTotal"),
    "state_bytes": lambda last: total(last, "memoryUsedBytes"),
    "lag": lambda last: None,  # a Kafka source's only
}
# The query's own numbers are its last batch's, under these names.
QUERY = BATCH | {
    "batch_id": BATCH["id"],
    "batch_duration_ms": BATCH["duration_ms"],
    "duration_ms": BATCH["parts_ms"],
}
OF_THE_BATCH = {"at", "id", "parts_ms", "lag"}
# What no progress tells: names, states and starts are held below, and findings by tests of their own.
NOT_IN_A_PROGRESS = {
    "application", "run_id", "id", "name", "state", "sources", "exception", "started_at", "seen_in", "health",
    "batches", "runs", "ended_well", "quiet_since",
}  # fmt: skip


def hold(found: object, told: Any, field: str) -> None:
    if isinstance(found, Mapping):
        assert parts(dict(found)) == told, field
    elif told is None and field in ("duration_ms", "batch_duration_ms"):
        pass  # 3.x tells it among the parts only, and not after a look at the page
    elif told is None and field.endswith("rows_per_second"):
        assert not found  # the driver says nothing where it is 0 / 0, and the pages 0
    elif found is None and field == "watermark":
        assert not told  # the pages leave out that there is none yet, which is 1970 elsewhere
    elif isinstance(told, float) or isinstance(found, float):
        assert close(found, told), (field, found, told)  # type: ignore[arg-type]
    else:
        assert found == told, field


def test_no_field_is_forgotten() -> None:
    assert {field.name for field in fields(Batch)} == BATCH.keys()
    assert {field.name for field in fields(StreamingQuery)} == QUERY.keys() - OF_THE_BATCH | NOT_IN_A_PROGRESS
    assert {field.name for field in fields(SourceProgress)} == {*SOURCE, "lag"}  # a Kafka source's only


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
        for field in QUERY.keys() - OF_THE_BATCH:
            hold(getattr(query, field), QUERY[field](last), field)
        assert query.batches[-1].at == seconds(last["timestamp"])
        if said["last"] == last and recorded["version"] < "4.3":
            assert [query.input_rows_per_second, query.processed_rows_per_second] == said["rates"]


@pytest.mark.parametrize("layers", ["driver-ui", "event-log", "both"])
def test_every_field_of_every_batch_equals_the_drivers_own_recent_progress(
    recorded: dict[str, Any], layers: str, tmp_path: Path
) -> None:
    pages = [] if layers == "event-log" else [ui(recorded)]
    found = merged(recorded, *pages, *([] if layers == "driver-ui" else [log(recorded, tmp_path)]))
    # The first version's pages have no batch's number and no state.
    without = {"id", "state_rows", "state_bytes", "watermark"} if recorded["version"] < "3.1" else set()
    held = 0
    for run_id, said in recorded["progress"].items():
        told = {seconds(one["timestamp"]): one for one in said["recent"] if "addBatch" in one["durationMs"]}
        shown = {batch.at: batch for batch in found[run_id].batches}
        # The log was recorded a moment after the pages, and those may have lost the oldest batches.
        for at in sorted(told.keys() & shown.keys()):
            for field in BATCH:
                if layers == "driver-ui" and field in without:
                    continue
                hold(getattr(shown[at], field), BATCH[field](told[at]), field)
            held += 1
    assert held > 40


# What a source is to say, from a source of the driver's own progress.
SOURCE = {
    "description": lambda told: told["description"],
    "start_offset": lambda told: told["startOffset"],
    "end_offset": lambda told: told["endOffset"],
    "latest_offset": lambda told: told.get("latestOffset"),
    "input_rows": lambda told: told["numInputRows"],
}


def test_the_sources_and_their_offsets_come_from_the_log(recorded: dict[str, Any], tmp_path: Path) -> None:
    found = merged(recorded, ui(recorded), log(recorded, tmp_path))
    held = 0
    for run_id, said in recorded["progress"].items():
        last = last_batch(said)
        if found[run_id].batch_id != last["batchId"]:
            continue
        (source,), (told,) = found[run_id].sources, last["sources"]
        for field, of in SOURCE.items():
            shown, wanted = getattr(source, field), of(told)
            if field.endswith("_offset"):
                shown, wanted = offset(shown), offset(wanted)
            assert shown == wanted, field
        held += 1
    assert held >= 7


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
