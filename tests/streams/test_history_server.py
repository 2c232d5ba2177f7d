"""A history server: from its root to its applications' queries, over a real socket and over a real one."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Focus
from dataeng_tui.streams.sources.history_server import MOST, HistoryApplication, HistoryServer
from tests.streams.fake_driver import FakeDriver, pages_of
from tests.streams.test_spark import free_port

Serve = Callable[..., FakeDriver]
API = "/api/v1/applications"
TITLE = (200, "text/html", "<html><head><title>History Server</title></head></html>")
LOG = Path(__file__).parent / "logs" / "local-1795398444803"


def listed(*names: str, attempt: str | None = None) -> tuple[int, str, str]:
    told = [{"id": name, "attempts": [{"attemptId": attempt} if attempt else {}]} for name in names]
    return 200, "application/json", json.dumps(told)


@pytest.fixture
def history(serve: Serve, newest: dict[str, Any]) -> FakeDriver:
    """The newest recording's application, ended, in a history server."""
    pages = pages_of(newest)
    name = newest["application"]
    (application,) = json.loads(pages[API][2])
    application["attempts"][0]["completed"] = True
    below = {f"/history/{name}{path}": page for path, page in pages.items() if not path.startswith("/api")}
    return serve(
        below
        | {
            API: listed(name),
            f"{API}/{name}": (200, "application/json", json.dumps(application)),
            f"{API}?status=running&limit={MOST + 1}": listed(),
            f"{API}?status=completed&limit={MOST + 1}": listed(name),
            "/StreamingQuery/?active.pageSize=1000&completed.pageSize=1000": TITLE,
        }
    )


@pytest.mark.parametrize("below", ["", "/history", "/history/the application"])
def test_its_root_or_a_page_of_it_tells_the_queries(
    history: FakeDriver, newest: dict[str, Any], below: str
) -> None:
    url = history.url + below.replace("the application", newest["application"])
    watcher = open_watcher([url], discover=False)
    snapshot = watcher.once(120)
    assert watcher.unanswered == snapshot.problems == ()
    assert {query.run_id for query in snapshot.queries} == newest["progress"].keys()
    assert {layer for query in snapshot.queries for layer in query.seen_in} <= {"history-server", "metrics"}
    # Nothing runs there any more: what nobody stopped ended with its driver.
    assert {query.state for query in snapshot.queries} == {"finished", "failed"}


def test_it_is_asked_for_few_and_seldom(history: FakeDriver, newest: dict[str, Any]) -> None:
    names = [f"app-{number}" for number in range(MOST + 1)]
    history.pages[API] = listed(*names)
    history.pages[f"{API}?status=completed&limit={MOST + 1}"] = listed(*names)
    history.pages[f"{API}?status=running&limit={MOST + 1}"] = listed("runs", attempt="2")
    server = HistoryServer(history.url + "/history")
    said = server.poll(0.0, Focus())
    assert said.drivers[0] == f"{history.url}/history/runs/2"  # as the history server itself writes it
    assert len(said.drivers) == MOST
    assert "name another by its page" in said.problems[0].message
    asked = len(history.asked)
    assert server.poll(20.0, Focus()).drivers == said.drivers
    assert len(history.asked) == asked
    server.poll(31.0, Focus())
    assert len(history.asked) == asked + 2
    server.close()
    page = HistoryApplication(f"{history.url}/history/{newest['application']}")
    first = page.poll(0.0, Focus())
    asked = len(history.asked)
    again = page.poll(1.0, Focus())
    assert len(history.asked) == asked
    assert [query.run_id for query in again.queries] == [query.run_id for query in first.queries]
    page.poll(6.0, Focus())
    assert len(history.asked) > asked
    assert not any("/jobs" in path for path in history.asked)  # none of its jobs run now
    page.close()


def test_what_it_does_not_have_is_a_sentence(history: FakeDriver) -> None:
    watcher = open_watcher([history.url + "/history/nonesuch"], discover=False)
    watcher.once(120)
    assert [problem.message for problem in watcher.unanswered] == ["it has no such application"]
    for body in ("<h1>no</h1>", "[1]", "{}"):
        history.pages[f"{API}?status=running&limit={MOST + 1}"] = (200, "text/html", body)
        said = HistoryServer(history.url + "/history").poll(0.0, Focus())
        assert said.answered == (body == "{}")


@pytest.fixture
def real(tmp_path: Path, newest: dict[str, Any]) -> Iterator[str]:
    """Spark's own history server, with two logs; the recording's has no end."""
    pyspark = Path(pytest.importorskip("pyspark").__file__).parent
    from dataeng_tui.demo.java import find_java

    shutil.copy(LOG, tmp_path)
    for name, text in newest["event_log"].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    port = free_port()
    options = {"fs.logDirectory": tmp_path.as_uri(), "ui.port": port, "fs.update.interval": "1s"}
    environment = dict(
        os.environ,
        SPARK_HOME=str(pyspark),
        SPARK_LOCAL_HOSTNAME="localhost",
        JAVA_HOME=str(find_java().home),
        SPARK_HISTORY_OPTS=" ".join(f"-Dspark.history.{name}={value}" for name, value in options.items()),
    )
    command = [str(pyspark / "bin" / "spark-class"), "org.apache.spark.deploy.history.HistoryServer"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        yield f"http://localhost:{port}"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 9)


@pytest.mark.spark
def test_a_real_history_server(real: str, newest: dict[str, Any]) -> None:
    end = time.monotonic() + 180
    while True:
        watcher = open_watcher([real], discover=False)
        snapshot = watcher.once(120)
        if not watcher.unanswered and len(snapshot.applications) == 2:
            break
        assert time.monotonic() < end, snapshot.problems
        time.sleep(1)
    states = {one.id: one.state for one in snapshot.applications}
    assert states == {LOG.name: "FINISHED", newest["application"]: "RUNNING"}
    assert {query.seen_in for query in snapshot.queries} == {("history-server",)}
    ended = {query.name: query for query in snapshot.queries if query.application == LOG.name}
    assert (ended["bad"].state, ended[None].state) == ("failed", "finished")
    assert (ended[None].batch_id, ended[None].input_rows) == (10, 20)
    running = {query.run_id: query for query in snapshot.queries if query.application != LOG.name}
    assert running.keys() == newest["progress"].keys()
    assert "running" in {query.state for query in running.values()}
    stateful = next(query for query in running.values() if query.name == "opened by hour")
    (told,) = (said["last"] for said in newest["progress"].values() if said["name"] == stateful.name)
    assert (stateful.batch_id, stateful.input_rows) == (told["batchId"], told["numInputRows"])
