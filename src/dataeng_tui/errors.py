"""The one exception that people see."""


class UserError(Exception):
    """Bad input or a missing part, said in one clear sentence with what to do.

    The command line prints it on stderr and exits with 2; a pane shows it as a line.
    """


def missing(what: str, extra: str) -> UserError:
    """The sentence for an optional part that is not installed, with the command that installs it."""
    return UserError(f"{what} is not installed: run  pip install 'dataeng-tui[{extra}]'")
