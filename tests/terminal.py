"""A pseudo-terminal that measures the program drawn on it, with the standard library alone.

First frame: from the start of the process to the first visible character on the alternate screen. A key: from
the key's writing to the last byte of what it caused. Memory: VmHWM summed over the process tree, in MiB.
"""

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ALTERNATE_SCREEN = b"\x1b[?1049h"
ESCAPES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_^X][^\x1b]*\x1b\\|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]"
    rb"|\x1b[ -~]|[\x00-\x20\x7f]"
)
# What a modern terminal answers, so that the program takes its usual path.
ANSWERS = (
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
    (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),
    (b"\x1b[6n", b"\x1b[1;1R"),
)
TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """One program on one pseudo-terminal of ``columns`` x ``rows``; close it."""

    def __init__(
        self, command: Sequence[str], columns: int = 120, rows: int = 40, env: Mapping[str, str] | None = None
    ) -> None:
        usual = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        inherited = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "LINES", "TMUX"}}
        full = {**inherited, **usual, **(env or {})}
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], list(command), full)
        self.output = bytearray()
        self.last_byte = self.started
        self.alive = True

    def read(self, seconds: float) -> int:
        """Read what comes within ``seconds``; the number of bytes."""
        if not self.alive or not select.select([self.fd], [], [], seconds)[0]:
            return 0
        try:
            data = os.read(self.fd, 1 << 20)
        except OSError:  # the program has ended
            data = b""
        if not data:
            self.alive = False
            return 0
        self.last_byte = time.perf_counter()
        self.output += data
        for question, answer in ANSWERS:
            if question in data:
                os.write(self.fd, answer)
        return len(data)

    def read_for(self, seconds: float) -> int:
        """Read for ``seconds``; the number of bytes."""
        end, total = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0 and self.alive:
            total += self.read(left)
        return total

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> float:
        """Read until ``condition``; milliseconds since the start. Raises TimeoutError."""
        end = time.perf_counter() + seconds
        while not condition():
            if time.perf_counter() > end or not self.alive:
                raise TimeoutError(f"not within {seconds} s; the screen had {bytes(self.output)[-400:]!r}")
            self.read(0.02)
        return (time.perf_counter() - self.started) * 1000

    def text(self) -> bytes:
        """Every visible character written to the alternate screen, without spaces."""
        _, _, after = bytes(self.output).partition(ALTERNATE_SCREEN)
        return ESCAPES.sub(b"", after)

    def quiet(self, silence: float = 0.4, limit: float = 20.0) -> None:
        """Read until nothing came for ``silence`` seconds."""
        end = time.perf_counter() + limit
        while time.perf_counter() - self.last_byte < silence and time.perf_counter() < end and self.alive:
            self.read(0.05)

    def press(self, keys: bytes) -> float:
        """Send ``keys`` into silence; milliseconds until the last byte that they caused.

        Raises TimeoutError when nothing on the screen changed: such a key measures nothing.
        """
        self.quiet(0.1)
        sent = time.perf_counter()
        os.write(self.fd, keys)
        while not self.read(0.05):
            if time.perf_counter() - sent > 1 or not self.alive:
                raise TimeoutError(f"the keys {keys!r} changed nothing on the screen")
        self.quiet(0.08, 2)
        return (self.last_byte - sent) * 1000

    def processes(self) -> list[int]:
        """The program and what it started."""
        found, queue = [], [self.pid]
        while queue:
            found.append(pid := queue.pop())
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                queue += map(int, _read(task).split())
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the processes, with that of their ended children."""
        fields = (_read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split() for pid in self.processes())
        return sum(sum(map(int, one[11:15])) for one in fields if one) / TICKS

    def peak_mib(self) -> float:
        """The sum of the processes' peak resident sizes."""
        peaks = (re.search(r"VmHWM:\s+(\d+)", _read(Path(f"/proc/{pid}/status"))) for pid in self.processes())
        return sum(int(peak[1]) for peak in peaks if peak) / 1024

    def close(self) -> None:
        """End the program and reap it, if that has not been done (``pid`` is then 0)."""
        if not self.pid:
            os.close(self.fd)
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in reversed(self.processes()):
                with_no_complaint(os.kill, pid, number)
            end = time.perf_counter() + 1.5
            while time.perf_counter() < end:
                self.read(0.02)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    os.close(self.fd)
                    return
        os.close(self.fd)


@dataclass(frozen=True)
class Figures:
    """Medians over the runs of one command."""

    first_frame_ms: float
    key_ms: float
    peak_mib: float
    idle_bytes_s: float
    idle_cpu_percent: float


def measure(
    command: Sequence[str], runs: int = 5, keys: bytes = b"\t", idle: float = 5.0, ready: bytes = b""
) -> Figures:
    """Start ``command`` ``runs`` times and once before, press a key ten times each, let it idle.

    ``ready``: letters without spaces that stand on the screen when it has all that it shows.
    """
    first, key, peak, silent = [], [], [], (0.0, 0.0)
    for run in range(runs + 1):
        terminal = Terminal(command)
        try:
            shown = terminal.until(lambda t=terminal: bool(t.text()))  # type: ignore[misc]
            terminal.until(lambda t=terminal: ready in t.text())  # type: ignore[misc]
            terminal.quiet()
            presses = [terminal.press(keys) for _ in range(10)] if run else []
            if run == runs:
                terminal.quiet()
                cpu, begun = terminal.cpu_seconds(), time.perf_counter()
                written = terminal.read_for(idle)
                spent = time.perf_counter() - begun
                silent = (written / spent, (terminal.cpu_seconds() - cpu) / spent * 100)
            if run:
                first.append(shown)
                key += presses
                peak.append(terminal.peak_mib())
        finally:
            terminal.close()
    median = statistics.median
    return Figures(median(first), median(key), median(peak), *silent)


def with_no_complaint(call: Callable[[int, int], None], pid: int, number: int) -> None:
    """Signal a process that may have gone already."""
    try:
        call(pid, number)
    except ProcessLookupError:
        return


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended while we looked
        return ""


if __name__ == "__main__":
    print(measure(sys.argv[1:]))
