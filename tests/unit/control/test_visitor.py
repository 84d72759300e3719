"""One client of the control socket: what it may cost, and for how long."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from longma.control.messages import MAX_REQUEST_BYTES, Inbox, Malformed, Request
from longma.control.visitor import IDLE_SECONDS, TRANSFER_SECONDS, Visitor
from tests.support.control import framed

REQUEST = framed({"id": 1, "command": "show", "args": ["all"]})
ASKED = Request(1, ("show", "all"))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Visitor]]:
    """A client, and what the server makes of it at moment 0."""
    client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    server.setblocking(False)
    with client, server:
        yield client, Visitor(server, 0.0)


def come(client: socket.socket, visitor: Visitor, data: bytes, now: float) -> None:
    client.sendall(data)
    visitor.attend(now)


def test_whoever_says_nothing_has_the_longer_time(ends: tuple[socket.socket, Visitor]):
    client, visitor = ends
    assert visitor.deadline == IDLE_SECONDS
    come(client, visitor, REQUEST, 7.0)
    assert visitor.has_request
    assert visitor.take(7.0) == ASKED
    assert visitor.deadline == 7.0 + IDLE_SECONDS


def test_a_request_has_its_time_as_a_whole(ends: tuple[socket.socket, Visitor]):
    client, visitor = ends
    come(client, visitor, REQUEST[:3], 1.0)
    come(client, visitor, REQUEST[3:9], 9.0)
    assert visitor.take(9.0) is None
    assert visitor.deadline == 1.0 + TRANSFER_SECONDS


def test_who_does_not_read_is_not_heard_and_has_as_much_time(ends: tuple[socket.socket, Visitor]):
    client, visitor = ends
    come(client, visitor, REQUEST + REQUEST, 1.0)
    assert visitor.take(1.0) == ASKED
    visitor.answer(bytes(10_000_000), 2.0)
    assert visitor.events == select.POLLOUT
    assert (visitor.has_request, visitor.take(2.0)) == (False, None)
    client.recv(1000)
    visitor.attend(8.0)
    assert visitor.deadline == 2.0 + TRANSFER_SECONDS
    client.setblocking(False)
    left = 10_000_000 - 1000
    while left:
        left -= len(client.recv(left))
        visitor.attend(9.0)
    assert visitor.events == select.POLLIN
    assert visitor.take(9.0) == ASKED


def test_what_is_sent_ahead_is_bounded(ends: tuple[socket.socket, Visitor]):
    client, visitor = ends
    client.setblocking(False)
    sent = 0
    for _ in range(100):
        try:
            sent += client.send(REQUEST * 1000)
        except BlockingIOError:
            break
        visitor.attend(0.0)
    assert sent < 2_000_000
    assert visitor.take(0.0) == ASKED
    assert not visitor.is_over


def test_an_inbox_holds_the_longest_request_and_no_more():
    inbox = Inbox()
    inbox.put(MAX_REQUEST_BYTES.to_bytes(4, "big"))
    assert (inbox.room, inbox.is_whole) == (MAX_REQUEST_BYTES, False)
    inbox.put(bytes(MAX_REQUEST_BYTES))
    assert (inbox.room, inbox.is_whole) == (0, True)
    assert inbox.take() == bytes(MAX_REQUEST_BYTES)
    inbox.put((MAX_REQUEST_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(Malformed):
        inbox.take()
