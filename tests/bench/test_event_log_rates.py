"""How fast event logs are read, against doing it line by line in the same run; and in how much memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from dataeng_tui.streams.snapshot import Focus, Observation
from dataeng_tui.streams.sources.event_log import EventLogSource

pytestmark = pytest.mark.bench
REAL = Path(__file__).parent.parent / "streams" / "logs" / "local-1795398444803"
TASKS = Path(__file__).parent / "tasks.zst"


def lines(count: int) -> Iterator[bytes]:
    """Lines that Spark 4.3 wrote: starts and ends of tasks (0.3 and 5 kB), and a progress in a hundred."""
    tasks = zstandard.decompress(TASKS.read_bytes()).splitlines(keepends=True)
    told = [line for line in REAL.read_bytes().splitlines(keepends=True) if b"QueryProgressEvent" in line]
    for n in range(count):
        yield told[n // 100 % len(told)] if n % 100 == 99 else tasks[n % len(tasks)]


def frames(count: int) -> Iterator[bytes]:
    """The same, packed at Spark's level, in frames as long as the flushes made them in a real log."""
    held = b""
    for line in lines(count):
        held += line
        if len(held) >= 5_700:
            packer = zstandard.ZstdCompressor(level=1).compressobj()
            yield packer.compress(held) + packer.flush()
            held = b""


def read(path: Path) -> Observation:
    return EventLogSource(path).poll(time.time(), Focus(everything=True))


def best_of(rounds: int, *runs: Callable[[], object]) -> list[float]:
    """The least CPU seconds of each, taken in turns, so that a busy moment of the machine hits all alike."""
    least = [float("inf")] * len(runs)
    for _ in range(rounds):
        for number, run in enumerate(runs):
            began = time.process_time()
            run()
            least[number] = min(least[number], time.process_time() - began)
    return least


def test_plain_logs_are_read_forty_times_as_fast_as_parsing_every_line(tmp_path: Path) -> None:
    log = tmp_path / "application_1_0001"
    log.write_bytes(b"".join(lines(100_000)))
    assert len(read(log).queries) == 3

    def parse_every_line() -> None:
        with log.open("rb") as file:
            for line in file:
                json.loads(line)

    (ours,), (theirs,) = best_of(12, lambda: read(log)), best_of(2, parse_every_line)
    size = log.stat().st_size / 1e6
    print(f"\nplain: {size / ours:,.0f} MB/s, parsing: {size / theirs:,.0f} MB/s, {theirs / ours:.1f} x")
    assert theirs / ours >= 40


def test_zstd_logs_are_read_at_nearly_the_rate_of_unpacking(tmp_path: Path) -> None:
    log = tmp_path / "application_1_0001.zstd"
    log.write_bytes(b"".join(frames(10_000)) * 10)
    unpacked = 0

    def only_unpack() -> None:
        nonlocal unpacked
        unpacked = 0
        buffer = bytearray(1 << 20)
        with log.open("rb") as file:
            frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            while got := frames.readinto(buffer):
                unpacked += got

    assert len(read(log).queries) == 3
    bare, ours = best_of(12, only_unpack, lambda: read(log))
    size = unpacked / 1e6
    print(f"\nzstd: {size / ours:,.0f} MB/s, only unpacking: {size / bare:,.0f} MB/s, {bare / ours:.2f} x")
    assert bare / ours >= 0.7


BIG = """
import json, re, sys, time
from pathlib import Path
from dataeng_tui.streams.snapshot import Focus
from dataeng_tui.streams.sources.event_log import EventLogSource

def peak():  # of this process alone: what getrusage says can be its parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

source = EventLogSource(sys.argv[1])
before = peak()
began = time.perf_counter()
said = source.poll(time.time(), Focus())
first = time.perf_counter() - began
batch, polls, told = max(query.batch_id or 0 for query in said.queries), 1, list(said.problems)
while said.problems:
    said, polls = source.poll(time.time(), Focus()), polls + 1
whole = time.perf_counter() - began
grown = (peak() - before) / 1024
print(json.dumps([batch, first, whole, polls, grown, len(told)]))
"""


def test_two_gigabytes_are_opened_in_bounded_memory_the_end_first(tmp_path: Path) -> None:
    log = tmp_path / "application_1_0001.inprogress"
    piece = b"".join(lines(8_000))
    last = next(line for line in reversed(piece.splitlines(keepends=True)) if b"QueryProgress" in line)
    at_the_end = json.loads(last)
    at_the_end["progress"]["batchId"] = 777_777
    with log.open("wb") as file:
        for _ in range((2 << 30) // len(piece)):
            file.write(piece)
        file.write(json.dumps(at_the_end, separators=(",", ":")).encode() + b"\n")
    done = subprocess.run([sys.executable, "-c", BIG, str(log)], capture_output=True, text=True, check=True)
    batch, first, whole, polls, grown, told = json.loads(done.stdout)
    print(f"\n{log.stat().st_size / 1e9:.2f} GB: end after {first:.2f} s, whole after {whole:.1f} s")
    print(f"in {polls} polls, {grown:.0f} MiB more than before")
    log.unlink()
    assert batch == 777_777
    assert told == 1
    assert polls > 1
    assert first < 0.7 * whole
    assert grown < 48
