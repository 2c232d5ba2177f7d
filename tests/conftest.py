"""What every test has: folders of its own, so that nobody's real settings or history are touched."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG's folders inside the test's own, and no settings from the environment."""
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "xdg" / name.lower()))
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path / "snowflake"))
