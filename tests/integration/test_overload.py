"""More connections than a worker may have, or fewer descriptors than it needs: accepting pauses, and goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.support.deadlines import until
from tests.support.paths import VENV_BIN
from tests.support.processes import descriptors, holds, sockets
from tests.support.server import LONGMA, Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"
CAP = ("--worker-connections", "10", "--no-defer-accept")


def test_beyond_the_cap_connections_wait_until_one_is_done(serve: Serve):
    """Ten clients in the midst of a request; five more are not even accepted until the first ones have finished."""
    server = serve(APP, *CAP)
    admitted = [server.client() for _ in range(10)]
    for client in admitted:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhal")
    until(lambda: all(holds(server.worker_pid(), client) for client in admitted), "ten connections to be accepted")
    waiting = [server.client() for _ in range(5)]
    for client in waiting:
        client.request("GET", "/hello")
    for client in admitted[:5]:
        client.send(b"f")
        assert client.read_response().body == b"half"
    for client in waiting:
        assert client.read_response().status == 200
    for client in admitted[5:]:
        client.send(b"f")
        assert client.read_response().body == b"half"


def test_those_in_a_request_are_not_accepted_over(serve: Serve):
    server = serve(APP, *CAP)
    admitted = [server.client() for _ in range(10)]
    for client in admitted:
        client.send(b"GET /hello HTTP/1.1\r\nHo")
    until(lambda: all(holds(server.worker_pid(), client) for client in admitted), "ten connections to be accepted")
    waiting = server.client()
    waiting.request("GET", "/hello")
    for byte in (b"s", b"t"):
        for client in admitted:
            client.send(byte)
    assert not holds(server.worker_pid(), waiting)
    assert waiting.is_silent()
    for client in admitted:
        client.send(b": a\r\n\r\n")
        assert client.read_response().status == 200
    assert waiting.read_response().status == 200


def test_at_the_cap_the_longest_idle_connections_give_their_place(serve: Serve):
    """Clients that only keep a connection open cannot keep others out."""
    server = serve(APP, *CAP)
    idle = [server.client() for _ in range(10)]
    for client in idle:
        assert client.ask("GET", "/hello").status == 200
    late = [server.client() for _ in range(5)]
    for client in late:
        assert client.ask("GET", "/hello").status == 200
    for client in idle[:5]:
        client.expect_end()
    for client in (*idle[5:], *late):
        assert client.ask("GET", "/hello").status == 200


def test_the_cap_counts_connections_and_not_requests(serve: Serve):
    server = serve(APP, *CAP)
    for _ in range(50):
        assert server.get("/hello").status == 200
    worker = server.worker_pid()
    clients = [server.client() for _ in range(10)]
    for client in clients:
        assert client.ask("GET", "/hello").status == 200
    before = sockets(worker)
    for client in clients:
        client.close()
    until(lambda: sockets(worker) == before - 10, "the connections to be closed")


def test_a_full_worker_leaves_connections_to_its_sibling(serve: Serve):
    server = serve(APP, *CAP, workers=2)
    clients = [server.client() for _ in range(20)]
    for client in clients:
        client.request("GET", "/hello")
    for client in clients:
        assert client.read_response().status == 200
        client.close()


def limited(descriptors: int) -> tuple[str, ...]:
    """The command that runs longma with this many descriptors at most."""
    code = (
        "import os, resource, sys; "
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return (str(VENV_BIN / "python"), "-c", code, str(LONGMA))


def test_out_of_descriptors_accepting_pauses_says_so_once_and_recovers(serve: Serve, engine_model: str):
    server = serve(APP, "--no-defer-accept", command=limited(64 if engine_model in ("sync", "gthread") else 70))
    paused = r"(?i)descriptor|too many open files"
    server.expect(paused)
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    clients = [server.client() for _ in range(100)]
    for client in clients:
        client.request("GET", "/hello")
    server.errors.wait(paused)
    answered = [client for client in clients[:20] if client.read_response().status == 200]
    assert len(answered) == 20
    for client in answered:
        assert client.ask("GET", "/hello").status == 200
    for start in range(0, 100, 20):
        for client in clients[start : start + 20]:
            if client not in answered:
                assert client.read_response().status == 200
            client.close()
    assert server.get("/hello").status == 200
    until(lambda: len(descriptors(worker)) < 40, "the descriptors to be free again")
    assert len([line for line in server.errors.so_far() if re.search(paused, line)]) == 1


def test_nothing_is_left_open_after_thousands_of_connections(serve: Serve):
    server = serve(APP)
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = descriptors(worker)
    for _ in range(2000):
        assert server.get("/hello").status == 200
    until(lambda: len(descriptors(worker)) <= len(before), "no descriptor but those there were before")
