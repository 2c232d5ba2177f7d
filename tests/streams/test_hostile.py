"""Answers and logs that are not as they should be: told in words, or passed over."""

import gzip
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.errors import UserError
from dataeng_tui.streams import report
from dataeng_tui.streams.board import Board
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.snapshot import Focus, Layer, Observation, Snapshot
from dataeng_tui.streams.sources.driver_ui import DriverUi
from dataeng_tui.streams.sources.event_log import EventLogSource
from dataeng_tui.streams.sources.http import Answer, KeepAlive, normal_url
from dataeng_tui.streams.watch import Watcher
from dataeng_tui.tui import streams_detail, streams_rows
from tests.streams.fake_driver import pages_of

LOG = Path(__file__).parent / "logs" / "local-1795398444803"
AT = 1_795_398_470.0
Answering = Callable[[bytes], str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """The URL of a server that says these bytes to whoever asks."""
    with ExitStack() as servers:

        def start(said: bytes) -> str:
            server = servers.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    with connection:
                        connection.recv(65536)
                        connection.sendall(said)

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{server.getsockname()[1]}/"

        yield start


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n", "it sends on to what is no URL"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://h:99999/\r\n\r\n", "it sends on to what is no URL"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://sso.corp/login?token=abc\r\n\r\n",
            "it sends on to https://sso.corp/login: name that, if it is what you mean",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: /\xc3\xa9 b\r\n\r\n", "it redirects without end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nabc", "the connection broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "the connection broke off"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 99, mtime=0)[:-9],
            "the connection broke off",
        ),
    ],
)
def test_what_a_server_does_is_told_in_words(answering: Answering, said: bytes, told: str) -> None:
    http = KeepAlive(timeout=5)
    assert http.get(answering(said)).error == told
    http.close()


def test_a_proxy_that_packs_what_nobody_asked_it_to(answering: Answering) -> None:
    http = KeepAlive(timeout=5, limit=1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    assert http.get(answering(head + gzip.compress(b"[]"))).text == "[]"
    assert http.get(answering(head + gzip.compress(b"x" * 100_000))).status == 0  # a bomb stays packed
    http.close()


def test_a_certificate_and_a_scheme_say_what_to_do(answering: Answering) -> None:
    http = KeepAlive(timeout=5)
    url = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").replace("http:", "https:")
    assert http.get(url).error == "it does not speak HTTPS: try http://"
    http.close()
    with pytest.raises(UserError, match="is no URL"):
        normal_url("http://[::1")


class Broken:
    """A source with a defect."""

    layer: Layer = "driver-ui"
    where = "http://d:4040"

    def poll(self, now: float, focus: Focus) -> Observation:
        raise ZeroDivisionError("oops")

    def close(self) -> None:
        pass


def test_a_sources_defect_is_a_problem_and_not_a_picture_that_stands_still() -> None:
    (problem,) = Watcher([Broken()], lambda *_: ()).once().problems
    assert problem.message == "a mistake of this program's: ZeroDivisionError: oops"


def look(said: Observation) -> Snapshot:
    """Everything that is made of what a source said: the picture, the report, the rows and the details."""
    board = Board(judge)
    board.accept(said)
    snapshot = board.snapshot(AT)
    json.dumps(report.as_json(snapshot), allow_nan=False)
    report.table(snapshot)
    list(report.changes(Snapshot(0.0), snapshot))
    streams_rows.rows(snapshot, "x", 120)
    for query in snapshot.queries:
        streams_detail.lines(query, None, 100, 40)
        streams_detail.ids(query)
    return snapshot


ODD = st.sampled_from(
    [None, 5, -1, 1e300, float("inf"), float("nan"), 10**400, "", "x", "\x1b[31m\u202e😀[red]" * 9, [], {},
     [[]], {"a": 1}, True, "2020-13-45T00:00:00Z", "1" * 30]
)  # fmt: skip
EVENTS = [json.loads(line) for line in LOG.read_bytes().splitlines()]


@st.composite
def altered(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with something odd in one place of it, however deep."""
    inner = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    if not inner or draw(st.integers(0, 5)) == 0:
        return draw(ODD)
    at = draw(st.sampled_from(sorted(inner)))
    changed = draw(altered(value[at]))
    if isinstance(value, dict):
        return {**value, at: changed}
    return [*value[:at], changed, *value[at + 1 :]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_event_log_with_odd_values_is_read_as_far_as_it_makes_sense(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = []
    for event in EVENTS:
        told = event
        if "Streaming" in event["Event"] or "Application" in event["Event"]:
            told = data.draw(altered(event)) if data.draw(st.integers(0, 3)) == 0 else event
        if isinstance(told, dict):  # Spark writes an event's name first
            lines.append(json.dumps({"Event": "", **told} | {"Event": event["Event"]}))
    log = tmp_path_factory.mktemp("log") / "app-1"
    log.write_text("\n".join(lines).replace('{"Event": ', '{"Event":') + "\n")
    said = EventLogSource(log).poll(AT, Focus(everything=True))
    assert said.answered
    look(said)


def test_a_log_that_may_not_be_read_is_told_beside_those_that_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(LOG, tmp_path / "app-1")
    locked = tmp_path / "eventlog_v2_app-2"
    locked.mkdir()
    listed = Path.iterdir

    def refusing(path: Path) -> Iterator[Path]:  # as the administrator one may read everything
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    source = EventLogSource(tmp_path)
    for _ in range(2):
        said = source.poll(AT, Focus(everything=True))
        assert len(said.queries) == 3
        assert [problem.source for problem in said.problems] == [str(locked)]


class Cut:
    """Answers of a recording, those of one page cut after some characters."""

    def __init__(self, recorded: dict[str, Any], page: str) -> None:
        self.pages, self.page, self.length = pages_of(recorded), page, 0

    def get(self, url: str) -> Answer:
        path = url.removeprefix("http://d").partition("?limit=")[0]
        status, kind, body = self.pages.get(path, (404, "text/html", ""))
        return Answer(status, (body[: self.length] if self.page in path else body).encode(), kind)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("page", ["/StreamingQuery/?", "/statistics/", "/metrics/", "/jobs", "/applications"])
def test_a_page_that_is_cut_tells_no_other_numbers(recorded: dict[str, Any], page: str) -> None:
    http = Cut(recorded, page)
    longest = max(len(body) for path, (_, _, body) in http.pages.items() if page in path)
    http.length = longest
    whole = {
        query.run_id: query for query in DriverUi("http://d", http).poll(AT, Focus(everything=True)).queries
    }
    assert whole
    for cut in range(0, longest, max(1, longest // 25)):
        http.length = cut
        said = DriverUi("http://d", http).poll(AT, Focus(everything=True))
        assert said.answered or said.problems
        assert not said.answered or said.queries
        for query in said.queries:
            for field in fields(query):
                told, known = getattr(query, field.name), getattr(whole[query.run_id], field.name)
                assert told in (None, (), {}, known) or field.name in ("state", "seen_in")


def test_names_of_any_kind_are_shown() -> None:
    said = EventLogSource(LOG).poll(AT, Focus(everything=True))
    names = ["[bold]x[/]", "\x1b[2J\x1b]0;t\x07", "\u202egnp", "👩‍👩‍👧‍👦" * 99, "x" * 100_000, "\0", "同じ"]
    queries = tuple(
        replace(said.queries[0], run_id=f"r{n}", id=f"i{n}", name=name) for n, name in enumerate(names)
    )
    snapshot = look(replace(said, queries=queries))
    assert len(snapshot.queries) == len(names)
    assert not {"\x1b", "\u202e", "\0"} & set(report.table(snapshot))
