"""What an application has yielded is on the wire while it is still making the next block.

No clock is needed to prove it: the application waits at the gate, and the test lets it go on only after it has read
the block.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.gate import Gate
from tests.support.processes import resident_bytes
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


@pytest.mark.parametrize("target", ["/stepwise", "/stepwise-write"])
def test_a_block_arrives_while_the_next_one_is_made(serve: Serve, gate: Gate, target: str):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", target)
        assert client.read_head().framing == "chunked"
        for index in range(4):
            assert client.read_chunk() == b"block %d" % index
            gate.wait(f"after block {index}").release()
        assert client.read_chunk() == b""
        assert client.ask("GET", "/hello").status == 200


def test_a_block_of_a_body_with_a_length_arrives_too(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/stepwise-with-length")
        assert client.read_head().one("Content-Length") == "28"
        for index in range(4):
            assert client.read_exactly(7) == b"block %d" % index
            gate.wait(f"after block {index}").release()
        assert client.ask("GET", "/hello").status == 200


def test_a_block_for_an_old_client_arrives_too(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/stepwise", version="1.0")
        assert client.read_head().framing == "close"
        for index in range(4):
            assert client.read_exactly(7) == b"block %d" % index
            gate.wait(f"after block {index}").release()
        client.expect_end()


def test_an_answer_is_out_before_the_next_request_of_the_pipeline_is_done(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/hello")
        client.request("GET", "/wait")
        assert client.read_response().body == b"Hello, World!\n"
        gate.wait("in the application").release()
        assert client.read_response().status == 200


def test_an_answer_is_out_before_another_clients_request_is_done(serve: Serve, gate: Gate):
    """Small answers may be collected, but not while the application is busy with somebody else."""
    server = serve(APP)
    waiting = server.client()
    clients = [server.client() for _ in range(20)]
    for client in (waiting, *clients):
        assert client.ask("GET", "/hello").status == 200
    for client in clients[:10]:
        client.request("GET", "/pid")
    waiting.request("GET", "/wait")
    for client in clients[10:]:
        client.request("GET", "/pid")
    visitor = gate.wait("in the application")
    answered = [client for client in clients[:10] if client.read_response().status == 200]
    visitor.release()
    assert waiting.read_response().status == 200
    answered += [client for client in clients[10:] if client.read_response().status == 200]
    assert len(answered) == 20
    for client in (waiting, *clients):
        client.close()


def test_a_client_that_reads_slowly_holds_nobody(serve: Serve):
    """20 MB for a client that reads nothing: the application is done with it before the client has begun to read."""
    size = 20 * 1024 * 1024
    server = serve(APP, env={"LONGMA_CMD_ARGS": f"--response-buffer-size {2 * size}"})
    with server.client(receive_buffer=8192) as slow:
        slow.request("GET", f"/big?bytes={size}")
        for _ in range(20):
            assert server.get("/hello").status == 200
        response = slow.read_response()
        assert len(response.body) == size


@pytest.mark.parametrize("target", [f"/big?bytes={20 << 20}", f"/file?bytes={20 << 20}"])
def test_a_client_that_reads_at_a_trickle_holds_nobody(serve: Serve, target: str):
    """The same with the bound as it is by default, far below 20 MB: what is made already needs no application."""
    server = serve(APP)
    with server.client(receive_buffer=8192) as slow, server.client() as other:
        slow.request("GET", target)
        slow.read_head()
        for _ in range(20):
            assert len(slow.read_exactly(100)) == 100
            assert other.ask("GET", "/hello").status == 200


def test_blocks_past_the_bound_wait_for_their_reader(serve: Serve):
    """What a generator makes is bounded: 64 MB for a client that reads nothing do not end up in memory."""
    server = serve(APP)
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = resident_bytes(worker)
    with server.client(receive_buffer=8192) as slow:
        slow.request("GET", "/big-in-blocks?blocks=1024")
        slow.read_head()
        for _ in range(64):
            slow.read_chunk()
            assert resident_bytes(worker) - before < 16 << 20
        while slow.read_chunk():
            pass
    assert server.get("/hello").status == 200


@pytest.mark.only("sync")
def test_the_inline_model_never_interleaves_two_applications(serve: Serve, gate: Gate):
    """While one answer is still being made, no other request's application is called in the same process."""
    server = serve(APP)
    with server.client() as first, server.client() as second:
        first.request("GET", "/stepwise")
        step = gate.wait("after block 0")
        second.request("GET", "/wait?label=second")
        for index in range(1, 4):
            step.release()
            step = gate.wait(f"after block {index}")
            assert "second" not in gate.labels()
        step.release()
        gate.wait("second").release()
        assert second.read_response().status == 200
