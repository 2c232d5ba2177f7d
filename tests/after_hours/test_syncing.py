"""Syncing through the real connector, on a real socket."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dataeng_tui.after_hours.statement import OWN_TAG
from dataeng_tui.resources import sql_folder
from tests.after_hours.syncs import NOW, days_ago, kept, opened, row, sync
from tests.snowflake_server import FakeSnowflake

NO_PRIVILEGE = ("002003", "02000", "Object 'SNOWFLAKE.ACCOUNT_USAGE.X' does not exist or not authorized.")


def test_a_sync_brings_what_is_new_and_nothing_twice(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(n, days_ago(30 - n)) for n in range(20)])
    sync()
    snowflake.load([row(20, days_ago(1)), row(19, days_ago(11))])  # one new, one that was there
    result = sync()
    assert kept() == [f"01b{n:05}" for n in range(21)]
    assert result.statements < 10, "only the overlap and what is new is asked for"
    assert (result.source, result.note) == ("ACCOUNT_USAGE", "")


def test_rows_that_arrive_late_are_not_lost(snowflake: FakeSnowflake) -> None:
    """ACCOUNT_USAGE shows a statement up to 45 minutes after others that ended later."""
    snowflake.load([row(1, days_ago(2))])
    sync()
    snowflake.load([row(2, days_ago(2) - timedelta(hours=3)), row(3, days_ago(2) - timedelta(minutes=45))])
    sync()
    assert kept() == ["01b00001", "01b00002", "01b00003"]


def test_no_statements_text_is_ever_selected() -> None:
    for file in (sql_folder() / "after_hours").glob("*.sql"):
        assert "QUERY_TEXT" not in file.read_text().upper(), file


def test_every_statement_that_is_sent_is_a_file(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    sync()
    files = {file.stem: file.read_text().strip() for file in (sql_folder() / "after_hours").glob("*.sql")}
    files["blog"] = files["blog"].replace("'<user_name>'", "?")
    sent = {asked.sql.strip() for asked in snowflake.asked}
    assert sent <= set(files.values())
    assert len(sent) == len(files) - 1, "all of them but the history of accounts without the agents' column"


@pytest.mark.parametrize("user", ["O'Brien", "x' OR 1=1 --", 'Ann "A" Smith'])
def test_a_name_is_bound_whatever_is_in_it(snowflake: FakeSnowflake, user: str) -> None:
    others = [row(2, days_ago(9)), row(3, days_ago(8), USER_NAME="BOB")]
    snowflake.load([row(1, days_ago(9), USER_NAME=user), *others])
    snowflake.load([row(4, days_ago(0.01), USER_NAME=user)], "RECENT")
    sync(user=user)
    assert kept(user) == ["01b00001", "01b00004"]
    assert all(user not in asked.sql for asked in snowflake.asked)
    assert any(user in asked.bindings for asked in snowflake.asked)


def test_ones_own_name_may_be_written_in_any_case(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    sync(user="alice")
    assert kept("ALICE") == ["01b00001"]
    assert kept("alice") == []


def test_our_own_statements_carry_a_tag_and_are_left_out(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9)), row(2, days_ago(8), QUERY_TAG=OWN_TAG)])
    sync()
    assert kept() == ["01b00001"]
    assert snowflake.asked
    assert all(asked.session["QUERY_TAG"] == OWN_TAG for asked in snowflake.asked)


def test_moments_are_bound_as_texts_with_their_offset(snowflake: FakeSnowflake) -> None:
    sync()
    moments = [value for asked in snowflake.asked for value in asked.bindings if value.startswith("20")]
    assert moments
    assert all(datetime.fromisoformat(moment).utcoffset() == timedelta(0) for moment in moments)


def test_the_latest_statements_come_without_delay(snowflake: FakeSnowflake) -> None:
    """And when ACCOUNT_USAGE has them, too, they count once, with what only it knows."""
    snowflake.load([row(1, days_ago(3))])
    late = row(2, NOW - timedelta(minutes=5), USER_TYPE="SERVICE")
    snowflake.load([{**late, "USER_TYPE": None}], "RECENT")
    sync()
    assert kept() == ["01b00001", "01b00002"]
    service = opened()
    assert service.report().totals.machine_statements == 0
    service.close()
    snowflake.load([late])
    sync()
    service = opened()
    totals = service.report().totals
    service.close()
    assert (totals.statements, totals.machine_statements) == (2, 1)


def test_without_the_privilege_seven_days_are_read_and_the_grant_is_named(snowflake: FakeSnowflake) -> None:
    snowflake.refuse["ACCOUNT_USAGE"] = NO_PRIVILEGE
    snowflake.load([row(n, days_ago(6 - n)) for n in range(5)], "RECENT")
    result = sync()
    assert result.source == "QUERY_HISTORY_BY_USER"
    assert "GRANT DATABASE ROLE SNOWFLAKE.GOVERNANCE_VIEWER" in result.note
    assert len(kept()) == 5


def test_it_goes_by_the_servers_clock(snowflake: FakeSnowflake) -> None:
    """A machine that is three hours behind misses nothing, and asks for no moment that is too long ago."""
    snowflake.ahead = timedelta(hours=3)
    snowflake.refuse["ACCOUNT_USAGE"] = NO_PRIVILEGE
    snowflake.load([row(1, days_ago(-2 / 24))], "RECENT")
    sync()
    assert kept() == ["01b00001"]
    (asked,) = [asked for asked in snowflake.asked if "QUERY_HISTORY_BY_USER" in asked.sql]
    assert datetime.fromisoformat(asked.bindings[1]) > days_ago(7 - 2.9 / 24)


def test_days_that_were_missed_stay_told(snowflake: FakeSnowflake) -> None:
    """Without the privilege, who syncs after three weeks has a hole, and the next sync does not close it."""
    snowflake.refuse["ACCOUNT_USAGE"] = NO_PRIVILEGE
    snowflake.ahead = -timedelta(days=21)
    sync()
    snowflake.ahead = timedelta()
    hole = f"What ran from {days_ago(21):%Y-%m-%d} to {days_ago(7):%Y-%m-%d} is missing."
    assert hole in sync().note
    assert sync().note.count(hole) == 1
    snowflake.refuse.clear()
    assert hole not in sync().note


def test_a_privilege_that_comes_later_brings_the_whole_year(snowflake: FakeSnowflake) -> None:
    rows = [row(n, days_ago(100 - n)) for n in range(100)]
    snowflake.load(rows[-5:], "RECENT")
    snowflake.refuse["ACCOUNT_USAGE"] = NO_PRIVILEGE
    sync()
    snowflake.refuse.clear()
    snowflake.load(rows)
    sync()
    assert len(kept()) == 100


def test_a_full_window_is_halved_until_nothing_is_cut_off(snowflake: FakeSnowflake, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    start = days_ago(5)
    lines = (
        f"01b{n:06},{start + timedelta(seconds=20 * n)},{start + timedelta(seconds=20 * n + 1)},ALICE,"
        f"{'' if n % 7 else OWN_TAG}\n"
        for n in range(12_000)
    )
    file.write_text("QUERY_ID,START_TIME,END_TIME,USER_NAME,QUERY_TAG\n" + "".join(lines))
    snowflake.load_csv(file, "RECENT")
    snowflake.refuse["ACCOUNT_USAGE"] = NO_PRIVILEGE
    sync()
    assert len(kept()) == 12_000 - 1_715, "all but our own, which fill the window, too"
    assert sum("QUERY_HISTORY_BY_USER" in asked.sql for asked in snowflake.asked) == 3


def test_the_program_that_opened_the_session_is_known_when_it_may_be(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9)), row(2, days_ago(9), SESSION_ID=8)])
    opened_by = {"CREATED_ON": days_ago(9.1), "USER_NAME": "ALICE"}
    snowflake.load(
        [
            {**opened_by, "SESSION_ID": 7, "CLIENT_ENVIRONMENT": '{"APPLICATION": "AIRFLOW"}'},
            {**opened_by, "SESSION_ID": 8, "CLIENT_ENVIRONMENT": '{"APPLICATION": "DBeaver_24"}'},
        ],
        "SESSIONS",
    )
    sync()
    service = opened()
    (left_out,) = service.report().left_out
    service.close()
    assert (left_out.reason, left_out.statements) == ("Airflow", 1)


def test_sessions_missed_by_one_sync_are_read_by_the_next(snowflake: FakeSnowflake) -> None:
    """A role that is granted later, or a sync that broke off before SESSIONS: the programs come after."""
    snowflake.load([row(1, days_ago(200), SESSION_ID=5), row(2, days_ago(1))])
    airflow = {"SESSION_ID": 5, "CREATED_ON": days_ago(200.1), "USER_NAME": "ALICE"}
    environment = {"CLIENT_APPLICATION_ID": "Go 1", "CLIENT_ENVIRONMENT": '{"APPLICATION": "AIRFLOW"}'}
    snowflake.load([{**airflow, **environment}], "SESSIONS")
    snowflake.refuse["ACCOUNT_USAGE.SESSIONS"] = NO_PRIVILEGE
    sync()
    snowflake.refuse.clear()
    sync()
    service = opened()
    assert [one.reason for one in service.report().left_out] == ["Airflow"]
    service.close()
    sync()
    asked = [asked.bindings[1] for asked in snowflake.asked if "ACCOUNT_USAGE.SESSIONS" in asked.sql]
    assert datetime.fromisoformat(asked[-1]) > days_ago(4), "once read, they are not asked for again"


def test_sessions_that_may_not_be_seen_are_a_note(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    snowflake.refuse["ACCOUNT_USAGE.SESSIONS"] = NO_PRIVILEGE
    assert "SECURITY_VIEWER" in sync().note
    assert kept() == ["01b00001"]


def test_agents_are_machines_where_the_column_is_there(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9)), row(2, days_ago(9), AGENT_TYPE="CORTEX_AGENT")])
    sync()
    service = opened()
    assert service.report().totals.machine_statements == 1
    service.close()


def test_an_account_without_the_new_column_is_read_all_the_same(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    snowflake.refuse["SELECT AGENT_TYPE"] = ("000904", "42000", "invalid identifier 'AGENT_TYPE'")
    snowflake.query("ALTER TABLE snowflake.account_usage.QUERY_HISTORY DROP COLUMN AGENT_TYPE")
    sync()
    assert kept() == ["01b00001"]


def test_the_blogs_sql_runs_as_written_but_for_the_bound_name(snowflake: FakeSnowflake) -> None:
    evening = datetime(2026, 3, 12, 18, 5, tzinfo=UTC)
    while evening < days_ago(300):
        evening += timedelta(days=7)
    late, early = evening + timedelta(hours=5, minutes=5), evening - timedelta(hours=1)
    snowflake.load([row(1, evening), row(2, late), row(3, early)])
    sync()
    written = (sql_folder() / "after_hours" / "blog.sql").read_text()
    as_sent = written.strip().replace("'<user_name>'", "?")
    assert [a.bindings for a in snowflake.asked if a.sql == as_sent] == [["ALICE"]]
    service = opened()
    held = service.blog_rows()
    service.close()
    assert held is not None
    ((user, hours, day, start, end),) = held[1]
    assert (user, hours, day) == ("ALICE", 5.08, f"{evening:%a}")
    assert str(start).startswith(f"{evening:%Y-%m-%d %H:%M}")
    assert str(end)[11:16] == "23:10"


def test_how_a_passcode_a_token_and_a_key_are_sent(snowflake: FakeSnowflake, tmp_path: Path) -> None:
    sync(passcode="123456")
    assert snowflake.logins[-1]["PASSCODE"] == "123456"

    token = tmp_path / "pat"
    token.write_text("a-token")
    token.chmod(0o600)
    home = tmp_path / "snowflake"
    snowflake.connections_toml(home, authenticator="PROGRAMMATIC_ACCESS_TOKEN", token_file_path=str(token))
    sync()
    assert (snowflake.logins[-1]["AUTHENTICATOR"], snowflake.logins[-1]["TOKEN"]) == (
        "PROGRAMMATIC_ACCESS_TOKEN",
        "a-token",
    )

    snowflake.connections_toml(home, authenticator="oauth", token="an-oauth-token")
    sync()
    assert (snowflake.logins[-1]["AUTHENTICATOR"], snowflake.logins[-1]["TOKEN"]) == (
        "OAUTH",
        "an-oauth-token",
    )

    snowflake.connections_toml(home, authenticator="SNOWFLAKE_JWT", private_key_file=str(_key(tmp_path)))
    sync()
    assert snowflake.logins[-1]["AUTHENTICATOR"] == "SNOWFLAKE_JWT"
    assert snowflake.logins[-1]["TOKEN"].count(".") == 2


def _key(folder: Path) -> Path:
    """A private key; the connector itself needs the package that makes it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "rsa_key.p8"
    file.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    file.chmod(0o600)
    return file
