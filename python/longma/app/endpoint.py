"""Where a `WSGIServer` listens: an address in the forms that gevent takes, or a socket that listens already."""

from __future__ import annotations

import socket
from typing import Any, TypeAlias

Address: TypeAlias = "tuple[Any, ...] | str"


def parse(listener: object) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the family and the address that is meant.

    Args:
        listener: `(host, port)`, `"host:port"`, `":port"`, `"[host]:port"`, or a port. An empty host in a pair, or no
            host at all, is every address, of IPv6 too where the machine has it; in front of a colon it is every one of
            IPv4.

    Raises:
        TypeError: it is something else.
        ValueError: there is no port in it.
    """
    if isinstance(listener, tuple) and len(listener) >= 2:
        host, port = listener[:2]
        return _family(str(host)), (str(host), int(port))
    if isinstance(listener, int) or (isinstance(listener, str) and ":" not in listener):
        return _family(""), ("", _port(listener, listener))
    if not isinstance(listener, str):
        raise TypeError(f"a listener is (host, port), 'host:port' or a listening socket, not {listener!r}")
    host, _, port = listener.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        return socket.AF_INET6, (host[1:-1], _port(port, listener))
    return socket.AF_INET, ("" if host == "*" else host, _port(port, listener))


def _family(host: str) -> socket.AddressFamily:
    if ":" in host or (not host and socket.has_dualstack_ipv6()):
        return socket.AF_INET6
    return socket.AF_INET


def _port(text: object, listener: object) -> int:
    try:
        return int(str(text))
    except ValueError:
        raise ValueError(f"there is no port in {listener!r}") from None


def listen(family: socket.AddressFamily, address: Address, backlog: int, reuse_addr: int | None) -> socket.socket:
    """Return a socket that listens there and does not block.

    Raises:
        OSError: the address cannot be had; it is named.
    """
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if reuse_addr is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse_addr)
        if family == socket.AF_INET6 and not address[0]:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            listening.bind(address)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: {address!r}") from None
        listening.listen(backlog)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def check(listening: socket.socket) -> None:
    """Find out whether connections can be accepted from a socket that somebody else has made.

    Raises:
        OSError: it is closed.
        ValueError: it is one of datagrams, or does not listen.
    """
    of_streams = listening.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    if not of_streams or not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ValueError(f"a socket that listens is wanted, not {listening!r}")


def url(listening: socket.socket) -> str:
    """Return the URL of a listening socket, as the engine has them."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
