"""Headers of the PROXY protocol, as a proxy writes them."""

from __future__ import annotations

import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPECIFIED, TCP4, UDP4, TCP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x31
TLS = 0x20  # the type of the addition that tells of TLS


def line(source: str = "192.0.2.60", port: int = 51234, destination: str = "203.0.113.9", to: int = 443) -> bytes:
    """A header of version 1."""
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {port} {to}\r\n".encode()


def addition(kind: int, value: bytes) -> bytes:
    """A TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def binary(command: int, family: int, block: bytes) -> bytes:
    """A header of version 2, whatever it says."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


def addresses(source: str, port: int, destination: str, to: int, *additions: bytes) -> bytes:
    """A header of version 2 of a TCP connection."""
    kind, family = (socket.AF_INET6, TCP6) if ":" in source else (socket.AF_INET, TCP4)
    octets = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination)
    return binary(PROXY, family, octets + struct.pack("!HH", port, to) + b"".join(additions))
