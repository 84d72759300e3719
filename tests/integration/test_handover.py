"""No request waits on a busy worker while a sibling is idle: its connections are handed over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.processes import sockets
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"


class Busy:
    """A worker in an application call that ends when the test says so, and the connections that were with it before."""

    def __init__(self, server: Server, gate: Gate, how: str = "/wait", begun: bytes = b"") -> None:
        clients = [server.client() for _ in range(12)]
        where = [int(client.ask("GET", "/pid").body) for client in clients]
        self.pid = max(where, key=where.count)
        (self.sibling,) = set(server.worker_pids()) - {self.pid}
        self.blocker, *self.clients = [client for client, pid in zip(clients, where, strict=True) if pid == self.pid]
        self.elsewhere = [client for client, pid in zip(clients, where, strict=True) if pid != self.pid]
        for client in self.clients:
            client.send(begun)
        self.blocker.request("GET", how)
        self.visitor = gate.wait("in the application")
        assert self.visitor.pid == self.pid

    def release(self) -> None:
        """The call ends, and its request is answered by the worker it began in."""
        self.visitor.release("released")
        assert self.blocker.read_response().body == b"%d released" % self.pid
        for client in (self.blocker, *self.clients, *self.elsewhere):
            assert client.ask("GET", "/hello").status == 200
            client.close()


@pytest.mark.parametrize("how", ["/wait", "/busy"])
def test_a_busy_workers_connections_are_answered_by_its_sibling(serve: Serve, gate: Gate, how: str):
    server = serve(APP, workers=2)
    busy = Busy(server, gate, how)
    assert busy.clients
    for client in busy.clients:
        client.request("GET", "/pid")
    for client in busy.clients:
        assert int(client.read_response().body) == busy.sibling
    busy.release()


def test_new_connections_go_to_the_idle_sibling(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    busy = Busy(server, gate)
    for _ in range(30):
        assert int(server.get("/pid").body) == busy.sibling
    busy.release()


def test_with_every_worker_busy_requests_wait_and_none_is_lost(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    busy = Busy(server, gate)
    with server.client() as second:
        second.request("GET", "/wait?label=too")
        other = gate.wait("too")
        assert other.pid == busy.sibling
        rest = [*busy.clients, *busy.elsewhere, server.client()]
        for client in rest:
            client.request("GET", "/pid")
        other.release()
        for client in rest:
            assert int(client.read_response().body) == busy.sibling
        assert second.read_response().status == 200
    busy.release()


def test_a_request_begun_before_the_worker_is_busy_is_answered_whole(serve: Serve, gate: Gate):
    """Half of each request is there when the worker becomes busy, and the rest comes while it is."""
    server = serve(APP, workers=2)
    busy = Busy(server, gate, begun=b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le")
    for number, client in enumerate(busy.clients):
        client.send(b"ngth: 7\r\n\r\nbody %02d" % number)
    busy.visitor.release("released")
    for number, client in enumerate(busy.clients):
        assert client.read_response().body == b"body %02d" % number
    assert busy.blocker.read_response().body == b"%d released" % busy.pid


def test_connections_that_were_handed_over_are_closed_where_they_came_from(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    busy = Busy(server, gate)
    before = sockets(busy.pid)
    for _ in range(3):
        for client in busy.clients:
            assert int(client.ask("GET", "/pid").body) == busy.sibling
    until(lambda: sockets(busy.pid) == before - len(busy.clients), "the handed over connections to be closed")
    busy.release()


def test_pipelined_requests_survive_the_hand_over(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    busy = Busy(server, gate)
    for client in busy.clients:
        client.send(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
    for client in busy.clients:
        for _ in range(5):
            assert int(client.read_response().body) == busy.sibling
    busy.release()


def test_a_worker_alone_answers_in_its_own_time(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as blocker, server.client() as other:
        blocker.request("GET", "/wait")
        visitor = gate.wait("in the application")
        other.request("GET", "/hello")
        visitor.release()
        assert blocker.read_response().status == 200
        assert other.read_response().status == 200
