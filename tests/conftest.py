"""What every test has, folders of its own; and a Snowflake on a socket, one for all tests of a process."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dataeng_tui.demo.java import use_java
from dataeng_tui.errors import UserError
from tests.snowflake_server import FakeSnowflake, snowflake_server

# What a run says depends on the change alone; to look for new examples there is --hypothesis-profile=hunt.
settings.register_profile("steady", derandomize=True)
settings.register_profile("hunt", derandomize=False, max_examples=1000)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG's folders inside the test's own, and no settings from the environment."""
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "xdg" / name.lower()))
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path / "snowflake"))


@pytest.fixture(scope="session", autouse=True)
def java() -> None:
    """What starts a Spark finds a Java where the system has none."""
    with contextlib.suppress(UserError):  # for those without the extra, whose tests are skipped
        use_java()


@pytest.fixture(scope="session")
def _running_snowflake() -> Iterator[FakeSnowflake]:
    pytest.importorskip("snowflake.connector")
    with snowflake_server() as server:
        yield server


@pytest.fixture
def snowflake(_running_snowflake: FakeSnowflake, tmp_path: Path) -> FakeSnowflake:
    """The server, empty, with a connection ``dev`` to it in this test's connections.toml."""
    _running_snowflake.clear()
    _running_snowflake.connections_toml(tmp_path / "snowflake")
    return _running_snowflake
