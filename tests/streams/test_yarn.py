"""YARN's list of applications, over a real socket, in the shape the ResourceManager gives it."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dataeng_tui.streams.opening import open_watcher
from dataeng_tui.streams.snapshot import Focus
from dataeng_tui.streams.sources.yarn import Yarn, read_apps
from tests.streams.fake_driver import FakeDriver, pages_of

APPS = "/ws/v1/cluster/apps?states=RUNNING,ACCEPTED&applicationTypes=SPARK"


def app(id_: str, state: str, url: str, diagnostics: str = "") -> dict[str, Any]:
    return {"id": id_, "user": "hadoop", "name": "clicks", "queue": "default", "state": state,
            "finalStatus": "UNDEFINED", "trackingUrl": url, "diagnostics": diagnostics,
            "applicationType": "SPARK", "startedTime": 1795398848703, "allocatedMB": 2048}  # fmt: skip


def answer(*apps: dict[str, Any]) -> tuple[int, str, str]:
    return 200, "application/json", json.dumps({"apps": {"app": list(apps)} if apps else None})


def test_running_ones_are_watched_and_accepted_ones_say_what_they_wait_for(
    serve: Callable[..., FakeDriver], newest: dict[str, Any]
) -> None:
    id_ = newest["application"]
    cluster = serve({f"/proxy/{id_}{path}": page for path, page in pages_of(newest).items()})
    why = (
        "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded."
    )
    url = f"{cluster.url}/proxy/{id_}/"
    cluster.pages[APPS] = answer(
        app(id_, "RUNNING", url), app("application_1_2", "ACCEPTED", "UNASSIGNED", why)
    )
    watcher = open_watcher(yarn=cluster.url, discover=False)
    snapshot = watcher.once()
    assert len(snapshot.queries) == len(newest["progress"])
    running, waiting = sorted(snapshot.applications, key=lambda application: application.waiting_for or "")
    assert (running.id, running.state, running.spark_version) == (id_, "RUNNING", newest["version"])
    assert (waiting.state, waiting.waiting_for, waiting.tracking_url) == ("ACCEPTED", why, None)
    assert watcher.unanswered == ()


def test_no_application_is_no_error_and_another_page_is_one(serve: Callable[..., FakeDriver]) -> None:
    cluster = serve({APPS: answer()})
    yarn = Yarn(cluster.url)
    said = yarn.poll(0.0, Focus())
    assert (said.answered, said.applications) == (True, ())
    assert yarn.poll(1.0, Focus()).at == 0.0  # asked every five seconds, not at every poll
    cluster.pages[APPS] = (200, "text/html", "<html>This is standby RM</html>")
    said = yarn.poll(6.0, Focus())
    yarn.close()
    assert not said.answered
    assert said.problems[0].source == cluster.url


@given(st.text() | st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["apps", "app", "id", "state"]), inner),
).map(json.dumps))  # fmt: skip
@example('{"apps": {"app": 1}}')
def test_any_answer_is_read_or_refused(body: str) -> None:
    for application in read_apps(body) or ():
        assert application.id
