"""The history keeps each statement once, and what it says of the slots is what the statements say."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeng_tui.after_hours import schema
from dataeng_tui.after_hours.activity import Activity
from dataeng_tui.after_hours.history import History, Owner, Synced
from dataeng_tui.after_hours.machines import Machines, parse_rules
from dataeng_tui.after_hours.owners import chosen
from dataeng_tui.after_hours.statement import Statement
from dataeng_tui.errors import UserError

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "history.sqlite")
    yield opened
    opened.close()


def statement(number: int, minutes: float = 0, **more: object) -> Statement:
    start = NOON + timedelta(minutes=minutes)
    return Statement(f"q{number}", start, start + timedelta(seconds=1), "ALICE", **more)  # type: ignore[arg-type]


def alice(history: History) -> Owner:
    found = history.owner("acme", "ALICE")
    assert found is not None
    return found


STATEMENTS = st.builds(
    statement,
    st.integers(0, 12),
    st.integers(0, 3 * 24 * 60).map(float),
    client_generated=st.booleans(),
    program=st.sampled_from(["", "AIRFLOW", "DBeaver"]),
    status=st.sampled_from(["RUNNING", "SUCCESS"]),
)


@given(st.lists(STATEMENTS, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_any_overlap_of_downloads_comes_to_the_same(
    tmp_path: Path, rows: list[Statement], rng: random.Random
) -> None:
    """Even where two rows of one QUERY_ID contradict each other."""
    found = []
    for attempt in range(2):
        history = History(Path(mkdtemp(dir=tmp_path)) / "history.sqlite")
        given_rows = list(rows) if attempt == 0 else rng.sample(rows, len(rows)) + rows[: len(rows) // 2]
        cut = rng.randrange(len(given_rows) + 1)
        history.add("acme", given_rows[:cut])
        history.add("acme", given_rows[cut:])
        owner = history.owner("acme", "ALICE")
        held = [s for s, _ in history.statements(owner)] if owner else []
        activity = history.activity(owner) if owner else Activity()
        history.close()
        assert activity == Activity.of(held), "the slots are those of the statements"
        found.append((held, activity))
    assert found[0] == found[1]


def test_a_statement_seen_running_is_the_same_when_it_is_done(history: History) -> None:
    running = statement(1, status="RUNNING")._replace(end=None)
    history.add("acme", [running])
    history.add("acme", [statement(1, status="SUCCESS")])
    history.add("acme", [running])
    ((held, _),) = history.statements(alice(history))
    assert (held.status, held.end) == ("SUCCESS", NOON + timedelta(seconds=1))


def test_a_query_id_counts_once_an_account_and_a_user(history: History) -> None:
    history.add("acme", [statement(1), statement(1)])
    history.add("other", [statement(1)])
    assert [(owner.account, history.count(owner)[0]) for owner in history.owners()] == [
        ("acme", 1),
        ("other", 1),
    ]


def test_one_name_in_two_accounts_has_to_be_told_apart(history: History) -> None:
    history.add("acme", [statement(1)])
    history.add("other", [statement(1)])
    with pytest.raises(
        UserError, match="ALICE is in several accounts, acme, other: name one with --connection"
    ):
        chosen(history.owners(), None, Machines())


def test_other_rules_judge_what_is_there_again(history: History) -> None:
    history.add("acme", [statement(1, program="nightly-7"), statement(2, 20)])
    assert not history.activity(alice(history)).machines
    rules = Machines(parse_rules([{"program": "nightly-*", "reason": "my nightly job"}]))
    again = History(history.path, rules)
    again.judge()
    activity = again.activity(alice(again))
    again.close()
    assert list(activity.machines) == ["my nightly job"]
    assert list(activity.person.counts) == [1]


def test_what_opened_a_session_may_become_known_later(history: History) -> None:
    history.add("acme", [statement(1, session_id="7")])
    owner = alice(history)
    with history.writing() as writer:
        writer.add_sessions(owner.id, [("7", "AIRFLOW", "PythonConnector 3", 0)])
        writer.apply_sessions(owner.id, 0)
    assert list(history.activity(owner).machines) == ["Airflow"]
    history.add("acme", [statement(1, session_id="7")])  # from a source that does not know it
    assert list(history.activity(owner).machines) == ["Airflow"]


def test_it_is_private(history: History) -> None:
    history.add("acme", [statement(1)])
    for file in history.path.parent.glob("history.sqlite*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_mark_never_goes_back(history: History) -> None:
    with history.writing() as writer:
        owner = writer.owner("acme", "ALICE")
        history.keep_synced(owner, Synced("ACCOUNT_USAGE", NOON, NOON))
        history.keep_synced(owner, Synced("ACCOUNT_USAGE", NOON - timedelta(hours=1), NOON))
    found = history.synced(alice(history))
    assert found is not None
    assert found.mark == NOON


def test_half_a_write_is_no_write(history: History) -> None:
    def rows() -> Iterator[Statement]:
        yield from (statement(number) for number in range(7_000))
        raise UserError("line 7001 is no good")

    with pytest.raises(UserError, match="7001"):
        history.add("acme", rows())
    assert history.owners() == []


def test_killed_while_writing_it_is_as_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    script = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tempfile import mkdtemp
from dataeng_tui.after_hours.history import History
from tests.after_hours.test_history import statement
history = History(Path({str(path)!r}))
history.add("acme", [statement(n, n) for n in range(100)])
with history.writing() as writer:
    writer.add("acme", [statement(n, n) for n in range(50, 9_000)])
    print("half way", flush=True)
    time.sleep(60)
"""
    running = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.readline()
    os.kill(running.pid, signal.SIGKILL)
    running.wait(10)
    history = History(path)
    owner = alice(history)
    held = [s for s, _ in history.statements(owner)]
    assert len(held) == 100
    assert history.activity(owner) == Activity.of(held)
    history.close()


def test_two_that_open_a_new_history_at_once_make_it_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def one(number: int) -> None:
        try:
            history = History(tmp_path / "history.sqlite")
            history.add("acme", [statement(number, number)])
            history.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    history = History(tmp_path / "history.sqlite")
    assert history.count(alice(history))[0] == 4
    history.close()


def test_each_step_of_the_schema_leads_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(schema._STEPS)
    path = tmp_path / "history.sqlite"
    for length in range(1, len(steps) + 1):
        monkeypatch.setattr(schema, "_STEPS", steps[:length])
        schema.connect(path).close()
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA user_version").fetchone() == (length,)
    history = History(path)
    history.add("acme", [statement(1)])
    history.close()


def test_a_step_that_fails_leaves_the_step_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(db: object) -> None:
        db.execute("CREATE TABLE half (a)")  # type: ignore[attr-defined]
        raise sqlite3.OperationalError("disk full")

    path = tmp_path / "history.sqlite"
    monkeypatch.setattr(schema, "_STEPS", [*schema._STEPS, broken])
    with pytest.raises(UserError, match="disk full"):
        schema.connect(path)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(schema._STEPS) - 1,)
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)


def test_a_history_of_a_newer_program_is_left_alone(history: History) -> None:
    with sqlite3.connect(history.path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="newer dataeng-tui"):
        History(history.path)


def test_a_file_that_is_no_history_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_text("this is not a database, but it is long enough to look like one " * 20)
    with pytest.raises(UserError, match="cannot be used"):
        History(path)


def test_opening_imports_nothing_heavy(history: History) -> None:
    history.add("acme", [statement(1)])
    script = f"""
import sys
from pathlib import Path
from tempfile import mkdtemp
from dataeng_tui.after_hours.history import History
History(Path({str(history.path)!r})).owners()
assert not {{"sqlite_utils", "holidays", "snowflake.connector", "textual"}} & set(sys.modules), sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_closing_breaks_off_what_other_threads_read(history: History) -> None:
    """A connection that is closed under a thread inside it takes the whole process down."""
    history._connection.execute(
        "CREATE TEMP TABLE many AS WITH RECURSIVE n(x) AS "
        "(SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000) "
        "SELECT x, randomblob(50) AS noise FROM n"
    )
    ended: list[BaseException] = []

    def read() -> None:
        try:
            while True:
                history._read("SELECT x, noise FROM many ORDER BY noise")
        except UserError as error:
            ended.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    history.close()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 2
    with pytest.raises(UserError, match="let go of"):
        history.owners()
