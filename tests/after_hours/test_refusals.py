"""Each refusal of Snowflake's is its own sentence with the next step, proved by a server that answers so."""

import socket
from pathlib import Path

import pytest

from dataeng_tui.after_hours.service import AfterHours, Options
from dataeng_tui.cli.screen import _log_in_by_browser
from dataeng_tui.errors import UserError
from dataeng_tui.settings import AfterHoursSettings, Settings
from tests.snowflake_server import FakeSnowflake

LOGINS = {
    "password": ("390100", "Incorrect username or password was specified.", "put them right"),
    "locked": (
        "390102",
        "Your user account has been temporarily locked due to too many failed attempts. Try again after "
        "15 minutes or contact your account administrator for assistance.",
        "wait 15 minutes",
    ),
    "disabled": ("390101", "User access disabled. Contact your local system administrator.", "enable it"),
    "suspended": ("390913", "Your account is suspended due to lack of payment method.", "an administrator"),
    "token expired": ("390318", "OAuth access token expired. [abc]", "has expired"),
    "PAT expired": ("394508", "Programmatic access token has expired.", "has expired"),
    "PAT invalid": ("394400", "Programmatic access token is invalid.", "make a new one"),
    "key": ("390144", "JWT token is invalid. [0ce9eb56-821d]", "RSA_PUBLIC_KEY"),
    "mfa": ("390197", "Multi-factor authentication is required for this account.", "second factor"),
    "policy": ("390422", "IP/Token 1.2.3.4 is not allowed to access Snowflake.", "network policy"),
}
QUERIES = {
    "warehouse": (
        ("000606", "57P03", "No active warehouse selected in the current session."),
        "no running warehouse",
    ),
    "quota": (
        (
            "090073",
            "22000",
            "Warehouse 'WH' cannot be resumed: resource monitor 'RM' has exceeded its quota.",
        ),
        "used up its credits",
    ),
    "slow": (
        ("000630", "57014", "Statement reached its statement or warehouse timeout of 60 second(s)."),
        "time limit",
    ),
}


def sync() -> None:
    service = AfterHours(Options(connection="dev", timezone="UTC"))
    try:
        service.syncing().run()
    finally:
        service.close()


@pytest.mark.parametrize("what", LOGINS)
def test_a_refused_login_is_one_sentence_with_the_next_step(snowflake: FakeSnowflake, what: str) -> None:
    code, message, expected = LOGINS[what]
    snowflake.login_error = (code, message)
    with pytest.raises(UserError) as error:
        sync()
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert "dev" in str(error.value)


def test_no_two_of_them_are_the_same_sentence(snowflake: FakeSnowflake) -> None:
    said = set()
    for code, message, _ in LOGINS.values():
        snowflake.login_error = (code, message)
        with pytest.raises(UserError) as error:
            sync()
        said.add(str(error.value))
    assert len(said) == len(LOGINS) - 1  # a token has expired, whichever kind it is


@pytest.mark.parametrize("what", QUERIES)
def test_a_refused_query_is_one_sentence_with_the_next_step(snowflake: FakeSnowflake, what: str) -> None:
    refusal, expected = QUERIES[what]
    snowflake.refuse["FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY"] = refusal
    with pytest.raises(UserError, match=expected):
        sync()


def test_no_network_is_a_sentence_of_its_own(snowflake: FakeSnowflake, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        file = tmp_path / "snowflake" / "connections.toml"
        port = nobody.getsockname()[1]
        file.write_text(file.read_text().replace(str(snowflake.port), str(port)))
        with pytest.raises(UserError, match="cannot be reached"):
            sync()


def test_a_connection_that_is_not_there_is_named(snowflake: FakeSnowflake) -> None:
    service = AfterHours(Options(connection="prod", timezone="UTC"))
    with pytest.raises(UserError, match=r"no connection prod in Snowflake's connections\.toml"):
        service.syncing().run()
    service.close()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"authenticator": "nonsense"}, "Invalid authenticator 'nonsense'"),
        ({"authenticator": "SNOWFLAKE_JWT"}, "Missing required parameter: 'private_key'"),
        (
            {"authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token_file_path": "/nowhere"},
            "Could not read token file",
        ),
        (
            {"authenticator": "SNOWFLAKE_JWT", "private_key_file": "/nowhere"},
            "Could not read private key file",
        ),
        (
            {"authenticator": "SNOWFLAKE_JWT", "private_key_file": "/etc/hostname"},
            "see its user, authenticator and key",
        ),
    ],
)
def test_what_is_wrong_in_a_connection_is_told(
    snowflake: FakeSnowflake, tmp_path: Path, more: dict[str, str], told: str
) -> None:
    snowflake.connections_toml(tmp_path / "snowflake", **more)
    with pytest.raises(UserError) as error:
        sync()
    assert told in str(error.value)
    assert "connection dev" in str(error.value)


def test_a_file_that_others_may_write_or_that_is_no_toml_is_told(
    snowflake: FakeSnowflake, tmp_path: Path
) -> None:
    file = tmp_path / "snowflake" / "connections.toml"
    file.chmod(0o666)
    with pytest.raises(UserError, match="File is writable by group or others"):
        sync()
    file.chmod(0o600)
    file.write_text(file.read_text() + "this is [ not toml")
    with pytest.raises(UserError, match="TOML parse error at line"):
        sync()


def test_a_browser_login_waits_for_the_terminal(snowflake: FakeSnowflake, tmp_path: Path) -> None:
    snowflake.connections_toml(tmp_path / "snowflake", authenticator="externalbrowser")
    service = AfterHours(Options(connection="dev", timezone="UTC"))
    assert service.asks_in_a_browser
    with pytest.raises(UserError, match="logs in through a browser"):
        service.syncing().run()
    assert not snowflake.logins
    service.close()


def test_the_browser_is_asked_before_the_screen_opens(
    snowflake: FakeSnowflake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server knows no such login, so it ends there; what matters is that it was tried, and told."""
    snowflake.connections_toml(tmp_path / "snowflake", authenticator="externalbrowser")
    _log_in_by_browser(Settings(after_hours=AfterHoursSettings(connection="dev", timezone="UTC")))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Logging in to Snowflake through your browser…"
    assert said[1].startswith("dataeng-tui: ")
    assert len(said) == 2
