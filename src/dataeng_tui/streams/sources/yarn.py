"""YARN's ResourceManager as a source: the Spark applications, what they wait for, where they are."""

import json
from typing import Any

from dataeng_tui.errors import UserError
from dataeng_tui.streams.snapshot import Application, Focus, Layer, Observation, Problem
from dataeng_tui.streams.sources.http import Http, KeepAlive, normal_url, without_secrets

_APPS = "/ws/v1/cluster/apps?states=RUNNING,ACCEPTED&applicationTypes=SPARK"
_EVERY = 5.0


class Yarn:
    """The ResourceManager's REST API, ``http://<resource manager>:8088``.

    Running applications' tracking URLs become drivers to watch; one that is ACCEPTED waits, and its
    diagnostics say for what.
    """

    layer: Layer = "yarn"

    def __init__(self, url: str, http: Http | None = None) -> None:
        self.where = normal_url(url, "ResourceManager", "http://localhost:8088")
        self._http = http or KeepAlive()
        self._asked = float("-inf")
        self._last = Observation(self.layer, self.where, 0.0)

    def poll(self, now: float, focus: Focus) -> Observation:
        """The list changes seldom and the ResourceManager serves many: it is asked every five seconds."""
        if focus.everything or abs(now - self._asked) >= _EVERY:
            self._asked = now
            answer = self._http.get(self.where + _APPS)
            apps = read_apps(answer.text) if answer.status == 200 else None
            if apps is None:
                why = answer.error or f"no ResourceManager: it answers {answer.status}"
                problem = Problem(without_secrets(self.where), why)
                self._last = Observation(self.layer, self.where, now, problems=(problem,), answered=False)
            else:
                running = (app.tracking_url for app in apps if app.state == "RUNNING")
                drivers = tuple(filter(None, running))
                self._last = Observation(self.layer, self.where, now, apps, drivers=drivers)
        return self._last

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


def read_apps(body: str) -> tuple[Application, ...] | None:
    """The applications of ``/ws/v1/cluster/apps``, whose ``apps`` is null for none. None: another shape."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or "apps" not in told:
        return None
    listed = (told["apps"] or {}).get("app") if isinstance(told["apps"], dict | None) else None
    apps = listed if isinstance(listed, list) else []
    return tuple(_application(app) for app in apps if isinstance(app, dict) and app.get("id"))


def _driver_url(url: str) -> str | None:
    """None for "UNASSIGNED" and whatever else is no URL."""
    try:
        return normal_url(url) if "://" in url else None
    except UserError:
        return None


def _application(app: dict[str, Any]) -> Application:
    def text(name: str) -> str | None:
        value = app.get(name)
        return value if isinstance(value, str) and value else None

    state = text("state")
    url = text("trackingUrl")
    return Application(
        id=str(app["id"]),
        name=text("name"),
        user=text("user"),
        state=state,
        waiting_for=text("diagnostics") if state == "ACCEPTED" else None,
        tracking_url=_driver_url(url) if url else None,
    )
