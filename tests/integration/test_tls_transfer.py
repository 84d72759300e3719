"""Bodies and answers of every size and pace by TLS, and clients that keep to no rule."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from tests.support.certificates import ready_made
from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.server import Server
from tests.support.tls import options, secure, session_of, trusting

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
CERTIFICATE = ready_made()
ANSWERS = "tests.apps.answers:application"
MEBIBYTE = 1 << 20


def started(serve: Serve, *arguments: str, app: str = ANSWERS) -> Server:
    return serve(app, *options(CERTIFICATE), *arguments)


def client_of(server: Server, **how: int) -> Client:
    return secure(server, trusting(CERTIFICATE), **how)


def test_bodies_come_back_as_they_were_sent(serve: Serve):
    server = started(serve)
    for size in (0, 1, 16383, 16384, 16385, 300_000, 3 * MEBIBYTE):
        body = (bytes(range(251)) * (size // 251 + 1))[:size]
        client = client_of(server)
        for _ in range(2):
            assert client.ask("POST", "/echo", body=body).body == body


def test_every_way_to_answer_gives_what_it_gives_in_plain(serve: Serve):
    secured, plain = started(serve), serve(ANSWERS)
    for path in (
        "/big?bytes=5000000",
        "/big-in-blocks?blocks=100",
        "/generator",
        "/write",
        "/two-blocks",
        "/file?bytes=5000000",
        "/file?bytes=300000&from=70000&length=200000",
    ):
        client = client_of(secured, receive_buffer=8192)
        expected = plain.get(path)
        for _ in range(2):
            answer = client.ask("GET", path)
            assert (answer.status, answer.framing) == (200, expected.framing), path
            assert answer.body == expected.body, path


def test_requests_that_lie_behind_one_another_in_one_record_are_answered(serve: Serve):
    client = client_of(started(serve))
    count = 40
    client.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n%02d" % n for n in range(count)))
    assert [client.read_response().body for _ in range(count)] == [b"%02d" % number for number in range(count)]


def test_a_body_waits_for_the_word_to_go_on(serve: Serve):
    client = client_of(started(serve))
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.read_head().status == 100
    client.send(b"hello")
    assert client.read_response().body == b"hello"


def test_a_client_that_says_it_is_done_has_its_answer_first(serve: Serve):
    client = client_of(started(serve))
    connection = session_of(client)
    client.request("GET", "/hello")
    plain = connection.unwrap  # sends close_notify, and waits for the server's
    assert client.read_response().status == 200
    assert isinstance(plain(), socket.socket)


def test_an_answer_that_breaks_off_is_no_proper_end(serve: Serve, gate: Gate):
    server = started(serve)
    server.expect("raised after the head was sent")
    client = client_of(server)
    client.request("GET", "/raises-midway", version="1.0")
    assert client.read_head().status == 200
    assert client.read_exactly(11) == b"first block"
    gate.wait("before the fault").release()
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        client.read_to_end()


@pytest.mark.parametrize("path", ["/wait", "/busy"])
def test_handshakes_do_not_wait_for_the_application(serve: Serve, gate: Gate, path: str):
    server = started(serve, "--header-timeout", "1")
    held = client_of(server)
    held.request("GET", path)
    visitor = gate.wait(".*")
    others = [client_of(server) for _ in range(3)]
    silent = server.client()
    silent.send(b"\x16\x03\x01\x02\x00\x01")
    assert silent.ended() == b""
    visitor.release()
    assert held.read_response().status == 200
    assert {session_of(other).version() for other in others} == {"TLSv1.3"}


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\xff\xff" + b"a" * 70000,
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x80\x2e\x01\x03\x01",
        b"\0" * 50,
    ],
    ids=["too long", "no hello", "SSL 2", "zeros"],
)
def test_what_is_no_handshake_ends_only_its_own_connection(serve: Serve, words: bytes):
    server = started(serve)
    good, bad = client_of(server), server.client()
    bad.send_or_stop(words)
    bad.ended()
    assert good.ask("GET", "/hello").status == 200


def test_a_worker_that_retires_answers_what_has_begun(serve: Serve):
    server = started(serve)
    client, shaking = client_of(server), server.client()
    shaking.send(b"\x16\x03\x01")
    client.request("GET", "/hello")
    assert client.read_response().status == 200
    assert server.stop() == 0
    until(lambda: shaking.ended() == b"", "the end of a handshake that was not finished")
