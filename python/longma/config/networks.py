"""Addresses and networks of peers that are trusted. `ipaddress` would do, at a quarter of a megabyte a process."""

from __future__ import annotations

import _socket
from typing import Final

from longma.config.option import Kind
from longma.config.parsers import show_list, shown, words

EVERYBODY: Final = "*"


def networks(value: object) -> tuple[str, ...]:
    """Return addresses, networks such as `10.0.0.0/8` and `*`, each checked; an empty string is nobody."""
    return tuple(item if item == EVERYBODY else _network(item) for item in words(value))


def _network(text: str) -> str:
    """Return an address as it was given, a network as ADDRESS/BITS."""
    address, slash, mask = text.partition("/")
    packed = _packed(address)
    if packed is None:
        raise ValueError(f"hold IP addresses, networks such as 10.0.0.0/8, or '*', not {shown(text)}")
    if not slash:
        return address
    width = len(packed) * 8
    bits = _bits(mask, width)
    if bits is None:
        raise ValueError(f"hold networks whose mask is a number from 0 to {width}, not {shown(text)}")
    number = int.from_bytes(packed, "big")
    host_bits = number & ((1 << (width - bits)) - 1)
    if host_bits:
        family = _socket.AF_INET if width == 32 else _socket.AF_INET6
        cleared = _socket.inet_ntop(family, (number - host_bits).to_bytes(width // 8, "big"))
        raise ValueError(f"hold networks without host bits: write {cleared}/{bits} for {shown(text)}")
    return f"{address}/{bits}"


def _packed(address: str) -> bytes | None:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            return _socket.inet_pton(family, address)
        except (OSError, ValueError):
            continue
    return None


def _bits(mask: str, width: int) -> int | None:
    """Return the length of a prefix, given as a number or, for IPv4, as a mask such as 255.255.0.0."""
    if mask.isascii() and mask.isdecimal():
        return int(mask) if int(mask) <= width else None
    packed = _packed(mask) if width == 32 else None
    if packed is None or len(packed) != 4:
        return None
    ones = f"{int.from_bytes(packed, 'big'):032b}".rstrip("0")
    return len(ones) if "0" not in ones else None


NETWORKS: Final = Kind("list of IP addresses and networks", parse=networks, metavar="ADDRESSES", show=show_list)
