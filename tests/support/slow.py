"""Clients that are slow on purpose, many at once, driven by one thread: what the internet has for every server."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from types import TracebackType
from typing import NamedTuple

from tests.support.deadlines import Deadline
from tests.support.http import Address

KINDS = ("head", "body", "reader", "idle", "kept")
ANSWER_BYTES = 400_000
READ_BYTES = 1024


class Kind(NamedTuple):
    """What a client of a kind does.

    Attributes:
        first: what it sends at once.
        trickle: what it sends, again and again, once a second; nothing where it only waits.
        reads: whether it takes a thousand bytes a second of what it is sent, and not all that there is.
    """

    first: bytes
    trickle: bytes = b""
    reads: bool = False


def kind(name: str) -> Kind:
    """What the clients of `KINDS` do, and, for a listener of TLS, "handshake".

    A head, a body of a byte a second; a reader of a KB a second; one that never says a word; one that is silent after
    its first answer; a handshake that goes no further.
    """
    get = b"GET /hello HTTP/1.1\r\nHost: slow.invalid\r\n"
    return {
        "head": Kind(get + b"X-Long: ", b"x"),
        "body": Kind(b"POST /hello HTTP/1.1\r\nHost: slow.invalid\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        "reader": Kind(f"GET /big?bytes={ANSWER_BYTES} HTTP/1.1\r\nHost: slow.invalid\r\n\r\n".encode(), reads=True),
        "idle": Kind(b""),
        "kept": Kind(get + b"\r\n"),
        "handshake": Kind(half_a_handshake()),
    }[name]


def half_a_handshake() -> bytes:
    """The first message of a TLS client, which is all that this one ever says."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(incoming, outgoing, server_hostname="slow.invalid")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


class SlowClients:
    """So many clients of one kind, from when the context is entered to when it is left.

    Attributes:
        closed: how many the server has closed.
        answered: how many have been told something.
    """

    def __init__(self, address: Address, name: str, count: int) -> None:
        self.kind = kind(name)
        self.closed = 0
        self.answered = 0
        self._told: set[int] = set()
        self._address = address
        self._count = count
        self._changed = threading.Condition()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SlowClients:
        for _ in range(self._count):
            one = socket.socket(socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET)
            if self.kind.reads:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(Deadline().left("a connection"))
            one.connect(self._address)
            if self.kind.first:
                one.sendall(self.kind.first)
            one.setblocking(False)
            self._sockets.append(one)
            if not self.kind.reads:
                self._selector.register(one, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping = True
        self._thread.join()
        self._selector.close()
        for one in self._sockets:
            one.close()

    def wait_until_closed(self) -> None:
        """Wait until the server has closed every one of them."""
        deadline = Deadline()
        with self._changed:
            while self.closed < self._count:
                self._changed.wait(deadline.left(f"all to be closed, not {self.closed} of {self._count}"))

    def _run(self) -> None:
        """Give each client its turn once a second, one after the other, so that they never come in a crowd."""
        started, turn = time.monotonic(), 0
        while not self._stopping and self._sockets:
            due = started + turn / self._count
            self._listen(max(0.0, min(0.05, due - time.monotonic())))
            if time.monotonic() >= due:
                self._act(self._sockets[turn % self._count])
                turn += 1

    def _listen(self, seconds: float) -> None:
        if self._selector.get_map():
            for key, _ in self._selector.select(seconds):
                self._read(key.fileobj)  # type: ignore[arg-type]
        else:
            time.sleep(seconds)

    def _act(self, one: socket.socket) -> None:
        if one.fileno() == -1:
            return
        if self.kind.reads:
            self._read(one)
        elif self.kind.trickle:
            try:
                one.send(self.kind.trickle)
            except BlockingIOError:
                pass
            except OSError:
                self._end(one)

    def _read(self, one: socket.socket) -> None:
        try:
            block = one.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._end(one)
        elif one.fileno() not in self._told:
            self._told.add(one.fileno())
            self.answered += 1

    def _end(self, one: socket.socket) -> None:
        if one.fileno() == -1:
            return
        if not self.kind.reads:
            self._selector.unregister(one)
        one.close()
        with self._changed:
            self.closed += 1
            self._changed.notify_all()
