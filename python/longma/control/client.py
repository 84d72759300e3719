"""The other end of the control socket: gives a command and waits for what is answered."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from longma.control.messages import LENGTH, Malformed, Refused, read, write
from longma.errors import LongmaError

if TYPE_CHECKING:
    from longma.control.messages import Data

# A reload that reads slow settings keeps the master busy, and everybody waits for its turn.
ANSWER_SECONDS: Final = 30.0
# How long a server is asked again whose backlog is full.
CONNECT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.05
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


class Unreachable(LongmaError):
    """There is no server behind the path, or it does not answer."""


class ControlClient:
    """A connection, made when it is needed.

    Args:
        path: where the server listens.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket: socket.socket | None = None
        self._number = 0

    def connect(self) -> None:
        """Connect, unless that is done and the server is still there.

        Raises:
            Unreachable: nobody listens there.
        """
        if self._socket is not None and not self._has_ended(self._socket):
            return
        self.close()
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(ANSWER_SECONDS)
            try:
                sock.connect(self.path)
            except OSError as error:
                sock.close()
                if not isinstance(error, BlockingIOError) or time.monotonic() > deadline:
                    raise Unreachable(f"cannot connect to {self.path}: {error.strerror or error}") from error
                time.sleep(LOOK_SECONDS)
            else:
                self._socket = sock
                return

    def ask(self, command: str) -> Data:
        """Give a command, and return what is answered.

        Raises:
            Refused: the server does not obey; the words are its own.
            Unreachable: it does not answer.
        """
        self.connect()
        assert self._socket is not None
        self._number += 1
        try:
            self._socket.sendall(write({"id": self._number, "command": command, "args": []}))
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length > MAX_ANSWER_BYTES:
                raise Malformed
            answer = read(self._exactly(length))
        except (OSError, Malformed) as error:
            self.close()
            why = "what comes is no answer" if isinstance(error, Malformed) else error.strerror or str(error)
            raise Unreachable(f"{self.path}: {why}") from error
        if answer.get("status") != "ok":
            raise Refused(str(answer.get("error")))
        data = answer.get("data")
        return data if isinstance(data, dict) else {}

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exactly(self, size: int) -> bytes:
        assert self._socket is not None
        data = bytearray()
        while len(data) < size:
            block = self._socket.recv(min(size - len(data), 65536))
            if not block:
                raise ConnectionResetError(0, "the server has ended the connection")
            data += block
        return bytes(data)

    @staticmethod
    def _has_ended(sock: socket.socket) -> bool:
        """Whether the server has ended the connection meanwhile, as it does when nothing is asked for long."""
        sock.setblocking(False)
        try:
            return sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            sock.settimeout(ANSWER_SECONDS)
