"""One client of the control socket: never waited for, bounded in what it may send, leave unread, and in time."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from longma.control.messages import Inbox, Malformed, Request, read_request
from longma.net.holder import peer_of

if TYPE_CHECKING:
    import _socket

# Between two requests, as with Gunicorn.
IDLE_SECONDS: Final = 300.0
# For a request that has begun, and for an answer that is not read.
TRANSFER_SECONDS: Final = 10.0
READ_BYTES: Final = 65536


class Visitor:
    """A connection. It is read from only while everything it was answered is sent, so it holds one of each at most.

    Attributes:
        pid: the process at its other end, 0 where that is unknown.
        uid: the user of it, -1 where that is unknown.
        at: the moment something last came from it, or went to it.
        is_over: whether it is to be closed.
    """

    def __init__(self, client: _socket.socket, now: float) -> None:
        self._socket = client
        self._inbox = Inbox()
        self._outgoing = b""
        self.pid, self.uid = peer_of(client)
        self.at = now
        self.is_over = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    @property
    def events(self) -> int:
        """What it is to be polled for."""
        return select.POLLOUT if self._outgoing else select.POLLIN

    @property
    def deadline(self) -> float:
        """When it has had its time."""
        is_waiting = self._inbox.is_empty and not self._outgoing
        return self.at + (IDLE_SECONDS if is_waiting else TRANSFER_SECONDS)

    @property
    def has_request(self) -> bool:
        """Whether there is a request to take, though nothing more comes."""
        return not self._outgoing and not self.is_over and self._inbox.is_whole

    def attend(self, now: float) -> None:
        """Send or receive what can be at once."""
        if self._outgoing:
            self._send(now)
        elif not self._inbox.is_whole:
            self._receive(now)

    def take(self, now: float) -> Request | None:
        """Return the next request that has come whole, once the answer to the one before is sent."""
        if not self.has_request:
            return None
        try:
            body = self._inbox.take()
            request = None if body is None else read_request(body)
        except Malformed:
            self.is_over = True
            return None
        if request is not None:
            self.at = now
        return request

    def answer(self, message: bytes, now: float) -> None:
        """Send a message, now as far as that goes at once."""
        self._outgoing = message
        self.at = now
        self._send(now)

    def close(self) -> None:
        """Let it go."""
        self._socket.close()

    def _receive(self, now: float) -> None:
        try:
            data = self._socket.recv(min(READ_BYTES, self._inbox.room))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_over = True
            return
        if self._inbox.is_empty:
            self.at = now  # a request has its time as a whole, however it comes
        self._inbox.put(data)

    def _send(self, now: float) -> None:
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            return
        except OSError:
            self.is_over = True
            return
        self._outgoing = self._outgoing[sent:]
        if not self._outgoing:
            self.at = now
