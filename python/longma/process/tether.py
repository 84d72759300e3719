"""The tether: a socket pair between the master and one worker.

Reports go up through it. Its end tells each side that the other is gone: the worker gets SIGIO, and so needs no
thread, timer or poll to notice that its master died. Each worker has a pair of its own because the kernel sends
SIGIO to one owner per open socket.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import signal
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

END = b"\0"
READ_BYTES = 65536
MAX_TEXT_CHARACTERS = 16384


class Report(Enum):
    """What a worker tells its master."""

    READY = "ready"
    FAILED = "failed"  # it cannot serve; the text says why
    RECYCLE = "recycle"  # it asks to be replaced, and serves on until it is told to stop; the text says why
    CHANGED = "changed"  # a watched file is not what it was when the worker loaded it; the text is its path


class Message(NamedTuple):
    """One report, with the words that belong to it."""

    report: Report
    text: str = ""


class Tether:
    """The pair, before the fork; then the master keeps one end and the worker the other."""

    def __init__(self) -> None:
        self._upper, self._lower = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)

    def master_end(self) -> MasterEnd:
        """Let go of the worker's end, in the master."""
        self._lower.close()
        return MasterEnd(self._upper)

    def worker_end(self) -> WorkerEnd:
        """Let go of the master's end, in the worker."""
        self._upper.close()
        return WorkerEnd(self._lower)

    def close(self) -> None:
        self._upper.close()
        self._lower.close()


class MasterEnd:
    """Where the master reads what one worker reports."""

    def __init__(self, upper: _socket.socket) -> None:
        self._socket = upper
        self._socket.setblocking(False)
        self._received = b""
        self.ended = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> list[Message]:
        """Return the reports that have come whole; `ended` is true once there will be no more."""
        while not self.ended:
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            self._received += data
            self.ended = not data
        *whole, self._received = self._received.split(END)
        return [decode(message) for message in whole]

    def close(self) -> None:
        self._socket.close()


class WorkerEnd:
    """Where a worker reports, and by which it learns that its master is gone."""

    def __init__(self, lower: _socket.socket) -> None:
        self._socket = lower

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, report: Report, text: str = "") -> bool:
        """Report to the master; false when there is none any more."""
        try:
            self._socket.sendall(encode(Message(report, text)))
        except OSError:
            return False
        return True

    def watch(self, on_end: Callable[[], None]) -> None:
        """Call `on_end` on the main thread when the master is gone, at once when it already is.

        It may be called more than once.
        """

        def check(_signal: int = 0, _frame: FrameType | None = None) -> None:
            if self._ended():
                on_end()

        signal.signal(signal.SIGIO, check)
        fcntl.fcntl(self._socket, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(self._socket, fcntl.F_GETFL)
        fcntl.fcntl(self._socket, fcntl.F_SETFL, flags | os.O_ASYNC)
        check()

    def _ended(self) -> bool:
        """Whether the master's end is closed. SIGIO comes for other reasons too, so it is asked each time."""
        try:
            return self._socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        self._socket.close()


def encode(message: Message) -> bytes:
    """The message on the wire: the report, a space, the text, a NUL; a long text loses its middle."""
    text = message.text.replace("\0", "\\0")
    if len(text) > MAX_TEXT_CHARACTERS:
        half = MAX_TEXT_CHARACTERS // 2
        text = f"{text[:half]}\n...\n{text[-half:]}"
    return f"{message.report.value} {text}".encode("utf-8", "backslashreplace") + END


def decode(data: bytes) -> Message:
    report, _, text = data.decode().partition(" ")
    return Message(Report(report), text)
