"""Daemons for the tests to send to: real sockets that keep what comes."""

from __future__ import annotations

import contextlib
import os
import socket
from types import TracebackType

from tests.support.deadlines import Deadline


class Daemon:
    """A socket that listens for records.

    Args:
        where: "udp", "tcp", or a path.
        kind: for a path, SOCK_DGRAM or SOCK_STREAM.
    """

    def __init__(self, where: str = "udp", kind: int = socket.SOCK_DGRAM) -> None:
        self._path = where if "/" in where else ""
        if self._path:
            self.socket = socket.socket(socket.AF_UNIX, kind)
            self.socket.bind(self._path)
        else:
            kind = socket.SOCK_DGRAM if where == "udp" else socket.SOCK_STREAM
            self.socket = socket.socket(socket.AF_INET, kind)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            self.socket.listen(8)
        self._connections: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def datagram(self) -> bytes:
        """The next record of a socket for datagrams."""
        self.socket.settimeout(Deadline().left("a datagram"))
        return self.socket.recv(1 << 16)

    def waiting(self) -> list[bytes]:
        """All datagrams that have come."""
        self.socket.settimeout(0)
        found = []
        try:
            while True:
                found.append(self.socket.recv(1 << 16))
        except BlockingIOError:
            return found

    def accept(self) -> socket.socket:
        """The next connection of a socket for streams."""
        self.socket.settimeout(Deadline().left("a connection"))
        connection, _ = self.socket.accept()
        self._connections.append(connection)
        connection.settimeout(Deadline().left("records"))
        return connection

    def received(self) -> bytes:
        """All that has come by streams since the last time."""
        self.socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self.socket.accept()
                self._connections.append(connection)
        found = b""
        for connection in self._connections:
            connection.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                while data := connection.recv(1 << 16):
                    found += data
        return found

    def close(self) -> None:
        for connection in (*self._connections, self.socket):
            connection.close()
        if self._path:
            os.unlink(self._path)

    def __enter__(self) -> Daemon:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_lines(connection: socket.socket, count: int) -> list[bytes]:
    """So many lines of a stream."""
    received = b""
    while received.count(b"\n") < count:
        data = connection.recv(1 << 16)
        assert data, f"the connection ended after {received!r}"
        received += data
    return received.splitlines()
