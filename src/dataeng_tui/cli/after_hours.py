"""``dataeng-tui after-hours``: the report, headless; ``forget`` removes what was kept."""

import sys
from typing import TYPE_CHECKING, Any

import click

from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.settings import AfterHoursSettings, Settings

MISSING = "There is no history yet: name a file with --history or a connection with --connection."
if TYPE_CHECKING:
    from dataeng_tui.after_hours.service import AfterHours

FORMATS = ("table", "json", "csv", "markdown", "svg")


@click.group("after-hours", invoke_without_command=True)
@click.option(
    "--history",
    metavar="FILE",
    multiple=True,
    help="Report on this CSV, JSON lines or Parquet file alone; may be given again.",
)
@click.option("--connection", metavar="NAME", help="A connection of Snowflake's own connections.toml.")
@click.option(
    "--user",
    metavar="NAME",
    help="Whose statements; left out: the connection's user, or the only one there is.",
)
@click.option("--timezone", metavar="TZ", help="An IANA name; left out: the system's.")
@click.option(
    "--work-hours", metavar="RULES", help='E.g. "Mon-Thu 09:00-17:30, Fri 09:00-15:00" or "22:00-06:00".'
)
@click.option(
    "--day-starts",
    metavar="TIME",
    help="Until then it is still the evening of the day before; left out: 04:00.",
)
@click.option("--holidays", metavar="CODE", help="A country with or without region, such as AU-NSW.")
@click.option("--since", metavar="DATE", help="The first day.")
@click.option("--until", metavar="DATE", help="The last day.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_context
def command(ctx: click.Context, /, format_: str, **flags: Any) -> None:
    """When did I work outside my hours?

    With --connection the history is brought up to date first. Files named with --history are reported on
    alone and never mixed into your own history.
    """
    settings = _with_flags(ctx.obj, flags)
    if ctx.invoked_subcommand is not None:
        return
    service = Services(settings).after_hours
    try:
        problem = _bring_up_to_date(service)
        click.echo(_render(service, format_, problem))
    finally:
        service.close()


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(yes: bool) -> None:
    """Remove the local history, and what was kept of files read with --history."""
    from dataeng_tui.after_hours import origins

    if not yes:
        click.confirm("Remove the local history? Snowflake itself keeps 365 days.", abort=True)
    removed = origins.forget()
    click.echo(f"Removed {len(removed)} files." if removed else "There was nothing to remove.")


def _with_flags(settings: Settings, flags: dict[str, Any]) -> Settings:
    """The settings with this command's own flags over them; a connection or a file named here wins."""
    from dataclasses import replace

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if "connection" in given and "history" not in given:
        given["history"] = ()
    own: AfterHoursSettings = replace(settings.after_hours, **given)
    return replace(settings, after_hours=own)


def _bring_up_to_date(service: "AfterHours") -> str | None:
    """Sync where there is a Snowflake to ask. What goes wrong is told, and fatal only without any history."""
    service.open(_progress)
    _clear()
    if not service.can_sync:
        return None
    try:
        service.syncing(_progress, may_prompt=True).run()
        _clear()
    except UserError as error:
        if not service.status().statements:
            raise  # a report of nothing would look as if nothing had been worked
        _clear()
        click.echo(f"dataeng-tui: {error}", err=True)
        return str(error)
    return None


def _progress(stage: str, rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{stage}, {rows} statements", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def _render(service: "AfterHours", format_: str, problem: str | None) -> str:
    if service.source == "none":
        raise UserError(MISSING)
    report, status = service.report(), service.status()
    if format_ == "json":
        import json

        from dataeng_tui.after_hours.document import document

        return json.dumps(document(report, status, problem), indent=2, ensure_ascii=False)
    from dataeng_tui.after_hours.seen import Seen

    seen = Seen(found=service.certainty(report))
    if format_ == "table":
        from dataeng_tui.after_hours.table import table

        return table(report, status, seen, service.blog_rows(), problem)
    from dataeng_tui.after_hours import report as rendered

    return rendered.render(format_, report, status, seen)
