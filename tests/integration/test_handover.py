"""No request waits on a busy worker while a sibling is idle: its connections are handed over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.processes import sockets
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def connections_of_each(server: Server, count: int) -> dict[int, list[Client]]:
    """Keep-alive connections, by the worker that has them, at least `count` at every worker."""
    held: dict[int, list[Client]] = {pid: [] for pid in server.worker_pids()}
    for _ in range(2000):
        if all(len(clients) >= count for clients in held.values()):
            return held
        client = server.client()
        held[int(client.ask("GET", "/pid").body)].append(client)
    raise AssertionError(f"connections stay with some workers: {[len(clients) for clients in held.values()]}")


@pytest.mark.parametrize("how", ["/wait", "/busy"])
def test_a_busy_workers_connections_are_answered_by_its_sibling(serve: Serve, gate: Gate, how: str):
    server = serve(APP, workers=2)
    held = connections_of_each(server, 2)
    busy, clients = max(held.items(), key=lambda item: len(item[1]))
    blocker, *others = clients
    blocker.request("GET", how)
    visitor = gate.wait("in the application")
    assert visitor.pid == busy
    for client in others:
        client.request("GET", "/pid")
    for client in others:
        assert int(client.read_response().body) != busy
    visitor.release("released")
    assert blocker.read_response().body == b"%d released" % busy
    for client in [client for clients in held.values() for client in clients]:
        assert client.ask("GET", "/hello").status == 200
        client.close()


def test_new_connections_go_to_the_idle_sibling(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    held = connections_of_each(server, 1)
    busy, (blocker, *_) = next(iter(held.items()))
    blocker.request("GET", "/wait")
    visitor = gate.wait("in the application")
    for _ in range(30):
        assert int(server.get("/pid").body) != busy
    visitor.release()
    assert blocker.read_response().status == 200


def test_with_every_worker_busy_requests_wait_and_none_is_lost(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    held = connections_of_each(server, 3)
    blockers = [clients[0] for clients in held.values()]
    for blocker in blockers:
        blocker.request("GET", "/wait")
    visitors = [gate.wait("in the application") for _ in blockers]
    rest = [client for clients in held.values() for client in clients[1:]]
    for client in rest:
        client.request("GET", "/pid")
    visitors[0].release()
    for client in rest:
        assert int(client.read_response().body) == visitors[0].pid
    visitors[1].release()
    for blocker in blockers:
        assert blocker.read_response().status == 200


def test_a_request_begun_before_the_hand_over_is_answered_whole(serve: Serve, gate: Gate):
    """Half of each request is there when the worker becomes busy, and the rest comes afterwards."""
    server = serve(APP, workers=2)
    held = connections_of_each(server, 4)
    busy, (blocker, *others) = next(iter(held.items()))
    for client in others[:3]:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le")
    blocker.request("GET", "/wait")
    visitor = gate.wait("in the application")
    assert visitor.pid == busy
    for number, client in enumerate(others[:3]):
        client.send(b"ngth: 6\r\n\r\nbody %d" % number)
    visitor.release()
    for number, client in enumerate(others[:3]):
        assert client.read_response().body == b"body %d" % number
    assert blocker.read_response().status == 200


def test_handed_over_connections_are_closed_where_they_came_from(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    held = connections_of_each(server, 1)
    busy, (blocker, *_) = next(iter(held.items()))
    (sibling,) = [pid for pid in held if pid != busy]
    for clients in held.values():
        for client in clients[1:]:
            client.close()
    blocker.request("GET", "/wait")
    visitor = gate.wait("in the application")
    before = sockets(busy)
    clients = [server.client() for _ in range(20)]
    for _ in range(3):
        for client in clients:
            assert int(client.ask("GET", "/pid").body) == sibling
    assert sockets(busy) <= before
    visitor.release()
    assert blocker.read_response().status == 200
    for client in clients:
        client.close()


def test_a_worker_alone_answers_in_its_own_time(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as blocker, server.client() as other:
        blocker.request("GET", "/wait")
        visitor = gate.wait("in the application")
        other.request("GET", "/hello")
        visitor.release()
        assert blocker.read_response().status == 200
        assert other.read_response().status == 200
