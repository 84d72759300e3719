"""Requests that are too much: the right status, the connection closed, and the next client served."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.http import Client, Response, chunked
from tests.support.processes import sockets
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def refused(client: Client, data: bytes) -> Response:
    """The answer to bytes that cannot be served: short, plain, Connection: close, then the end."""
    client.send(data)
    response = client.read_response()
    assert (response.one("Connection") or "").lower() == "close"
    assert response.framing == "length"
    assert len(response.body) < 500
    client.expect_end()
    return response


def head(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


@pytest.fixture
def server(serve: Serve) -> Server:
    running = serve(APP)
    running.expect("Invalid request")
    return running


def test_a_request_line_of_the_greatest_length_is_served(server: Server):
    longest = 4094
    for length, status in ((longest, 200), (longest + 1, 414)):
        target = "/hello?" + "x" * (length - len("GET /hello? HTTP/1.1"))
        with server.client() as client:
            client.send(head(target))
            assert client.read_response().status == status, length


def test_the_limit_of_the_request_line_is_a_setting(serve: Serve):
    server = serve(APP, "--limit-request-line", "100")
    server.expect("Invalid request")
    with server.client() as client:
        assert refused(client, head("/hello?" + "x" * 200)).status == 414
    assert server.get("/hello").status == 200


def test_a_request_line_without_end_is_refused_before_it_ends(server: Server):
    with server.client() as client:
        assert refused(client, b"GET /" + b"x" * 8000).status == 414


def test_as_many_fields_as_allowed_are_served(serve: Serve):
    server = serve(APP, "--limit-request-fields", "10")
    server.expect("Invalid request")
    fields = [f"X-{number}: {number}" for number in range(20)]
    with server.client() as client:
        client.send(head("/hello", *fields[:9]))
        assert client.read_response().status == 200
        assert refused(client, head("/hello", *fields[:10])).status == 431


def test_a_field_that_is_too_long_is_refused(serve: Serve):
    server = serve(APP, "--limit-request-field_size", "100")
    server.expect("Invalid request")
    with server.client() as client:
        client.send(head("/hello", "X: " + "a" * 80))
        assert client.read_response().status == 200
        assert refused(client, head("/hello", "X: " + "a" * 120)).status == 431


def test_fields_without_end_are_refused(server: Server):
    with server.client() as client:
        assert refused(client, head("/hello")[:-2] + b"X: " + b"a" * 20_000).status == 431


def test_a_declared_body_that_is_too_big_is_refused_before_it_is_sent(serve: Serve):
    server = serve(APP, env={"LONGMA_CMD_ARGS": "--limit-request-body 1000"})
    server.expect("Invalid request")
    with server.client() as client:
        assert client.ask("POST", "/echo", body=b"x" * 1000).status == 200
        assert refused(client, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").status == 413
    with server.client() as client:  # also where all of it comes at once
        whole = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + bytes(1001)
        assert refused(client, whole).status == 413


def test_no_body_is_asked_for_that_would_be_refused(serve: Serve):
    server = serve(APP, env={"LONGMA_CMD_ARGS": "--limit-request-body 1000"})
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/echo", "Content-Length: 1001", "Expect: 100-continue")
        response = client.read_response()
        assert (response.status, response.interim) == (413, [])
        client.expect_end()


def test_a_chunked_body_that_grows_too_big_is_refused(serve: Serve):
    server = serve(APP, env={"LONGMA_CMD_ARGS": "--limit-request-body 1000"})
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/count", "Transfer-Encoding: chunked")
        client.send(chunked(b"x" * 999))
        assert client.read_response().body.startswith(b"999 ")
        client.request("POST", "/count", "Transfer-Encoding: chunked")
        assert refused(client, chunked(b"x" * 999, b"xx")).status == 413


def test_a_refused_client_that_goes_on_sending_still_reads_its_answer(serve: Serve):
    """Closing with bytes unread would reset the connection and destroy the answer on its way."""
    server = serve(APP, env={"LONGMA_CMD_ARGS": "--limit-request-body 1000"})
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/echo", "Content-Length: 500000")
        client.send(b"x" * 200_000)
        assert client.read_response().status == 413


def test_nothing_after_a_refusal_is_answered(server: Server):
    with server.client() as client:
        assert refused(client, b"GET /hello HTTP/1.1\r\n\r\n" + head("/hello") * 3).status == 400


def test_lengths_of_any_size_are_no_reason_to_wait(server: Server):
    for length in ("18446744073709551616", "9" * 40, "18446744073709551615"):
        with server.client() as client:
            client.send(f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode())
            assert client.read_response().status in (400, 413)
    for size in (b"FFFFFFFFFFFFFFFFF", b"FFFFFFFFFFFFFFFF"):
        with server.client() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n")
            assert client.read_response().status in (400, 413)


def test_many_refused_clients_leave_nothing_open(server: Server):
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = sockets(worker)
    for _ in range(50):
        with server.client() as client:
            client.send(b"nonsense\r\n\r\n")
            assert client.read_response().status == 400
    until(lambda: sockets(worker) <= before, "the refused connections to be closed")
