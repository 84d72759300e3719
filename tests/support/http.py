"""A raw HTTP/1.1 client that sends the bytes it is given and reads answers strictly, to the letter of RFC 9112.

Whatever a server might get away with before a lenient client fails here: a missing reason, a bare LF, a length beside a
coding, a length with 204, a byte after the last answer.
"""

from __future__ import annotations

import re
import socket
from types import TracebackType
from typing import NamedTuple

from tests.support.deadlines import Deadline

STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ([\x20-\x7e\x80-\xff\t]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*))?)")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")
MAX_HEAD_BYTES = 1 << 22

Address = str | tuple[str, int] | tuple[str, int, int, int]


class BadAnswer(AssertionError):
    """The server's bytes are not an HTTP/1.1 answer."""


class Closed(AssertionError):
    """The connection ended where an answer, or the rest of one, should have been."""


class Head(NamedTuple):
    """The status line and the fields of an answer, in the order they came."""

    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """The values of every field of this name, whatever its case."""
        return [value for given, value in self.fields if given.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The field's value, None where it is missing; an answer that repeats it is a bad one."""
        values = self.all(name)
        if len(values) > 1:
            raise BadAnswer(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    @property
    def framing(self) -> str:
        """How the body of an answer that may have one ends: "chunked", "length" or "close"."""
        coding, length = self.one("Transfer-Encoding"), self.one("Content-Length")
        if coding is not None and length is not None:
            raise BadAnswer("Transfer-Encoding and Content-Length in one answer")
        if coding is not None and (coding.lower() != "chunked" or self.version == "1.0"):
            raise BadAnswer(f"Transfer-Encoding: {coding} in HTTP/{self.version}")
        return "chunked" if coding is not None else "length" if length is not None else "close"

    @property
    def has_no_body(self) -> bool:
        """Whether the status alone says that no body may follow."""
        return self.status < 200 or self.status in (204, 304)


class Response(NamedTuple):
    """A whole answer. `chunks` are those of the wire where it was chunked; `interim` the 1xx answers before it."""

    head: Head
    body: bytes
    framing: str
    chunks: list[bytes]
    interim: list[Head]

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def one(self, name: str) -> str | None:
        """The field's value; see `Head.one`."""
        return self.head.one(name)


def parse_head(block: bytes) -> Head:
    """The head that the bytes are, up to and with its empty line."""
    if not block.endswith(b"\r\n\r\n"):
        raise BadAnswer(f"no head: {block!r}")
    first, *lines = block[:-4].split(b"\r\n")
    status_line = STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise BadAnswer(f"no status line: {first!r}")
    fields = []
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        if field is None:
            raise BadAnswer(f"no field line: {line!r}")
        fields.append((field[1].decode(), field[2].decode("latin-1").rstrip(" \t")))
    return Head(f"1.{status_line[1].decode()}", int(status_line[2]), status_line[3].decode("latin-1"), fields)


class Client:
    """One connection. Every wait has a deadline; what has come and was not yet read stays in `pending`."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None, source: str | None = None) -> None:
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.settimeout(Deadline().left("a connection"))
        self.pending = b""
        try:
            self.socket.connect(address)
            if family != socket.AF_UNIX:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends = self.socket.getsockname(), self.socket.getpeername()
        except BaseException:
            self.socket.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Whether this side has ended the connection."""
        return self.socket.fileno() == -1

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def reset(self) -> None:
        """End the connection with RST, as a client that crashed would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def finish_sending(self) -> None:
        """Send no more, and still read."""
        # One of TLS forgets its session when it is asked itself, and reads records from then on.
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Send all of the bytes."""
        self.socket.settimeout(Deadline().left("room to send"))
        self.socket.sendall(data)

    def send_or_stop(self, data: bytes) -> bool:
        """Send the bytes; False when the server closed before it had them all."""
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def send_bytewise(self, data: bytes) -> bool:
        """Send each byte by itself; False when the server closed before it had them all."""
        return all(self.send_or_stop(data[index : index + 1]) for index in range(len(data)))

    def request(self, method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> None:
        """Send a request. Host is added where no field gives it, Content-Length where there is a body."""
        lines = [f"{method} {target} HTTP/{version}"]
        names = {field.partition(":")[0].lower() for field in fields}
        if "host" not in names:
            lines.append("Host: test.invalid")
        if body and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, *fields, "", ""])
        self.send(head.encode("latin-1") + body)

    def receive(self, awaited: str) -> bool:
        """Take what has come; False at the end of the stream."""
        self.socket.settimeout(Deadline().left(awaited))
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            raise AssertionError(f"not within the deadline: {awaited}; so far {self.pending[:2000]!r}") from None
        self.pending += data
        return bool(data)

    def read_head(self) -> Head:
        """Read one head, interim ones included."""
        while b"\r\n\r\n" not in self.pending:
            if len(self.pending) > MAX_HEAD_BYTES:
                raise BadAnswer("a head without end")
            if not self.receive("a head"):
                raise Closed(f"no whole head came: {self.pending!r}")
        block, self.pending = self.pending.split(b"\r\n\r\n", 1)
        return parse_head(block + b"\r\n\r\n")

    def read_exactly(self, count: int) -> bytes:
        """Read this many bytes."""
        parts, have = [self.pending], len(self.pending)
        while have < count:
            self.pending = b""
            if not self.receive(f"{count} bytes, have {have}"):
                raise Closed(f"{have} bytes of {count} came: {b''.join(parts)[:200]!r}")
            parts.append(self.pending)
            have += len(self.pending)
        data = b"".join(parts)
        self.pending = data[count:]
        return data[:count]

    def read_line(self) -> bytes:
        """Read up to the next CRLF, which is left out."""
        while b"\r\n" not in self.pending:
            if not self.receive("a line"):
                raise Closed(f"no whole line came: {self.pending!r}")
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def read_chunk(self) -> bytes:
        """Read one chunk of a chunked body; b"" is the last one, its empty trailer read too."""
        size = self.read_line()
        if not CHUNK_SIZE.fullmatch(size):
            raise BadAnswer(f"no chunk size: {size!r}")
        data = self.read_exactly(int(size, 16))
        if self.read_exactly(2) != b"\r\n":
            raise BadAnswer(f"no CRLF after the chunk {data[:100]!r}")
        return data

    def read_to_end(self) -> bytes:
        """Read until the server closes; a reset is no way to end an answer."""
        parts = [self.pending]
        self.pending = b""
        while self.receive("the end of the connection"):
            parts.append(self.pending)
            self.pending = b""
        return b"".join(parts)

    def read_response(self, method: str = "GET") -> Response:
        """Read one whole answer to a request of this method, and the 1xx ones before it."""
        interim = []
        head = self.read_head()
        while head.status < 200 and head.status != 101:
            interim.append(head)
            head = self.read_head()
        framing = head.framing
        if head.status == 204 and framing != "close":
            raise BadAnswer("204 with a length or a coding (RFC 9112 §6.1, RFC 9110 §8.6)")
        if method == "HEAD" or head.has_no_body or (method == "CONNECT" and head.status < 300):
            return Response(head, b"", "none", [], interim)
        chunks: list[bytes] = []
        if framing == "chunked":
            while chunk := self.read_chunk():
                chunks.append(chunk)
            return Response(head, b"".join(chunks), framing, chunks, interim)
        if framing == "length":
            length = head.one("Content-Length") or ""
            if not length.isdecimal():
                raise BadAnswer(f"Content-Length: {length}")
            return Response(head, self.read_exactly(int(length)), framing, chunks, interim)
        return Response(head, self.read_to_end(), framing, chunks, interim)

    def ask(self, method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> Response:
        """Send a request and read its answer."""
        self.request(method, target, *fields, body=body, version=version)
        return self.read_response(method)

    def expect_end(self) -> None:
        """The server closes now, and has sent nothing more."""
        rest = self.read_to_end()
        if rest:
            raise BadAnswer(f"bytes after the last answer: {rest[:2000]!r}")

    def ended(self) -> bytes:
        """What still comes until the server closes or resets the connection."""
        parts = [self.pending]
        self.pending = b""
        try:
            while self.receive("the end of the connection"):
                parts.append(self.pending)
                self.pending = b""
        except ConnectionResetError:
            pass
        return b"".join(parts)

    def is_at_end(self) -> bool:
        """Whether the server has ended the connection where the first byte of an answer should be."""
        return not self.pending and not self.receive("an answer, or the end")

    def is_silent(self) -> bool:
        """Whether nothing has come, not even the end, until now."""
        if self.pending:
            return False
        self.socket.settimeout(0)
        try:
            self.pending = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        return False


def chunked(*chunks: bytes) -> bytes:
    """The chunks as a chunked body, the last one included."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
