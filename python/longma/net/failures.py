"""What an operator reads when an address cannot be listened on: what the system said, and what to do about it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from longma.config.addresses import InheritedAddress, UnixAddress
from longma.errors import AddressError
from longma.net.paths import NotGiven

if TYPE_CHECKING:
    from longma.config.addresses import Address, TCPAddress
    from longma.net.holder import Holder


def explained(address: Address, error: OSError) -> AddressError:
    """Return the error that tells of the failure and its cure."""
    if isinstance(address, InheritedAddress):
        cure = "start longma with a listening socket at that number, or bind another address"
    elif isinstance(address, UnixAddress):
        cure = _cure_of_abstract(address, error) if address.is_abstract else cure_of_path(address.path, error)
    else:
        cure = _cure_of_port(address, error)
    return AddressError(str(address), error.strerror or str(error), cure)


def _cure_of_port(address: TCPAddress, error: OSError) -> str:
    from _socket import gaierror

    code = error.errno
    if isinstance(error, gaierror):
        return "bind an address of this machine"
    if code == errno.EADDRINUSE:
        from longma.net.holder import holder_of_port

        unknown = f"stop the server that has it (`ss -ltnp sport = :{address.port}` names it) or bind another address"
        return _cure_of_taken(holder_of_port(address.port), unknown)
    if code == errno.EADDRNOTAVAIL:
        return "no interface of this machine has it; 0.0.0.0 and [::] mean all of them"
    if code in (errno.EACCES, errno.EPERM):
        first = _first_port_for_everybody()
        if address.port < first:
            return f"ports below {first} are for root or the capability CAP_NET_BIND_SERVICE"
        return "a security policy of this machine (SELinux, AppArmor, a sandbox) forbids that port"
    if code == errno.EAFNOSUPPORT:
        return "this machine has no IPv6; bind an IPv4 address, such as 0.0.0.0"
    if code == errno.EINVAL and address.host.startswith("fe80:") and "%" not in address.host:
        return f"a link-local address needs the name of its interface, as in [{address.host}%eth0]:{address.port}"
    return ""


def _first_port_for_everybody() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as setting:
            return int(setting.read())
    except (OSError, ValueError):
        return 1024


def _cure_of_abstract(address: UnixAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        from longma.net.holder import holder_of_path

        return _cure_of_taken(
            holder_of_path(address.path), "another server listens there: stop it or choose another name"
        )
    return ""


def cure_of_path(path: str, error: OSError) -> str:
    """Return what can be done when a socket cannot be made at a path, "" where nobody knows."""
    if isinstance(error, NotGiven):
        return "longma needs the capability CAP_CHOWN for --user and --group"
    code = error.errno
    full = os.path.abspath(path)
    folder = os.path.dirname(full)
    if code == errno.EADDRINUSE:
        from longma.net.holder import holder_of_path

        holder = holder_of_path(full) or holder_of_path(path)
        return _cure_of_taken(holder, "another server listens there: stop it or choose another path")
    if code == errno.EEXIST:
        return "what is there is no socket: move it away or choose another path"
    if code == errno.EPROTOTYPE:
        return "what is there is a socket of another kind: stop whoever has it or choose another path"
    if code in (errno.ENOENT, errno.ENOTDIR):
        return f"create the directory {folder} first"
    if code in (errno.EACCES, errno.EPERM) and os.path.lexists(full):
        return "the socket that is there belongs to somebody else: remove it or choose another path"
    if code in (errno.EPERM, errno.EOPNOTSUPP) and os.access(folder, os.W_OK | os.X_OK):
        return f"the filesystem of {folder} takes no sockets: choose a path on another one, such as /run"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the user that starts longma must be allowed to write to {folder}"
    return ""


def _cure_of_taken(holder: Holder | None, unknown: str) -> str:
    if holder is None:
        return unknown
    if holder.pid == os.getpid():
        return "this server itself listens there: name it once; to change it start the server again, not by a reload"
    return f"{holder.words} listens there: stop it or bind another address"
