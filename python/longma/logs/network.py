"""Senders to another program, by datagrams or by a stream, that never make the server wait.

What cannot be sent now is kept as far as a bound (stream) or dropped (datagrams); a lost peer is looked for again once
a second. There is no lock that anybody waits for, since a signal handler may write a record while another is written.
"""

from __future__ import annotations

import os
import select
import socket
import time
from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_SECONDS = 1.0
# A peer on this machine, or beside it, takes a connection within this time; others get their records a little later.
CONNECT_WAIT_MS = 10
CLOSE_WAIT_MS = 1000
MAX_PENDING_RECORDS = 256


class Remote(NamedTuple):
    """Where to send: what `socket.socket` and `connect` take."""

    family: int
    kind: int
    address: Any

    @property
    def is_stream(self) -> bool:
        return self.kind == socket.SOCK_STREAM

    def connected(self) -> socket.socket:
        """Return a socket that is connected to it, or about to be.

        Raises:
            OSError: there is nobody.
        """
        # A patched one would wait by the hub, which it is written for.
        opened: socket.socket = original("socket", "socket")(
            self.family, self.kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        try:
            opened.connect(self.address)
        except BlockingIOError:
            pass
        except OSError:
            opened.close()
            raise
        return opened


def resolved(host: str, port: int, kind: int) -> Remote:
    """Look the host up, once: a look-up while serving would wait.

    Raises:
        OSError: it has no address.
    """
    found = original("socket", "getaddrinfo")(host, port, type=kind)
    # What listens on localhost listens on 127.0.0.1, and not always on ::1.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return Remote(family, kind, address)


class Peer:
    """Whether the other side is there, told once when that changes.

    Args:
        complain: takes the words for the operator.
        name: what to call it in them.
        clock: gives the moment.
    """

    def __init__(self, complain: Callable[[str], None], name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._complain = complain
        self._name = name
        self._clock = clock
        self._retry_at = 0.0
        self._is_lost = False

    @property
    def may_be_tried(self) -> bool:
        return not self._is_lost or self._clock() >= self._retry_at

    def lost(self, error: OSError) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self._is_lost:
            self._is_lost = True
            self._complain(f"{self._name}: {error.strerror or error}; records for it are lost until it is back")

    def found(self) -> None:
        self._is_lost = False


class Datagrams:
    """Sends each record as one datagram. Processes may share it over a fork."""

    def __init__(self, remote: Remote, peer: Peer) -> None:
        self._remote = remote
        self._peer = peer
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> None:
        if not self._peer.may_be_tried:
            return
        # A second attempt: the first one's error may be about an earlier datagram, or a socket that was replaced.
        error = self._attempt(data) and self._attempt(data)
        if error:
            self._peer.lost(error)
        else:
            self._peer.found()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _attempt(self, data: bytes) -> OSError | None:
        try:
            if self._socket is None:
                self._socket = self._remote.connected()
            self._socket.send(data)
        except BlockingIOError:
            return None  # the peer is slow: this one is dropped
        except OSError as error:
            self.close()
            return error
        return None


class Stream:
    """Sends records one after another over a connection of this process's own."""

    def __init__(self, remote: Remote, peer: Peer) -> None:
        self._remote = remote
        self._peer = peer
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._socket: socket.socket | None = None
        self._is_connecting = False
        self._pending: deque[bytes] = deque()
        self._sent_of_first = 0
        self._sending = allocate_lock()

    def send(self, data: bytes) -> None:
        if self._pid != os.getpid():
            # After a fork the connection, and what waits for it, is the parent's.
            if self._socket is not None:
                self._socket.close()
            self._begin()
        # Counted by the queue itself: a number beside it would need a lock.
        if len(self._pending) < MAX_PENDING_RECORDS:
            self._pending.append(data)
        self._flush(CONNECT_WAIT_MS)

    def close(self) -> None:
        """Send what still waits, if that takes a second at most, and end the connection."""
        if self._pid == os.getpid() and self._pending:
            self._flush(CLOSE_WAIT_MS)
        self._disconnect()

    def _flush(self, wait_ms: int) -> None:
        """Send until nothing waits or the peer takes no more.

        Whoever finds the lock taken, a signal handler or another thread, leaves its record to the holder, who looks
        again after giving it back.
        """
        while self._pending and self._sending.acquire(blocking=False):
            try:
                is_open = self._send_pending(wait_ms)
            except OSError as error:
                self._disconnect()
                self._peer.lost(error)
                is_open = False
            finally:
                self._sending.release()
            if not is_open:
                return

    def _send_pending(self, wait_ms: int) -> bool:
        """Send what waits; False where the peer is not there or takes no more for now.

        Raises:
            OSError: the connection is lost, or cannot be made.
        """
        connection = self._connection(wait_ms)
        if connection is None:
            return False
        while self._pending:
            first = self._pending[0]
            try:
                self._sent_of_first += connection.send(first[self._sent_of_first :])
            except BlockingIOError:
                return False
            if self._sent_of_first == len(first):
                self._pending.popleft()
                self._sent_of_first = 0
        return True

    def _connection(self, wait_ms: int) -> socket.socket | None:
        if self._socket is not None and not self._is_connecting and has_ended(self._socket):
            self._disconnect()
        if self._socket is None:
            if not self._peer.may_be_tried:
                return None
            self._socket = self._remote.connected()
            self._is_connecting = True
        if self._is_connecting:
            waiting = original("select", "poll")()
            waiting.register(self._socket, select.POLLOUT)
            if not waiting.poll(wait_ms):
                return None
            if failure := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(failure, os.strerror(failure))
            self._is_connecting = False
            self._peer.found()
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._is_connecting = False
        self._sent_of_first = 0


def has_ended(connection: socket.socket) -> bool:
    """Whether the peer has closed: what is sent then is lost without an error."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def sender(remote: Remote, peer: Peer) -> Datagrams | Stream:
    return Stream(remote, peer) if remote.is_stream else Datagrams(remote, peer)
