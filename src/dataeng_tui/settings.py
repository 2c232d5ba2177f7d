"""The settings, frozen. One rule of precedence, for every value:

1. the command line's flags, over
2. the environment, ``DATAENG_TUI_<SECTION>_<KEY>`` (``DATAENG_TUI_AFTER_HOURS_TIMEZONE``, and
   ``DATAENG_TUI_THEME`` for what is outside any section; a list is written with commas), over
3. the TOML file (``--config``, else ``$XDG_CONFIG_HOME/dataeng-tui/config.toml``), over
4. the defaults below.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dataeng_tui.errors import UserError
from dataeng_tui.locations import config_file

PREFIX = "DATAENG_TUI_"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AfterHoursSettings:
    """``[after_hours]``: plain values; the slice parses them."""

    connection: str | None = None
    user: str | None = None
    history: tuple[str, ...] = ()
    timezone: str | None = None  # the system's
    work_hours: str = "Mon-Fri 09:00-17:00"
    day_starts: str = "04:00"
    holidays: str | None = None
    leave: tuple[str, ...] = ()  # 2026-07-01, or 2026-07-01..2026-07-10
    changes: tuple[Mapping[str, object], ...] = ()  # {from = "2026-03-01", timezone = "…", work_hours = "…"}
    machines: tuple[
        Mapping[str, object], ...
    ] = ()  # {program = "cron-*", reason = "…"}; {tag = "…", person = true}
    passcode: str | None = None  # of MFA; it lasts for seconds, so it comes from the environment
    goal_hours: float | None = None  # after hours a week that one does not want to go over
    since: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        if self.goal_hours is not None and not 0 <= self.goal_hours <= 168:
            raise UserError(f"goal_hours must be hours of a week, 0 to 168, not {self.goal_hours:g}.")


@dataclass(frozen=True, slots=True)
class StreamsSettings:
    """``[streams]``."""

    driver: tuple[str, ...] = ()
    yarn: str | None = None
    event_log: tuple[str, ...] = ()
    checkpoint: tuple[str, ...] = ()  # folders, or folders of many
    interval: float = 1.0  # seconds between polls
    record: str | None = None  # a file for all that the sources answer
    redact: bool = False  # without secrets, and with other names for hosts and users
    replay: str | None = None  # a recording, played instead of asking any source
    remember: bool = True  # keep what was seen across restarts
    # When a query counts as unhealthy: seconds, batches in a row, and shares of one.
    stalled_after: float = 600.0
    behind_batches: int = 5
    slow_batches: int = 3
    trigger: float | None = None  # seconds; else read from the rhythm of the batches
    state_growth: float = 0.5
    watermark_batches: int = 10
    restarts: int = 2
    restarts_within: float = 3600.0


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """``[replay]``."""

    scenarios: tuple[str, ...] = ()  # folders shown in the pane beside the built-in ones
    seconds: float = 20.0  # the budget of a check whose scenario names none


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them, as they hold for this run."""

    demo: bool = False
    theme: str = "dataeng-dark"
    keys: Mapping[str, str] = field(default_factory=dict)  # action id -> keys, e.g. {"app.quit" = "ctrl+q"}
    after_hours: AfterHoursSettings = AfterHoursSettings()
    streams: StreamsSettings = StreamsSettings()
    replay: ReplaySettings = ReplaySettings()


def load(
    path: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of this run. ``flags`` nests like the file; a flag that is None or empty was not given.

    Raises UserError, naming the place, for an unreadable file, an unknown key or a value of the wrong kind.
    """
    settings = _merge(Settings(), _read(path), str(path or config_file()))
    settings = _merge(settings, _alone(_from_environment(Settings, environment)), "the environment")
    return _merge(settings, _alone(_given(flags or {})), "the command line")


def _alone(values: dict[str, Any]) -> dict[str, Any]:
    """A connection named here is meant, and not the history's files that a lower place names."""
    own = values.get("after_hours", {})
    if "connection" in own and "history" not in own:
        return {**values, "after_hours": {**own, "history": ()}}
    return values


def _read(path: Path | None) -> dict[str, Any]:
    file = path or config_file()
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        if path is None:
            return {}
        raise UserError(f"There is no settings file {file}.") from None
    except OSError as error:
        raise UserError(f"The settings file {file} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The settings file {file} is not valid TOML: {error}.") from None


def _from_environment(cls: type, environment: Mapping[str, str], prefix: str = PREFIX) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(cls).items():
        key = prefix + name.upper()
        if is_dataclass(kind) and isinstance(kind, type):
            inner = _from_environment(kind, environment, key + "_")
            if inner:
                found[name] = inner
        elif key in environment and get_origin(kind) is not Mapping:
            found[name] = _from_text(environment[key], kind, key)
    return found


def _from_text(text: str, kind: Any, where: str) -> Any:
    kind = _without_none(kind)
    if kind is bool:
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off", ""}:
            return False
        raise UserError(f"{where} must be true or false, not {text!r}.")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise UserError(f"{where} must be a number, not {text!r}.") from None
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in flags.items():
        if isinstance(value, Mapping):
            inner = _given(value)
            if inner:
                given[name] = inner
        elif value not in (None, (), ""):
            given[name] = value
    return given


def _merge(base: T, values: Mapping[str, Any], where: str) -> T:
    kinds = get_type_hints(type(base))
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            close = get_close_matches(name, kinds, 1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(sorted(kinds))}."
            raise UserError(f"{where} has an unknown key {name!r}.{hint}")
        current = getattr(base, name)
        if is_dataclass(current) and not isinstance(current, type):
            if not isinstance(value, Mapping):
                raise UserError(f"{where}: {name} must be a table, [{name}].")
            changes[name] = _merge(current, value, f"{where} [{name}]")
        else:
            changes[name] = _checked(value, kinds[name], f"{where}: {name}")
    return replace(base, **changes)  # type: ignore[type-var]


def _checked(value: Any, kind: Any, where: str) -> Any:
    kind = _without_none(kind)
    origin = get_origin(kind)
    if origin is tuple:
        inner = get_args(kind)[0]
        if not isinstance(value, list | tuple):
            value = [value]
        return tuple(_checked(item, inner, where) for item in value)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise UserError(f"{where} must be a table.")
        return dict(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and hasattr(value, "isoformat"):  # TOML has dates and times of its own
        return value.isoformat()
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    raise UserError(f"{where} must be {names.get(kind, kind)}, not {value!r}.")


def _without_none(kind: Any) -> Any:
    if isinstance(kind, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind
