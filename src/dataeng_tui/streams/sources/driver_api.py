"""What a driver's ``/api/v1`` and ``/metrics/json/`` say. Pure; another shape reads as None or nothing."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dataeng_tui.streams.progress import text
from dataeng_tui.streams.snapshot import Application, StreamingQuery

_RUN = re.compile(r"runId = ([0-9a-f-]{36})\nbatch = (\d+)\s*$")
_GAUGE = re.compile(r"\.driver\.spark\.streaming\.(?P<query>.+)\.(?P<gauge>[\w-]+)$", re.S)


def read_applications(body: str, where: str) -> tuple[Application, ...] | None:
    """The applications of ``/api/v1/applications``: one in a driver, many in a history server.

    None when the body is something else, as from another service on the port or a proxy's warning page.
    """
    listed = _json(body)
    if not isinstance(listed, list):
        return None
    found = (_application(entry, where) for entry in listed if isinstance(entry, dict))
    return tuple(application for application in found if application is not None)


def read_running(body: str) -> dict[str, int | None] | None:
    """Run id -> batch in flight, of ``…/jobs?status=running``; None when the body is something else.

    An empty answer does not prove that no batch runs: between two of its jobs there is none.
    """
    jobs = _json(body)
    if not isinstance(jobs, list):
        return None
    running: dict[str, int | None] = {}
    for job in jobs:
        if isinstance(job, dict) and isinstance(job.get("jobGroup"), str):
            told = _RUN.search(str(job.get("description", "")))
            running[job["jobGroup"]] = int(told[2]) if told and len(told[2]) < 19 else None
    return running


@dataclass(frozen=True, slots=True)
class Gauges:
    """The streaming gauges of one query: gauge -> number."""

    values: Mapping[str, float] = field(default_factory=dict)

    def query(self, application: str, run_id: str) -> StreamingQuery:
        """What they say of the run. A gauge that is 0 for want of a watermark or a state says nothing."""
        watermark = self.values.get("eventTime-watermark")
        return StreamingQuery(
            application=application,
            run_id=run_id,
            input_rows_per_second=self.values.get("inputRate-total"),
            processed_rows_per_second=self.values.get("processingRate-total"),
            batch_duration_ms=self.values.get("latency") or None,
            watermark=watermark / 1000 if watermark else None,
            state_rows=int(self.values.get("states-rowsTotal", 0)) or None,
            state_bytes=int(self.values.get("states-usedBytes", 0)) or None,
            seen_in=("metrics",),
        )


def read_gauges(body: str) -> dict[str, Gauges]:
    """Query name (id where it has none) -> gauges, of ``/metrics/json/``.

    Empty unless ``spark.sql.streaming.metricsEnabled``. A gauge's value can be a Java error's text: left out.
    """
    told = _json(body)
    gauges = told.get("gauges") if isinstance(told, dict) else None
    found: dict[str, dict[str, float]] = {}
    for name, gauge in gauges.items() if isinstance(gauges, dict) else ():
        streaming = _GAUGE.search(name)
        value = gauge.get("value") if isinstance(gauge, dict) else None
        if streaming and isinstance(value, int | float) and abs(value) < 1e300:
            found.setdefault(streaming["query"], {})[streaming["gauge"]] = value
    return {query: Gauges(values) for query, values in found.items()}


def _application(entry: Mapping[str, Any], where: str) -> Application | None:
    attempts = entry.get("attempts")
    attempt = attempts[0] if isinstance(attempts, list) and attempts and isinstance(attempts[0], dict) else {}
    id_ = entry.get("id")
    if not isinstance(id_, str) or not id_:
        return None
    return Application(
        id=id_,
        name=text(entry.get("name")),
        user=text(attempt.get("sparkUser")),
        state="FINISHED" if attempt.get("completed") is True else "RUNNING",
        tracking_url=where,
        spark_version=text(attempt.get("appSparkVersion")),
    )


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
