"""Each slice's service, made from the settings, once, when it is first asked for.

The command line and the screen both come here, so that everything on the screen can be had headless.
"""

from dataeng_tui.settings import Settings


class Services:
    """The services of one run. Nothing is imported, opened or started before it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def close(self) -> None:
        """Let go of everything that was opened; safe to call twice."""
