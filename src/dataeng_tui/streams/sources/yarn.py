"""YARN's ResourceManager as a source: the Spark applications, what they wait for, where they are."""

import json
from dataclasses import replace
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.streams.progress import text
from dataeng_tui.streams.snapshot import Application, Focus, Layer, Observation, Problem
from dataeng_tui.streams.sources.http import Answer, Http, KeepAlive, normal_url, refused, without_secrets
from dataeng_tui.text import clean

_APPS = "/ws/v1/cluster/apps"
_LIVE = "?states=RUNNING,ACCEPTED&applicationTypes=SPARK"
_EVERY = 5.0
_STANDBY = "This is standby RM"  # with where the active one is
_ENDED_FOR = 3600.0  # seconds for which an application that has ended is still told of
_AS_IT_ENDED = ("FAILED", "KILLED")


class Yarn:
    """The ResourceManager's REST API, ``http://<resource manager>:8088``; a standby one names the active.

    Running applications' tracking URLs become drivers to watch; one that is ACCEPTED waits, and its
    diagnostics say for what. One that ends while it is watched is told of for an hour more: YARN knows how it
    ended when its driver can tell nothing any more.
    """

    layer: Layer = "yarn"

    def __init__(self, url: str, http: Http | None = None) -> None:
        self.where = normal_url(url, "ResourceManager", "http://localhost:8088")
        self._active = self.where
        self._http = http or KeepAlive()
        self._asked = float("-inf")
        self._live: dict[str, Application] = {}
        self._ended: dict[str, tuple[float, Application, tuple[Problem, ...]]] = {}
        self._last = Observation(self.layer, self.where, 0.0)

    def poll(self, now: float, focus: Focus) -> Observation:
        """The list changes seldom and the ResourceManager serves many: it is asked every five seconds."""
        if focus.everything or abs(now - self._asked) >= _EVERY:
            self._asked = now
            answer = self._list()
            apps = read_apps(answer.text) if answer.status == 200 else None
            if apps is None:
                problem = Problem(without_secrets(self.where), _refusal(answer))
                self._last = Observation(self.layer, self.where, now, problems=(problem,), answered=False)
            else:
                self._last = self._told(apps, now)
        return self._last

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _list(self) -> Answer:
        answer = self._http.get(self._active + _APPS + _LIVE)
        if answer.error and not answer.elsewhere and self._active != self.where:
            self._active = self.where  # the named one knows who is active now
            answer = self._http.get(self._active + _APPS + _LIVE)
        if answer.elsewhere and _STANDBY in answer.text:
            self._active = answer.elsewhere.partition("/ws/")[0].rstrip("/")
            answer = self._http.get(self._active + _APPS + _LIVE)
        return answer

    def _told(self, apps: tuple[Application, ...], now: float) -> Observation:
        live = {app.id: app for app in apps}
        for app in self._live.keys() - live.keys():
            self._end(app, now)
        self._live = live
        self._ended = {
            app: told for app, told in self._ended.items() if app not in live and now - told[0] < _ENDED_FOR
        }
        drivers = tuple(app.tracking_url for app in apps if app.state == "RUNNING" and app.tracking_url)
        problems = tuple(problem for _, _, told in self._ended.values() for problem in told)
        ended = tuple(app for _, app, _ in self._ended.values())
        return Observation(self.layer, self.where, now, (*apps, *ended), (), problems, drivers)

    def _end(self, id_: str, now: float) -> None:
        """Learn how an application ended that is not listed any more."""
        answer = self._http.get(f"{self._active}{_APPS}/{id_}")
        app = _json(answer.text).get("app") if answer.status == 200 else None
        if not isinstance(app, dict):
            return
        state = text(app.get("state"))
        if state == "FINISHED" and app.get("finalStatus") in _AS_IT_ENDED:
            state = str(app["finalStatus"])  # in client mode YARN calls every end FINISHED
        problems: tuple[Problem, ...] = ()
        if state in _AS_IT_ENDED:
            why = clean(text(app.get("diagnostics")) or "YARN does not say why", 300)
            problems = (Problem(id_, f"The application has ended, {state}: {why}"),)
        self._ended[id_] = now, replace(self._live[id_], state=state, waiting_for=None), problems


def read_apps(body: str) -> tuple[Application, ...] | None:
    """The applications of ``/ws/v1/cluster/apps``, whose ``apps`` is null for none. None: another shape."""
    told = _json(body).get("apps", False)
    if told is not None and not isinstance(told, dict):
        return None
    apps = (told or {}).get("app") or []
    if not isinstance(apps, list):
        return None
    return tuple(_application(app) for app in apps if isinstance(app, dict) and app.get("id"))


def _json(body: str) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _refusal(answer: Answer) -> str:
    if why := refused(answer):
        return why
    # "Can not find any active RM. Will retry in next 3 seconds.", as text.
    said = "" if "html" in answer.content_type else clean(answer.text.strip(), 120)
    return f"no ResourceManager: it answers {answer.status}{f', {said}' if said else ''}"


def _driver_url(url: str) -> str | None:
    """None for "UNASSIGNED" and whatever else is no URL."""
    try:
        return normal_url(url) if "://" in url else None
    except UserError:
        return None


def _application(app: dict[str, Any]) -> Application:
    state = text(app.get("state"))
    url = text(app.get("trackingUrl"))
    return Application(
        id=str(app["id"]),
        name=text(app.get("name")),
        user=text(app.get("user")),
        state=state,
        waiting_for=text(app.get("diagnostics")) if state == "ACCEPTED" else None,
        tracking_url=_driver_url(url) if url else None,
    )
