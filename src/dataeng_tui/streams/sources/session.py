"""A Spark session in this process (a notebook, or a driver that shows itself) as a source.

It polls ``spark.streams.active``. A Python listener would be told of each batch, but it sits on the bus that
feeds the driver's own UI and delays it by seconds on a loaded machine; so there is none.
"""

import json
from typing import Any

from dataeng_tui.streams.progress import batch, sources
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


class Session:
    """``spark``'s queries. Those that end while it watches are told of once more, with how they ended.

    Over Spark Connect a session sees only its own queries; the server's UI shows everybody's.
    """

    layer: Layer = "session"

    def __init__(self, spark: Any) -> None:
        self._spark = spark
        self._known: dict[str, Any] = {}
        self._newest: dict[str, float] = {}
        self._application: Application | None = None
        self.where = "session"

    def poll(self, now: float, focus: Focus) -> Observation:
        """What the session's manager says; a session that has stopped answers no more."""
        try:
            active = {str(query.runId): query for query in self._spark.streams.active}
            application = self._identify()
            ended = {run: query for run, query in self._known.items() if run not in active}
            told = [self._query(application.id, query) for query in (*active.values(), *ended.values())]
        except Exception as error:  # py4j and Connect have no error of their own in common
            problem = Problem(self.where, f"the session does not answer: {type(error).__name__}")
            return Observation(self.layer, self.where, now, problems=(problem,), answered=False)
        self._known |= active
        return Observation(self.layer, self.where, now, (application,), tuple(told))

    def close(self) -> None:
        """The session stays the caller's."""

    def _identify(self) -> Application:
        if self._application is None:
            conf = self._spark.conf
            self._application = Application(
                id=conf.get("spark.app.id"),
                name=conf.get("spark.app.name", None),
                state="RUNNING",
                spark_version=self._spark.version,
            )
        return self._application

    def _query(self, application: str, query: Any) -> StreamingQuery:
        run = str(query.runId)
        told = [_plain(progress) for progress in query.recentProgress]
        # From 3.5 on a query without new data makes a progress of no batch now and then.
        whole = [progress for progress in told if "addBatch" in (progress.get("durationMs") or {})]
        made: list[Batch] = [batch(progress) for progress in whole]
        fresh = tuple(one for one in made if one.at > self._newest.get(run, 0.0))
        if made:
            self._newest[run] = made[-1].at
        state = _state(query, idle=bool(told) and told[-1] not in whole[-1:])
        return StreamingQuery(
            application=application,
            run_id=run,
            id=str(query.id),
            name=query.name,
            state=state,
            ended_well=state == "finished" or None,
            batch_id=made[-1].id if made else None,
            sources=sources(whole[-1]) if whole else (),
            exception=_exception(query),
            seen_in=(self.layer,),
            batches=fresh,
        )


def _plain(progress: Any) -> dict[str, Any]:
    """A progress as a dict: PySpark gives a dict up to 3.5 and an object with ``json`` from 4.0 on."""
    return dict(progress) if isinstance(progress, dict) else dict(json.loads(progress.json))


def _state(query: Any, idle: bool) -> State:
    if not query.isActive:
        return "failed" if query.exception() is not None else "finished"
    status = query.status
    if status.get("isTriggerActive"):
        return "processing" if status.get("isDataAvailable") or not idle else "idle"
    if "nitializing" in str(status.get("message", "")):
        return "initializing"
    return "idle" if idle else "waiting"


def _exception(query: Any) -> str | None:
    error = None if query.isActive else query.exception()
    return None if error is None else str(error)
