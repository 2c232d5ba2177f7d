"""The command line: thin. Textual is imported last, drivers later still."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from dataeng_tui import __version__
from dataeng_tui.errors import UserError

# A subcommand's module is imported only when it is asked for, so that --help stays light.
COMMANDS = {
    "after-hours": ("after_hours", "When did I work outside my hours? A table, JSON, CSV, Markdown or SVG."),
    "streams": ("streams", "The state and health of every Structured Streaming query."),
    "replay": ("replay", "Prove an upsert safe against redelivery and disorder, or see what breaks it."),
    "jobs": ("jobs", "Run many streaming jobs in one Spark session, or check them."),
    "doctor": ("doctor", "What is configured, what answers, what is missing and how to get it."),
}


class Commands(click.Group):
    """Finds a subcommand in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"dataeng_tui.cli.{COMMANDS[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.command(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--demo",
    is_flag=True,
    help="Look around with a built-in history, a real local Spark and the built-in scenarios.",
)
@click.option("--connection", metavar="NAME", help="A connection of Snowflake's own connections.toml.")
@click.option(
    "--driver",
    metavar="URL",
    multiple=True,
    help="A Spark driver's UI; localhost 4040-4050 are looked at anyway.",
)
@click.option("--yarn", metavar="URL", help="YARN's ResourceManager.")
@click.option(
    "--config", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="The settings file."
)
@click.option("--theme", metavar="NAME", help="A theme's name; t in the program goes through them.")
@click.option(
    "--log-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write what went on.",
)
@click.version_option(__version__, prog_name="dataeng-tui")
@click.pass_context
def cli(ctx: click.Context, /, config: Path | None, log_file: Path | None, **flags: Any) -> None:
    """Data engineers' own work in a terminal: after-hours, streams and replay safety.

    Without a command it opens the full-screen program.
    """
    from dataeng_tui import settings

    ctx.obj = settings.load(
        config,
        flags={
            "demo": flags["demo"] or None,
            "theme": flags["theme"],
            "after_hours": {"connection": flags["connection"]},
            "streams": {"driver": flags["driver"], "yarn": flags["yarn"]},
        },
    )
    if ctx.invoked_subcommand is None:
        from dataeng_tui.cli.screen import open_screen

        open_screen(ctx.obj, log_file)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with 0, 1 (a check found something), 2 (bad input) or 3 (undecided)."""
    try:
        code = cli.main(arguments, prog_name="dataeng-tui", standalone_mode=False)
    except UserError as error:
        _refuse(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read us has gone (| head); Python must not complain about that at its own exit.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        _tell_mistake(error)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(sentence: str) -> None:
    click.echo(f"dataeng-tui: {sentence}", err=True)
    sys.exit(2)


def _tell_mistake(error: Exception) -> None:
    """A mistake of ours: one sentence on the terminal; what a developer needs goes into a private file."""
    import traceback

    from dataeng_tui.locations import cache_folder, private_file

    try:
        file = private_file(cache_folder() / "failure.txt")
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        where = f"what a developer needs to know is in {file}"
    except (OSError, UserError) as unwritable:
        where = f"and what a developer needs to know could not be written ({unwritable})"
    click.echo(
        f"dataeng-tui: a mistake in the program ended it ({type(error).__name__}); "
        f"nothing that was stored is lost; {where}",
        err=True,
    )
    sys.exit(70)
