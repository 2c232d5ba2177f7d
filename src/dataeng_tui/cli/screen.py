"""Opens the full-screen program, or says why that cannot be."""

import os
import sys
from pathlib import Path

from dataeng_tui.errors import UserError
from dataeng_tui.settings import Settings


def open_screen(settings: Settings, log_file: Path | None) -> None:
    """Run the program until the user leaves. Raises UserError where there is no terminal to draw on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(
            "the full-screen program needs a terminal; for a pipe or a file use a command, "
            "e.g.  dataeng-tui after-hours --format json"
        )
    if os.environ.get("TERM", "") in {"", "dumb"}:
        raise UserError(
            "this terminal cannot place a cursor (TERM is empty or dumb): set TERM, e.g.  TERM=xterm-256color"
        )
    if log_file is not None:
        _log_to(log_file)

    _log_in_by_browser(settings)

    from dataeng_tui.tui.app import DataengApp

    app = DataengApp(settings)
    code = app.run()
    if app.failure is not None:
        raise app.failure
    sys.exit(code or 0)


def _log_in_by_browser(settings: Settings) -> None:
    """Sync here where the login asks in a browser: it prints and waits, and needs the terminal for that."""
    if settings.demo or settings.after_hours.connection is None:
        return
    import click

    from dataeng_tui.services import Services

    services = Services(settings)
    try:
        if services.after_hours.asks_in_a_browser:
            click.echo("Logging in to Snowflake through your browser…", err=True)
            services.after_hours.syncing(may_prompt=True).run()
    except UserError as error:
        click.echo(f"dataeng-tui: {error}", err=True)
    finally:
        services.close()


def _log_to(file: Path) -> None:
    import logging

    from dataeng_tui.locations import private_file

    try:
        private_file(file)
    except OSError as error:
        raise UserError(f"the log file {file} cannot be written: {error.strerror}") from None
    logging.basicConfig(
        filename=file, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
