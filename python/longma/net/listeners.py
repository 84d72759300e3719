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
from longma.config.addresses import InheritedAddress, TCPAddress, UnixAddress, parse
from longma.config.settings import Settings
from longma.net.failures import explained
from longma.net.paths import bind_path, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from longma.config.addresses import Address

_ATTEMPTS: Final = 5
_RETRY_SECONDS: Final = 1.0
_DEFER_ACCEPT_SECONDS: Final = 1
# How much of an answer the kernel takes beyond what it may send right now. Without a bound that is tcp_wmem's 4 MB for
# each slow reader, of the kernel's memory; with it the engine keeps the rest, where it is bounded and timed.
# With less than an answer of a megabyte such answers go out in many small steps: 420 µs instead of 150 with 128 KB.
_UNSENT_BYTES: Final = 1 << 20
_SO_BINDTOIFINDEX: Final = 62  # Linux 5.1; the socket module has no name for it before Python 3.14
_NO_INTERFACE: Final = 2**31 - 1
_ERROR: Final = 40  # the numbers of the standard library's log levels, as every log here takes them
_WARNING: Final = 30
_FAMILIES: Final = (_socket.AF_INET, _socket.AF_INET6, _socket.AF_UNIX)


class Listener:
    """A listening, non-blocking socket, which is closed by an exec.

    Attributes:
        url: what the log calls it, `http://127.0.0.1:8000` or `unix:/run/app.sock`.
        address: the address that the operator asked for.
        inherited: whether another process opened it: whoever started us, or the master that we take over from.
        is_fixed: whether it stays, and stays the only kind there is, whatever `bind` says: the service manager's.
    """

    __slots__ = ("_is_ours", "_made", "_name", "_path", "_socket", "address", "inherited", "is_fixed", "url")

    def __init__(
        self, sock: _socket.socket, address: Address, *, inherited: bool = False, is_fixed: bool = False
    ) -> None:
        self._socket = sock
        self.address = address
        self.inherited = inherited
        self.is_fixed = is_fixed
        self.url = _url(sock)
        self._name = sock.getsockname()
        has_path = isinstance(address, UnixAddress) and not address.is_abstract
        self._path = os.path.abspath(address.path) if isinstance(address, UnixAddress) and has_path else None
        # What somebody else made is theirs to end. The inode tells whether a path still is the same when we stop: by
        # then another server may have put its own socket there.
        self._is_ours = not inherited
        self._made = identity(self._path) if self._path else None

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop listening in this process; the others that inherited the socket go on."""
        self._socket.close()

    def turn_away(self) -> bool:
        """Refuse whoever comes from now on, in every process that has the socket, and return whether that is possible.

        The queue can still be accepted. Else whoever connects between the last accept and the last close is reset.

        Does nothing to what whoever started us has opened: they may give it to the next server, for which it would be
        dead. For the same reason it is not to be done while another master shares the socket.
        """
        if not self._is_ours or self._socket.family == _socket.AF_UNIX or sys.platform != "linux":
            return False
        # A listener that is bound to an interface hears of new connections from there alone, and this interface is
        # none. Those that have begun go on, and what is accepted is not bound. Where that is not allowed, in a sandbox
        # for example, it is as with any other server.
        try:
            self._socket.setsockopt(_socket.SOL_SOCKET, _SO_BINDTOIFINDEX, _NO_INTERFACE)
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_DEFER_ACCEPT, 0)
        except OSError:
            return False
        return True

    def adopt(self) -> None:
        """Take over from the master that opened it and is gone: the path, and the socket's end, are ours now.

        Does nothing to what that master was given itself.
        """
        self._is_ours = not self.is_fixed and not isinstance(self.address, InheritedAddress)

    def unlink(self) -> None:
        """Remove the path of a Unix socket, if it is ours and still the same. Does nothing for other sockets."""
        if self._is_ours and self._path and self._made and identity(self._path) == self._made:
            # The directory may have become read-only since. What stays behind is replaced by the next start.
            with suppress(OSError):
                os.unlink(self._path)

    def serves(self, address: Address) -> bool:
        """Whether it is where clients of this address come: the path of a Unix socket may be gone from under it."""
        if self._path is None:
            return address == self.address
        same = isinstance(address, UnixAddress) and os.path.abspath(address.path) == self._path
        return same and identity(self._path) is not None

    def __repr__(self) -> str:
        return f"Listener({self.url!r}, fd={self.fileno()})"

    # What hooks know of the listening sockets by Gunicorn's names.

    def __str__(self) -> str:
        return self.url

    @property
    def sock(self) -> _socket.socket:
        return self._socket

    @property
    def FAMILY(self) -> int:  # noqa: N802 - Gunicorn's name
        return self._socket.family

    @property
    def cfg_addr(self) -> object:
        """Where it listens; also once this process has closed it, as a worker does when it has booted."""
        return self._name

    def getsockname(self) -> object:
        return self._name


def open_listeners(
    settings: Settings,
    *,
    log: Callable[[int, str], None],
    clock: Clock | None = None,
    inherited: Sequence[int] = (),
    by_systemd: bool = False,
    kept: Sequence[Listener] = (),
    patient: bool = True,
) -> tuple[Listener, ...]:
    """Listen on every address of `settings.bind`, in that order; when one is `fd://N`, only on those (as Gunicorn).

    Args:
        settings: Where and how to listen.
        log: Takes a level and a line.
        clock: What is waited by.
        inherited: Descriptors that whoever started us has opened for us. They come alone.
        by_systemd: Whether that was the service manager, which keeps them, and not the master we take over from.
        kept: Listeners of the settings before. Those still asked for are taken over as they are; the others are left
            open, for the caller to close when nobody needs them any more.
        patient: Whether to try an address that is taken, or not there yet, five times, a second apart, and not once.

    Raises:
        AddressError: one of them cannot be listened on. None of what was opened here is left open then.
    """
    wanted = [parse(text) for text in settings.bind]
    if inherited:
        return _take_over(inherited, by_systemd, wanted, settings, log)
    if fixed := tuple(listener for listener in kept if listener.is_fixed):
        return fixed
    given: list[Address] = [address for address in wanted if isinstance(address, InheritedAddress)]
    if given:
        _tell_of_ignored([address for address in wanted if address not in given], log)
    opener = _Opener(given or wanted, settings, log, clock or Clock(), _ATTEMPTS if patient else 1)
    return opener.open(kept)


def _take_over(
    descriptors: Sequence[int],
    by_systemd: bool,
    wanted: list[Address],
    settings: Settings,
    log: Callable[[int, str], None],
) -> tuple[Listener, ...]:
    """Listen on what we inherited. A socket at an address of the settings is that address's from now on."""
    listeners: list[Listener] = []
    for descriptor in descriptors:
        fallback = InheritedAddress(descriptor)
        try:
            sock = _inherit(descriptor)
            if not sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
                sock.detach()
                raise OSError(errno.EINVAL, "it does not listen")
            _prepare(sock, settings)
        except OSError as error:
            for listener in listeners:
                listener.close()
            raise explained(fallback, error) from error
        address = next((one for one in wanted if _is_at(sock, one)), None)
        if address is not None:
            wanted.remove(address)
        elif not by_systemd:
            address = _address_of(sock)
        listeners.append(Listener(sock, address or fallback, inherited=True, is_fixed=by_systemd))
    if settings.bind != Settings().bind:  # The default is nobody's wish.
        _tell_of_ignored(wanted, log)
    return tuple(listeners)


def _tell_of_ignored(addresses: Iterable[Address], log: Callable[[int, str], None]) -> None:
    ignored = ", ".join(map(str, addresses))
    if ignored:
        log(_WARNING, f"Not listening on {ignored}: inherited descriptors were given, which come alone")


class _Opener:
    """Opens the addresses of one reading of the settings."""

    def __init__(
        self,
        addresses: Sequence[Address],
        settings: Settings,
        log: Callable[[int, str], None],
        clock: Clock,
        attempts: int,
    ) -> None:
        self._addresses = addresses
        self._settings = settings
        self._log = log
        self._clock = clock
        self._attempts = attempts

    def open(self, kept: Sequence[Listener]) -> tuple[Listener, ...]:
        """Open what is not among `kept` already, or raise AddressError with nothing left open."""
        remaining = list(kept)
        listeners: list[Listener] = []
        try:
            for address in self._addresses:
                same = next((listener for listener in remaining if listener.serves(address)), None)
                if same is not None:
                    remaining.remove(same)
                listeners.append(same or self._open_patiently(address))
        except BaseException:
            for listener in listeners:
                if listener not in kept:
                    listener.unlink()
                    listener.close()
            raise
        return tuple(listeners)

    def _open_patiently(self, address: Address) -> Listener:
        attempts_left = self._attempts
        while True:
            attempts_left -= 1
            try:
                sock = self._open(address)
                return Listener(sock, address, inherited=isinstance(address, InheritedAddress))
            except OSError as error:
                what = _worth_waiting(error)
                if what is None:
                    raise explained(address, error) from error
                again = f"; trying again in {_RETRY_SECONDS:g} second" if attempts_left else ""
                self._log(_ERROR, f"{what}: {address}{again}")
                if not attempts_left:
                    raise explained(address, error) from error
            self._clock.sleep(_RETRY_SECONDS)

    def _open(self, address: Address) -> _socket.socket:
        """Return a listening socket, or raise OSError with nothing of ours left open."""
        if isinstance(address, InheritedAddress):
            sock = _inherit(address.descriptor)
        elif isinstance(address, UnixAddress):
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        else:
            family, where = _resolve(address)
            sock = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            if isinstance(address, TCPAddress):
                self._set_before_binding(sock, address.port)
                sock.bind(where)
            elif isinstance(address, UnixAddress) and address.is_abstract:
                sock.bind(b"\0" + os.fsencode(address.path[1:]))
            elif isinstance(address, UnixAddress):
                bind_path(sock, address.path, self._settings)
            _prepare(sock, self._settings)
        except BaseException:
            if isinstance(address, InheritedAddress):
                sock.detach()
            else:
                sock.close()
            raise
        return sock

    def _set_before_binding(self, sock: _socket.socket, port: int) -> None:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if self._settings.reuse_port:
            # One socket that all workers share, as ever; another server may then have the port beside us.
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        if sock.family == _socket.AF_INET6:
            alone = not any(_is_ipv4_at(other, port) for other in self._addresses)
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0 if alone else 1)


def _worth_waiting(error: OSError) -> str | None:
    """Return what to call a failure that may be over in a moment: a server stops, a network comes up."""
    if isinstance(error, _socket.gaierror):
        return "Name not looked up" if error.errno == _socket.EAI_AGAIN else None
    if error.errno == errno.EADDRINUSE:
        return "Connection in use"
    return "Invalid address" if error.errno == errno.EADDRNOTAVAIL else None


def _prepare(sock: _socket.socket, settings: Settings) -> None:
    """Set what accepted connections inherit, then listen. A socket that already listens keeps its backlog."""
    if sock.family in (_socket.AF_INET, _socket.AF_INET6):
        # Set here once instead of on each connection: what accept() returns inherits it.
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            seconds = _DEFER_ACCEPT_SECONDS if settings.defer_accept else 0
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_DEFER_ACCEPT, seconds)
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    sock.setblocking(False)
    if not sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
        sock.listen(settings.backlog)


def _inherit(descriptor: int) -> _socket.socket:
    """Return the socket that was opened for us, or raise OSError and leave the descriptor as it is."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    sock = _socket.socket(fileno=descriptor)
    fault = None
    if sock.family not in _FAMILIES:
        fault = errno.EAFNOSUPPORT
    elif sock.type != _socket.SOCK_STREAM:
        fault = errno.EPROTOTYPE
    elif sock.family != _socket.AF_UNIX and sock.getsockname()[1] == 0:
        fault = errno.EDESTADDRREQ  # listen() would take any free port
    if fault is not None:
        sock.detach()
        raise OSError(fault, os.strerror(fault))
    os.set_inheritable(descriptor, False)
    return sock


def _is_at(sock: _socket.socket, address: Address) -> bool:
    """Whether that is where the socket listens; any port will do where any was asked for."""
    name = sock.getsockname()
    if isinstance(address, InheritedAddress):
        return address.descriptor == sock.fileno()
    if isinstance(address, UnixAddress):
        return sock.family == _socket.AF_UNIX and _path_of(sock) in (address.path, os.path.abspath(address.path))
    if sock.family == _socket.AF_UNIX:
        return False
    try:
        family, where = _resolve(address)
    except OSError:
        return False
    return family == sock.family and where[0] == name[0] and address.port in (0, name[1])


def _address_of(sock: _socket.socket) -> Address | None:
    """Return where an inherited socket listens, as an operator would have written it."""
    if sock.family == _socket.AF_UNIX:
        path = _path_of(sock)
        return UnixAddress(path) if path else None
    host, port = sock.getsockname()[:2]
    return TCPAddress(host, port)


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


def _url(sock: _socket.socket) -> str:
    if sock.family == _socket.AF_UNIX:
        return "unix:" + _path_of(sock)
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if sock.family == _socket.AF_INET6 else f"http://{host}:{port}"


def _path_of(sock: _socket.socket) -> str:
    """Return the path of a Unix socket, with "@" before an abstract name."""
    name = os.fsdecode(sock.getsockname())
    return "@" + name[1:] if name.startswith("\0") else name
