"""``dataeng-tui streams``: what the pane shows, without the screen."""

import json
import threading
from dataclasses import replace

import click

from dataeng_tui.cli.screen import has_terminal, open_screen
from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.settings import Settings
from dataeng_tui.streams import report
from dataeng_tui.streams.snapshot import Snapshot, StreamingQuery
from dataeng_tui.streams.watch import Watcher


@click.command("streams")
@click.option("--driver", metavar="URL", multiple=True, help="A driver's UI, such as http://host:4040.")
@click.option("--yarn", metavar="URL", help="YARN's ResourceManager, such as http://host:8088.")
@click.option(
    "--event-log", metavar="PATH", multiple=True, help="A log, a rolling folder, or a folder of many."
)
@click.option(
    "--checkpoint", metavar="PATH", multiple=True, help="A query's checkpoint, or a folder of many."
)
@click.option("--once", "mode", flag_value="once", help="Ask every source one time, and print what they say.")
@click.option("--watch", "mode", flag_value="watch", help="Go on: a line a change, until Ctrl+C.")
@click.option(
    "--interval", type=float, metavar="SECONDS", help="Between two polls; for a recorded second to take."
)
@click.option("--record", metavar="FILE", help="Write all that the sources answer (.zst packs it).")
@click.option(
    "--redact", is_flag=True, help="Record without secrets, and with other names for hosts and users."
)
@click.option("--replay", metavar="FILE", help="Play a recording instead of asking any source.")
@click.option("--fail-on-unhealthy", is_flag=True, help="Exit with 1 when a query is unhealthy.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), help="table unless said otherwise.")
@click.pass_context
def command(
    ctx: click.Context,
    driver: tuple[str, ...],
    yarn: str | None,
    event_log: tuple[str, ...],
    checkpoint: tuple[str, ...],
    mode: str | None,
    interval: float | None,
    record: str | None,
    redact: bool,
    replay: str | None,
    fail_on_unhealthy: bool,
    form: str | None,
) -> int:
    """The state and health of every Structured Streaming query.

    Drivers on localhost 4040-4050 are found without being named. In a terminal it opens the screen, at its
    pane of streams; with --once, --format or --fail-on-unhealthy, or in a pipe, it asks every source once.
    Exits with 1 when --fail-on-unhealthy finds an unhealthy query, and with 2 when a source that was named
    does not answer.
    """
    settings: Settings = ctx.obj
    given = settings.streams
    streams = replace(
        given,
        driver=driver or given.driver,
        yarn=yarn or given.yarn,
        event_log=event_log or given.event_log,
        checkpoint=checkpoint or given.checkpoint,
        interval=interval or given.interval,
        record=record or given.record,
        redact=redact or given.redact,
        replay=replay or given.replay,
    )
    services = Services(replace(settings, streams=streams))
    try:
        watcher = services.streams
        if mode == "watch":
            return _watch(watcher, form or "table", fail_on_unhealthy)
        if mode is None and form is None and not fail_on_unhealthy and has_terminal():
            open_screen(services.settings, ctx.find_root().params.get("log_file"), services, "streams")
        return _once(watcher, form or "table", fail_on_unhealthy)
    finally:
        services.close()


def _once(watcher: Watcher, form: str, fail_on_unhealthy: bool) -> int:
    snapshot = watcher.once()
    if form == "json":
        click.echo(json.dumps(report.as_json(snapshot), ensure_ascii=False, indent=2))
    else:
        click.echo(report.table(snapshot))
    silent = watcher.unanswered
    if silent:
        raise UserError(f"{silent[0].source}: {silent[0].message}")
    return 1 if fail_on_unhealthy and snapshot.unhealthy else 0


def _watch(watcher: Watcher, form: str, fail_on_unhealthy: bool) -> int:
    done = threading.Event()
    seen = [Snapshot(0.0)]
    failures: list[OSError] = []

    def show(snapshot: Snapshot) -> None:
        try:
            for kind, line, query in report.changes(seen[0], snapshot):
                click.echo(_line(snapshot, kind, line, query, form))
        except OSError as failure:  # whoever read us has gone (| head)
            failures.append(failure)
            done.set()
        seen[0] = snapshot
        if fail_on_unhealthy and snapshot.unhealthy:
            done.set()

    watcher.subscribe(show)
    watcher.start()
    # A wait without end would not let Ctrl+C through on every platform.
    while not done.wait(0.5):
        if watcher.finished:
            return 0
    if failures:
        raise failures[0]
    return 1


def _line(snapshot: Snapshot, kind: str, line: str, query: StreamingQuery | None, form: str) -> str:
    at = report.moment(snapshot.at)
    if form != "json":
        return f"{at} {line}"
    about = None if query is None else report.query_json(query)
    return json.dumps({"at": at, "change": kind, "message": line, "query": about}, ensure_ascii=False)
