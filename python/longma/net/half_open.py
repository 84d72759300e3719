"""Connections that have been begun and cannot be accepted yet, which closing the listener would reset.

To their clients they are open: the kernel keeps them until the first bytes come (TCP_DEFER_ACCEPT), or until the last
packet of the handshake has. How many there are is told by sock_diag(7); who may not ask is told that there are none.
"""

from __future__ import annotations

import _socket
import struct
import sys
from typing import TYPE_CHECKING, Final

from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.clock import Clock
    from longma.net.listeners import Listener

_SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG (linux/netlink.h)
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY (linux/sock_diag.h)
_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ENDS: Final = (2, 3)  # NLMSG_ERROR, NLMSG_DONE
_HEADER: Final = "=IHHII"
_SYN_RECV: Final = 1 << 3
_ADDRESSES_BYTES: Final = 44  # the rest of struct inet_diag_sockid (linux/inet_diag.h), of which only the port counts
_READ_BYTES: Final = 65536
_ANSWER_SECONDS: Final = 0.2
# The kernel asks again a second after a connection was begun, and lets it in when that is answered.
_PATIENCE_SECONDS: Final = 1.5
_LOOK_SECONDS: Final = 0.01


def wait(listeners: Iterable[Listener], clock: Clock) -> None:
    """Wait until nobody has begun to connect any more; to be done where newcomers are refused already."""
    ports = {port for listener in listeners if (port := _port(listener.fileno()))}
    deadline = clock.now() + _PATIENCE_SECONDS
    while ports and count(ports) and clock.now() < deadline:
        original("time", "sleep")(_LOOK_SECONDS)


def count(ports: Iterable[int]) -> int:
    """How many connections have been begun to these ports of TCP, on any address."""
    if sys.platform != "linux":
        return 0
    try:
        return sum(_ask(family, port) for port in ports for family in (_socket.AF_INET, _socket.AF_INET6))
    except OSError:
        return 0


def _port(descriptor: int) -> int:
    sock = _socket.socket(fileno=descriptor)
    try:
        return 0 if sock.family == _socket.AF_UNIX else int(sock.getsockname()[1])
    finally:
        sock.detach()


def _ask(family: int, port: int) -> int:
    """Count the kernel's messages, one a connection, until it says that there are no more."""
    query = struct.pack("=BBBBI", family, _socket.IPPROTO_TCP, 0, 0, _SYN_RECV) + struct.pack("!H", port)
    query += bytes(2 + _ADDRESSES_BYTES)
    header = struct.pack(_HEADER, struct.calcsize(_HEADER) + len(query), _BY_FAMILY, _DUMP, 1, 0)
    sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _SOCK_DIAG)
    found = 0
    try:
        sock.settimeout(_ANSWER_SECONDS)
        sock.send(header + query)
        while True:
            data = sock.recv(_READ_BYTES)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind in _ENDS:
                    return found
                found += 1
                data = data[(length + 3) & ~3 :]
    finally:
        sock.close()
