"""Clients of HTTP/2: one that speaks it by the module h2, which is strict with servers, and one that sends any bytes.

Frames and field blocks are written by hand where a test is about what no client may send (RFC 9113, RFC 7541).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings
from hpack import Decoder
from hyperframe.frame import Frame as WireFrame
from hyperframe.frame import GoAwayFrame

from tests.support.http import Client, Closed

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION) = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, WITH_PRIORITY = 0x4, 0x8, 0x20
OPTIONS: Final = ("--http-protocols=h2,h1", "--http2-cleartext=prior-knowledge")
Pair = tuple[str, str]


class StreamReset(Exception):
    """The server has given a request up. The only argument is the code (RFC 9113 §7)."""


class Answer(NamedTuple):
    """A whole answer. `fields` have neither the status nor other pseudo-header fields; `interim` are those of 1xx."""

    status: int
    fields: list[Pair]
    body: bytes
    interim: list[tuple[int, list[Pair]]]
    trailers: list[Pair]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def all(self, name: str) -> list[str]:
        """The values of every field with this name."""
        return [value for given, value in self.fields if given == name]

    def one(self, name: str) -> str | None:
        """The field's value, None where it is missing."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None


class _Stream:
    """What has come of an answer."""

    def __init__(self) -> None:
        self.head: list[Pair] = []
        self.body = bytearray()
        self.interim: list[tuple[int, list[Pair]]] = []
        self.trailers: list[Pair] = []
        self.is_whole = False
        self.reset: ErrorCodes | int | None = None


class _Protocol(H2Connection):
    """Takes answers to what was asked behind a GOAWAY, too, as RFC 9113 §6.8 has it; h2 by itself is closed then."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[WireFrame], list[events.Event]]:
        event = events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Http2:
    """One connection. What the server may not send raises h2's ProtocolError; every wait has a deadline.

    Args:
        client: the connection below; closed by whoever opened it.
        window: how much of an answer may come ahead of what was taken.
        scheme: what requests are said to be of.
        takes_over: the connection was one of HTTP/1.1, and its first request is answered as stream 1.
    """

    def __init__(self, client: Client, *, window: int = 65535, scheme: str = "http", takes_over: bool = False) -> None:
        self.client = client
        self.scheme = scheme
        self.streams: dict[int, _Stream] = {}
        self.held: set[int] = set()  # of what comes on these nothing is acknowledged
        self.was_greeted = False  # whether the server's settings have come, with which it begins
        self.gone: ErrorCodes | int | None = None  # the code of the last GOAWAY
        self.last_stream: int | None = None  # the last one that the server works on, once it has said so
        self.protocol = _Protocol(H2Configuration(header_encoding="latin-1", validate_outbound_headers=False))
        values = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.protocol.local_settings = Settings(client=True, initial_values=values)
        if takes_over:
            self.protocol.initiate_upgrade_connection()
            self.streams[1] = _Stream()
        else:
            self.protocol.initiate_connection()
        self._flush()

    # Asking

    def request(
        self,
        method: str,
        target: str,
        *fields: Pair,
        body: bytes | None = None,
        authority: str = "test.invalid",
        ends: bool = True,
    ) -> int:
        """Begin a request and return its stream; with `ends` it is sent as a whole."""
        stream = self.protocol.get_next_available_stream_id()
        self.streams[stream] = _Stream()
        pseudo = [(":method", method), (":scheme", self.scheme), (":authority", authority), (":path", target)]
        self.protocol.send_headers(stream, [*pseudo, *fields], end_stream=ends and body is None)
        self._flush()
        if body is not None:
            self.send(stream, body, ends=ends)
        return stream

    def send(self, stream: int, data: bytes, *, ends: bool = True) -> None:
        """Send bytes of a body as the server's windows let them through."""
        left = memoryview(data)
        while left and not self.streams[stream].is_whole:
            room = min(self.protocol.local_flow_control_window(stream), self.protocol.max_outbound_frame_size)
            if not room:
                self.receive(f"a window, with {len(left)} bytes to send")
                continue
            self.protocol.send_data(stream, bytes(left[:room]))
            left = left[room:]
            self._flush()
        if ends and not left:
            self.protocol.end_stream(stream)
            self._flush()

    def trailers(self, stream: int, *fields: Pair) -> None:
        """End a request with these fields."""
        self.protocol.send_headers(stream, fields, end_stream=True)
        self._flush()

    def reset(self, stream: int, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Give a request up."""
        self.protocol.reset_stream(stream, code)
        self._flush()

    def let_go(self, stream: int) -> None:
        """Acknowledge what has come on a stream that was held, and what will come."""
        self.held.discard(stream)
        taken = len(self.streams[stream].body)
        if taken:
            self.protocol.increment_flow_control_window(taken, stream)
        self._flush()

    # Taking

    def head(self, stream: int) -> int:
        """Wait for the head of an answer; returns its status."""
        while not self.streams[stream].head:
            self._more(stream, "a head")
        return int(self.streams[stream].head[0][1])

    def body(self, stream: int, least: int) -> bytes:
        """Wait until so many bytes of an answer have come; returns all that have."""
        while len(self.streams[stream].body) < least:
            self._more(stream, f"{least} bytes of a body")
        return bytes(self.streams[stream].body)

    def answer(self, stream: int) -> Answer:
        """Wait for a whole answer.

        Raises:
            StreamReset: the server gave it up.
        """
        while not self.streams[stream].is_whole:
            self._more(stream, "a whole answer")
        came = self.streams.pop(stream)
        (name, status), *fields = came.head
        assert name == ":status"
        return Answer(int(status), fields, bytes(came.body), came.interim, came.trailers)

    def ask(self, method: str, target: str, *fields: Pair, body: bytes | None = None) -> Answer:
        """Send a request and read its answer."""
        return self.answer(self.request(method, target, *fields, body=body))

    def get(self, target: str, *fields: Pair) -> Answer:
        """GET."""
        return self.ask("GET", target, *fields)

    def reset_code(self, stream: int) -> int:
        """Wait until the server gives a request up; returns the code."""
        try:
            while True:
                self._more(stream, "a reset")
        except StreamReset as reset:
            return int(reset.args[0])

    def end(self) -> int:
        """Wait until the server has said that it ends and has ended; returns the code."""
        try:
            while True:
                self.receive("the end of the connection")
        except (Closed, ConnectionResetError):
            assert self.gone is not None, "it ended without a word"
            return int(self.gone)

    def _more(self, stream: int, awaited: str) -> None:
        reset = self.streams[stream].reset
        if reset is not None:
            raise StreamReset(reset)
        self.receive(f"{awaited} on stream {stream}")

    def receive(self, awaited: str) -> None:
        """Take what comes next.

        Raises:
            Closed: it was the end of the connection.
        """
        if not self.client.pending and not self.client.receive(awaited):
            raise Closed(f"the connection ended, awaited was {awaited}")
        for event in self.protocol.receive_data(self.client.pending):
            self._take(event)
        self.client.pending = b""
        self._flush()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.RemoteSettingsChanged):
            self.was_greeted = True
        if isinstance(event, events.ConnectionTerminated):
            self.gone, self.last_stream = event.error_code, event.last_stream_id
        stream = self.streams.get(getattr(event, "stream_id", None) or 0)
        if stream is None:
            return
        if isinstance(event, events.ResponseReceived):
            stream.head = _texts(event.headers)
        elif isinstance(event, events.InformationalResponseReceived):
            (_, status), *fields = _texts(event.headers)
            stream.interim.append((int(status), fields))
        elif isinstance(event, events.DataReceived):
            stream.body += event.data
            self._acknowledge(event)
        elif isinstance(event, events.TrailersReceived):
            stream.trailers = _texts(event.headers)
        elif isinstance(event, events.StreamEnded):
            stream.is_whole = True
        elif isinstance(event, events.StreamReset) and not stream.is_whole:
            stream.reset = event.error_code

    def _acknowledge(self, event: events.DataReceived) -> None:
        size, stream = event.flow_controlled_length, event.stream_id
        assert size is not None
        assert stream is not None
        if stream in self.held:
            if size:
                self.protocol.increment_flow_control_window(size)  # what one stream leaves must not stop the others
        else:
            self.protocol.acknowledge_received_data(size, stream)

    def _flush(self) -> None:
        data = self.protocol.data_to_send()
        if data:
            self.client.send_or_stop(data)


def _texts(fields: object) -> list[Pair]:
    assert isinstance(fields, list)
    return [(str(name), str(value)) for name, value in fields]


# What no client may send


class Frame(NamedTuple):
    """A frame that has come (RFC 9113 §4.1)."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Frames:
    """One connection on which any bytes are sent, and frames are read."""

    def __init__(self, client: Client, greeting: bytes | None = None) -> None:
        self.client = client
        self.decoder = Decoder()
        client.send(PREFACE + frame(SETTINGS) if greeting is None else greeting)

    def read(self) -> Frame:
        """Read the next frame.

        Raises:
            Closed: the connection ended.
        """
        head = self.client.read_exactly(9)
        payload = self.client.read_exactly(int.from_bytes(head[:3], "big"))
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, payload)

    def wait(self, kind: int, stream: int = 0, flags: int = 0) -> Frame:
        """Read on until a frame of this kind comes, on this stream and with these flags."""
        while True:
            came = self.read()
            if came.kind == kind and came.stream == stream and came.flags & flags == flags:
                return came

    def status(self, stream: int = 1) -> str:
        """Wait for the head of an answer, the first one of the connection; returns its status."""
        fields = self.decoder.decode(self.wait(HEADERS, stream, END_HEADERS).payload)
        return dict(_texts(list(fields)))[":status"]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame as bytes (RFC 9113 §4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def block(*fields: tuple[str, str]) -> bytes:
    """Fields as literals that are not remembered (RFC 7541 §6.2.2), whatever they hold."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)


def get(*fields: tuple[str, str], stream: int = 1, flags: int = END_STREAM | END_HEADERS, target: str = "/") -> bytes:
    """The head of a GET as a frame, with further fields."""
    pseudo = ((":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", target))
    return frame(HEADERS, flags, stream, block(*pseudo, *fields))


def setting(number: int, value: int) -> bytes:
    """A frame of SETTINGS with one setting (RFC 9113 §6.5.1)."""
    return frame(SETTINGS, 0, 0, number.to_bytes(2, "big") + value.to_bytes(4, "big"))


def _string(text: str) -> bytes:
    """A string literal (RFC 7541 §5.2), not by Huffman's code."""
    data = text.encode("latin-1")
    length = len(data)
    if length < 127:
        return bytes((length,)) + data
    rest, head = length - 127, bytearray((127,))
    while rest >= 128:
        head.append(rest % 128 + 128)
        rest //= 128
    return bytes((*head, rest)) + data
