"""What a client may ask over one connection: keep-alive, pipelining, Expect, HTTP/1.0, chunked bodies, wsgi.input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from tests.support.http import Client, chunked
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


def post(target: str, body: bytes, *fields: str) -> bytes:
    head = "\r\n".join([f"POST {target} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *fields, "", ""])
    return head.encode() + body


def test_many_requests_on_one_connection(serve: Serve):
    with serve(APP).client() as client:
        for turn in range(300):
            body = b"x" * (turn * 37 % 1000)
            assert client.ask("POST", "/echo", body=body).body == body


def test_pipelined_requests_are_answered_in_order(serve: Serve):
    with serve(APP).client() as client:
        client.send(b"".join(post("/echo", b"body %d" % number) for number in range(200)))
        for number in range(200):
            assert client.read_response().body == b"body %d" % number


def test_pipelined_requests_of_every_kind(serve: Serve):
    wire = [
        get("/hello"),
        b"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        post("/echo", b"abc"),
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"de", b"f"),
        post("/ignore-body", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        get("/generator?blocks=2"),
        get("/status?is=204%20No%20Content"),
        get("/big?bytes=300000"),
        get("/hello", "Connection: close"),
        get("/never-answered"),
    ]
    with serve(APP).client() as client:
        client.send(b"".join(wire))
        methods = ["GET", "HEAD", "POST", "POST", "POST", "GET", "GET", "GET", "GET"]
        bodies = [client.read_response(method).body for method in methods]
        client.expect_end()
    assert bodies[:7] == [b"Hello, World!\n", b"", b"abc", b"def", b"ignored", b"block 0\nblock 1\n", b""]
    assert len(bodies[7]) == 300000
    assert bodies[8] == b"Hello, World!\n"


def test_pipelined_requests_split_anywhere(serve: Serve):
    wire = get("/hello") + post("/echo", b"\r\n\r\n") + get("/one-block", "X-A: b")
    wire += b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"GET / HTTP/1.1")
    choose = random.Random(2)
    server = serve(APP)
    for _ in range(60):
        cuts = sorted(choose.sample(range(1, len(wire)), 4))
        with server.client() as client:
            for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
                client.send(wire[start:end])
            bodies = [client.read_response().body for _ in range(4)]
        assert bodies == [b"Hello, World!\n", b"\r\n\r\n", b"one block", b"GET / HTTP/1.1"], cuts


def test_a_request_sent_byte_by_byte(serve: Serve):
    with serve(APP).client() as client:
        assert client.send_bytewise(post("/echo", b"slowly") + get("/hello"))
        assert client.read_response().body == b"slowly"
        assert client.read_response().status == 200


def test_a_client_that_sends_no_more_is_still_answered(serve: Serve):
    with serve(APP).client() as client:
        client.send(get("/hello") + get("/big?bytes=2000000"))
        client.finish_sending()
        assert client.read_response().status == 200
        assert len(client.read_response().body) == 2000000
        client.expect_end()


def test_a_request_cut_short_never_reaches_the_application(serve: Serve):
    server = serve(APP)
    server.expect("Invalid request")
    for part in (b"GET /hel", get("/hello")[:-2], post("/echo", b"whole")[:-1]):
        with server.client() as client:
            client.send(part)
            client.finish_sending()
            assert client.ended()[:12] in (b"", b"HTTP/1.1 400")
    assert server.get("/hello").status == 200


def test_empty_lines_before_a_request_line(serve: Serve):
    with serve(APP).client() as client:
        client.send(b"\r\n" + get("/hello"))
        assert client.read_response().status == 200
        client.send(b"\r\n" + get("/hello"))
        assert client.read_response().status == 200


# Expect


def test_100_continue_is_sent_when_the_body_is_waited_for(serve: Serve):
    with serve(APP).client() as client:
        client.request("POST", "/echo", "Content-Length: 5", "Expect: 100-continue")
        assert client.read_head().status == 100
        client.send(b"hello")
        response = client.read_response()
        assert (response.status, response.body, response.interim) == (200, b"hello", [])


def test_100_continue_for_a_chunked_body(serve: Serve):
    with serve(APP).client() as client:
        client.request("POST", "/echo", "Transfer-Encoding: chunked", "Expect: 100-Continue")
        assert client.read_head().status == 100
        client.send(chunked(b"hello"))
        assert client.read_response().body == b"hello"


def test_no_100_continue_when_the_body_is_there_already(serve: Serve):
    with serve(APP).client() as client:
        client.send(post("/echo", b"hello", "Expect: 100-continue"))
        response = client.read_response()
        assert response.body == b"hello"
        # RFC 9110 §10.1.1 lets a server leave it out then, and it must not come late.
        client.send(get("/hello"))
        assert client.read_response().interim == []


def test_another_expectation_is_refused(serve: Serve):
    server = serve(APP)
    server.expect("Invalid request")
    with server.client() as client:
        client.request("POST", "/echo", "Content-Length: 5", "Expect: 200-maybe")
        assert client.read_response().status == 417
        client.expect_end()


def test_http_1_0_expects_nothing(serve: Serve):
    with serve(APP).client() as client:
        client.request("POST", "/echo", "Content-Length: 5", "Expect: 100-continue", version="1.0")
        client.send(b"hello")
        response = client.read_response()
        assert (response.interim, response.body) == ([], b"hello")


# Bodies


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_uploads_of_every_size(serve: Serve, size: int):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    with serve(APP).client() as client:
        for target in ("/count", "/echo"):
            client.request("POST", target, f"Content-Length: {size}")
            client.send(body)
            answer = client.read_response().body
            assert answer == (body if target == "/echo" else f"{size} {sum(body)}".encode())


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_chunked_uploads_of_every_size(serve: Serve, size: int):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    pieces = [body[start : start + 77_777] for start in range(0, size, 77_777)]
    with serve(APP).client() as client:
        for _ in range(2):
            client.request("POST", "/echo", "Transfer-Encoding: chunked")
            client.send(chunked(*pieces))
            assert client.read_response().body == body


def test_chunk_extensions_and_trailers_are_read_and_dropped(serve: Serve):
    server = serve("tests.apps.seen:body")
    with server.client() as client:
        client.request("POST", "/", "Transfer-Encoding: chunked")
        client.send(b'3;name=value;quoted="a;b"\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n')
        seen = json.loads(client.read_response().body)
        assert seen["body"] == "abcde"
        assert "HTTP_X_SUM" not in seen["fields"]
        assert json.loads(client.ask("GET", "/next").body)["PATH_INFO"] == "/next"


def test_a_body_nobody_reads_is_skipped(serve: Serve):
    with serve(APP).client() as client:
        for size in (10, 100_000, 3_000_000):
            assert client.ask("POST", "/ignore-body", body=b"x" * size).body == b"ignored"
        client.request("POST", "/ignore-body", "Transfer-Encoding: chunked")
        client.send(chunked(b"x" * 500_000))
        assert client.read_response().body == b"ignored"
        assert client.ask("GET", "/hello").status == 200


BODY = b"first line\nsecond\n\nlast without end"
READS = [
    ("read", [BODY]),
    ("read:-1,read", [BODY, b""]),
    ("read:None", [BODY]),
    ("read:0,read:5,read:1000,read:1", [b"", b"first", BODY[5:], b""]),
    ("readline,readline,readline,readline,readline", [b"first line\n", b"second\n", b"\n", b"last without end", b""]),
    ("readline:3,readline:100,readline:-1", [b"fir", b"st line\n", b"second\n"]),
    ("readlines", [[b"first line\n", b"second\n", b"\n", b"last without end"]]),
    ("readlines:1,read", [[b"first line\n"], BODY[11:]]),
    ("iterate,read", [[b"first line\n", b"second\n", b"\n", b"last without end"], b""]),
    ("next,read:3,next,next,next,next", [b"first line\n", b"sec", b"ond\n", b"\n", b"last without end", b"(end)"]),
]


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize(("steps", "expected"), READS, ids=[steps for steps, _ in READS])
def test_the_input_reads_as_a_file_does(serve: Serve, steps: str, expected: list[bytes | list[bytes]], coding: str):
    def as_text(value: bytes | list[bytes]) -> str | list[str]:
        return [line.decode() for line in value] if isinstance(value, list) else value.decode()

    with serve("tests.apps.seen:reads").client() as client:
        if coding == "length":
            client.request("POST", f"/?{steps}", body=BODY)
        else:
            client.request("POST", f"/?{steps}", "Transfer-Encoding: chunked")
            client.send(chunked(BODY[:7], BODY[7:]))
        assert json.loads(client.read_response().body) == [as_text(value) for value in expected]


def test_the_input_of_a_request_without_a_body_is_empty(serve: Serve):
    response = serve("tests.apps.seen:reads").get("/?read,readline,readlines,iterate,next")
    assert json.loads(response.body) == ["", "", [], [], "(end)"]


def test_a_big_body_in_a_file_reads_the_same(serve: Serve):
    server = serve("tests.apps.seen:reads", env={"LONGMA_CMD_ARGS": "--body-buffer-size 10"})
    with server.client() as client:
        answer = client.ask("POST", "/?readline,read:3,readlines", body=BODY)
        assert json.loads(answer.body) == ["first line\n", "sec", ["ond\n", "\n", "last without end"]]


def test_an_old_client_without_host(serve: Serve):
    with serve(APP).client() as client:
        client.send(b"GET /hello HTTP/1.0\r\n\r\n")
        assert client.read_response().status == 200
        client.expect_end()


def test_two_clients_take_turns(serve: Serve):
    server = serve(APP)
    clients: list[Client] = [server.client() for _ in range(50)]
    for turn in range(5):
        for number, client in enumerate(clients):
            client.request("POST", "/echo", body=b"%d of %d" % (turn, number))
        for number, client in enumerate(clients):
            assert client.read_response().body == b"%d of %d" % (turn, number)
    for client in clients:
        client.close()
