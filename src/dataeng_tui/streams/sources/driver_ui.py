"""A Spark driver's UI as a source: its list page, its statistics pages, its running jobs and its gauges.

Spark has no JSON for Structured Streaming (up to 4.3), so two of these are pages for people.
"""

import re
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from dataeng_tui.streams.merge import fill
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Focus,
    Layer,
    Observation,
    Problem,
    State,
    StreamingQuery,
)
from dataeng_tui.streams.sources.driver_api import Gauges, read_applications, read_gauges, read_running
from dataeng_tui.streams.sources.driver_pages import (
    Row,
    count_ended,
    read_list,
    read_statistics,
    zone_offset,
)
from dataeng_tui.streams.sources.http import Answer, Http, KeepAlive, normal_url, refused, without_secrets
from dataeng_tui.text import clean

_LIST = "/StreamingQuery/?active.pageSize=1000&completed.pageSize=1000"
# What is over does not change, and its exceptions are long: at most polls the newest of it is enough.
_SHORT_LIST = "/StreamingQuery/?active.pageSize=1000&completed.pageSize=1"
# What costs the driver and tells little at every poll, in seconds.
_JOBS_EVERY = 5.0
_GAUGES_EVERY = 30.0
_PAGE_EVERY = 2.0  # one run's statistics, of those that nobody looks at
_FIRST_PAGES = 4  # in one poll, of runs that were never read
# Where an application without a streaming query sends on whoever asks for its list of them.
_JOBS_PAGE = " - Spark Jobs</title>"
_HISTORY = "a history server"
# These say FINISHED of a query that failed, too.
_SAYS_FINISHED = re.compile(r"3\.[123]\.|3\.4\.0")


class Budget:
    """How many statistics pages a second all drivers together may be asked for; shared between threads."""

    def __init__(self, per_second: float = 30.0) -> None:
        self._per_second = per_second
        self._left = per_second
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more may be asked for now."""
        now = time.monotonic()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class _Read:
    """How far a run's statistics were read."""

    mark: tuple[object, ...] = ()
    newest: float = 0.0
    asked: float = 0.0


class DriverUi:
    """One driver's UI, at ``http://host:4040`` or behind a proxy's path.

    ``given``: somebody named it, so whatever is wrong with it is a problem to tell. A port that was merely
    found open and is no Spark stays silent.
    """

    layer: Layer = "driver-ui"

    def __init__(
        self, url: str, http: Http | None = None, *, given: bool = True, budget: Budget | None = None
    ) -> None:
        self.where = normal_url(url)
        self._api = self.where + "/api/v1/applications"
        self._http = http or KeepAlive()
        self._given = given
        self._budget = budget or Budget()
        self._application: Application | None = None
        self._offset: float | None = None
        self._ahead = 0.0
        self._reads: dict[str, _Read] = {}
        self._rows: tuple[Row, ...] | None = None  # as listed the last time
        self._page_at = float("-inf")
        self._running: dict[str, int | None] | None = None
        self._jobs_at = float("-inf")
        self._gauges: dict[str, Gauges] = {}
        self._gauges_at = float("-inf")

    def close(self) -> None:
        self._http.close()

    def poll(self, now: float, focus: Focus) -> Observation:
        if self._application is None and (why := self._identify()):
            return self._failed(why, now)
        answer, rows = self._list()
        if rows is None:
            return self._failed(refusal(answer), now)
        if self._jobs_due(now, focus, rows):
            application = self._application
            if not self._ask_jobs(now):
                # Another application answers on this port now.
                if why := self._identify():
                    return self._failed(why, now)
                self._ask_jobs(now)
            if self._application != application:
                answer, listed = self._list()
                rows = listed or ()
        self._learn_clock(rows, answer, now)
        batches = self._statistics(rows, focus, now)
        self._read_gauges(now, focus, rows)
        assert self._application is not None
        return Observation(
            layer=self.layer,
            where=self.where,
            at=now,
            applications=(self._application,),
            queries=tuple(self._query(row, batches.get(row.run_id, ())) for row in rows),
        )

    def _list(self) -> tuple[Answer, tuple[Row, ...] | None]:
        """The list page's rows; none where the application has never had a query, and so has no such page."""
        if self._rows is not None:
            answer = self._get(_SHORT_LIST)
            rows = self._with_ended(answer.text) if answer.status == 200 else None
            if rows is not None:
                self._rows = rows
                return answer, rows
        answer = self._get(_LIST)
        rows = read_list(answer.text) if answer.status == 200 else None
        self._rows = rows
        if rows is None and (answer.status == 404 or _JOBS_PAGE in answer.text):
            return answer, ()
        return answer, rows

    def _with_ended(self, page: str) -> tuple[Row, ...] | None:
        """The rows of the short list and the ended ones as they were; None where one more may have ended."""
        rows = read_list(page)
        if rows is None:
            return None
        active = [row for row in rows if row.status == "RUNNING"]
        before = {row.run_id: row for row in self._rows or ()}
        ended = [row for row in before.values() if row.status != "RUNNING"]
        over = before.keys() - {row.run_id for row in active}
        if count_ended(page) != len(ended) or over != {row.run_id for row in ended}:
            return None
        if any(row.status != "RUNNING" and row.run_id not in over for row in rows):
            return None
        return (*active, *ended)

    def _jobs_due(self, now: float, focus: Focus, rows: tuple[Row, ...]) -> bool:
        """Every few polls; at each for what is looked at; for a new run, as it may be a new application's."""
        if abs(now - self._jobs_at) >= _JOBS_EVERY or focus.everything:
            return True
        return any(row.run_id in focus.runs or row.run_id not in self._reads for row in rows)

    def _ask_jobs(self, now: float) -> bool:
        """Learn which batches are in flight; False when the application is not known there."""
        assert self._application is not None
        answer = self._http.get(f"{self._api}/{self._application.id}/jobs?status=running")
        self._running = read_running(answer.text) if answer.status == 200 else None
        self._jobs_at = now
        return self._running is not None or answer.status != 404

    def _get(self, path: str) -> Answer:
        answer = self._http.get(self.where + path)
        if answer.status == 200 and "html" in answer.content_type and b"</html>" not in answer.body[-500:]:
            # HTTP need not tell where an answer ends, and half of a page has half of its numbers.
            return Answer(0, error="its page broke off")
        return answer

    def _failed(self, why: str, now: float) -> Observation:
        self._application = None
        if why == _HISTORY:  # its applications are watched instead
            return Observation(self.layer, self.where, now, drivers=(self.where + "/history",))
        known = self._given or bool(self._reads)
        problems = (Problem(without_secrets(self.where), why),) if known else ()
        return Observation(self.layer, self.where, now, problems=problems, answered=False)

    def _identify(self) -> str | None:
        """Find out which application this is; what is wrong, if anything is."""
        answer = self._http.get(self._api + "?limit=2")  # a history server may have thousands
        shown = without_secrets(self.where)
        found = read_applications(answer.text, shown) if answer.status == 200 else None
        if not found:
            return refusal(answer)
        # Behind YARN's proxy the path names the application; a driver of its own lists just one.
        named = [application for application in found if application.id in self.where]
        application = (named or list(found))[0]
        if len(found) > 1 and not named:
            return _HISTORY
        if self._application is None or application.id != self._application.id:
            self._reads, self._rows, self._gauges, self._gauges_at = {}, None, {}, float("-inf")
        self._application = application
        return None

    def _learn_clock(self, rows: tuple[Row, ...], answer: Answer, now: float) -> None:
        """The driver's zone and how far its clock is ahead of ours; once, so that nothing trembles."""
        if self._offset is not None or not answer.date:
            return
        try:
            driver_now = parsedate_to_datetime(answer.date).timestamp()
        except ValueError:
            return
        self._ahead = driver_now - now
        told = (zone_offset(row, driver_now) for row in rows)
        self._offset = next((offset for offset in told if offset is not None), None)

    def _statistics(self, rows: tuple[Row, ...], focus: Focus, now: float) -> dict[str, tuple[Batch, ...]]:
        """New batches by run: of what is looked at at once, of the others in a slow rotation.

        A page costs the driver some milliseconds, so a poll a second of all of them would be felt.
        """
        stale = [row for row in rows if self._reads.setdefault(row.run_id, _Read()).mark != row.mark]
        stale.sort(key=lambda row: (row.run_id not in focus.runs, self._reads[row.run_id].asked))
        found: dict[str, tuple[Batch, ...]] = {}
        for row in stale:
            read = self._reads[row.run_id]
            if focus.everything or row.run_id in focus.runs or self._page_due(read, len(found), now):
                found[row.run_id] = self._read_page(row, read, now)
        for run in self._reads.keys() - {row.run_id for row in rows}:
            del self._reads[run]
        return found

    def _page_due(self, read: _Read, taken: int, now: float) -> bool:
        if not read.mark:
            return taken < _FIRST_PAGES and self._budget.take()
        if abs(now - self._page_at) < _PAGE_EVERY or not self._budget.take():
            return False
        self._page_at = now
        return True

    def _read_page(self, row: Row, read: _Read, now: float) -> tuple[Batch, ...]:
        answer = self._get(f"/StreamingQuery/statistics/?id={row.run_id}")
        read.asked = now
        if answer.status != 200:
            return ()
        batches = read_statistics(answer.text, read.newest)
        read.mark = row.mark
        read.newest = max((batch.at for batch in batches), default=read.newest)
        return batches

    def _read_gauges(self, now: float, focus: Focus, rows: tuple[Row, ...]) -> None:
        # They add nothing to the statistics but for queries whose page was not read yet, and cost the driver
        # more: so seldom.
        if rows and (focus.everything or now - self._gauges_at >= _GAUGES_EVERY):
            self._gauges_at = now
            answer = self._get("/metrics/json/")
            self._gauges = read_gauges(answer.text) if answer.status == 200 else {}

    def _query(self, row: Row, batches: tuple[Batch, ...]) -> StreamingQuery:
        assert self._application is not None
        started = None if row.start is None or self._offset is None else row.start - self._offset
        ended = started if row.batch_id is None else None
        if batches:
            ended = batches[-1].at + (batches[-1].duration_ms or 0.0) / 1000
        query = StreamingQuery(
            application=self._application.id,
            run_id=row.run_id,
            id=row.id,
            name=row.name,
            state=_state(row, self._running),
            batch_id=row.batch_id,
            exception=row.exception,
            started_at=started,
            ended_well=self._ended_well(row) or None,
            quiet_since=None if ended is None else ended - self._ahead,
            seen_in=(self.layer,),
            batches=batches,
        )
        gauges = self._gauges.get(clean(row.name or row.id or ""))
        if gauges is None or row.status != "RUNNING":
            return query
        told = gauges.query(query.application, query.run_id)
        return replace(fill(query, told), seen_in=(self.layer, "metrics"))

    def _ended_well(self, row: Row) -> bool:
        version = self._application.spark_version if self._application else None
        told = version is not None and not _SAYS_FINISHED.match(version)
        return told and row.status == "FINISHED" and row.exception is None


def _state(row: Row, running: dict[str, int | None] | None) -> State:
    if row.status == "FAILED" or row.exception:
        return "failed"
    if row.status != "RUNNING":
        return "finished"
    if running is not None and row.run_id in running:
        flying = running[row.run_id]
        if flying is None or row.batch_id is None or flying > row.batch_id:
            return "processing"
    if row.batch_id is None and row.input_rate is None:
        return "initializing"
    return "running" if running is None else "waiting"


def refusal(answer: Answer) -> str:
    """Why ``answer`` is not a driver's, in words."""
    if why := refused(answer):
        return why
    if answer.status == 200 and "<title>History Server</title>" in answer.text:
        return _HISTORY
    if answer.status == 200 and "html" in answer.content_type:
        return "a page that is no Spark driver's UI (another service, or a proxy that asks first)"
    return f"no Spark driver's UI: it answers {answer.status}"
