"""What a long history costs: opening it, importing it, and bringing it up to date.

``pytest -m bench -s tests/bench/test_after_hours_rates.py`` prints the figures.
"""

import random
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from dataeng_tui.after_hours.service import AfterHours, Options
from dataeng_tui.after_hours.traces import stretches
from tests.snowflake_server import snowflake_server

MILLION = 1_000_000
YEAR = 365 * 86_400
NOW = datetime.now(UTC).replace(microsecond=0)
HEADER = (
    "QUERY_ID,SESSION_ID,START_TIME,END_TIME,USER_NAME,USER_TYPE,ROLE_NAME,WAREHOUSE_NAME,QUERY_TYPE,QUERY_TAG,"
    "EXECUTION_STATUS,IS_CLIENT_GENERATED_STATEMENT,QUERY_PARAMETERIZED_HASH\n"
)
ZONE = timezone(timedelta(hours=-4))
PAUSE = timedelta(seconds=5)


def write_csv(
    file: Path, rows: int, user: str = "ALICE", until: datetime = NOW, offset: str = " -0400"
) -> Path:
    """A year's rows around the clock: no slot is empty, which is the worst case for what is kept of them."""
    rng = random.Random(rows)
    with file.open("w") as out:
        out.write(HEADER)
        for number in range(rows):
            start = (until - timedelta(seconds=YEAR * (1 - number / rows))).astimezone(ZONE)
            times = (f"{at:%Y-%m-%d %H:%M:%S}.{number % 1000:03}{offset}" for at in (start, start + PAUSE))
            query_id = f"{user}{number:08x}-{rng.getrandbits(64):016x}"
            machine = "true" if number % 9 == 0 else "false"
            out.write(
                f"{query_id},{10**9 + number // 200},{','.join(times)},{user},PERSON,"
                f"ANALYST,WH{number % 4},SELECT,,SUCCESS,{machine},{number % 500:032x}\n"
            )
    return file


def cpu_of(*command: str | Path) -> tuple[float, int]:
    """``(seconds of CPU, peak memory in MiB)`` of a command that must end well."""
    script = (
        "import os, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, command)], check=True, capture_output=True, text=True
    )
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)


ASKED = ("after-hours", "--timezone", "Europe/London", "--format", "json", "--history")
PROGRAM = (sys.executable, "-m", "dataeng_tui", *ASKED)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The same year in 1,000 and in 1,000,000 rows."""
    folder = tmp_path_factory.mktemp("rows")
    return {rows: write_csv(folder / f"{rows}.csv", rows) for rows in (1_000, MILLION)}


@pytest.mark.bench
def test_a_long_history_opens_as_fast_as_a_short_one(files: dict[int, Path]) -> None:
    for file in files.values():
        cpu_of(*PROGRAM, file)
    opens = {rows: min(cpu_of(*PROGRAM, file)[0] for _ in range(5)) for rows, file in files.items()}
    print("\nopen: " + ", ".join(f"{rows:,} statements {1000 * cpu:.0f} ms" for rows, cpu in opens.items()))
    assert opens[MILLION] - opens[1_000] <= 0.1


@pytest.mark.bench
def test_importing_is_at_least_half_as_fast_as_sqlite_utils(files: dict[int, Path], tmp_path: Path) -> None:
    few = cpu_of(*PROGRAM, files[1_000])[1]
    seconds, memory = cpu_of(*PROGRAM, files[MILLION])
    tool = Path(sys.executable).with_name("sqlite-utils")
    plain, _ = cpu_of(tool, "insert", tmp_path / "plain.db", "rows", files[MILLION], "--csv")
    print(f"\nimport of {MILLION:,} rows: {seconds:.1f} s of CPU, {memory} MiB; sqlite-utils {plain:.1f} s")
    assert seconds <= 2 * plain
    assert memory <= few + 40


def write_step_csv(file: Path, rows: int) -> Path:
    """A year whose last two fifths go around the clock, a third of them in a new warehouse."""
    rng = random.Random(rows)
    with file.open("w") as out:
        out.write(HEADER)
        for number in range(rows):
            start = NOW - timedelta(seconds=YEAR * (1 - number / rows))
            late = number > 0.6 * rows
            if not late:  # inside the working hours of its day, but for a few
                day = start.replace(hour=0, minute=0, second=0)
                at_work = 9 + 8 * ((start - day) / timedelta(days=1))
                start = day + timedelta(hours=at_work if rng.random() > 0.002 else rng.uniform(18, 22))
            new = late and number % 3 == 0
            times = (f"{at:%Y-%m-%d %H:%M:%S}.{number % 1000:03} +0000" for at in (start, start + PAUSE))
            out.write(
                f"Q{number:08x},{10**9 + number // 200},{','.join(times)},ALICE,PERSON,ANALYST,"
                f"{'NEW' if new else f'WH{number % 4}'},SELECT,,SUCCESS,false,"
                f"{number % 500 + 500 * new:032x}\n"
            )
    return file


@pytest.mark.bench
def test_explaining_a_step_costs_little_more_than_reading_its_rows(tmp_path: Path) -> None:
    """Half a million statements after hours, a thousand queries, half of them new with the step."""
    service = AfterHours(
        Options(history=(str(write_step_csv(tmp_path / "step.csv", MILLION)),), timezone="UTC")
    )
    service.open()
    report, owner = service.report(), service.owner()
    assert owner is not None
    took = {}
    for name, call in (
        ("read", lambda: deque(service.history.rows(owner, stretches(report.pieces)), maxlen=0)),
        ("explained", lambda: service.certainty(report)),
    ):
        runs = []
        for _ in range(3):
            began = time.process_time()
            found = call()
            runs.append(time.process_time() - began)
        took[name] = min(runs)
    service.close()
    assert len(found.explanations) > 500
    print(f"\nread {took['read']:.2f} s, explained {took['explained']:.2f} s of CPU")
    assert took["explained"] <= 4 * took["read"]


@contextmanager
def counting_proxy(port: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """``(its port, bytes so far both ways)`` of a proxy to a port of this machine."""
    total = [0]
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                total[0] += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1], lambda: total[0]
    finally:
        listening.close()


@pytest.mark.bench
def test_a_sync_transfers_what_is_new_not_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, others = 20_000, MILLION - 20_000
    before = NOW - timedelta(days=3)
    old = write_csv(tmp_path / "mine.csv", mine, until=before, offset="-04")
    rest = write_csv(tmp_path / "others.csv", others, "BOB", offset="-04")
    new = write_csv(tmp_path / "new.csv", mine, offset="-04")
    lines = new.read_text().splitlines(keepends=True)
    fresh = lines[-int(mine * 3 / 365) :]
    new.write_text(HEADER + "".join(line.replace("ALICE0", "ALICE-0", 1) for line in fresh))
    moved = {}
    with snowflake_server() as server, counting_proxy(server.port) as (port, so_far):
        for size in (mine, MILLION):
            server.clear()
            server.load_csv(old)
            if size == MILLION:
                server.load_csv(rest)
            monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / str(size)))
            server.connections_toml(tmp_path / "snowflake")
            toml = tmp_path / "snowflake" / "connections.toml"
            toml.write_text(toml.read_text().replace(f"port = {server.port}", f"port = {port}"))
            whole = sync(so_far)
            server.load_csv(new)
            moved[size] = sync(so_far)
            print(
                f"\naccount of {size:,} rows: whole history {whole:,} bytes, three days {moved[size]:,} bytes"
            )
    assert moved[MILLION] / moved[mine] <= 1.1


def sync(so_far: Callable[[], int]) -> int:
    """Bytes on the wire, both ways."""
    start = so_far()
    service = AfterHours(Options(connection="dev", timezone="UTC"))
    assert service.syncing().run() is not None
    service.close()
    return so_far() - start


@pytest.mark.bench
def test_a_years_figures_by_another_measure_take_less_than_a_frame(tmp_path: Path) -> None:
    service = AfterHours(
        Options(history=(str(write_csv(tmp_path / "rows.csv", 50_000)),), timezone="Australia/Lord_Howe")
    )
    service.open()
    report = service.report()

    def used() -> float:
        found = resource.getrusage(resource.RUSAGE_SELF)
        return found.ru_utime + found.ru_stime

    start = used()
    shown = [
        [report.day(day.day).figures.minutes(measure) for day in report.days]
        for measure in ("slots", "sessions", "blog", "corrected")
    ]
    took = (used() - start) / len(shown)
    service.close()
    print(f"\na year by another measure: {1000 * took:.1f} ms of CPU")
    assert took <= 0.016
