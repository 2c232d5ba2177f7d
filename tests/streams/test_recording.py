"""A recording says what the sources said; redacted, it says no secret, host or user."""

import json
import stat
import threading
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeng_tui.cli.streams import command
from dataeng_tui.errors import UserError
from dataeng_tui.settings import Settings
from dataeng_tui.streams.health import judge
from dataeng_tui.streams.opening import open_player, record
from dataeng_tui.streams.player import Player
from dataeng_tui.streams.recording import Recorder, observations
from dataeng_tui.streams.redact import Redactor
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Focus,
    Observation,
    Problem,
    Snapshot,
    SourceProgress,
    StreamingQuery,
)
from dataeng_tui.streams.sources.event_log import EventLogSource
from dataeng_tui.streams.watch import Watcher

LOG = Path(__file__).parent / "logs" / "local-1795398444803"


def real() -> Observation:
    return EventLogSource(LOG).poll(1_795_398_470.0, Focus(everything=True))


@pytest.mark.parametrize("name", ["incident.jsonl", "incident.jsonl.zst"])
def test_what_was_recorded_is_what_was_said(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    recorder = Recorder(file)
    said = real()
    problem = Observation("driver-ui", "http://d:4040", 9.5, problems=(Problem("d", "gone"),), answered=False)
    recorder.take(said)
    recorder.take(problem)
    recorder.take(problem)  # says nothing new
    assert list(observations(file)) == [said, problem]  # even before it is closed
    recorder.close()
    recorder.close()
    assert list(observations(file)) == [said, problem]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


text = st.text(max_size=20)
number = st.none() | st.integers(0, 10**12)
rate = st.none() | st.floats(allow_nan=False, allow_infinity=False)
batches = st.builds(Batch, at=st.floats(0, 2e9), id=number, input_rows=number, watermark=rate,
                    parts_ms=st.dictionaries(text, st.floats(0, 1e9), max_size=3))  # fmt: skip
queries = st.builds(
    StreamingQuery, application=text, run_id=text, name=st.none() | text, exception=st.none() | text,
    state=st.sampled_from([None, "waiting", "failed"]), batches=st.lists(batches, max_size=3).map(tuple),
    sources=st.lists(st.builds(SourceProgress, text, lag=number), max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=40)
@given(
    st.lists(queries, max_size=3).map(tuple), st.lists(st.builds(Application, text), max_size=2).map(tuple)
)
def test_anything_said_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    said: tuple[StreamingQuery, ...],
    applications: tuple[Application, ...],
) -> None:
    file = tmp_path_factory.mktemp("recording") / "r"
    recorder = Recorder(file)
    observation = Observation("driver-ui", "w", 1.0, applications, said, drivers=("http://x",))
    recorder.take(observation)
    recorder.close()
    assert list(observations(file)) == [observation]


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "r"
    recorder = Recorder(file)
    recorder.take(real())
    recorder.close()
    file.write_bytes(file.read_bytes()[:-100])
    assert list(observations(file)) == []


@pytest.mark.parametrize(
    "content",
    [
        b"hello\n",
        b"[1]\n",
        b'{"recording":1}\n[]\n',
        b'{"recording":1}\n{"at":1}\n',
        b'{"recording":1}\n{"layer":"yarn","where":"w","at":"noon"}\n',
        b'{"recording":1}\n{"layer":"tea","where":"w","at":1}\n',
        b'{"recording":1}\n{"layer":"yarn","where":"w","at":1,"drivers":[1]}\n',
        b'{"recording":1}\n{"layer":"yarn","where":"w","at":1,"problems":[{"source":[],"message":""}]}\n',
        b'{"recording":1}\n{"layer":"yarn","where":"w","at":1,"queries":[{"application":"a","run_id":"r",'
        b'"batches":[{"at":"x"}]}]}\n',
    ],
)
def test_what_is_no_recording_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "r"
    file.write_bytes(content)
    with pytest.raises(UserError, match="is not of a recording"):
        list(observations(file))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        list(observations(tmp_path / "nowhere"))
    file.write_bytes(b"")
    with pytest.raises(UserError, match="has no line"):
        list(observations(file))
    file.write_bytes(b"\x28\xb5\x2f\xfdand what is no zstd")
    with pytest.raises(UserError, match="is damaged"):
        list(observations(file))


def test_the_end_of_a_recording_is_the_picture_of_its_end(tmp_path: Path) -> None:
    watcher = Watcher((), judge, clock=lambda: 1_795_398_470.0)
    close = record(watcher, str(tmp_path / "r"))
    watcher.accept(real())
    close()
    shown, live = Player(tmp_path / "r", judge).once(), watcher.once()
    assert [query.run_id for query in shown.queries] == [query.run_id for query in live.queries]
    assert {query.name: query.state for query in shown.queries}["bad"] == "failed"
    assert [len(query.batches) for query in shown.queries] == [len(query.batches) for query in live.queries]


def test_it_is_played_at_its_pace_and_can_be_paused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r")
    for second in range(3):
        batch = Batch(1000.0 + second, second)
        query = StreamingQuery("a", "r", state="waiting", batches=(batch,))
        recorder.take(Observation("driver-ui", "d", 1000.0 + second, queries=(query,)))
    recorder.close()
    player = Player(tmp_path / "r", judge, interval=0.2)  # five times as fast
    seen: list[Snapshot] = []
    arrived = threading.Event()

    def note(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if snapshot.queries and len(snapshot.queries[0].batches) == 3:
            arrived.set()

    player.subscribe(note)
    player.pause()
    player.start()
    time.sleep(0.5)
    assert not seen or len(seen[-1].queries[0].batches) == 1
    player.resume()
    assert arrived.wait(60)
    player.stop()
    assert 1000 <= seen[-1].at <= 1003


def a_minute(path: Path) -> Path:
    """A recording of a batch every second for a minute, beginning at 1000."""
    recorder = Recorder(path)
    for second in range(60):
        query = StreamingQuery("a", "r", state="waiting", batches=(Batch(1000.0 + second, second),))
        recorder.take(Observation("driver-ui", "d", 1000.0 + second, queries=(query,)))
    recorder.close()
    return path


def test_one_goes_back_and_forth_in_a_recording(tmp_path: Path) -> None:
    player = Player(a_minute(tmp_path / "r"), judge)
    shown: list[int] = []
    player.subscribe(lambda snapshot: shown.append(len(snapshot.queries[0].batches)))

    def until(batches: int) -> None:
        end = time.monotonic() + 120
        while shown[-1:] != [batches]:
            assert time.monotonic() < end, (shown, player.position)
            time.sleep(0.02)

    player.pause()  # also while nothing is played
    player.start()
    until(1)
    player.seek(10)
    until(11)
    assert player.position == 1010
    player.seek(-4)
    until(7)
    player.seek(1000)  # no further than its end, from which one can go back
    until(60)
    end = time.monotonic() + 120
    while not player.finished and time.monotonic() < end:
        time.sleep(0.02)
    assert (player.finished, player.position) == (True, 1059)
    player.seek(-10)
    until(50)
    assert not player.finished
    player.seek(-1000)
    until(1)
    player.interval = 0.01
    player.resume()
    until(60)
    player.stop()
    assert not player._playing or not player._playing.join(60)


def test_a_recorded_second_takes_some_time(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="A recorded second must take"):
        open_player(str(a_minute(tmp_path / "r")), interval=-1.0)


def run_cli(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments, obj=Settings(), standalone_mode=False)
    if isinstance(done.exception, UserError):
        return 2, str(done.exception)
    return done.return_value, done.output


def test_the_command_records_and_replays(tmp_path: Path) -> None:
    file = str(tmp_path / "r.zst")
    code, first = run_cli("--event-log", str(LOG), "--record", file, "--redact", "--format", "json")
    assert code == 0
    code, again = run_cli("--replay", file, "--format", "json", "--fail-on-unhealthy")
    assert code == 1

    def states(told: str) -> dict[str, object]:
        return {query["run_id"]: query["state"] for query in json.loads(told)["queries"]}

    assert states(first) == states(again)
    assert run_cli("--replay", str(tmp_path / "none")) == (
        2,
        f"The recording {tmp_path / 'none'} cannot be read: No such file or directory.",
    )


def test_watching_a_recording_ends_with_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r")
    recorder.take(real())
    recorder.close()
    code, told = run_cli("--replay", str(tmp_path / "r"), "--watch")
    assert code == 0
    assert "bad: failed" in told


@pytest.mark.parametrize(
    ("told", "gone"),
    [
        ("http://worker-7.example.com:4040/jobs and worker-7.example.com again", "worker-7"),
        ("http://me:hunter2@host", "hunter2"),
        ('{"kafka.sasl.jaas.config":"x password=\\"s3cr3t\\";"}', "s3cr3t"),
        ("fs.s3a.secret.key=abc/DEF+1", "abc/DEF"),
        ("Authorization: Bearer abcdef.ghijkl", "abcdef"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIA"),
        ("Connection refused: ip-10-1-2-3.eu-west-1.compute.internal/10.1.2.3:9092", "10"),
        ("cannot connect to broker-3:9092", "broker-3"),
        ("file:/home/alice/checkpoint", "alice"),
        ('{"user":"bob"}', "bob"),
        ("hdfs://namenode/user/carol/x", "carol"),
        ("Permission denied: user=dave, access=WRITE", "dave"),
        ("Failed to login erin/gateway.corp.example@CORP.EXAMPLE", "erin"),
        ("Failed to login erin@CORP.EXAMPLE", "CORP"),
        ("mail frank@corp.example", "frank"),
        ("Lost task 0.0 in stage 1.0 (TID 4) (worker3 executor 1): boom", "worker3"),
        ("Container killed on host worker3. Exit status 137", "worker3"),
        ("Failed to connect to worker3/10.1.2.3", "worker3"),
        ("http://[2001:db8::17]:9092", "db8"),
        ("2001:db8:0:0:0:0:0:17 is down", "db8"),
    ],
)
def test_secrets_hosts_and_users_are_removed(told: str, gone: str) -> None:
    assert gone not in Redactor()(told)


def test_no_field_of_a_recording_keeps_a_name(tmp_path: Path) -> None:
    """Names that are also words of ours, as containers have them, and each in every field that is a text."""
    text = "http://metrics:8088 /home/alice/x broker-3:9092 and alice on metrics"

    def told(what: type[Any], **given: object) -> Any:
        words = {"layer", "state", "seen_in", "run_id", "spark_version"}
        texts = {one.name: text for one in fields(what) if "str" in str(one.type) and one.name not in words}
        return what(**{name: value for name, value in texts.items() if name not in given} | given)

    query = told(
        StreamingQuery, run_id="r", state="waiting", seen_in=("yarn", "metrics"), batches=(Batch(1.0),),
        sources=(told(SourceProgress),), runs=(), health=(), duration_ms={},
    )  # fmt: skip
    app = told(Application, state="RUNNING")
    said = Observation("yarn", text, 1.0, (app,), (query,), (told(Problem),), (text,))
    close = record(watcher := Watcher((), judge), str(tmp_path / "r"), redact=True)
    watcher.accept(said)
    watcher.accept(replace(said, at=2.0, layer="driver-ui", applications=()))
    close()
    again = (tmp_path / "r").read_text().replace('["yarn","metrics"]', "")
    assert not [name for name in ("metrics", "alice", "broker-3") if name in again]
    first, second = observations(tmp_path / "r")
    assert (first.layer, first.queries[0].seen_in) == ("yarn", ("yarn", "metrics"))
    assert first.where == second.where == first.queries[0].application == first.applications[0].id
    assert Player(tmp_path / "r", judge).once().queries


def test_ones_own_names_are_known_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    monkeypatch.setattr("socket.gethostname", lambda: "graces-laptop")
    assert Redactor()("/data/grace_2/log on graces-laptop") == "/data/user-1_2/log on host-1"


def test_a_name_that_is_known_later_does_not_make_another_query_of_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", Redactor())
    query = StreamingQuery("/data/bob/job", "r", id="r")
    for at, user in ((1.0, None), (2.0, "bob"), (3.0, "bob")):
        recorder.take(Observation("checkpoint", "/data/bob", at, (Application("a", user=user),), (query,)))
    recorder.close()
    told = list(observations(tmp_path / "r"))
    assert len(told) == 2  # the third says nothing new
    assert len({(one.where, one.queries[0].application) for one in told}) == 1


def test_what_is_needed_to_understand_stays() -> None:
    trace = "java.io.IOException: boom\\n\\tat org.apache.kafka.Client.poll(Client.scala:1234)\\n http://localhost:4040"
    assert Redactor()(trace) == trace
    redact = Redactor()
    assert redact("http://a.b.com:1 x") == "http://host-1:1 x"
    assert redact("http://c.d.com:1 http://a.b.com:2") == "http://host-2:1 http://host-1:2"
    line = json.dumps({"where": "http://u:p@driver-1:4040", "exception": 'pass="x"'})
    assert json.loads(Redactor()(line))["where"] == "http://host-1:4040"
