"""WebSockets: with the libraries that sites use and a client that is not ours, and what may go wrong with them."""

from __future__ import annotations

import contextlib
import secrets
import signal
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
import websocket

from tests.support.certificates import ready_made
from tests.support.deadlines import DEADLINE_SECONDS
from tests.support.gate import Gate
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tls import options

Serve = Callable[..., Server]
APP = "tests.apps.sockets"
MODELS = ("sync", "gthread", "gevent", "eventlet")


class Connect(Protocol):
    def __call__(self, server: Server, path: str, **how: object) -> websocket.WebSocket: ...


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open WebSockets, which end with the test at the latest."""
    with contextlib.ExitStack() as clients:

        def connected(server: Server, path: str, **how: object) -> websocket.WebSocket:
            host, port = server.address[0], server.address[1]
            url = f"wss://localhost:{port}{path}" if "sslopt" in how else f"ws://{host}:{port}{path}"
            client = websocket.create_connection(url, timeout=DEADLINE_SECONDS, **how)
            clients.callback(client.shutdown)
            return client

        yield connected


def test_flask_sock_echoes_what_it_is_told(serve: Serve, connect: Connect):
    server = serve(APP, "--access-logfile=-", "--access-logformat=%(r)s %(s)s %(b)s")
    client = connect(server, "/flask/echo")
    for number in range(500):
        client.send(f"message {number}")
    assert [client.recv() for _ in range(500)] == [f"message {number}" for number in range(500)]
    for size in (0, 125, 126, 65_535, 65_536, 3_000_000):
        blob = secrets.token_bytes(size)
        client.send_binary(blob)
        assert client.recv() == blob
    client.ping("still there?")
    client.send("enough")
    assert client.recv_data() == (websocket.ABNF.OPCODE_CLOSE, b"\x03\xe8")
    client.close()
    assert server.get("/flask/plain").text == "plain"
    server.access.wait("^GET /flask/plain HTTP/1.1 200 5$")
    server.access.wait("^GET /flask/echo HTTP/1.1 101 0$")


def test_the_client_may_close(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP)
    client = connect(server, "/simple", subprotocols=["echo"])
    assert client.getsubprotocol() == "echo"
    client.send("ü")
    assert client.recv() == "ü"
    client.close(status=4000)
    gate.wait("closed 4000")


def test_the_client_may_go_away(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP)
    client = connect(server, "/simple")
    client.shutdown()
    gate.wait(r"closed \d+")
    other = server.client()
    other.request("GET", "/idle", "Connection: Upgrade", "Upgrade: test")
    gate.wait("taken").release()
    assert other.read_head().status == 101
    other.reset()
    assert server.get("/flask/plain").status == 200


def test_what_is_open_is_served_on_while_the_server_stops(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP)
    client = connect(server, "/simple")
    server.send_signal(signal.SIGTERM)
    server.errors.wait("Handling signal: term")
    for word in ("one", "two"):
        client.send(word)
        assert client.recv() == word
    client.close()
    assert server.wait() == 0


def test_what_is_open_at_the_end_of_the_patience_is_cut(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP, "--graceful-timeout=1")
    server.expect("Killing worker|SIGKILL")
    client = connect(server, "/simple")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert client.sock.recv(1) == b""


def test_an_open_websocket_counts_as_a_connection(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP, "--worker-connections=1")
    client = connect(server, "/simple")
    with server.client() as other:
        other.request("GET", "/flask/plain")
        assert other.is_silent()
        client.close()
        assert other.read_response().text == "plain"


def test_what_many_do_at_once_stays_apart(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP, "--worker-class=gthread", "--threads=20")
    clients = [connect(server, "/simple") for _ in range(20)]
    for turn in range(20):
        for number, client in enumerate(clients):
            client.send(f"{number} {turn}")
        assert [client.recv() for client in clients] == [f"{number} {turn}" for number in range(20)]
    for client in clients:
        client.close()


@pytest.mark.only("gthread", "gevent", "eventlet")
def test_a_websocket_is_no_call_that_takes_too_long(serve: Serve, connect: Connect, gate: Gate):
    server = serve(APP, "--timeout=1")
    server.expect("timeout|/held")
    client = connect(server, "/simple")
    with server.client() as slow:
        slow.request("GET", "/held")
        visitor = gate.wait("held")
        # It began later, but is the first that is told of.
        assert "/held" in server.errors.wait("WORKER TIMEOUT|has taken longer|GET /")[0]
        client.send("still here")
        assert client.recv() == "still here"
        visitor.release()
        assert slow.read_response().status == 200
    client.close()


def test_tls_may_be_spoken_around_it(serve: Serve, connect: Connect, gate: Gate):
    certificate = ready_made()
    server = serve(APP, *options(certificate), "--access-logfile=-", "--access-logformat=%(r)s %(s)s")
    client = connect(server, "/simple", sslopt={"ca_certs": str(certificate.path)})
    for size in (5, 200_000, 3_000_000):
        blob = secrets.token_bytes(size)
        client.send_binary(blob)
        assert client.recv() == blob
    client.close(status=4000)
    gate.wait("closed 4000")
    server.access.wait("GET /simple HTTP/1.1 101")


def test_the_example_works(serve: Serve, connect: Connect):
    folder = str(ROOT / "examples" / "websocket")
    server = serve("echo:app", "-c", f"{folder}/longma.conf.py", "--pythonpath", folder, workers=2)
    server.expect("threads has no effect: worker_class (gevent|eventlet) calls")
    assert "new WebSocket" in server.get("/").text
    client = connect(server, "/echo")
    client.send("hello")
    assert client.recv() == "hello"
    client.close()
