"""The paths of Unix sockets: made with the mode and the owner of the settings, replaced when nobody listens there."""

from __future__ import annotations

import _socket
import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longma.config.settings import Settings


class NotGiven(OSError):
    """The path was made, but its owner could not be changed; it is gone again."""


def bind_path(sock: _socket.socket, path: str, settings: Settings) -> None:
    """Bind to a path; a socket that nobody listens on any more is replaced, anything else is left alone.

    Raises:
        OSError: the path is taken, or cannot be made.
    """
    if identity(path) is not None:
        remove_stale(path)
    # The mode of a socket is 0777 less the process's mask. The application's own mask is none of our business, so it
    # is put back at once; the master has no other thread that could make a file meanwhile.
    before = os.umask(settings.umask)
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    if os.geteuid() == 0 and (settings.user, settings.group) != (0, 0):
        try:
            os.chown(path, settings.user, settings.group, follow_symlinks=False)
        except OSError as error:
            os.unlink(path)
            owner = f"user {settings.user} and group {settings.group}"
            raise NotGiven(error.errno, f"cannot be given to {owner}: {error.strerror}") from error


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another one that has its path later; None where there is none."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def remove_stale(path: str, *, for_good: bool = True) -> None:
    """Remove a socket that nobody listens on any more; unless it is for good, only find out whether it is one.

    Raises:
        OSError: somebody listens (EADDRINUSE), or it is no socket (EEXIST).
    """
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    probe.setblocking(False)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        if for_good:
            os.unlink(path)
        return
    except FileNotFoundError:
        return  # whoever made it has just taken it away
    except BlockingIOError:
        pass  # its backlog is full, so somebody listens
    finally:
        probe.close()
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
