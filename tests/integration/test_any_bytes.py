"""Any bytes on the wire: an answer or a close, never a crash, a hang, a leak or another client's data.

The seeds are fixed, so a failure comes back; each run of them is a few thousand connections of bad luck.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.http import chunked
from tests.support.processes import descriptors
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"

VALID = [
    b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a/hello?x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: a=1; b=2\r\n\r\n",
    b"HEAD /big?bytes=1000 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", b"defg"),
    b"POST /count HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n12345",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /generator HTTP/1.0\r\n\r\n",
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b":",
    b",",
    b";",
    b"\t",
    b"HTTP/1.1",
    b"0\r\n\r\n",
    b"Host: b\r\n",
    b"\xff",
]
PIECES += [
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"%",
    b"-1",
    b"99999999999999999999",
    b"\x16\x03\x01",
]
START = re.compile(rb"HTTP/1\.1 \d{3} ")


def damaged(choose: random.Random) -> bytes:
    """A few valid requests with bytes changed, added, taken out, doubled or cut."""
    wire = bytearray(b"".join(choose.choices(VALID, k=choose.randint(1, 3))))
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(wire) + 1)
        kind = choose.randrange(5)
        if kind == 0 and at < len(wire):
            wire[at] = choose.randrange(256)
        elif kind == 1:
            wire[at:at] = choose.choice(PIECES)
        elif kind == 2:
            del wire[at : at + choose.randint(1, 8)]
        elif kind == 3:
            wire[at:at] = wire[at : at + choose.randint(1, 30)]
        elif at:
            del wire[at:]
    return bytes(wire)


def noise(choose: random.Random) -> bytes:
    """Bytes without any meaning."""
    return choose.randbytes(choose.choice([1, 2, 10, 100, 1000, 20_000]))


@pytest.mark.parametrize("seed", range(6))
def test_damaged_requests_are_answered_or_closed(serve: Serve, seed: int):
    server = serve(APP)
    server.expect("")
    assert server.get("/hello").status == 200
    workers, worker = server.worker_pids(), server.worker_pid()
    before = len(descriptors(worker))
    choose = random.Random(seed)
    for turn in range(400):
        wire = damaged(choose) if turn % 5 else noise(choose)
        with server.client() as client:
            client.send(wire)
            client.finish_sending()
            answer = client.ended()
        assert answer == b"" or START.match(answer), (seed, turn, wire, answer[:200])
    assert server.get("/hello").body == b"Hello, World!\n"
    assert server.worker_pids() == workers, "a worker did not survive"
    until(lambda: len(descriptors(worker)) <= before, "the connections to be closed")


@pytest.mark.parametrize("seed", range(3))
def test_nobody_gets_anybody_elses_bytes(serve: Serve, seed: int):
    """Good clients among bad ones: each good one gets its own bytes back, whatever the bad ones send."""
    server = serve(APP)
    server.expect("")
    choose = random.Random(100 + seed)
    good = [server.client() for _ in range(10)]
    for _ in range(40):
        bad = [server.client() for _ in range(5)]
        for number, client in enumerate(good):
            client.request("POST", "/echo", f"X-Mine: {number}", body=b"mine %d " % number * choose.randint(1, 300))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                choose.choice(bad).send(damaged(choose))
        for number, client in enumerate(good):
            assert client.read_response().body.replace(b"mine %d " % number, b"") == b""
        for client in bad:
            client.close()
    for client in good:
        client.close()


def test_requests_cut_off_anywhere(serve: Serve):
    server = serve(APP)
    server.expect("")
    for wire in VALID:
        for cut in range(len(wire)):
            with server.client() as client:
                client.send(wire[:cut])
                client.finish_sending()
                answer = client.ended()
            assert answer == b"" or START.match(answer), wire[:cut]
    assert server.get("/hello").status == 200


def test_clients_that_reset_anywhere(
    serve: Serve,
):
    server = serve(APP)
    server.expect("")
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = len(descriptors(worker))
    choose = random.Random(7)
    for _ in range(500):
        client = server.client()
        client.send(
            choose.choice([*VALID, b"GET /big?bytes=1000000 HTTP/1.1\r\nHost: a\r\n\r\n"])[: choose.randint(1, 200)]
        )
        client.reset()
    assert server.get("/hello").status == 200
    assert server.worker_pid() == worker
    until(lambda: len(descriptors(worker)) <= before, "the connections to be closed")
