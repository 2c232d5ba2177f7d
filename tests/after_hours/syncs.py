"""What the tests of syncing share: rows, a sync, and what came of it."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dataeng_tui.after_hours import origins
from dataeng_tui.after_hours.service import AfterHours, Options
from dataeng_tui.after_hours.syncing import Result

NOW = datetime.now(UTC).replace(microsecond=0)


def row(number: int, start: datetime, **more: object) -> dict[str, object]:
    return {
        "QUERY_ID": f"01b{number:05}",
        "SESSION_ID": 7,
        "START_TIME": start,
        "END_TIME": start + timedelta(seconds=1),
        "USER_NAME": "ALICE",
        "IS_CLIENT_GENERATED_STATEMENT": False,
        "EXECUTION_STATUS": "SUCCESS",
        **more,
    }


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def sync(**options: object) -> Result:
    service = opened(**options)
    try:
        result = service.syncing().run()
        assert result is not None
        return result
    finally:
        service.close()


def opened(**options: object) -> AfterHours:
    return AfterHours(Options(**{"connection": "dev", "timezone": "UTC", **options}))  # type: ignore[arg-type]


def kept(user: str = "ALICE") -> list[str]:
    with sqlite3.connect(origins.own_file()) as database:
        rows = database.execute(
            "SELECT query_id FROM statements JOIN owners ON owner = owners.id "
            "WHERE user = ? ORDER BY query_id",
            (user,),
        )
        return [query_id for (query_id,) in rows]


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
