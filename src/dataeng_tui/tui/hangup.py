"""Leaving when the terminal has gone.

A terminal that closes sends SIGHUP. Where that is ignored (nohup, some multiplexers), the program would read
end-of-file for ever at a third of a core: so the terminal itself is looked at every two seconds too.
"""

import asyncio
import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dataeng_tui.tui.app import DataengApp

LOOK_EVERY: Final = 2.0  # seconds
GRACE: Final = 3.0  # seconds for an orderly end, after which there is none

SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM)


def watch_for_hangup(app: "DataengApp") -> None:
    """Make ``app`` leave when its terminal closes. Does nothing where there is no terminal (tests)."""
    if app.is_headless or not sys.__stdin__ or not sys.__stdin__.isatty():
        return
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), 0)
    loop = asyncio.get_running_loop()

    def leave() -> None:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # An orderly end may wait for a terminal that no longer answers, with the event loop already closed.
        last_resort = threading.Timer(GRACE, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()
        app.hung_up()

    def look() -> None:
        if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):
            timer.stop()
            leave()

    timer = app.set_interval(LOOK_EVERY, look)
    for number in SIGNALS:
        loop.add_signal_handler(number, leave)
