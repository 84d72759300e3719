"""close() of what the application returned is called exactly once, whatever happens (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def closed_once(server: Server, gate: Gate, label: str = "closed") -> None:
    """close() was called, and by the time the worker has answered another request, not called again."""
    gate.wait(label)
    assert server.get("/hello").status == 200
    assert gate.labels() == []


def test_after_a_whole_answer(serve: Serve, gate: Gate):
    server = serve(APP)
    assert server.get("/closing").body == b"onetwothree"
    closed_once(server, gate)


def test_after_head(serve: Serve, gate: Gate):
    server = serve(APP)
    assert server.ask("HEAD", "/closing").status == 200
    closed_once(server, gate)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_after_a_status_without_a_body(serve: Serve, gate: Gate, status: str):
    server = serve(APP)
    assert server.get(f"/closing?status={status.replace(' ', '%20')}").body == b""
    closed_once(server, gate)


def test_after_a_body_that_was_cut(serve: Serve, gate: Gate):
    server = serve(APP)
    assert server.get("/closing?length=4").body == b"onet"
    closed_once(server, gate)


def test_after_a_body_that_was_short(serve: Serve, gate: Gate):
    server = serve(APP)
    server.expect("")
    with server.client() as client:
        client.request("GET", "/closing?length=100")
        client.read_head()
        assert client.ended() == b"onetwothree"
    closed_once(server, gate)


@pytest.mark.parametrize("target", ["/closing-fault", "/closing-without-start", "/closing-text"])
def test_after_a_fault(serve: Serve, gate: Gate, target: str):
    server = serve(APP)
    server.expect("")
    with server.client() as client:
        client.request("GET", target)
        client.ended()
    closed_once(server, gate)


@pytest.mark.parametrize("status", ["200 OK\r\nX: y", "OK"])
def test_after_a_status_that_was_refused(serve: Serve, gate: Gate, status: str):
    server = serve(APP)
    server.expect("")
    target = "/closing?status=" + status.replace(" ", "%20").replace("\r\n", "%0d%0a")
    assert server.get(target).status == 500
    assert server.get("/hello").status == 200
    # start_response may refuse at once, and then nothing was returned that could be closed.
    assert gate.labels() in ([], ["closed"])


def test_after_the_client_went_away(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/closing-forever")
        client.read_head()
        client.reset()
    closed_once(server, gate)


def test_after_the_client_went_away_between_two_blocks(serve: Serve, gate: Gate):
    server = serve(APP)
    client = server.client()
    client.request("GET", "/stepwise")
    client.read_head()
    step = gate.wait("after block 0")
    client.reset()
    while step.label != "generator closed":
        step.release()
        step = gate.wait("after block .|generator closed")
    assert gate.labels() == []
    assert server.get("/hello").status == 200


def test_of_a_file_after_it_was_sent(serve: Serve, gate: Gate, tmp_path: Path):
    path = tmp_path / "served"
    path.write_bytes(b"0123456789" * 20000)
    server = serve(APP)
    assert server.get(f"/named-file?path={path}").body == path.read_bytes()
    closed_once(server, gate, "file closed")


def test_of_a_file_after_the_client_went_away(serve: Serve, gate: Gate, tmp_path: Path):
    path = tmp_path / "served"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    server = serve(APP)
    with server.client(receive_buffer=4096) as client:
        client.request("GET", f"/named-file?path={path}")
        client.read_head()
        client.reset()
    closed_once(server, gate, "file closed")


def test_the_end_of_an_answer_does_not_wait_for_it(serve: Serve, gate: Gate):
    server = serve("tests.apps.logged")
    with server.client() as client:
        client.request("GET", "/stops-in-close", "Connection: close")
        client.read_head()
        assert [client.read_chunk(), client.read_chunk()] == [b"one", b"two"]
        gate.wait("behind the blocks").release()
        visitor = gate.wait(r"in close\(\)")
        # It was handed over before close() was called. Held back by the kernel it would come with a timer's tick.
        client.socket.settimeout(0)
        assert client.socket.recv(4096) == b"0\r\n\r\n"
        visitor.release()
        client.expect_end()


def test_a_cut_answer_that_ends_with_its_connection_ends_with_a_reset(serve: Serve):
    server = serve("tests.apps.logged")
    server.expect("behind the first block")
    with server.client() as client:
        client.request("GET", "/fails", version="1.0")
        with pytest.raises(ConnectionResetError):
            client.read_to_end()
