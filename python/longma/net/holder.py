"""Who listens where we cannot: for the message to an operator whose address is taken."""

from __future__ import annotations

import _socket
import os
import struct
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LISTENING: Final = "0A"  # of the states in /proc/net/tcp
_UNIX_LISTENS: Final = 0x10000  # of the flags in /proc/net/unix


class Holder(NamedTuple):
    """A process that listens; only its user is known where we may not look into the process."""

    pid: int
    words: str


def holder_of_port(port: int) -> Holder | None:
    """Return who listens on a TCP port, whatever the address; None where that cannot be found out."""
    sockets = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _lines(table):
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets[fields[9]] = int(fields[7])
    return _holder(sockets)


def holder_of_path(path: str) -> Holder | None:
    """Return who listens on the path of a Unix socket; of an abstract one with "@" in the place of its NUL."""
    sockets = {
        fields[6]: None
        for fields in _lines("/proc/net/unix")
        if int(fields[3], 16) & _UNIX_LISTENS and fields[7:] == [path]
    }
    return _holder(sockets)


def holder_of_socket(path: str) -> Holder | None:
    """Return who listens behind a path, asked of the socket itself: it may have been moved since it was made.

    None where it takes no client, or whoever listens is none of the processes that we see.
    """
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    client.setblocking(False)
    try:
        client.connect(path)
        pid = peer_of(client)[0]
    except OSError:
        return None
    finally:
        client.close()
    return Holder(pid, f"process {pid} ({_name(pid)})") if pid else None


def peer_of(client: _socket.socket) -> tuple[int, int]:
    """Return process and user at the other end of a Unix socket (unix(7), SO_PEERCRED); 0 and -1 where unknown.

    Of whom we connected to it is the process that called listen().
    """
    if sys.platform != "linux":
        return 0, -1
    pid, uid, _ = struct.unpack("iii", client.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12))
    return pid, uid


def _lines(table: str) -> Iterator[list[str]]:
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as lines:
            next(lines, None)
            for line in lines:
                yield line.rstrip("\n").split(maxsplit=11 if "tcp" in table else 7)
    except OSError:
        return


def _holder(sockets: Mapping[str, int | None]) -> Holder | None:
    """Return whose these sockets, by inode, are; of a server's processes the one that began, its master."""
    if not sockets:
        return None
    pids = sorted(_processes(sockets))
    if pids:
        return Holder(pids[0], f"process {pids[0]} ({_name(pids[0])})")
    uid = next(iter(sockets.values()))
    return None if uid is None else Holder(0, f"a process of user {_user(uid)}")


def _processes(sockets: Mapping[str, int | None]) -> Iterator[int]:
    wanted = {f"socket:[{inode}]" for inode in sockets}
    for name in os.listdir("/proc"):
        if name.isdecimal() and not wanted.isdisjoint(_open_files(name)):
            yield int(name)


def _open_files(pid: str) -> Iterator[str]:
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            yield os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return  # somebody else's, or gone meanwhile


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="backslashreplace") as comm:
            return comm.read().strip()
    except OSError:
        return "gone by now"


def _user(uid: int) -> str:
    import pwd  # looks users up in files and, where the system says so, over the network

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
