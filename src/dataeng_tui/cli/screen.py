"""Opens the full-screen program, or says why that cannot be."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from dataeng_tui.errors import UserError
from dataeng_tui.services import Services
from dataeng_tui.settings import Settings


def has_terminal() -> bool:
    """Whether there is somebody to look at a screen: nothing is piped in or out."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def open_screen(
    settings: Settings, log_file: Path | None, services: Services | None = None, first: str = "after-hours"
) -> NoReturn:
    """Run the program until the user leaves, with the pane ``first`` at the front.

    Raises UserError where there is no terminal to draw on.
    """
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

    if first == "after-hours":
        _log_in_by_browser(settings)

    from dataeng_tui.tui.app import DataengApp

    app = DataengApp(settings, services, first)
    code = app.run()
    if app.failure is not None:
        raise app.failure
    sys.exit(code or 0)


def _log_in_by_browser(settings: Settings) -> None:
    """Sync here where the login asks in a browser: it prints and waits, and needs the terminal for that."""
    if settings.demo or settings.after_hours.connection is None:
        return
    import click

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
