"""What no client of HTTP/2 may send: each ends with the code that RFC 9113 gives it, and the server goes on serving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from h2.errors import ErrorCodes as Code

from tests.support.deadlines import until
from tests.support.http import Closed
from tests.support.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OPTIONS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    Frames,
    Http2,
    block,
    frame,
    get,
    setting,
)  # fmt: skip
from tests.support.server import Server

NUMBER = (1).to_bytes(4, "big")
MOST = (2**31 - 1).to_bytes(4, "big")
PSEUDO = ((":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/echo"))


def post(*fields: tuple[str, str], flags: int = END_HEADERS) -> bytes:
    """The head of a POST, whose body follows."""
    return frame(HEADERS, flags, 1, block(*PSEUDO, *fields))


def without(name: str, *more: tuple[str, str]) -> bytes:
    """A GET that lacks a pseudo-header field, with others instead."""
    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
    kept = [pair for pair in (*pseudo, *more) if pair[0] != name or pair in more]
    return frame(HEADERS, END_STREAM | END_HEADERS, 1, block(*kept))


class Case(NamedTuple):
    """Bytes behind the preface, the code they earn, and the clause.

    A server may always say PROTOCOL_ERROR instead (RFC 9113 §5.4), and end the connection for a stream (§5.4.1).
    """

    name: str
    clause: str
    code: Code
    data: bytes


# Of the connection: GOAWAY, and its end.
CONNECTION = (
    Case("data on stream 0", "6.1", Code.PROTOCOL_ERROR, frame(DATA, 0, 0, b"x")),
    Case("data on an idle stream", "5.1", Code.PROTOCOL_ERROR, frame(DATA, 0, 1, b"x")),
    Case("padding beyond the frame", "6.1", Code.PROTOCOL_ERROR, post() + frame(DATA, PADDED, 1, b"\x05abc")),
    Case("a head on stream 0", "6.2", Code.PROTOCOL_ERROR, get(stream=0)),
    Case("a head on an even stream", "5.1.1", Code.PROTOCOL_ERROR, get(stream=2)),
    Case("padding beyond the head", "6.2", Code.PROTOCOL_ERROR, frame(HEADERS, 0xD, 1, b"\xff")),
    Case("a head within a head", "6.10", Code.PROTOCOL_ERROR, get(flags=END_STREAM) + get(stream=3)),
    Case("a ping within a head", "6.10", Code.PROTOCOL_ERROR, get(flags=0) + frame(PING, 0, 0, bytes(8))),
    Case("another's continuation", "6.10", Code.PROTOCOL_ERROR, get(flags=0) + frame(CONTINUATION, 4, 3)),
    Case("a continuation of nothing", "6.10", Code.PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 1)),
    Case("no field block", "4.3", Code.COMPRESSION_ERROR, frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff")),
    Case("an index of nothing", "4.3", Code.COMPRESSION_ERROR, frame(HEADERS, 5, 1, b"\xfe")),
    Case("a table too large", "RFC 7541 6.3", Code.COMPRESSION_ERROR, frame(HEADERS, 5, 1, b"\x3f\xff\xff\x7f")),
    Case("a short priority", "6.3", Code.FRAME_SIZE_ERROR, frame(PRIORITY, 0, 1, bytes(4))),
    Case("a priority on stream 0", "6.3", Code.PROTOCOL_ERROR, frame(PRIORITY, 0, 0, bytes(5))),
    Case("a reset of stream 0", "6.4", Code.PROTOCOL_ERROR, frame(RST_STREAM, 0, 0, bytes(4))),
    Case("a reset of an idle stream", "6.4", Code.PROTOCOL_ERROR, frame(RST_STREAM, 0, 1, bytes(4))),
    Case("a short reset", "6.4", Code.FRAME_SIZE_ERROR, get() + frame(RST_STREAM, 0, 1, bytes(3))),
    Case("settings of a stream", "6.5", Code.PROTOCOL_ERROR, frame(SETTINGS, 0, 1)),
    Case("settings acknowledged with some", "6.5", Code.FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, bytes(6))),
    Case("half a setting", "6.5", Code.FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, bytes(5))),
    Case("push by 2", "6.5.2", Code.PROTOCOL_ERROR, setting(2, 2)),
    Case("a window beyond 2^31", "6.5.2", Code.FLOW_CONTROL_ERROR, setting(4, 2**31)),
    Case("frames below 2^14", "6.5.2", Code.PROTOCOL_ERROR, setting(5, 2**14 - 1)),
    Case("frames beyond 2^24", "6.5.2", Code.PROTOCOL_ERROR, setting(5, 2**24)),
    Case("a promise", "8.4", Code.PROTOCOL_ERROR, get() + frame(PUSH_PROMISE, 4, 1, bytes(4))),
    Case("a ping of a stream", "6.7", Code.PROTOCOL_ERROR, frame(PING, 0, 1, bytes(8))),
    Case("a short ping", "6.7", Code.FRAME_SIZE_ERROR, frame(PING, 0, 0, bytes(7))),
    Case("the end of a stream by GOAWAY", "6.8", Code.PROTOCOL_ERROR, frame(GOAWAY, 0, 1, bytes(8))),
    Case("a short window", "6.9", Code.FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 0, bytes(3))),
    Case("a window by nothing", "6.9", Code.PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, bytes(4))),
    Case("a window that overflows", "6.9.1", Code.FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 0, MOST)),
    Case("the window of an idle stream", "5.1", Code.PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 1, NUMBER)),
    Case("a frame too long", "4.2", Code.FRAME_SIZE_ERROR, post() + frame(DATA, 0, 1, bytes(16385))),
    Case("a ping too long", "4.2", Code.FRAME_SIZE_ERROR, frame(PING, 0, 0, bytes(16385))),
)
# Of a request: RST_STREAM, and the next one is answered.
STREAM = (
    Case("no method", "8.3.1", Code.PROTOCOL_ERROR, without(":method")),
    Case("no scheme", "8.3.1", Code.PROTOCOL_ERROR, without(":scheme")),
    Case("no path", "8.3.1", Code.PROTOCOL_ERROR, without(":path")),
    Case("an empty path", "8.3.1", Code.PROTOCOL_ERROR, without(":path", (":path", ""))),
    Case("two paths", "8.3", Code.PROTOCOL_ERROR, without("", (":path", "/b"))),
    Case("two methods", "8.3", Code.PROTOCOL_ERROR, without("", (":method", "GET"))),
    Case("an unknown pseudo-header field", "8.3", Code.PROTOCOL_ERROR, without("", (":proto", "x"))),
    Case("one of answers", "8.3", Code.PROTOCOL_ERROR, without("", (":status", "200"))),
    Case("one behind the fields", "8.3", Code.PROTOCOL_ERROR, without(":path", ("x", "y"), (":path", "/"))),
    Case("capitals", "8.2.1", Code.PROTOCOL_ERROR, get(("X-Capital", "y"))),
    Case("a space in a name", "8.2.1", Code.PROTOCOL_ERROR, get(("x y", "z"))),
    Case("a colon in a name", "8.2.1", Code.PROTOCOL_ERROR, get(("x:y", "z"))),
    Case("no name", "8.2.1", Code.PROTOCOL_ERROR, get(("", "z"))),
    Case("a line feed in a value", "8.2.1", Code.PROTOCOL_ERROR, get(("x", "y\nhost: b"))),
    Case("a carriage return in a value", "8.2.1", Code.PROTOCOL_ERROR, get(("x", "y\rz"))),
    Case("a NUL in a value", "8.2.1", Code.PROTOCOL_ERROR, get(("x", "y\0z"))),
    Case("Connection", "8.2.2", Code.PROTOCOL_ERROR, get(("connection", "x"))),
    Case("Keep-Alive", "8.2.2", Code.PROTOCOL_ERROR, get(("keep-alive", "1"))),
    Case("Proxy-Connection", "8.2.2", Code.PROTOCOL_ERROR, get(("proxy-connection", "x"))),
    Case("Upgrade", "8.2.2", Code.PROTOCOL_ERROR, get(("upgrade", "websocket"))),
    Case("Transfer-Encoding", "8.2.2", Code.PROTOCOL_ERROR, get(("transfer-encoding", "chunked"))),
    Case("TE that is not trailers", "8.2.2", Code.PROTOCOL_ERROR, get(("te", "gzip"))),
    Case(
        "more data than was said", "8.1.1", Code.PROTOCOL_ERROR,
        post(("content-length", "1")) + frame(DATA, END_STREAM, 1, b"ab"),
    ),
    Case(
        "less data than was said", "8.1.1", Code.PROTOCOL_ERROR,
        post(("content-length", "3")) + frame(DATA, END_STREAM, 1, b"ab"),
    ),
    Case(
        "no data where some was said", "8.1.1", Code.PROTOCOL_ERROR,
        post(("content-length", "3"), flags=END_STREAM | END_HEADERS),
    ),
    Case(
        "two lengths", "8.1.1", Code.PROTOCOL_ERROR,
        post(("content-length", "2"), ("content-length", "3")) + frame(DATA, END_STREAM, 1, b"ab"),
    ),
    Case(
        "a length that is no number", "8.1.1", Code.PROTOCOL_ERROR,
        post(("content-length", "+2")) + frame(DATA, END_STREAM, 1, b"ab"),
    ),
    Case(
        "trailers that do not end it", "8.1", Code.PROTOCOL_ERROR,
        post() + frame(DATA, 0, 1, b"ab") + frame(HEADERS, END_HEADERS, 1, block(("x", "y"))),
    ),
    Case("a window by nothing", "6.9", Code.PROTOCOL_ERROR, post() + frame(WINDOW_UPDATE, 0, 1, bytes(4))),
    Case("a window that overflows", "6.9.1", Code.FLOW_CONTROL_ERROR, post() + frame(WINDOW_UPDATE, 0, 1, MOST)),
    Case(
        "data behind the end", "5.1", Code.STREAM_CLOSED,
        post() + frame(DATA, END_STREAM, 1, b"ab") + frame(DATA, END_STREAM, 1, b"cd"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("tests.apps.http2", *OPTIONS, "--header-timeout=1", "--http2-max-header-list-size=4000") as started:
        started.expect("HTTP/2 .* ended: |and it does not|Invalid request")
        yield started
        with started.client() as client:
            assert Http2(client).get("/hello").status == 200


@pytest.fixture
def frames(server: Server) -> Iterator[Frames]:
    with server.client() as client:
        yield Frames(client)


def ended(frames: Frames) -> Code:
    """Wait for the end of the connection; returns the code of the last GOAWAY."""
    code = None
    try:
        while True:
            came = frames.read()
            if came.kind == GOAWAY:
                code = int.from_bytes(came.payload[4:8], "big")
    except (Closed, ConnectionResetError):
        assert code is not None, "the connection ended without a word"
        return Code(code)


def test_every_case_has_a_name_of_its_own():
    for cases in (CONNECTION, STREAM):
        assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("case", CONNECTION, ids=lambda case: case.name)
def test_it_ends_the_connection(frames: Frames, case: Case):
    frames.client.send_or_stop(case.data)
    assert ended(frames) in (case.code, Code.PROTOCOL_ERROR)


@pytest.mark.parametrize("case", STREAM, ids=lambda case: case.name)
def test_it_ends_the_request(frames: Frames, case: Case):
    frames.client.send_or_stop(case.data)
    while (came := frames.read()).kind not in (RST_STREAM, GOAWAY):
        assert came.kind != HEADERS, "it was answered"
    if came.kind == RST_STREAM:
        assert came.stream == 1
        assert Code(int.from_bytes(came.payload, "big")) in (case.code, Code.PROTOCOL_ERROR)
        frames.client.send(get(stream=3))
        frames.wait(HEADERS, 3)
    else:
        assert Code(int.from_bytes(came.payload[4:8], "big")) in (case.code, Code.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "data",
    [
        frame(0xFE, 0xFF, 0, b"unknown") + frame(0xFE, 0xFF, 1, b"unknown"),
        frame(PRIORITY, 0, 3, bytes((0, 0, 0, 3, 9))),
        frame(PRIORITY, 0, 7, bytes((0x80, 0, 0, 3, 9))),
        setting(0xFE, 7),
        frame(PING, ACK, 0, bytes(8)),
        frame(WINDOW_UPDATE, 0, 0, NUMBER),
    ],
    ids=["unknown frames", "its own parent", "an idle one's parent", "an unknown setting", "no ping of ours", "window"],
)
def test_what_means_nothing_is_ignored(frames: Frames, data: bytes):
    frames.client.send(data)
    frames.client.send(get(stream=5))
    frames.wait(HEADERS, 5)


def test_a_head_may_have_padding_and_a_priority(frames: Frames):
    fields = block((":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/hello"))
    flags = END_STREAM | END_HEADERS | PADDED | WITH_PRIORITY
    frames.client.send(frame(HEADERS, flags, 1, b"\x03" + bytes(5) + fields + bytes(3)))
    frames.wait(HEADERS, 1)
    assert frames.wait(DATA, 1).payload == b"Hello, World!\n"


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        (PREFACE + frame(PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
        (PREFACE + get(), Code.PROTOCOL_ERROR),
        (PREFACE + frame(SETTINGS, ACK), Code.PROTOCOL_ERROR),
    ],
    ids=["ping", "head", "acknowledgement"],
)
def test_settings_come_first(server: Server, greeting: bytes, code: Code):
    with server.client() as client:
        assert ended(Frames(client, greeting)) == code


@pytest.mark.parametrize("preface", [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI / HTTP/2.0\r\n\r\n", b"PRIX"])
def test_what_is_no_preface_is_answered_400(server: Server, preface: bytes):
    with server.client() as client:
        client.send(preface)
        assert client.read_response().status == 400
        client.ended()


@pytest.mark.parametrize("begun", [b"", PREFACE[:3], PREFACE[:20]])
def test_a_preface_that_does_not_come_is_not_waited_for(server: Server, begun: bytes):
    with server.client() as client:
        client.send(begun)
        client.ended()


def test_a_head_that_does_not_end_is_not_waited_for(frames: Frames):
    frames.client.send(get(flags=END_STREAM))
    frames.client.ended()


def test_too_many_fields_are_answered_431(frames: Frames):
    frames.client.send(get(*((f"x-{number}", "y" * 100) for number in range(40))))
    assert frames.status() == "431"
    frames.client.send(get(stream=3))
    frames.wait(HEADERS, 3)


def test_a_flood_of_continuations_ends_it(frames: Frames):
    frames.client.send(get(flags=END_STREAM))
    fields = frame(CONTINUATION, 0, 1, block(("x", "y" * 4000)))
    for _ in range(500):
        frames.client.send_or_stop(fields)
    assert ended(frames) == Code.ENHANCE_YOUR_CALM


def test_resets_in_great_numbers_end_it(frames: Frames):
    for stream in range(1, 40_000, 2):
        reset = frame(RST_STREAM, 0, stream, int(Code.CANCEL).to_bytes(4, "big"))
        if not frames.client.send_or_stop(get(stream=stream) + reset):
            break
    assert ended(frames) == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "data",
    [frame(PING, 0, 0, bytes(8)), setting(3, 100), post() + frame(DATA, 0, 1)],
    ids=["pings", "settings", "empty data"],
)
def test_frames_that_cost_nothing_end_it_in_great_numbers(frames: Frames, data: bytes):
    first, many = data, (data[-9:] if data.startswith(post()) else data) * 100
    frames.client.send(first)
    for _ in range(1000):
        if not frames.client.send_or_stop(many):
            break
    assert ended(frames) == Code.ENHANCE_YOUR_CALM


def test_a_client_that_floods_on_is_not_listened_to_for_long(frames: Frames):
    pings = frame(PING, 0, 0, bytes(8)) * 100
    # Others are read on for half a minute.
    until(lambda: not frames.client.send_or_stop(pings), "the end of the connection", seconds=20)
