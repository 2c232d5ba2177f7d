"""Leaving when the terminal has gone.

A terminal that closes sends SIGHUP. Where that is ignored (nohup, some multiplexers), the program would read
end-of-file for ever at a third of a core: so a thread waits for the terminal itself to hang up. A thread, as
the event loop may by then wait for ever to write to that terminal.
"""

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dataeng_tui.tui.app import DataengApp

GRACE: Final = 10.0  # seconds for an orderly end, on a busy machine too; after that there is none

SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM)


def watch_for_hangup(app: "DataengApp") -> None:
    """Make ``app`` leave when its terminal closes. Does nothing where there is no terminal (tests)."""
    if app.is_headless or not sys.__stdin__ or not sys.__stdin__.isatty():
        return
    loop = asyncio.get_running_loop()

    def leave() -> None:
        _end_in_any_case()
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        app.hung_up()

    def wait() -> None:
        poll = select.poll()
        poll.register(terminal, 0)  # nothing that can be read or written: only its end
        poll.poll()
        _end_in_any_case()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(leave)

    terminal = sys.__stdin__.fileno()
    threading.Thread(target=wait, name="hang-up", daemon=True).start()
    for number in SIGNALS:
        loop.add_signal_handler(number, leave)


def _end_in_any_case() -> None:
    """An orderly end may wait for a terminal that answers no more, with the event loop blocked or closed."""
    last_resort = threading.Timer(GRACE, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
