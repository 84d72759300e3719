"""Keeping new connections off a listening TCP socket while those in its queue are still served (Linux)."""

from __future__ import annotations

import _socket
import struct
from array import array
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h
_FLAGS_OFFSET: Final = 13  # of the TCP header (RFC 9293 §3.1), with which what the filter sees begins
_SYN: Final = 0x02
_ACK: Final = 0x10
_ALL: Final = 0xFFFFFFFF
# (operation, jump where true, jump where false, operand) of the classic packet filter (linux/filter.h).
_PROGRAM: Final = (
    (0x30, 0, 0, _FLAGS_OFFSET),  # load that byte
    (0x54, 0, 0, _SYN | _ACK),  # leave these bits of it
    (0x15, 0, 1, _SYN),  # a SYN without ACK asks for a new connection:
    (0x06, 0, 0, 0),  # keep nothing of the packet
    (0x06, 0, 0, _ALL),  # keep all of it
)


def drop_first_packets(sock: _socket.socket) -> None:
    """Drop the packets that ask the socket for new connections, from now on, in every process that has it.

    Raises:
        OSError: the system has no such filter.
    """
    program = array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in _PROGRAM))
    address, _ = program.buffer_info()
    sock.setsockopt(_socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_PROGRAM), address))
