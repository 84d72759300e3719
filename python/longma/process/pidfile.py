"""The file that tells the operator's tools which process is the master."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Final

from longma.errors import OperatorError

_MODE: Final = 0o644
_READ_BYTES: Final = 64
_MAX_PID: Final = 2**31 - 1


class Pidfile:
    """A file that holds one number.

    Attributes:
        path: Where the file is, absolute.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._pid = 0

    def create(self, pid: int) -> None:
        """Write the file. One that holds our own number, that of a dead process or no number at all is replaced.

        Raises:
            OperatorError: it holds the number of another process that is alive, or it cannot be written.
        """
        self._write(pid, for_good=True)
        self._pid = pid

    def check(self, pid: int) -> None:
        """Find out whether `create` would do, and leave what is there as it is.

        Raises:
            OperatorError: as `create` does.
        """
        self._write(pid, for_good=False)

    def _write(self, pid: int, *, for_good: bool) -> None:
        found = recorded(self.path)
        if found is not None and found not in (pid, os.getpid()) and is_alive(found):
            raise OperatorError(
                f"pidfile {self.path}: process {found}{_name(found)} is running and has it; stop that one, choose "
                "another file with --pid, or remove the file if that process is no server of yours"
            )
        try:
            _replace(self.path, pid, for_good=for_good)
        except OSError as error:
            raise OperatorError(f"pidfile {self.path}: {error.strerror}; {_cure(self.path, error)}") from error

    def rename(self, path: str) -> None:
        """Write the number to another path, then remove this one. When that fails, this one stays.

        Raises:
            OperatorError: as `create` does.
        """
        new = Pidfile(path)
        new.create(self._pid)
        if new.path != self.path:
            self.unlink()
        self.path = new.path

    def unlink(self) -> None:
        """Remove the file if it still holds the number we wrote; another server's is left alone."""
        if self._pid and recorded(self.path) == self._pid:
            # The directory may have become read-only since. What stays behind names a dead process, and is replaced.
            with suppress(OSError):
                os.unlink(self.path)


def recorded(path: str) -> int | None:
    """Return the number of the process that a pidfile names; None where there is no file or no such number in it."""
    try:
        # Without O_NONBLOCK a FIFO in its place would hold us up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _READ_BYTES).strip()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # To kill(2), 0 and negative numbers mean groups of processes, which are alive whenever we are.
    pid = int(text) if text.isdigit() else 0
    return pid if 0 < pid <= _MAX_PID else None


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whoever's it is. One that only waits for its parent to notice is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            return stat.read(1024).rpartition(b")")[2].split()[:1] != [b"Z"]
    except OSError:
        return True  # a system without /proc, or one that hides the processes of others


def _replace(path: str, pid: int, *, for_good: bool) -> None:
    """Put a whole new file in the place of the old one: nobody ever reads an empty or a half-written one.

    Unless it is for good everything is done but the last step.
    """
    draft = f"{path}.{os.getpid()}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft)
    # O_EXCL: in a directory that others can write to, a link of that name must not lead us elsewhere.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        try:
            os.fchmod(descriptor, _MODE)
            os.write(descriptor, b"%d\n" % pid)
        finally:
            os.close(descriptor)
        if for_good:
            os.rename(draft, path)
        elif os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        else:
            os.unlink(draft)
    except OSError:
        with suppress(OSError):
            os.unlink(draft)
        raise


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="backslashreplace") as comm:
            return f" ({comm.read().strip()})"
    except OSError:
        return ""


def _cure(path: str, error: OSError) -> str:
    folder = os.path.dirname(path)
    if isinstance(error, FileNotFoundError):
        return f"create the directory {folder} first"
    if isinstance(error, IsADirectoryError):
        return "name a file in it instead"
    return f"longma must be able to write to {folder}, as the user who starts it"
