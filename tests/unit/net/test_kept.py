"""A reload: listeners that are still asked for stay the same objects, the rest is opened."""

from __future__ import annotations

import os
import socket

import pytest

from tests.unit.net.opening import Opened


def test_what_is_still_asked_for_stays_as_it_is(opened: Opened, short_directory: str):
    before = opened("127.0.0.1:0", f"unix:{short_directory}/s")
    after = opened(f"unix:{short_directory}/s", "127.0.0.1:0", f"unix:{short_directory}/t", how={"kept": before})
    assert after[0] is before[1]
    assert after[1] is before[0]
    assert after[2].url == f"unix:{short_directory}/t"


def test_a_path_may_be_spelled_otherwise(opened: Opened, short_directory: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(short_directory)
    before = opened(f"unix:{short_directory}/s")
    assert opened("unix:./s", how={"kept": before}) == before


def test_what_is_not_asked_for_any_more_is_left_open(opened: Opened, short_directory: str):
    (before,) = opened(f"unix:{short_directory}/s")
    opened(f"unix:{short_directory}/t", how={"kept": (before,)})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{short_directory}/s")


def test_one_address_twice_is_two_listeners(opened: Opened):
    before = opened("127.0.0.1:0")
    after = opened("127.0.0.1:0", "127.0.0.1:0", how={"kept": before})
    assert after[0] is before[0]
    assert after[1] is not before[0]


def test_a_failure_leaves_what_there_was(opened: Opened, short_directory: str):
    before = opened(f"unix:{short_directory}/s")
    opened.refused(f"unix:{short_directory}/s", f"unix:{short_directory}/t", "192.0.2.1:80", how={"kept": before})
    assert os.listdir(short_directory) == ["s"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{short_directory}/s")


def test_a_reload_waits_for_nobody(opened: Opened):
    (taken,) = opened("127.0.0.1:0")
    address = taken.url.removeprefix("http://")
    words = opened.refused(address, how={"patient": False})
    assert words == (
        f"{address}: Address already in use; this server itself listens there: name it once; to change it start the "
        "server again, not by a reload"
    )
    assert opened.clock.slept == []
    assert opened.log == [(40, f"Connection in use: {address}")]


def test_a_path_that_was_removed_under_us_is_made_again(opened: Opened, short_directory: str):
    before = opened(f"unix:{short_directory}/s")
    os.unlink(f"{short_directory}/s")
    (after,) = opened(f"unix:{short_directory}/s", how={"kept": before})
    assert after is not before[0]
    before[0].unlink()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{short_directory}/s")


def test_the_service_managers_sockets_stay_whatever_the_settings_say(opened: Opened):
    sock = socket.create_server(("127.0.0.1", 0))
    before = opened("127.0.0.1:1", how={"inherited": [sock.detach()], "by_systemd": True})
    opened.log.clear()
    assert opened("127.0.0.1:2", how={"kept": before}) == before
    assert opened.log == []


def test_what_the_master_before_us_opened_is_ours_to_change(opened: Opened, short_directory: str):
    sock = socket.create_server(("127.0.0.1", 0))
    before = opened(f"unix:{short_directory}/s", how={"inherited": [sock.detach()]})
    assert [listener.url for listener in before] == [str(listener.address).join(("http://", "")) for listener in before]
    (after,) = opened(f"unix:{short_directory}/s", how={"kept": before})
    assert after.url == f"unix:{short_directory}/s"
