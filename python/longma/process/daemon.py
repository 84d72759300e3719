"""Leaving the terminal: the server becomes a daemon, and the command that started it says whether it could.

The process that the operator started stays until the daemon says that it has started, and ends with the status the
daemon gives. Until then the daemon writes to the operator's terminal too, so a mistake that is found after the fork is
seen, and a service manager that waits for the command to end waits for the server.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from longma.errors import OperatorError
from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

_UMASK: Final = 0o022
_OUTPUTS: Final = (1, 2)
_DIED: Final = 1  # the exit status when the daemon is gone and has said nothing
_INTERRUPTED: Final = 130
_READ_BYTES: Final = 64


class Started:
    """The daemon's way to tell the waiting command how it went. What is said after the first word is not heard."""

    def __init__(self, told: int, inherit_stdio: bool) -> None:
        self._told = told
        # What is there now is the operator's. What is there later may be a log that captures what is printed.
        self._given = {
            descriptor: _identity(descriptor) for descriptor in _OUTPUTS if not inherit_stdio or os.isatty(descriptor)
        }

    def tell(self) -> None:
        """Say that the server has started: the command ends with 0, and the daemon lets go of the terminal."""
        self._end(0)
        self.leave_terminal()

    def fail(self, status: int) -> None:
        """Say that it has not: the command ends with this status. What there is to read has been written by then."""
        self._end(status)

    def leave_terminal(self) -> None:
        """Let go of the terminal in this process alone; for a worker that is forked before `tell`."""
        for descriptor, given in self._given.items():
            if _identity(descriptor) == given:
                _null(descriptor)
        self._close()

    def _end(self, status: int) -> None:
        if self._told >= 0:
            _flush()
            # The command may have been killed meanwhile; that does not make the server stop.
            with suppress(OSError):
                os.write(self._told, b"%d\n" % status)
            self._close()

    def _close(self) -> None:
        if self._told >= 0:
            os.close(self._told)
            self._told = -1


def daemonize(inherit_stdio: bool) -> Started:
    """Return in the daemon: a session of its own, no terminal, umask 022, standard input from /dev/null.

    The process that calls it never returns from here: it ends when the daemon has said how it went, or is gone.

    Args:
        inherit_stdio: Leave standard output and error where they lead, unless that is a terminal. Otherwise `tell`
            points them to /dev/null.

    Raises:
        OperatorError: the system has no room for another process.
    """
    _flush()
    heard, told = os.pipe()
    # An interrupt waits until the command knows which process it is to stop.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        child = os.fork()
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(heard)
        os.close(told)
        raise OperatorError(f"cannot become a daemon: {error.strerror}") from error
    if child:
        os.close(told)
        _wait_and_exit(heard, child, mask)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.close(heard)
    os.setsid()
    # The second fork: who leads a session can get a terminal by opening one, its children cannot.
    try:
        daemon = os.fork()
    except OSError as error:
        os.write(2, f"longma: error: cannot become a daemon: {error.strerror}\n".encode())
        os._exit(_DIED)
    if daemon:
        os._exit(0)
    os.write(told, b"%d\n" % os.getpid())
    os.umask(_UMASK)
    _null(0)
    return Started(told, inherit_stdio)


def _wait_and_exit(heard: int, child: int, mask: AbstractSet[int]) -> None:
    """In the process that the operator started: end as the daemon says."""
    # An interrupt that comes just before the wait does not end it: the byte that Python writes for it does.
    interrupted, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    lines = _lines(heard, interrupted)
    # First comes the daemon's number, then its answer; nothing more comes when it is gone.
    daemon = next(lines, None)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.waitpid(child, 0)
        answer = next(lines, None)
    except KeyboardInterrupt:
        # The daemon is in a session of its own, where the terminal's interrupt does not reach it.
        if daemon is not None:
            with suppress(ProcessLookupError):
                os.kill(daemon, signal.SIGTERM)
        os._exit(_INTERRUPTED)
    if answer is None:
        os.write(2, b"longma: error: the daemon ended before it had started\n")
    os._exit(_DIED if answer is None else answer)


def _lines(heard: int, interrupted: int) -> Iterator[int]:
    """Yield the numbers that come through the pipe, one a line, until nobody has its other end."""
    import select

    # A configuration file may have patched it for greenlets.
    wait = original(select.__name__, "select")
    pending = b""
    while True:
        ready, _, _ = wait([heard, interrupted], [], [])
        if interrupted in ready:
            os.read(interrupted, _READ_BYTES)
        if heard not in ready:
            continue
        data = os.read(heard, _READ_BYTES)
        if not data:
            return
        *whole, pending = (pending + data).split(b"\n")
        yield from map(int, whole)


def _null(descriptor: int) -> None:
    """Point a standard descriptor to /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    if null != descriptor:
        os.close(null)


def _identity(descriptor: int) -> tuple[int, int]:
    """Return what tells the file that a descriptor leads to from others."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _flush() -> None:
    """Write what is still in our buffers: after a fork it would be written twice, after the end not at all."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
