"""YARN's list of applications, over a real socket, in the shape the ResourceManager gives it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
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


def test_a_standby_names_the_active_one_and_a_failover_is_followed(serve: Callable[..., FakeDriver]) -> None:
    one, other = (
        serve({}),
        serve({APPS: answer(app("application_1_1", "ACCEPTED", "UNASSIGNED", "queue full"))}),
    )

    def stands_by(cluster: FakeDriver, active: FakeDriver) -> None:
        where = active.url + APPS
        cluster.pages[APPS] = (307, "text/plain", f"This is standby RM. The redirect url is: {where}")
        cluster.headers = {"Location": where}

    stands_by(one, other)
    yarn = Yarn(one.url)
    assert [told.waiting_for for told in yarn.poll(0.0, Focus()).applications] == ["queue full"]
    asked = len(one.asked)
    assert yarn.poll(5.0, Focus()).answered
    assert len(one.asked) == asked  # the active one is known
    one.pages[APPS], one.headers = answer(), {}
    stands_by(other, one)
    assert yarn.poll(10.0, Focus()).applications == ()
    stands_by(one, other)
    other.pages[APPS], other.headers = answer(app("application_1_2", "ACCEPTED", "N/A")), {}
    assert [told.id for told in yarn.poll(15.0, Focus()).applications] == ["application_1_2"]
    other.stop()
    one.pages[APPS], one.headers = answer(), {}
    assert yarn.poll(20.0, Focus()).answered  # the named one is asked who is active now
    yarn.close()


def test_another_redirect_is_not_followed(serve: Callable[..., FakeDriver]) -> None:
    login = serve({APPS: answer()})
    cluster = serve({APPS: (302, "text/html", "<h1>Sign in</h1>")})
    cluster.headers = {"Location": login.url + "/login"}
    said = Yarn(cluster.url).poll(0.0, Focus())
    assert said.problems[0].message.startswith(f"it sends on to {login.url}/login")
    assert login.asked == []


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ((401, "text/html", "<h1>Negotiate</h1>"), "it wants a login (401): give http://user:password@"),
        ((403, "text/html", ""), "it does not let this user in (403)"),
        (
            (200, "text/plain", "Can not find any active RM. Will retry in next 3 seconds."),
            "find any active RM",
        ),
        ((200, "text/html", "<html>Anmeldung"), "no ResourceManager: it answers 200"),
        ((500, "application/json", '{"RemoteException": {}}'), "it answers 500"),
    ],
)
def test_what_is_no_list_says_what_it_is(
    serve: Callable[..., FakeDriver], page: tuple[int, str, str], told: str
) -> None:
    said = Yarn(serve({APPS: page}).url).poll(0.0, Focus())
    assert not said.answered
    assert told in said.problems[0].message


def test_how_an_application_ended_is_told_for_an_hour(serve: Callable[..., FakeDriver]) -> None:
    ids = ["application_1_1", "application_1_2", "application_1_3", "application_1_4"]
    cluster = serve({APPS: answer(*(app(id_, "RUNNING", "N/A") for id_ in ids))})
    ends = (("FINISHED", "SUCCEEDED", ""), ("FINISHED", "FAILED", "AM exited"), ("KILLED", "KILLED", ""))
    for id_, (state, final, why) in zip(ids, ends, strict=False):
        told = app(id_, state, "N/A", why) | {"finalStatus": final}
        cluster.pages[f"/ws/v1/cluster/apps/{id_}"] = (200, "application/json", json.dumps({"app": told}))
    yarn = Yarn(cluster.url)
    yarn.poll(0.0, Focus())
    cluster.pages[APPS] = answer()
    for at in (5.0, 1000.0):
        said = yarn.poll(at, Focus())
        states = sorted((told.id, told.state) for told in said.applications)
        assert states == [
            (ids[0], "FINISHED"),
            (ids[1], "FAILED"),
            (ids[2], "KILLED"),
        ]  # YARN forgot the last
        assert sorted(problem.message for problem in said.problems) == [
            "The application has ended, FAILED: AM exited",
            "The application has ended, KILLED: YARN does not say why",
        ]
    assert yarn.poll(3700.0, Focus()).applications == ()
    yarn.close()


def test_a_running_application_whose_pages_cannot_be_read_is_told(serve: Callable[..., FakeDriver]) -> None:
    cluster = serve({})
    url = f"{cluster.url}/proxy/application_1_1"
    cluster.pages[APPS] = answer(app("application_1_1", "RUNNING", url + "/"))
    warning = (200, "text/html", "<html>WARNING: the page is of another user</html>")
    cluster.pages["/proxy/application_1_1/api/v1/applications"] = warning
    watcher = open_watcher(yarn=cluster.url, discover=False)
    (problem,) = watcher.once().problems
    assert problem.source == url
    assert problem.message.startswith("a page that is no Spark driver's UI")
    assert watcher.unanswered == ()  # nobody named it


@given(st.text() | st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["apps", "app", "id", "state"]), inner),
).map(json.dumps))  # fmt: skip
@example('{"apps": {"app": 1}}')
@example('{"apps": {"app": null}}')
def test_any_answer_is_read_or_refused(body: str) -> None:
    for application in read_apps(body) or ():
        assert application.id
