"""A snapshot as the rows of the streams table: applications as groups, the unhealthy first. Pure."""

from collections.abc import Sequence

from textual.content import Content

from dataeng_tui.streams.snapshot import Application, Snapshot, StreamingQuery
from dataeng_tui.text import clean
from dataeng_tui.tui.foreign import foreign
from dataeng_tui.tui.widgets.charts import short, sparkline, took
from dataeng_tui.tui.widgets.live_table import Row

# The worst first; what is not named here comes after.
URGENCY = ("failed", "stalled", "restarting", "falling-behind", "slow-batch")
HEALTHY = len(URGENCY) + 1
TREND = 8  # batches
NARROW = 72  # columns below which a query's name is worth more than its batch's number and its trend
WAITING = {"ACCEPTED", "SUBMITTED", "NEW", "NEW_SAVING"}


def heading(width: int) -> Content:
    """The columns' names."""
    name, wide = _name_width(width)
    cells = [f"  {'state':<14}", f"{'query':{name}}", *([] if width < NARROW else [f"{'batch':>7}"])]
    cells += [f"{'in/s':>6}", f"{'done/s':>6}", f"{'took':>7}"]
    cells += [f"{'rows':>6}", f"{'kept':>6}", f"{'lag':>6}"] if wide else []
    return Content.styled(" ".join([*cells, *([] if width < NARROW else ["rate"])]), "$text-muted")


def rows(snapshot: Snapshot, wanted: str, width: int) -> list[Row]:
    """A heading an application, and its queries; with ``wanted``, only what has those letters in it."""
    groups: dict[str, list[StreamingQuery]] = {app.id: [] for app in snapshot.applications}
    for query in snapshot.queries:
        groups.setdefault(query.application, []).append(query)
    known = {application.id: application for application in snapshot.applications}
    applications = [known.get(key) or Application(key) for key in groups]
    found: list[Row] = []
    for application in sorted(applications, key=lambda one: _group_order(one, groups[one.id])):
        queries = [one for one in groups[application.id] if matches(one, application, wanted)]
        if not queries and (wanted or groups[application.id]):
            continue
        head = _application(application, groups[application.id])
        found.append(Row(None, head.truncate(width - 1, ellipsis=True)))
        queries.sort(key=_order)
        found += [Row(query.run_id, line(query, width)) for query in queries]
    return found


def matches(query: StreamingQuery, application: Application, wanted: str) -> bool:
    """Whether every word of ``wanted`` is in the query's names, ids, state or findings."""
    codes = [str(finding.code) for finding in query.health] or ["healthy"]
    told = (query.name, query.id, query.run_id, query.state, application.id, application.name, *codes)
    text = " ".join(clean(one, 300) for one in told if one).lower()
    return all(word in text for word in wanted.lower().split())


def line(query: StreamingQuery, width: int) -> Content:
    """One query."""
    name, wide = _name_width(width)
    title = Content("(no name)") if query.name is None else foreign(query.name, limit=200)
    title = title.truncate(name, ellipsis=True)
    told = " " * (name - title.cell_length + 1)
    if width >= NARROW:
        told += (
            f"{short(query.batch_id) if (query.batch_id or 0) > 9_999_999 else _whole(query.batch_id):>7} "
        )
    told += f"{short(query.input_rows_per_second):>6} {short(query.processed_rows_per_second):>6} "
    told += f"{took(query.batch_duration_ms):>7} "
    if wide:
        lags = [source.lag for source in query.sources if source.lag is not None]
        lag = short(sum(lags)) if lags else "?"
        told += f"{short(query.input_rows):>6} {short(query.state_rows):>6} {lag:>6} "
    # One style from the name to the end of the line: every change of style is forty bytes on the wire.
    if width >= NARROW:
        told += sparkline([one.processed_rows_per_second for one in query.batches], TREND)
    return Content.assemble(_state(query), title, told)


def health_word(query: StreamingQuery) -> str:
    """The worst finding's code, or an empty text."""
    codes = sorted((finding.code for finding in query.health), key=_urgency)
    return codes[0] if codes else ""


def _state(query: StreamingQuery) -> Content:
    """State and health in one word, with a sign before it, so that colour is never needed."""
    worst = health_word(query)
    if worst == "failed" or query.state == "failed":
        return Content.styled("  ✖ failed".ljust(17), "bold $error")
    if worst:
        return Content.styled(f"  ▲ {worst}".ljust(17), "bold $warning")
    sign, style = {
        "processing": ("▶", "$success"),
        "waiting": ("◦", "$success"),
        "idle": ("◦", "$text-muted"),
        "finished": ("■", "$text-muted"),
    }.get(query.state or "", ("?" if query.state is None else "▷", "$text-muted"))
    return Content.styled(f"  {sign} {query.state or 'unknown'}".ljust(17), style)


def _application(application: Application, queries: Sequence[StreamingQuery]) -> Content:
    parts = [Content.assemble(("─ ", "$border"), foreign(application.name or application.id, "bold", 60))]
    # What is wrong comes first: where there is no room, the rest is cut.
    if unhealthy := sum(bool(query.health) for query in queries):
        parts.append(Content.styled(f"{unhealthy} of {len(queries)} unhealthy", "bold $warning"))
    if application.state in WAITING or application.waiting_for:
        reason = clean(application.waiting_for or "no reason given", 300)
        parts.append(Content.styled(f"waits in the queue: {reason}", "bold $warning"))
    elif application.state:
        styles = {"RUNNING": "$success", "UNREACHABLE": "bold $warning", "FAILED": "bold $error"}
        parts.append(
            Content.styled(clean(application.state, 20), styles.get(application.state, "$text-muted"))
        )
    if application.name:
        parts.append(foreign(application.id, "$text-muted", 60))
    if application.spark_version:
        parts.append(Content.styled(f"Spark {clean(application.spark_version, 20)}", "$text-muted"))
    if application.user:
        parts.append(foreign(application.user, "$text-muted", 30))
    return Content("  ").join(parts)


def _group_order(application: Application, queries: Sequence[StreamingQuery]) -> tuple[int, str]:
    worst = min((_query_urgency(query) for query in queries), default=HEALTHY)
    ended = bool(queries) and all(query.ended for query in queries) and worst == HEALTHY
    return worst + ended, application.id


def _order(query: StreamingQuery) -> tuple[int, bool, str, str]:
    return _query_urgency(query), query.ended, query.name or "￿", query.id or query.run_id


def _query_urgency(query: StreamingQuery) -> int:
    return min((_urgency(finding.code) for finding in query.health), default=HEALTHY)


def _urgency(code: str) -> int:
    return URGENCY.index(code) if code in URGENCY else len(URGENCY)


def _name_width(width: int) -> tuple[int, bool]:
    """Columns for the name, and whether there is room for all columns."""
    wide = width >= 108
    return max(12, min(48, width - (78 if wide else 57 if width >= NARROW else 40))), wide


def _whole(number: int | None) -> str:
    return "?" if number is None else str(number)
