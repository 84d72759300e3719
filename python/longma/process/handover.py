"""The socket pair through which a busy worker's connections pass to an idle sibling (SCM_RIGHTS)."""

from __future__ import annotations

import _socket
from typing import NamedTuple

# Room for some hundred connections in passing; the kernel grants what net.core.wmem_max allows.
BUFFER_BYTES = 1 << 20


class Handover(NamedTuple):
    """One pair for all workers that listen on the same, made before any fork: whoever is idle receives."""

    receiver: _socket.socket
    sender: _socket.socket

    def filenos(self) -> tuple[int, int]:
        return self.receiver.fileno(), self.sender.fileno()

    def close(self) -> None:
        self.receiver.close()
        self.sender.close()


def open_handover() -> Handover:
    """Make the pair: packets keep their bounds, nothing blocks, nothing survives an exec."""
    receiver, sender = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    for end in (receiver, sender):
        end.setblocking(False)
        end.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, BUFFER_BYTES)
        end.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, BUFFER_BYTES)
    return Handover(receiver, sender)
