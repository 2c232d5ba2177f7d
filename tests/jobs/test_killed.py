"""The driver killed with -9 at any moment, or asked to stop: nothing is lost and nothing counts twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.jobs.conftest import event, write_events

pytestmark = pytest.mark.spark

ROOT = Path(__file__).parents[2]


class Feeder:
    """Writes files of events while it is let: some twice, some hours late, some days late, some no JSON."""

    def __init__(self, folder: Path, seed: int, pause: float, most: int) -> None:
        self.folder, self.random, self.pause, self.most = folder, random.Random(seed), pause, most
        self.files: list[list[str]] = []
        self.hourly: Counter[tuple[str, str]] = Counter()
        self.deliveries: Counter[str] = Counter()
        self.junk = 0
        self._known: list[tuple[int, str, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def __enter__(self) -> "Feeder":
        self.write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _feed(self) -> None:
        while len(self.files) < self.most and not self._over.wait(self.pause):
            self.write()

    def write(self) -> None:
        """The next file, and what a batch computation over all files so far would find."""
        number, lines = len(self.files), []
        watermark = (
            self.folder / "checkpoints/hourly/commits/0"
        ).exists()  # for every batch from the next on
        for _ in range(20):
            kind = self.random.random()
            email = f"e{self.random.randrange(3)}"
            if kind < 0.2 and self._known:
                one, email, at = self.random.choice(self._known)  # a duplicate, maybe files later
            elif kind < 0.25:
                lines.append(f"junk {number}")
                self.junk += 1
                continue
            else:
                one = self.random.randrange(10**9)
                # Up to ten hours late is in time; two days late is not, once the watermark has moved.
                late = kind < 0.3 and watermark
                hour = self.random.randrange(12, 24)
                at = f"2026-03-{8 if late else 10:02}T{hour:02}:{self.random.randrange(60):02}:00Z"
                if not late:
                    self._known.append((one, email, at))
                    self.hourly[email, f"{at[:10]} {at[11:13]}:00"] += 1
            self.deliveries[email] += 1
            lines.append(event(one, email, at))
        self.files.append(lines)
        write_events(self.folder / "events", f"{number:05}", lines)


@contextmanager
def driver(folder: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """``dataeng-tui jobs run emails.py`` in a process group of its own; gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dataeng_tui", "jobs", "run", str(ROOT / "tests/jobs/emails.py")],
        env={
            **os.environ,
            "EMAILS": str(folder),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until_running(process: subprocess.Popen[str]) -> None:
    """Wait for both jobs' queries."""
    assert process.stdout is not None
    running = 0
    for line in process.stdout:
        running += line.rstrip().endswith(": running")
        if running == 2:
            return
    pytest.fail("the driver ended before its jobs ran")


def numbers(folder: Path) -> set[int]:
    """The batches that a checkpoint's ``offsets`` or ``commits`` names."""
    return {int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()}


def places(folder: Path) -> dict[str, tuple[int, int]]:
    """A job's last batch in the database, and in Spark's commits."""
    rows = sqlite3.connect(folder / "emails.db").execute("SELECT job, batch_id FROM streaming_batches")
    found = {}
    for job, batch in rows:
        found[job] = (batch, max(numbers(folder / "checkpoints" / job / "commits"), default=-1))
    return found


def until_in_hand(folder: Path) -> None:
    """Wait until a job has planned a batch that is not committed: the driver is in the middle of it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for home in (folder / "checkpoints").glob("*"):
            if numbers(home / "offsets") - numbers(home / "commits"):
                return
        time.sleep(0.005)
    pytest.fail("no batch came")


def kill_and_compare(folder: Path, kills: int, seed: int) -> tuple[int, int]:
    """Kill the driver ``kills`` times while it is fed, let it end, compare with a computation in one go.

    How many kills found a job between the database's commit and Spark's, and how many found one with a batch
    that was planned and not yet committed.
    """
    chance = random.Random(seed)
    between = in_hand = 0
    with Feeder(folder, seed, pause=0.7, most=15 * (kills + 1)) as feeder:
        for _ in range(kills):
            with driver(folder) as process:
                until_running(process)
                time.sleep(chance.uniform(0.1, 6.0))
                until_in_hand(folder)
                time.sleep(chance.uniform(0, 0.04))
            found = places(folder)
            between += sum(written > committed for written, committed in found.values())
            for home in (folder / "checkpoints").glob("*"):
                in_hand += bool(numbers(home / "offsets") - numbers(home / "commits"))
    with driver(folder, EMAILS_LAST="1", EMAILS_PAUSE="0") as process:
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output[-3000:]
    rows = sqlite3.connect(folder / "emails.db")
    assert dict(rows.execute("SELECT email_id, n FROM deliveries").fetchall()) == feeder.deliveries
    counted = {(email, bucket): n for email, bucket, n in rows.execute("SELECT * FROM hourly")}
    assert counted == feeder.hourly
    dead = "SELECT job, count(*) FROM dead_letters GROUP BY job"
    assert dict(rows.execute(dead).fetchall()) == {"hourly": feeder.junk, "deliveries": feeder.junk}
    return between, in_hand


def test_killed_in_mid_batch_and_resumed(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=2, seed=1)


@pytest.mark.endurance
@pytest.mark.parametrize("seed", range(10, 14))
def test_killed_twenty_times(tmp_path: Path, seed: int) -> None:
    between, in_hand = kill_and_compare(tmp_path, kills=5, seed=seed)
    print(f"kills between the two commits: {between}; with a batch in hand: {in_hand}")
    assert in_hand


def test_asked_to_stop_the_batch_in_hand_ends_and_is_committed(tmp_path: Path) -> None:
    for number in range(40):
        line = event(number, "e0", "2026-03-10T12:00:00Z")
        write_events(tmp_path / "events", f"{number:05}", [line])
    with driver(tmp_path, EMAILS_PAUSE="0.4") as process:
        until_running(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(
            (tmp_path / "checkpoints/deliveries/commits").glob("1")
        ):
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGTERM)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output[-3000:]
    assert output.count(": stopped") == 2
    for written, committed in places(tmp_path).values():
        assert written == committed >= 0
    (count,) = sqlite3.connect(tmp_path / "emails.db").execute("SELECT n FROM deliveries").fetchone()
    assert 0 < count < 40
