"""The sockets that the server listens on: opened by the master, inherited by every worker, closed by whoever stops.

They are made with `_socket`, the C half of `socket`: the Python half brings `selectors` and `enum`, half a megabyte
that no process of ours needs.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from longma.clock import Clock
from longma.errors import AddressError
from longma.net.address import InheritedAddress, TCPAddress, UnixAddress, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from longma.config.settings import Settings
    from longma.net.address import Address

_ATTEMPTS: Final = 5
_RETRY_SECONDS: Final = 1.0
_DEFER_ACCEPT_SECONDS: Final = 1
_ERROR: Final = 40  # the numbers of the standard library's log levels, as every log here takes them
_WARNING: Final = 30


class Listener:
    """A listening, non-blocking socket.

    Attributes:
        url: what the log calls it, `http://127.0.0.1:8000` or `unix:/run/app.sock`.
        address: the address that the operator asked for.
    """

    __slots__ = ("_made", "_path", "_socket", "address", "url")

    def __init__(self, sock: _socket.socket, address: Address) -> None:
        self._socket = sock
        self.address = address
        self.url = _url(sock)
        # A socket that somebody else made is theirs to remove. The inode tells whether the path still is ours when we
        # stop: by then another server may have put its own socket there.
        self._path = os.path.abspath(address.path) if isinstance(address, UnixAddress) else None
        self._made = _identity(self._path) if self._path else None

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop listening in this process; the others that inherited the socket go on."""
        self._socket.close()

    def unlink(self) -> None:
        """Remove the path of a Unix socket, if it is still the one made here. Does nothing for other sockets."""
        if self._path and self._made and _identity(self._path) == self._made:
            # The directory may have become read-only since. What stays behind is replaced by the next start.
            with suppress(OSError):
                os.unlink(self._path)

    def __repr__(self) -> str:
        return f"Listener({self.url!r}, fd={self.fileno()})"


def open_listeners(
    settings: Settings, *, log: Callable[[int, str], None], clock: Clock | None = None
) -> tuple[Listener, ...]:
    """Listen on every address of `settings.bind`, in that order; when one is `fd://N`, only on those (as Gunicorn).

    An address that is taken or not there yet is tried five times, a second apart.

    Raises:
        AddressError: one of them cannot be listened on. None is left open then.
    """
    clock = clock or Clock()
    addresses = _wanted([parse(text) for text in settings.bind], log)
    listeners: list[Listener] = []
    try:
        # A generator, so that what is open when one fails is in the list.
        listeners.extend(_open_patiently(address, addresses, settings, log, clock) for address in addresses)
    except BaseException:
        for listener in listeners:
            listener.unlink()
            listener.close()
        raise
    return tuple(listeners)


def _wanted(addresses: list[Address], log: Callable[[int, str], None]) -> list[Address]:
    inherited: list[Address] = [address for address in addresses if isinstance(address, InheritedAddress)]
    ignored = [str(address) for address in addresses if not isinstance(address, InheritedAddress)]
    if inherited and ignored:
        log(_WARNING, f"Not listening on {', '.join(ignored)}: inherited descriptors were given, which come alone")
    return inherited or addresses


def _open_patiently(
    address: Address,
    addresses: Iterable[Address],
    settings: Settings,
    log: Callable[[int, str], None],
    clock: Clock,
) -> Listener:
    attempts_left = _ATTEMPTS
    while True:
        attempts_left -= 1
        try:
            return Listener(_open(address, addresses, settings), address)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                raise _explained(address, error) from error
            what = "Connection in use" if error.errno == errno.EADDRINUSE else "Invalid address"
            log(_ERROR, f"{what}: {address}" + (f"; trying again in {_RETRY_SECONDS:g} second" * bool(attempts_left)))
            if not attempts_left:
                raise _explained(address, error) from error
        clock.sleep(_RETRY_SECONDS)


def _open(address: Address, addresses: Iterable[Address], settings: Settings) -> _socket.socket:
    """Return a listening socket, or raise OSError with nothing left open."""
    if isinstance(address, InheritedAddress):
        sock = _inherit(address.descriptor)
    elif isinstance(address, UnixAddress):
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    else:
        family, where = _resolve(address)
        sock = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        if isinstance(address, UnixAddress):
            _bind_path(sock, address.path, settings.umask)
        elif isinstance(address, TCPAddress):
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            if family == _socket.AF_INET6:
                alone = not any(_is_ipv4_at(other, address.port) for other in addresses)
                sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0 if alone else 1)
            sock.bind(where)
        _prepare(sock, settings)
    except BaseException:
        if not isinstance(address, InheritedAddress):
            sock.close()
        else:
            sock.detach()
        raise
    return sock


def _prepare(sock: _socket.socket, settings: Settings) -> None:
    """Set what accepted connections inherit, then listen. A socket that already listens keeps its backlog."""
    if sock.family in (_socket.AF_INET, _socket.AF_INET6):
        # Set here once instead of on each connection: what accept() returns inherits it.
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            seconds = _DEFER_ACCEPT_SECONDS if settings.defer_accept else 0
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_DEFER_ACCEPT, seconds)
    sock.setblocking(False)
    if not sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
        sock.listen(settings.backlog)


def _inherit(descriptor: int) -> _socket.socket:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    sock = _socket.socket(fileno=descriptor)
    if sock.type != _socket.SOCK_STREAM:
        sock.detach()
        raise OSError(errno.EPROTOTYPE, os.strerror(errno.EPROTOTYPE))
    return sock


def _resolve(address: TCPAddress) -> tuple[int, tuple[object, ...]]:
    """Return the family and the socket address; of a name's addresses the first IPv4 one, else the first."""
    # As bytes: getaddrinfo() would import the codec for international names, a megabyte, even to look up "0.0.0.0".
    host = address.host.encode() if address.host.isascii() else address.host
    try:
        found = _socket.getaddrinfo(host, address.port, 0, _socket.SOCK_STREAM, 0, _socket.AI_PASSIVE)
    except UnicodeError:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL)) from None
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != _socket.AF_INET)
    return family, where


def _is_ipv4_at(address: Address, port: int) -> bool:
    return isinstance(address, TCPAddress) and address.port == port != 0 and ":" not in address.host


def _bind_path(sock: _socket.socket, path: str, umask: int) -> None:
    """Bind to a path; a socket that nobody listens on any more is replaced, anything else is left alone."""
    if _identity(path) is not None:
        _remove_stale(path)
    # The mode of a socket is 0777 less the process's mask. The application's own mask is none of our business, so it
    # is put back at once; the master has no other thread that could make a file meanwhile.
    before = os.umask(umask)
    try:
        sock.bind(path)
    finally:
        os.umask(before)


def _remove_stale(path: str) -> None:
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    probe.setblocking(False)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
        return
    except BlockingIOError:
        pass  # its backlog is full, so somebody listens
    finally:
        probe.close()
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _url(sock: _socket.socket) -> str:
    name = sock.getsockname()
    if sock.family == _socket.AF_UNIX:
        return "unix:" + os.fsdecode(name).replace("\0", "@")  # a name that begins with NUL is an abstract one
    host, port = name[:2]
    return f"http://[{host}]:{port}" if sock.family == _socket.AF_INET6 else f"http://{host}:{port}"


def _explained(address: Address, error: OSError) -> AddressError:
    """Return the error an operator sees: what the system said, and what to do about it."""
    code = error.errno
    if isinstance(address, InheritedAddress):
        cure = "start longma with a listening socket at that number, or bind another address"
    elif isinstance(address, UnixAddress):
        cure = _cure_of_path(address.path, code)
    elif code == errno.EADDRINUSE:
        cure = f"stop the server that has it (`ss -ltnp sport = :{address.port}` names it) or bind another address"
    elif code == errno.EADDRNOTAVAIL:
        cure = "no interface of this machine has it; 0.0.0.0 and [::] mean all of them"
    elif code in (errno.EACCES, errno.EPERM):
        cure = "ports below 1024 are for root or the capability CAP_NET_BIND_SERVICE"
    else:
        cure = "bind an address of this machine" if isinstance(error, _socket.gaierror) else ""
    return AddressError(str(address), error.strerror or str(error), cure)


def _cure_of_path(path: str, code: int | None) -> str:
    folder = os.path.dirname(os.path.abspath(path))
    if code == errno.EADDRINUSE:
        return "another server listens there: stop it or choose another path"
    if code == errno.EEXIST:
        return "what is there is no socket: move it away or choose another path"
    if code == errno.ENOENT:
        return f"create the directory {folder} first"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the user that starts longma must be allowed to write to {folder}"
    return ""
