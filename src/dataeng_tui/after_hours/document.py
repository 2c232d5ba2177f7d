"""The report as plain values, for JSON. People script against its keys: they do not change."""

from datetime import datetime
from typing import Any

from dataeng_tui.after_hours.certainty import Certainty
from dataeng_tui.after_hours.hours import Day, Figures, Report
from dataeng_tui.after_hours.seen import Seen
from dataeng_tui.after_hours.service import Status
from dataeng_tui.text import clean


def document(report: Report, status: Status, problem: str | None = None) -> dict[str, Any]:
    """``{user, timezone, work_hours, days, totals, sync}``; times are ISO 8601, in UTC.

    ``problem`` says why the figures may be behind (the sync's sentence).
    """
    return {
        "user": clean(status.user) or None,
        "timezone": str(report.calendar.zone.key),
        "work_hours": report.calendar.work_hours,
        "days": [_day(day) for day in report.days],
        "totals": _figures(report.totals),
        "sync": {
            "source": status.source,
            "account": clean(status.account) or None,
            "statements": status.statements,
            "first": _instant(status.first),
            "last": _instant(status.last),
            "at": _instant(status.synced_at),
            "complete_until": _instant(status.complete_until),
            "note": status.note or None,
            "problem": problem,
        },
    }


def seen_document(report: Report, seen: Seen) -> dict[str, Any]:
    """What is seen of it on the screen: ``{since, until, measure, machines_counted, minutes, step}``.

    ``step`` is null where there is none; ``p`` is Pettitt's, hours are a week's.
    """
    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "measure": seen.measure.name,
        "machines_counted": seen.counting,
        "minutes": _number(report.totals.minutes(seen.measure.name)),
        "step": _step(seen.found) if seen.found is not None else None,
    }


def _step(found: Certainty) -> dict[str, Any] | None:
    """A step with its explanations, and ``inside`` it the steps of the parts that it leaves."""
    if found.step is None:
        return None
    return {
        "from": found.weeks[found.step.index].isoformat(),
        "before_hours": _number(found.step.before),
        "after_hours": _number(found.step.after),
        "p": found.step.p,
        "explanations": [
            {
                "names": {kind: clean(value) for kind, value in reversed(one.names)},
                "rung": int(one.rung),
                "reached": one.told(one.rung),
                "rise_share": round(one.rise_share, 3),
                "hours_a_week": _number(one.hours_a_week),
                "p_without": one.p_without,
            }
            for one in found.explanations
        ],
        "inside": [_step(part) for part in found.inside],
    }


def _day(day: Day) -> dict[str, Any]:
    return {"day": day.day.isoformat(), "kind": day.kind, **_figures(day.figures)}


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "after_hours_minutes": figures.after_hours_minutes,
        "evening_minutes": figures.evening_minutes,
        "early_minutes": figures.early_minutes,
        "day_off_minutes": figures.day_off_minutes,
        "session_minutes": _number(figures.session_minutes),
        "blog_hours": figures.blog_hours,
        "statements": figures.statements,
        "machine_statements": figures.machine_statements,
    }


def _number(value: float) -> float:
    """Two places, and no ``.0`` behind what is whole."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _instant(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None
