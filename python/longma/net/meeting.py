"""A Unix socket at a path of its own: taken from nobody who lives, moved, and given up only while it still is ours.

Not one that workers accept from: only the process that made it listens.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from longma.errors import AddressError
from longma.net.failures import cure_of_path
from longma.net.paths import identity, remove_stale
from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKLOG: Final = 64
_DIRECTORY_MODE: Final = 0o700
# How long another server that starts in the same directory is waited for.
_TURN_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.01


class MeetingPoint:
    """A listening, non-blocking Unix socket, which is closed by an exec.

    Attributes:
        path: where clients find it, absolute.
    """

    def __init__(self, path: str, mode: int) -> None:
        """Listen at the path.

        A directory that is missing is made, for its owner alone.

        Args:
            path: at most 107 bytes.
            mode: of the socket; it never has another one.

        Raises:
            AddressError: somebody listens there, something that is no socket is there, or it cannot be made.
        """
        self.path = os.path.abspath(path)
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            os.makedirs(os.path.dirname(self.path), _DIRECTORY_MODE, exist_ok=True)
            with _turn(self.path):
                _make_room(self.path)
                self._bind(mode)
        except OSError as error:
            self._socket.close()
            raise _explained(self.path, error) from error
        self._made = identity(self.path)

    def _bind(self, mode: int) -> None:
        # The mode of a socket is 0777 less the process's mask; set later it would be another one for a moment. The
        # master has no other thread that could make a file meanwhile.
        before = os.umask(0o777 & ~mode)
        try:
            self._socket.bind(self.path)
        finally:
            os.umask(before)
        try:
            # A directory with an access control list of its own passes the mask over.
            os.chmod(self.path, mode)
            self._socket.listen(_BACKLOG)
        except OSError:
            os.unlink(self.path)
            raise

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def accept(self) -> _socket.socket | None:
        """Return the next client, non-blocking; None when nobody waits.

        Raises:
            OSError: there are too many descriptors.
        """
        try:
            descriptor, _ = self._socket._accept()  # type: ignore[attr-defined]
        except (BlockingIOError, ConnectionAbortedError):
            return None
        client = _socket.socket(fileno=descriptor)
        client.setblocking(False)
        return client

    def is_found(self) -> bool:
        """Whether the path still leads here: somebody may have removed or replaced it."""
        return identity(self.path) == self._made

    def permit(self, mode: int) -> None:
        """Give it another mode.

        Raises:
            AddressError: the system does not let us.
        """
        try:
            os.chmod(self.path, mode)
        except OSError as error:
            raise _explained(self.path, error) from error

    def move(self, path: str) -> None:
        """Be found at another path; clients stay.

        Raises:
            AddressError: as the constructor does; then it stays where it is.
        """
        try:
            with _turn(path):
                _make_room(path)
                os.rename(self.path, path)
        except OSError as error:
            raise _explained(path, error) from error
        self.path = path

    def close(self) -> None:
        """Stop listening, and leave the path alone: for a child that was forked."""
        self._socket.close()

    def give_up(self) -> None:
        """Stop listening, and remove the path if it still leads here."""
        if self.is_found():
            # The directory may have become read-only since. What stays behind is replaced by the next start.
            with suppress(OSError):
                os.unlink(self.path)
        self._socket.close()


def check(path: str) -> None:
    """Find out whether nobody listens at a path and a socket could be made there; what is there stays.

    Raises:
        AddressError: not so.
    """
    try:
        if identity(path) is not None:
            remove_stale(path, for_good=False)
        folder = os.path.dirname(path)
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _explained(path, error) from error


def _make_room(path: str) -> None:
    if identity(path) is not None:
        remove_stale(path)


@contextmanager
def _turn(path: str) -> Iterator[None]:
    """Hold off other servers that are about to look whether somebody listens in this directory.

    Two that find the same stale socket would else remove it one after the other, and so the second one the first
    one's. It is for a moment only, so who holds it longer is no server of ours, and passed over.
    """
    try:
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a directory that may be written to and not be read
        yield
        return
    try:
        deadline = time.monotonic() + _TURN_SECONDS
        while time.monotonic() < deadline:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                original("time", "sleep")(_LOOK_SECONDS)
            except OSError:
                break  # a filesystem without locks
        yield
    finally:
        os.close(folder)


def _explained(path: str, error: OSError) -> AddressError:
    cure = ""
    if error.errno == errno.EADDRINUSE:
        from longma.net.holder import holder_of_socket

        # The socket itself knows better than the kernel's table, which has it by the path it was made at.
        holder = holder_of_socket(path)
        if holder is not None:
            who = "this server itself" if holder.pid == os.getpid() else holder.words
            cure = f"{who} listens there: choose another path" + ", or stop it" * (holder.pid != os.getpid())
    return AddressError(f"control_socket {path}", error.strerror or str(error), cure or cure_of_path(path, error))
