"""A sync that is cancelled, killed, doubled or refused: what came stays, and nothing counts twice."""

import signal
import subprocess
import sys
import threading

import pytest

from dataeng_tui.errors import UserError
from tests.after_hours.syncs import days_ago, kept, opened, row, sync, wait_for
from tests.snowflake_server import FakeSnowflake


def test_cancelling_stops_the_query_on_the_server_and_keeps_what_came(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    snowflake.hang = "QUERY_HISTORY_BY_USER"
    service = opened()
    syncing = service.syncing()
    came: list[object] = []
    thread = threading.Thread(target=lambda: came.append(syncing.run()))
    thread.start()
    wait_for(lambda: any("QUERY_HISTORY_BY_USER" in asked.sql for asked in snowflake.asked))
    syncing.cancel()
    thread.join(90)
    service.close()
    assert came == [None]
    wait_for(lambda: bool(snowflake.aborted))
    assert kept() == ["01b00001"]


def test_two_syncs_at_once_lose_and_double_nothing(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(n, days_ago(300 - n / 2)) for n in range(500)])
    failed: list[BaseException] = []

    def one() -> None:
        try:
            sync()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert len(kept()) == 500
    service = opened()
    assert service.report().totals.statements == 500
    service.close()


def test_killed_in_the_middle_it_goes_on_where_it_was(snowflake: FakeSnowflake) -> None:
    """kill -9 while the server is asked for the latest: what came before is there, slots and all."""
    snowflake.load([row(n, days_ago(300 - n / 4)) for n in range(200)])
    snowflake.hang = "QUERY_HISTORY_BY_USER"
    command = [sys.executable, "-W", "ignore", "-m", "dataeng_tui", "after-hours", "--connection", "dev"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: any("QUERY_HISTORY_BY_USER" in asked.sql for asked in snowflake.asked))
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    assert len(kept()) == 200
    service = opened()
    assert service.report().totals.statements == 200
    service.close()
    snowflake.hang = None
    result = sync()
    assert result.statements < 30
    assert len(kept()) == 200


def test_ctrl_c_stops_the_query_on_the_server_and_exits_with_130(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    snowflake.hang = "QUERY_HISTORY_BY_USER"
    command = [sys.executable, "-W", "ignore", "-m", "dataeng_tui", "after-hours", "--connection", "dev"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any("QUERY_HISTORY_BY_USER" in asked.sql for asked in snowflake.asked))
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=90)
    assert (running.returncode, out, err.strip()) == (130, "", "")
    wait_for(lambda: bool(snowflake.aborted))
    assert kept() == ["01b00001"]


def test_a_network_that_is_down_leaves_the_history_readable(snowflake: FakeSnowflake) -> None:
    snowflake.load([row(1, days_ago(9))])
    sync()
    snowflake.login_error = ("390913", "Your account is suspended.")
    service = opened()
    with pytest.raises(UserError, match="suspended"):
        service.syncing().run()
    assert service.report().totals.statements == 1
    assert service.status().account == "ACME-DATA"
    service.close()
