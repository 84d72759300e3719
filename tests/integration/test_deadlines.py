"""Every wait for a client has an end, and each end is a setting."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.processes import holds
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def short(name: str, seconds: str, *more: str) -> dict[str, dict[str, str]]:
    """The environment that makes one deadline short; the other ones are longer than any test waits."""
    long = {"--header-timeout": "600", "--body-timeout": "600", "--write-timeout": "600", "--keep-alive": "600"}
    options = {**long, name: seconds}
    text = " ".join([*(f"{option} {value}" for option, value in options.items()), *more])
    return {"env": {"LONGMA_CMD_ARGS": text}}


@pytest.mark.parametrize("part", [b"G", b"GET /hello HTTP/1.1\r\n", b"GET /hello HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_does_not_end_is_answered_408(serve: Serve, part: bytes):
    server = serve(APP, **short("--header-timeout", "0.3"))
    server.expect("Invalid request")
    with server.client() as client:
        client.send(part)
        response = client.read_response()
        assert response.status == 408
        assert (response.one("Connection") or "").lower() == "close"
        client.expect_end()


def test_the_deadline_of_a_head_is_for_the_whole_head(serve: Serve):
    """Another byte now and then does not put it off."""
    server = serve(APP, **short("--header-timeout", "1"))
    server.expect("Invalid request")
    with server.client() as client:
        client.send(b"GET /hello HTTP/1.1\r\nX: ")
        client.socket.settimeout(0.1)
        for _ in range(300):
            try:
                client.pending += client.socket.recv(1000)
                break
            except TimeoutError:
                client.send(b"x")
        assert client.pending.startswith(b"HTTP/1.1 408 ")


def test_the_second_head_of_a_connection_has_a_deadline_too(serve: Serve):
    server = serve(APP, **short("--header-timeout", "0.3"))
    server.expect("Invalid request")
    with server.client() as client:
        assert client.ask("GET", "/hello").status == 200
        client.send(b"GET /hello HTT")
        assert client.read_response().status == 408
        client.expect_end()


def test_a_client_that_never_says_anything_is_let_go(serve: Serve):
    """With deferred accept the kernel may hold such a connection itself; without it the server closes it."""
    server = serve(APP, "--no-defer-accept", **short("--header-timeout", "0.3"))
    server.expect("Invalid request")
    with server.client() as client:
        assert client.ended()[:12] in (b"", b"HTTP/1.1 408")


@pytest.mark.parametrize("coding", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_a_body_that_stops_is_answered_408(serve: Serve, coding: str):
    server = serve(APP, **short("--body-timeout", "0.3"))
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/echo", coding)
        client.send(b"5\r\nabcde")
        assert client.read_response().status == 408
        client.expect_end()


def test_a_body_that_goes_on_is_waited_for(serve: Serve):
    server = serve(APP, **short("--body-timeout", "3", "--min-transfer-rate 0"))
    with server.client() as client:
        client.request("POST", "/echo", "Content-Length: 20")
        for _ in range(19):
            client.send(b"x")
            client.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.socket.recv(1)
        client.send(b"x")
        assert client.read_response().body == b"x" * 20


def test_an_idle_connection_is_closed_without_a_word(serve: Serve):
    server = serve(APP, **short("--keep-alive", "1"))
    with server.client() as client:
        assert client.ask("GET", "/hello").status == 200
        client.expect_end()


def test_keep_alive_of_zero_closes_after_each_answer(serve: Serve):
    server = serve(APP, **short("--keep-alive", "0"))
    with server.client() as client:
        assert (client.ask("GET", "/hello").one("Connection") or "").lower() == "close"
        client.expect_end()


def test_a_client_that_takes_nothing_is_let_go(serve: Serve):
    server = serve(APP, **short("--write-timeout", "0.3"))
    server.expect("")
    with server.client(receive_buffer=4096) as client:
        client.request("GET", f"/big?bytes={64 << 20}")
        client.read_head()
        worker = server.worker_pid()
        until(lambda: not holds(worker, client), "the connection of a client that takes nothing to be closed")
    assert server.get("/hello").status == 200


def test_a_generator_for_a_client_that_takes_nothing_is_closed(serve: Serve):
    """The inline model waits for room, and the deadline ends the wait: the worker is free again."""
    server = serve(APP, **short("--write-timeout", "0.3"))
    server.expect("")
    with server.client(receive_buffer=4096) as client:
        client.request("GET", "/big-in-blocks?blocks=2000")
        client.read_head()
        assert server.get("/hello").status == 200


def test_a_body_slower_than_the_least_rate_is_refused(serve: Serve):
    """The rate counts after a grace of five seconds, so this one waits: for the answer, not for a time."""
    server = serve(APP, **short("--min-transfer-rate", "1000"))
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/echo", "Content-Length: 10000")
        client.socket.settimeout(0.2)
        for _ in range(600):
            client.send(b"x")
            client.socket.settimeout(0.2)
            try:
                client.pending += client.socket.recv(1000)
                break
            except TimeoutError:
                continue
        assert client.pending.startswith(b"HTTP/1.1 408 ")


def test_an_answer_taken_slower_than_the_least_rate_is_cut(serve: Serve):
    """Taking a byte now and then is not enough: the rate counts over each write timeout."""
    server = serve(APP, **short("--write-timeout", "1", "--min-transfer-rate 1000000"))
    server.expect("")
    with server.client(receive_buffer=4096) as client:
        client.request("GET", f"/big?bytes={64 << 20}")
        client.read_head()
        worker = server.worker_pid()

        def closed() -> bool:
            client.socket.settimeout(1)
            client.socket.recv(100)
            return not holds(worker, client)

        until(closed, "the connection of a client that takes a trickle to be closed")
