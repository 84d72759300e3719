"""Requests as web servers hand them over, and what comes back, byte for byte."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence

from tests.support.deadlines import Deadline
from tests.support.http import Address

Variables = Sequence[tuple[str, str]] | Mapping[str, str]
BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6


def pairs(variables: Variables) -> list[tuple[bytes, bytes]]:
    items = variables.items() if isinstance(variables, Mapping) else variables
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in items]


def uwsgi(variables: Variables, body: bytes = b"") -> bytes:
    strings = [string for pair in pairs(variables) for string in pair]
    content = b"".join(struct.pack("<H", len(string)) + string for string in strings)
    return struct.pack("<BHB", 0, len(content), 0) + content + body


def scgi(variables: Variables, body: bytes = b"") -> bytes:
    found = [pair for pair in pairs(variables) if pair[0] not in (b"CONTENT_LENGTH", b"SCGI")]
    first = [(b"CONTENT_LENGTH", str(len(body)).encode()), (b"SCGI", b"1")]
    content = b"".join(name + b"\0" + value + b"\0" for name, value in first + found)
    return b"%d:%s,%s" % (len(content), content, body)


def record(kind: int, content: bytes = b"", number: int = 1, padding: int = 0) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, number, len(content), padding) + content + b"\0" * padding


def fastcgi(variables: Variables, body: bytes = b"", *, keep: bool = False, number: int = 1, padding: int = 0) -> bytes:
    content = b"".join(
        struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value for name, value in pairs(variables)
    )
    parts = [record(BEGIN, struct.pack(">HB5x", 1, keep), number)]
    for kind, data in ((PARAMS, content), (STDIN, body)):
        steps = range(0, len(data), 1000)
        parts += [record(kind, data[at : at + 1000], number, padding) for at in steps]
        parts.append(record(kind, b"", number, padding))
    return b"".join(parts)


ENCODERS = {"uwsgi": uwsgi, "scgi": scgi, "fastcgi": fastcgi}


class Peer:
    """A web server's end of a connection."""

    def __init__(self, address: Address, source: str | None = None) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(address)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.settimeout(Deadline().left("room to send"))
        self.socket.sendall(data)

    def read(self, count: int) -> bytes:
        """So many bytes, fewer where the connection ends."""
        data = b""
        while len(data) < count:
            self.socket.settimeout(Deadline().left("more bytes"))
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                break
            data += more
        return data

    def read_to_end(self) -> bytes:
        data = b""
        while more := self.read(1 << 16):
            data += more
        return data

    def records(self) -> list[tuple[int, int, bytes]]:
        """The records up to the end of a request: kind, number, content."""
        found: list[tuple[int, int, bytes]] = []
        while not found or found[-1][0] != END:
            header = self.read(8)
            if not header:
                return found
            _, kind, number, length, padding = struct.unpack(">BBHHBx", header)
            content = self.read(length)
            self.read(padding)
            found.append((kind, number, content))
        return found


def answer_of(protocol: str, peer: Peer) -> tuple[str, dict[str, str], bytes]:
    """The status line's text, the fields and the body of an answer; that of a FastCGI request ends with it."""
    if protocol == "fastcgi":
        data = b"".join(content for kind, _, content in peer.records() if kind == STDOUT)
    else:
        data = peer.read_to_end()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    start = "HTTP/1.1 " if protocol == "uwsgi" else "Status: "
    assert first.startswith(start), first
    return first.removeprefix(start), dict(line.split(": ", 1) for line in lines), body


def asked(
    protocol: str, address: Address, variables: Variables, body: bytes = b""
) -> tuple[str, dict[str, str], bytes]:
    """The answer to one request on a connection of its own."""
    with Peer(address) as peer:
        peer.send(ENCODERS[protocol](variables, body))
        return answer_of(protocol, peer)
