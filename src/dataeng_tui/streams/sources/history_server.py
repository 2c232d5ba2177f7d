"""Spark's history server as a source: which applications it has, and each one's pages.

Its pages are a driver's, below ``/history/<application>``; one API at its root serves all of them.
"""

import json
from dataclasses import replace

from dataeng_tui.streams.snapshot import Batch, Focus, Layer, Observation, Problem, StreamingQuery
from dataeng_tui.streams.sources.driver_api import read_applications
from dataeng_tui.streams.sources.driver_pages import Row
from dataeng_tui.streams.sources.driver_ui import Budget, DriverUi, refusal
from dataeng_tui.streams.sources.http import Http, KeepAlive, normal_url, without_secrets

MOST = 10  # applications; for each one that is looked at the server reads its whole log
_LIST_EVERY = 30.0  # seconds; what is there changes seldom
_ASK_EVERY = 5.0


class HistoryServer:
    """``http://host:18080/history``: names its newest applications, those that still run first."""

    layer: Layer = "history-server"

    def __init__(self, url: str, http: Http | None = None) -> None:
        self.where = normal_url(url)
        self._api = self.where.removesuffix("/history") + "/api/v1/applications"
        self._http = http or KeepAlive()
        self._asked = float("-inf")
        self._last = Observation(self.layer, self.where, 0.0)

    def poll(self, now: float, focus: Focus) -> Observation:
        """Ask for the list, every half minute; what it does not tell is a problem."""
        if focus.everything or abs(now - self._asked) >= _LIST_EVERY:
            self._asked = now
            self._last = self._list(now)
        return replace(self._last, at=now)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _list(self, now: float) -> Observation:
        pages: dict[str, None] = {}
        for status in ("running", "completed"):
            answer = self._http.get(f"{self._api}?status={status}&limit={MOST + 1}")
            listed = _paths(answer.text) if answer.status == 200 else None
            if listed is None:
                problem = Problem(without_secrets(self.where), refusal(answer))
                return Observation(self.layer, self.where, now, problems=(problem,), answered=False)
            pages |= dict.fromkeys(listed)
        drivers = tuple(f"{self.where}/{page}" for page in list(pages)[:MOST])
        problems: tuple[Problem, ...] = ()
        if len(pages) > MOST:
            told = f"Its {MOST} newest applications are shown; name another by its page, …/history/<id>."
            problems = (Problem(without_secrets(self.where), told),)
        return Observation(self.layer, self.where, now, problems=problems, drivers=drivers)


class HistoryApplication(DriverUi):
    """One application's pages, ``…/history/<application>[/<attempt>]``; they change seldom, or never more."""

    layer: Layer = "history-server"

    def __init__(
        self, url: str, http: Http | None = None, *, given: bool = True, budget: Budget | None = None
    ) -> None:
        super().__init__(url, http, given=given, budget=budget)
        root, _, page = self.where.partition("/history/")
        self._page = f"{root}/api/v1/applications/{page.partition('/')[0]}"
        self._polled = float("-inf")
        self._said: Observation | None = None

    def poll(self, now: float, focus: Focus) -> Observation:
        if self._said is None or focus.everything or abs(now - self._polled) >= _ASK_EVERY:
            self._polled = now
            said = super().poll(now, focus)
            bare = tuple(replace(query, batches=()) for query in said.queries)
            self._said = replace(said, queries=bare)
            return said
        return replace(self._said, at=now)

    def _identify(self) -> str | None:
        answer = self._http.get(self._page)
        found = read_applications(f"[{answer.text}]", without_secrets(self.where))
        if answer.status != 200 or not found:
            return "it has no such application" if answer.status == 404 else refusal(answer)
        self._application = found[0]
        return None

    def _jobs_due(self, now: float, focus: Focus, rows: tuple[Row, ...]) -> bool:
        return False

    def _query(self, row: Row, batches: tuple[Batch, ...]) -> StreamingQuery:
        query = super()._query(row, batches)
        # A driver that ended without stopping its queries left them as they were.
        over = self._application is not None and self._application.state == "FINISHED"
        return replace(query, state="finished") if over and not query.ended else query


def _paths(body: str) -> list[str] | None:
    """``<application>`` or ``<application>/<attempt>`` of each one listed; None for another shape."""
    try:
        listed = json.loads(body)
        return [_path(entry) for entry in listed]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _path(entry: dict[str, object]) -> str:
    attempts = entry["attempts"]
    attempt = attempts[0].get("attemptId") if isinstance(attempts, list) and attempts else None
    return f"{entry['id']}/{attempt}" if attempt else f"{entry['id']}"
