"""A real notify socket, by path and in the abstract namespace."""

from __future__ import annotations

import os
import socket

import pytest

from longma.process.notify import Notifier, watched
from tests.support.deadlines import DEADLINE_SECONDS

ME = str(os.getpid())


def manager(address: str) -> socket.socket:
    """What the service manager listens on."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(DEADLINE_SECONDS)
    sock.bind(address)
    return sock


def test_states_arrive_whole(short_directory: str):
    with manager(f"{short_directory}/notify") as heard:
        notifier = Notifier({"NOTIFY_SOCKET": f"{short_directory}/notify"})
        assert notifier
        notifier.send("READY=1\nSTATUS=serving é")
        notifier.send("STOPPING=1")
        assert heard.recv(1000).decode() == "READY=1\nSTATUS=serving é"
        assert heard.recv(1000) == b"STOPPING=1"


def test_an_abstract_name_begins_with_an_at_sign():
    name = f"longma-test-{ME}"
    with manager(f"\0{name}") as heard:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).send("READY=1")
        assert heard.recv(1000) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_nothing_is_sent_where_nobody_listens(environ: dict[str, str]):
    notifier = Notifier({**environ, "WATCHDOG_USEC": "1000000"})
    assert not notifier
    assert notifier.watchdog_seconds is None
    notifier.send("READY=1")


def test_a_manager_that_is_gone_is_no_error(short_directory: str):
    manager(f"{short_directory}/notify").close()
    Notifier({"NOTIFY_SOCKET": f"{short_directory}/notify"}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": f"{short_directory}/missing"}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": "/" + "x" * 200}).send("READY=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": ME}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(environ: dict[str, str], seconds: float | None):
    assert Notifier({"NOTIFY_SOCKET": "/run/x", **environ}).watchdog_seconds == seconds


def test_the_variables_stay_and_name_the_successor():
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "7"}
    Notifier(environ)
    assert watched(environ, 8) == {**environ, "WATCHDOG_PID": "8"}
    assert watched({"A": "b"}, 8) == {"A": "b"}
