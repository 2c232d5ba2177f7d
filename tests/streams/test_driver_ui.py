"""A driver's UI asked over a real socket: what is told of it, and of everything that is not one."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataeng_tui.errors import UserError
from dataeng_tui.streams.snapshot import Focus, Observation
from dataeng_tui.streams.sources.driver_ui import Budget, DriverUi
from dataeng_tui.streams.sources.http import KeepAlive, normal_url
from tests.streams.fake_driver import LIST, SHORT_LIST, FakeDriver, as_another_application, pages_of

EVERYTHING, NOTHING = Focus(everything=True), Focus()
Serve = Callable[..., FakeDriver]


@pytest.fixture
def ask() -> Iterator[Callable[..., Observation]]:
    sources: list[DriverUi] = []

    def poll(url: str, now: float = 0.0, focus: Focus = EVERYTHING, **options: Any) -> Observation:
        source = DriverUi(url, KeepAlive(timeout=2.0), **options)
        sources.append(source)
        return source.poll(now, focus)

    yield poll
    for source in sources:
        source.close()


def told(said: Observation) -> list[str]:
    assert not said.answered
    return [problem.message for problem in said.problems]


def test_a_recorded_driver_over_a_real_socket(
    serve: Serve, ask: Callable[..., Observation], recorded: Any
) -> None:
    driver = serve(recorded)
    said = ask(driver.url + "/")
    assert said.answered
    assert said.applications[0].id == recorded["application"]
    assert said.applications[0].spark_version == recorded["version"]
    assert {query.run_id for query in said.queries} == recorded["progress"].keys()
    assert driver.most_at_once == 1


def test_behind_a_proxys_path(serve: Serve, ask: Callable[..., Observation], newest: Any) -> None:
    prefix = "/proxy/" + newest["application"]
    driver = serve({prefix + path: page for path, page in pages_of(newest).items()})
    assert len(ask(driver.url + prefix + "/").queries) == len(newest["progress"])
    assert all(path.startswith(prefix) for path in driver.asked)


def test_another_service_is_a_problem_when_given_and_silence_when_found(
    serve: Serve, ask: Callable[..., Observation]
) -> None:
    page = (200, "text/html", "<h1>It works!</h1>")
    driver = serve({"/api/v1/applications": page, LIST: page})
    assert "no Spark driver's UI" in told(ask(driver.url))[0]
    assert told(ask(driver.url, given=False)) == []


def test_a_proxys_warning_page_with_status_200_is_no_empty_driver(
    serve: Serve, ask: Callable[..., Observation], newest: Any
) -> None:
    warning = (200, "text/html", "<html><body>WARNING: The following page may not be safe!</body></html>")
    pages = pages_of(newest)
    driver = serve(dict.fromkeys(pages, warning))
    assert "a proxy that asks first" in told(ask(driver.url))[0]
    driver.pages = {**pages, LIST: warning}
    assert "a proxy that asks first" in told(ask(driver.url))[0]


def test_a_driver_before_its_first_query_sends_one_on_to_its_jobs(
    serve: Serve, ask: Callable[..., Observation], newest: Any
) -> None:
    page = (200, "text/html", "<html><head><title>emails - Spark Jobs</title></head></html>")
    said = ask(serve({**pages_of(newest), LIST: page}).url)
    assert said.answered
    assert said.applications[0].id == newest["application"]
    assert said.queries == said.problems == ()


def test_what_does_not_answer_is_said_in_words(ask: Callable[..., Observation], serve: Serve) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert told(ask(f"http://127.0.0.1:{port}")) == ["nothing listens there"]
    assert told(ask("http://nowhere.invalid:4040")) == ["there is no such host"]
    driver = serve({"/api/v1/applications": (503, "text/plain", "")})
    assert told(ask(driver.url)) == ["no Spark driver's UI: it answers 503"]


def test_bytes_that_are_no_http(ask: Callable[..., Observation]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.close()

        threading.Thread(target=greet, daemon=True).start()
        assert told(ask(f"http://127.0.0.1:{server.getsockname()[1]}"))[0] in {
            "it does not speak HTTP",
            "the connection broke off",
        }


def test_a_server_that_drips_is_given_up_after_the_timeout(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.05)
            except OSError:
                return

        threading.Thread(target=drip, daemon=True).start()
        http = KeepAlive(timeout=0.4)
        assert http.get(f"http://127.0.0.1:{server.getsockname()[1]}/").error == "no answer within 0.4 s"
        http.close()


def test_an_answer_over_the_limit_and_a_redirect_to_elsewhere_are_refused(serve: Serve) -> None:
    driver = serve({"/big": (200, "text/plain", "x" * 5000), "/away": (302, "text/plain", "")})
    driver.headers = {"Location": "http://user:secret@elsewhere.example/x"}
    http = KeepAlive(timeout=2.0, limit=4000)
    assert "longer than" in http.get(driver.url + "/big").error
    assert http.get(driver.url + "/away").error == (
        "it sends on to http://user@elsewhere.example/x: name that, if it is what you mean"
    )
    driver.headers = {"Location": "/away"}
    assert http.get(driver.url + "/away").error == "it redirects without end"
    http.close()


def test_the_connection_is_kept_and_made_anew_when_it_broke(serve: Serve) -> None:
    driver = serve({"/": (200, "text/plain", "a")})
    http = KeepAlive(timeout=2.0)
    assert [http.get(driver.url + "/").text for _ in range(5)] == ["a"] * 5
    assert len(driver.connections) == 1
    driver.connections[0].shutdown(socket.SHUT_RDWR)
    assert http.get(driver.url + "/").text == "a"
    assert len(driver.connections) == 2
    http.close()


def test_a_url_that_is_none() -> None:
    assert normal_url("localhost:4040/") == "http://localhost:4040"
    for text in ("", "ftp://x", "http://", "http://x:99999"):
        with pytest.raises(UserError, match="is no URL"):
            normal_url(text)


def test_another_application_on_the_same_port(serve: Serve, newest: Any) -> None:
    driver = serve(newest)
    source = DriverUi(driver.url)
    assert source.poll(0.0, Focus()).queries[0].application == newest["application"]
    driver.pages = pages_of(as_another_application(newest, "app-2", "aaaa"))
    # Even in the very poll after the restart, no run of the one is told as the other's.
    said = source.poll(1.0, Focus())
    source.close()
    assert [application.id for application in said.applications] == ["app-2"]
    assert {query.application for query in said.queries} == {"app-2"}
    assert all(query.run_id.startswith("aaaa") for query in said.queries)


def test_statistics_are_asked_for_what_is_new_and_what_is_looked_at(serve: Serve, newest: Any) -> None:
    driver = serve(newest)
    source = DriverUi(driver.url, budget=Budget(per_second=1e9))

    def pages(now: float, focus: Focus = NOTHING) -> list[str]:
        driver.asked.clear()
        source.poll(now, focus)
        return [path.rpartition("=")[2] for path in driver.asked if "/statistics/" in path]

    runs = list(newest["progress"])
    looked_at = runs[-1]
    first = pages(0.0, Focus(frozenset({looked_at})))
    assert first[0] == looked_at
    assert len(first) < len(runs)
    later = [path for now in (1.0, 2.0, 3.0) for path in pages(now)]
    assert sorted(first + later) == sorted(runs)  # each once, and no more while nothing changes
    assert pages(4.0) == []
    # A quiet driver is asked for its list, and now and then for its jobs.
    assert [path for path in driver.asked if path != SHORT_LIST] in (
        [],
        [path for path in driver.asked if "/jobs" in path],
    )
    source.close()


@pytest.mark.parametrize("ahead", [420.0, -420.0])
def test_clocks_that_differ_by_minutes_make_no_stall(
    serve: Serve, ask: Callable[..., Observation], newest: Any, ahead: float
) -> None:
    driver = serve(newest)
    now = newest["at"] + ahead  # ours, seven minutes before or after the driver's
    driver.date = newest["answers"][LIST]["date"]
    said = ask(driver.url, now)
    fresh = [query.quiet_since for query in said.queries if query.name == "slow"]
    assert fresh[0] is not None
    assert 0 <= now - fresh[0] < 60


def test_what_is_over_is_listed_once_and_no_end_is_missed(serve: Serve, newest: Any) -> None:
    driver = serve(newest)
    whole = driver.pages[LIST][2]
    first, *others = (table.partition("</table>") for table in whole.split("<table")[1:])
    rows = first[0].split("<tr")
    ended = others[0][0].split("<tr")
    assert (len(rows), len(ended)) == (8, 4)  # what is before the first, the headings, and a row a run

    def page(active: list[str], over: list[str], count: int) -> tuple[int, str, str]:
        body = "<table".join(
            ["spark Streaming Query", "<tr".join(active) + "</table>"]
            + ([f"Completed Streaming Queries ({count})", "<tr".join(over) + "</table>"] if over else [])
        )
        return 200, "text/html", body + "</html>"

    source = DriverUi(driver.url)

    def runs(now: float) -> set[str]:
        driver.asked.clear()
        return {query.run_id for query in source.poll(now, NOTHING).queries}

    driver.pages[SHORT_LIST] = page(rows, ended[:3], 2)
    everything = runs(0.0)
    assert everything == newest["progress"].keys()
    assert runs(1.0) == everything  # the second of the ended ones is known
    assert LIST not in driver.asked
    # One of the active ones has ended, and the newest of the ended is the same as before.
    driver.pages[SHORT_LIST] = page(rows[:-1], ended[:3], 2)
    runs(2.0)
    assert LIST in driver.asked
    # One came and ended between two polls.
    driver.pages[SHORT_LIST] = page(rows, ended[:3], 3)
    runs(3.0)
    assert LIST in driver.asked
    # The same where the driver keeps no more than it had: their number stays.
    new = ended[2].replace(sorted(everything)[0][:8], "99999999")
    for run in everything:
        new = new.replace(run, "99999999" + run[8:])
    driver.pages[SHORT_LIST] = page(rows, [*ended[:2], new], 2)
    runs(4.0)
    assert LIST in driver.asked
    source.close()
