"""Files and standard streams that logs are written to, and the error of a log that cannot be opened."""

from __future__ import annotations

import errno
import fcntl
import os
import posix
import select
import stat
import sys
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from longma.errors import OperatorError
from longma.unpatched import original

STDOUT, STDERR = 1, 2
STANDARD_STREAM = "-"
STANDARD_PATHS = MappingProxyType(
    {"/dev/stdout": STDOUT, "/dev/stderr": STDERR, "/proc/self/fd/1": STDOUT, "/proc/self/fd/2": STDERR}
)
FILE_MODE = 0o644
UNCHANGED = -1
CLOSED = -1
ROOT = 0
# How long a record waits for a full pipe or terminal before it is dropped: a log must never stop the server.
WRITE_TIMEOUT_MS = 1000


class LogFileError(OperatorError):
    """A log file cannot be opened for appending."""

    def __init__(self, setting: str, path: str, reason: str) -> None:
        self.setting = setting
        self.path = path
        self.reason = reason
        super().__init__(f"{setting}: cannot write to {path}: {reason}")


class Owner(NamedTuple):
    """Whom log files belong to, so that workers which have given up root can open them again."""

    user: int
    group: int

    def take(self, descriptor: int, path: str) -> None:
        """Give the file to this owner, where root has opened it for somebody else; a device stays whose it is.

        Only what bears this name itself is given away: whoever can write to the folder could put a link there, by
        which they would be given any file of the machine.
        """
        if os.geteuid() != ROOT or (self.user, self.group) == (ROOT, ROOT):
            return
        opened, named = os.fstat(descriptor), os.lstat(path)
        is_itself = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino) and opened.st_nlink == 1
        if stat.S_ISREG(opened.st_mode) and is_itself:
            os.fchown(descriptor, self.user or UNCHANGED, self.group or UNCHANGED)


class Target:
    """What a log is written to: a file, which can be opened again, or a standard stream.

    Attributes:
        descriptor: Stays the same number until the end: `wsgi.errors` and fault handlers hold it.
        lost: How many records could not be written since the last one that could.
    """

    def __init__(self, descriptor: int, setting: str = "", path: str = "", owner: Owner | None = None) -> None:
        self.descriptor = descriptor
        self._setting = setting
        self._path = path
        self._owner = owner
        self._captured: tuple[int, ...] = ()
        self._is_cut = False
        self.lost = 0

    def write(self, data: bytes) -> bool:
        """Write a record, and return whether that went well. Where nobody reads a pipe, only the first one waits."""
        if self.descriptor == CLOSED:
            return False
        if self._is_cut:
            data = b"\n" + data
        patience_ms = 0 if self.lost else WRITE_TIMEOUT_MS
        # A standard stream is shared with others, and so waits for its reader when it is written to.
        is_ready = bool(self._path) or writable(self.descriptor, patience_ms)
        left = write_whole(self.descriptor, data, patience_ms) if is_ready else len(data)
        if left:
            self._is_cut = self._is_cut or left < len(data)
            self.lost += 1
        else:
            self._is_cut = False
            self.lost = 0
        return not left

    def capture(self) -> None:
        """Have what this process writes to standard output and standard error go here as well, if this is a file."""
        if self._path:
            self._captured = (STDOUT, STDERR)
            # A process may have been started without them, or have closed them.
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
                sys.stdout.flush()
                # Else what is printed is seen when the worker ends, or never.
                sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
            # What is no file may be open so that nobody waits for its reader, which print does not expect.
            os.set_blocking(self.descriptor, True)
            self._point_captured()

    def reopen(self) -> None:
        """Open the file by its name again, since the one that is open may have been renamed.

        Raises:
            LogFileError: that cannot be done; the file that was open stays.
        """
        if not self._path:
            return
        opened = open_for_appending(self._setting, self._path, self._owner)
        if self._captured:
            os.set_blocking(opened, True)
        os.dup2(opened, self.descriptor, inheritable=False)
        os.close(opened)
        self._point_captured()

    def close(self) -> None:
        if self._path:
            os.close(self.descriptor)
            # Whoever still writes here must not reach what gets the number next.
            self.descriptor, self._path = CLOSED, ""

    def _point_captured(self) -> None:
        for descriptor in self._captured:
            os.dup2(self.descriptor, descriptor)


def open_target(setting: str, path: str, standard: int, owner: Owner | None = None) -> Target:
    """Return the target that a setting names; `standard` is the descriptor that "-" stands for.

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    if path == STANDARD_STREAM:
        return Target(standard)
    # The application may go to another directory before the file is opened again.
    path = os.path.abspath(path)
    return Target(open_for_appending(setting, path, owner), setting, path, owner)


def open_for_appending(setting: str, path: str, owner: Owner | None = None) -> int:
    """Open a log file, made if need be, and return its descriptor.

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    try:
        descriptor = opened_for_appending(path)
    except OSError as error:
        raise LogFileError(setting, path, error.strerror or str(error)) from error
    if owner is not None:
        try:
            owner.take(descriptor, path)
        except OSError as error:
            os.close(descriptor)
            raise LogFileError(setting, path, f"cannot give it to its user: {error.strerror}") from error
    return descriptor


def opened_for_appending(path: str) -> int:
    """Open a file, or what else has this path, so that neither the opening nor the writing waits for a reader.

    Raises:
        OSError: that cannot be done.
    """
    flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        # Opened like this a named pipe counts us as its reader, and so takes what is written before another one comes.
        return os.open(path, flags | (os.O_RDWR if is_pipe(path) else os.O_WRONLY), FILE_MODE)
    except OSError as error:
        if error.errno != errno.ENXIO or path not in STANDARD_PATHS:
            raise
    # A socket, as systemd gives to its services, cannot be opened by a path.
    return fcntl.fcntl(STANDARD_PATHS[path], fcntl.F_DUPFD_CLOEXEC, 0)


def is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def write_whole(descriptor: int, data: bytes, patience_ms: int = WRITE_TIMEOUT_MS) -> int:
    """Write the data by one call, so that threads and processes that share a log never mix their records.

    Only where the system takes a part (a full pipe) do more calls follow. There is no lock on purpose: a signal handler
    that logs, or a fork while another thread does, would find it held.

    Args:
        descriptor: where to write.
        data: a whole record.
        patience_ms: how long to wait for room, where the descriptor does not wait by itself.

    Returns:
        How many bytes at its end could not be written, and are lost.
    """
    while data:
        try:
            data = data[posix.write(descriptor, data) :]
        except BlockingIOError:
            if not writable(descriptor, patience_ms):
                break
        except OSError:
            break
    return len(data)


def writable(descriptor: int, patience_ms: int) -> bool:
    """Wait until the descriptor takes data."""
    waiting = original("select", "poll")()
    waiting.register(descriptor, select.POLLOUT)
    return bool(waiting.poll(patience_ms))
