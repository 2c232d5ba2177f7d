"""The forms that people script against."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.cli import main
from dataeng_tui.streams import report
from dataeng_tui.streams.snapshot import Application, Batch, Finding, Problem, Snapshot, StreamingQuery
from tests.streams.fake_driver import FakeDriver

QUERY = StreamingQuery("app-1", "run-1", id="q-1", name="clicks", state="waiting", batch_id=3)
KEYS = {
    "application", "name", "id", "run_id", "state", "batch_id", "input_rows", "input_rows_per_second",
    "processed_rows_per_second", "batch_duration_ms", "duration_ms", "watermark", "state_rows", "state_bytes",
    "sources", "exception", "started_at", "seen_in", "health",
}  # fmt: skip


def snapshot(*queries: StreamingQuery, **fields: Any) -> Snapshot:
    return Snapshot(1_800_000_000.5, queries=queries, **fields)


def test_the_json_has_the_documented_keys_and_unknown_is_null() -> None:
    told = report.as_json(
        snapshot(QUERY, applications=(Application("app-1"),), problems=(Problem("a", "b"),))
    )
    assert told["at"] == "2027-01-15T08:00:00.500Z"
    assert set(told["queries"][0]) == KEYS
    unknown = {"input_rows", "watermark", "state_rows", "exception", "started_at", "batch_duration_ms"}
    assert all(told["queries"][0][name] is None for name in unknown)
    assert told["applications"][0] == {
        "id": "app-1", "name": None, "user": None, "state": None, "waiting_for": None, "tracking_url": None,
        "spark_version": None,
    }  # fmt: skip
    assert told["problems"] == [{"source": "a", "message": "b"}]


def test_health_is_told_with_its_beginning() -> None:
    sick = replace(QUERY, health=(Finding("stalled", "no batch", 1_800_000_000.0),))
    assert report.query_json(sick)["health"] == [
        {"code": "stalled", "evidence": "no batch (since 2027-01-15T08:00:00.000Z)"}
    ]


def test_the_table_puts_the_worst_first_and_lets_no_escape_through() -> None:
    failed = replace(QUERY, run_id="run-2", name="\x1b[31mz\n", health=(Finding("failed", "boom", 0.0),))
    lines = report.table(snapshot(QUERY, failed)).splitlines()
    assert lines[1].split()[:3] == ["app-1", "z", "waiting"]
    assert "\x1b" not in "".join(lines)
    assert report.table(snapshot()) == "No streaming query is to be seen."


def test_changes_tell_batches_and_ends_but_not_every_wait() -> None:
    def kinds(before: StreamingQuery, after: StreamingQuery) -> list[str]:
        return [kind for kind, _, _ in report.changes(snapshot(before), snapshot(after))]

    assert kinds(QUERY, replace(QUERY, state="processing")) == []
    assert kinds(QUERY, replace(QUERY, batches=(Batch(1.0, id=4, input_rows=5, duration_ms=80.0),))) == [
        "batch"
    ]
    assert kinds(QUERY, replace(QUERY, state="failed", health=(Finding("failed", "x", 0.0),))) == [
        "state",
        "health",
    ]
    assert kinds(QUERY, replace(QUERY, run_id="other")) == ["appeared", "gone"]


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_any_moment_is_written_or_null(at: float | None) -> None:
    text = report.moment(at)
    assert text is None or text.endswith("Z")


@pytest.fixture
def quiet_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine is no part of the test."""
    monkeypatch.setattr("dataeng_tui.streams.sources.local_ports.LocalPorts._listens", lambda *_: False)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["streams", *arguments])
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("quiet_ports")
def test_the_command_over_a_real_socket(
    serve: Any, newest: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    driver: FakeDriver = serve(newest)
    assert run("--driver", driver.url, "--once", "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {query["run_id"] for query in told["queries"]} == newest["progress"].keys()
    assert {name for query in told["queries"] for name in query} == KEYS
    assert run("--driver", driver.url, "--fail-on-unhealthy") == 1
    assert "failed: " in capsys.readouterr().out.splitlines()[1]
    assert (
        run("--driver", driver.url, "--watch", "--fail-on-unhealthy", "--format", "json", "--interval", "0.1")
        == 1
    )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"appeared", "health"} <= {line["change"] for line in lines}
    assert set(lines[0]["query"]) == KEYS


@pytest.mark.usefixtures("quiet_ports")
def test_a_dead_driver_is_one_sentence_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--driver", "http://127.0.0.1:9") == 2
    assert capsys.readouterr().err == "dataeng-tui: http://127.0.0.1:9: nothing listens there\n"
    assert run("--driver", "nonsense://x") == 2
    assert "is no URL of a driver's UI" in capsys.readouterr().err
    assert run("--yarn", "nonsense://x") == 2
    assert "is no URL of a ResourceManager: give one such as http://localhost:8088" in capsys.readouterr().err


def test_in_a_terminal_the_screen_opens_at_the_streams_and_elsewhere_it_prints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[Any, ...]] = []
    monkeypatch.setattr("dataeng_tui.cli.streams.open_screen", lambda *given: opened.append(given))
    monkeypatch.setattr("dataeng_tui.cli.streams._once", lambda *_: 0)
    monkeypatch.setattr("dataeng_tui.cli.streams.has_terminal", lambda: True)
    given = "--driver", "d:4040", "--event-log", str(tmp_path), "--interval", "2"
    assert run(*given) == 0
    ((settings, _, services, first),) = opened
    assert first == "streams"
    assert settings.streams.driver == ("d:4040",)
    assert settings.streams.event_log == (str(tmp_path),)
    assert services.streams.interval == 2
    for more in (["--once"], ["--format", "table"], ["--format", "json"], ["--fail-on-unhealthy"]):
        assert run(*given, *more) == 0
    monkeypatch.setattr("dataeng_tui.cli.streams.has_terminal", lambda: False)
    assert run(*given) == 0
    assert len(opened) == 1
    # What cannot be is one sentence, not a screen that says it.
    monkeypatch.setattr("dataeng_tui.cli.streams.has_terminal", lambda: True)
    assert run("--replay", str(tmp_path / "none")) == 2
    assert "cannot be read" in capsys.readouterr().err
