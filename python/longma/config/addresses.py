"""The grammar of `bind`: `HOST`, `HOST:PORT`, `:PORT`, `[IPV6]:PORT`, `tcp://...`, `unix:PATH`, `unix://PATH`, `fd://N`.

Each may stand behind the name of what is spoken there: `http://...`, `uwsgi://...`, `fastcgi://...`, `scgi://...`.
`unix:@NAME` is a name in Linux's abstract namespace; a file of that name is `unix:./@NAME`.

Text becomes a value here and nothing else happens: no name is looked up and no path is touched.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple, TypeAlias

from longma.errors import AddressError

PROTOCOLS: Final = ("http", "uwsgi", "fastcgi", "scgi")
DEFAULT_PORT: Final = 8000
_MAX_PORT: Final = 65535
_MAX_UNIX_PATH_BYTES: Final = 107  # sun_path holds 108, the last of which ends the path


class TCPAddress(NamedTuple):
    """A host (a name or an IPv4 or IPv6 address, without brackets; never empty) and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(NamedTuple):
    """The path of a Unix socket, as it was written, or "@" and a name in the abstract namespace, which has no file."""

    path: str

    @property
    def is_abstract(self) -> bool:
        return self.path.startswith("@")

    def __str__(self) -> str:
        return f"unix:{self.path}"


class InheritedAddress(NamedTuple):
    """The number of a descriptor that whoever started longma has opened."""

    descriptor: int

    def __str__(self) -> str:
        return f"fd://{self.descriptor}"


Address: TypeAlias = TCPAddress | UnixAddress | InheritedAddress


def parse(text: str) -> Address:
    """Return the address that the operator wrote.

    The port is 8000 and the host 0.0.0.0 where they are missing; hosts are lower-cased, as Gunicorn does. Commas are
    part of an address and never divide two.

    Raises:
        AddressError: it is none of the forms above.
    """
    protocol, rest = divided(text)
    if protocol and not rest:
        raise AddressError(text, "the address is missing", f"write {protocol}://HOST:PORT or {protocol}://unix:PATH")
    if rest.startswith("unix:"):
        return _unix(text, rest)
    if rest.startswith("fd://"):
        return _inherited(text, rest)
    if "://" in rest and not rest.startswith("tcp://"):
        raise AddressError(text, "unknown kind of address", "write HOST:PORT, unix:PATH or fd://N")
    return _tcp(text, rest.removeprefix("tcp://"))


def divided(text: str) -> tuple[str, str]:
    """Return what is spoken at an address, "" where it does not say so, and what is left of it."""
    protocol, separator, rest = text.partition("://")
    return (protocol, rest) if separator and protocol in PROTOCOLS else ("", text)


def _unix(text: str, rest: str) -> UnixAddress:
    path = rest.removeprefix("unix:").removeprefix("//")
    if not path:
        raise AddressError(text, "the path is missing", "write unix:PATH")
    if "\0" in path:
        raise AddressError(text, "the path holds a NUL", "write unix:PATH, and unix:@NAME for an abstract name")
    if path == "@":
        raise AddressError(text, "the abstract name is missing", "write unix:@NAME")
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise AddressError(text, "the path cannot be written in the filesystem's encoding", "choose another") from None
    if length > _MAX_UNIX_PATH_BYTES:
        raise AddressError(
            text, f"the path is longer than {_MAX_UNIX_PATH_BYTES} bytes, the most there can be", "choose a shorter one"
        )
    return UnixAddress(path)


def _inherited(text: str, rest: str) -> InheritedAddress:
    number = rest.removeprefix("fd://")
    if not _is_decimal(number) or len(number) > len(str(2**31)):
        raise AddressError(text, "that is no file descriptor", "write its number, such as fd://3")
    return InheritedAddress(int(number))


def _tcp(text: str, rest: str) -> TCPAddress:
    if rest.startswith("["):
        host, bracket, after = rest[1:].partition("]")
        if not bracket or ":" not in host or (after and not after.startswith(":")):
            raise AddressError(text, "the brackets do not hold an IPv6 address", "write it as [::1]:8000")
        port = after[1:] if after else str(DEFAULT_PORT)
    else:
        host, colon, port = rest.partition(":")
        if ":" in port:
            raise AddressError(text, "too many colons", "an IPv6 address stands in brackets, as in [::1]:8000")
        port = port if colon else str(DEFAULT_PORT)
    if "/" in host:
        raise AddressError(text, f"{host!r} is no host", f"a socket's path is written unix:{rest}")
    if any(character.isspace() or not character.isprintable() or character in "[]/,@" for character in host):
        raise AddressError(text, f"{host!r} is no host", "write HOST:PORT, and give --bind once for each address")
    if not _is_decimal(port) or len(port) > len(str(_MAX_PORT)) or int(port) > _MAX_PORT:
        raise AddressError(text, f"{port!r} is no port", f"ports are numbers from 0 to {_MAX_PORT}")
    return TCPAddress(_lowered(host) or "0.0.0.0", int(port))


def _lowered(host: str) -> str:
    """Lower-case a host, but not the zone of a link-local address: interface names have a case."""
    address, percent, zone = host.partition("%")
    return address.lower() + percent + zone


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()
