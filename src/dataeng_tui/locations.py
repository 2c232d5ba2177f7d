"""Where files live: the XDG folders, private to the user."""

import os
from pathlib import Path

from platformdirs import PlatformDirs

from dataeng_tui.errors import UserError

_DIRS = PlatformDirs("dataeng-tui", appauthor=False)


def config_file() -> Path:
    """The settings, whether or not the file is there: ``$XDG_CONFIG_HOME/dataeng-tui/config.toml``."""
    return Path(_DIRS.user_config_dir) / "config.toml"


def data_folder() -> Path:
    """What should be kept (the history); made on first use with mode 0700. Raises UserError."""
    return _private_folder(Path(_DIRS.user_data_dir))


def cache_folder() -> Path:
    """What may be lost; made on first use with mode 0700. Raises UserError."""
    return _private_folder(Path(_DIRS.user_cache_dir))


def private_file(path: Path) -> Path:
    """``path``, made with mode 0600 if it is not there, and brought back to 0600 if it is wider."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return path


def _private_folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {path} cannot be made ({error.strerror}): see who may write there."
        ) from None
    return path
