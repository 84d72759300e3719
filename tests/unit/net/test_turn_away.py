"""The end of a listener: who is in the queue is served, who comes now is refused, and nobody is reset."""

from __future__ import annotations

import errno
import os
import select
import socket

import pytest

from longma.clock import Clock
from longma.net import half_open
from longma.net.listeners import Listener
from tests.support.deadlines import DEADLINE_SECONDS
from tests.unit.net.opening import LINUX, Opened, look, needs_ipv6
from tests.unit.process.children import exit_code, fork

pytestmark = pytest.mark.skipif(not LINUX, reason="elsewhere it does nothing")


def knocking(listener: Listener) -> socket.socket:
    """A socket that has begun to connect."""
    with look(listener) as sock:
        address = sock.getsockname()
        client = socket.socket(sock.family)
    client.setblocking(False)
    assert client.connect_ex(address) == errno.EINPROGRESS
    return client


def outcome(client: socket.socket) -> int:
    """How connecting ended: 0, or an error's number."""
    _, writable, _ = select.select([], [client], [], DEADLINE_SECONDS)
    assert writable
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def is_refused(listener: Listener) -> bool:
    """Whether a new connection is."""
    with look(listener) as sock, socket.socket(sock.family) as client:
        client.settimeout(DEADLINE_SECONDS)
        return client.connect_ex(sock.getsockname()) == errno.ECONNREFUSED


def accepted(listener: Listener) -> socket.socket:
    with look(listener) as sock:
        select.select([sock], [], [], DEADLINE_SECONDS)
        return sock.accept()[0]


@pytest.mark.parametrize("deferred", [True, False])
def test_who_is_in_the_queue_is_served_and_who_comes_later_is_refused(opened: Opened, deferred: bool):
    (listener,) = opened("127.0.0.1:0", defer_accept=deferred)
    early = knocking(listener)
    assert outcome(early) == 0
    listener.turn_away()
    assert is_refused(listener)
    early.send(b"question")
    with accepted(listener) as served:
        assert served.recv(100) == b"question"
        served.send(b"answer")
        select.select([early], [], [], DEADLINE_SECONDS)
        assert early.recv(100) == b"answer"
    early.close()


@pytest.mark.parametrize("address", ["127.0.0.1:0", pytest.param("[::]:0", marks=needs_ipv6)])
def test_who_has_connected_and_said_nothing_is_known(opened: Opened, address: str):
    (listener,) = opened(address)
    with look(listener) as sock:
        port = sock.getsockname()[1]
    assert half_open.count([port]) == 0
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert listener.turn_away()
        assert half_open.count([port]) == 1
        client.send(b"question")
        accepted(listener).close()
        assert half_open.count([port]) == 0
    half_open.wait([listener], Clock())


@needs_ipv6
def test_ipv6_is_refused_too(opened: Opened):
    (listener,) = opened("[::1]:0", defer_accept=False)
    early = knocking(listener)
    assert outcome(early) == 0
    listener.turn_away()
    assert is_refused(listener)
    accepted(listener).close()
    early.close()


def test_a_wildcard_refuses_on_every_interface(opened: Opened):
    (listener,) = opened("0.0.0.0:0")
    listener.turn_away()
    assert is_refused(listener)


def test_it_holds_in_every_process_that_has_the_socket(opened: Opened):
    (listener,) = opened("127.0.0.1:0")
    assert exit_code(fork(listener.turn_away)) == 0
    assert is_refused(listener)


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root tests it with the others")
def test_it_needs_no_privileges(opened: Opened):
    (listener,) = opened("127.0.0.1:0")

    def run() -> None:
        os.setuid(65534)
        listener.turn_away()

    assert exit_code(fork(run)) == 0
    assert is_refused(listener)


def test_it_can_be_said_twice(opened: Opened):
    (listener,) = opened("127.0.0.1:0")
    listener.turn_away()
    listener.turn_away()
    assert is_refused(listener)


def test_a_unix_socket_stays_as_it_is(opened: Opened, short_directory: str):
    (listener,) = opened(f"unix:{short_directory}/s")
    listener.turn_away()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.join(short_directory, "s"))


def test_what_somebody_else_may_still_use_is_left_as_it_is(opened: Opened):
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    numbers = [os.dup(sock.fileno()) for _ in range(3)]
    (by_setting,) = opened(f"fd://{numbers[0]}")
    (by_systemd,) = opened(how={"inherited": [numbers[1]], "by_systemd": True})
    (by_master,) = opened(how={"inherited": [numbers[2]]})
    for listener in (by_setting, by_systemd):
        listener.adopt()
        listener.turn_away()
    by_master.turn_away()
    with socket.create_connection(("127.0.0.1", port)):
        pass
    by_master.adopt()
    by_master.turn_away()
    assert is_refused(by_master)
    sock.close()
