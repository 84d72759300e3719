"""Records to a syslog daemon, in the form of RFC 3164 that Gunicorn's users have their filters set to.

`<priority>gunicorn.PREFIX.error: [pid] message`. A record is one line, whatever is in it; on a stream a line feed ends
it (RFC 6587 §3.4.2).
"""

from __future__ import annotations

import errno
import socket
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from longma.errors import OperatorError
from longma.logs.escape import one_line
from longma.logs.levels import Level
from longma.logs.network import Peer, Remote, resolved, sender
from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.logs.record import Record

DEFAULT_PORT = 514
# What daemons take by default; the rest of a longer record would be lost there, or become a record of its own.
MAX_RECORD_BYTES = 8192
KERN_TO_FTP = ("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp")
FACILITIES = MappingProxyType(
    {name: code for code, name in enumerate(KERN_TO_FTP)}
    | {"security": 4}
    | {f"local{number}": 16 + number for number in range(8)}
)
DEBUG_SEVERITY = 7
SEVERITIES = ((Level.CRITICAL, 2), (Level.ERROR, 3), (Level.WARNING, 4), (Level.INFO, 6), (0, DEBUG_SEVERITY))


class SyslogError(OperatorError):
    """A syslog setting names nothing that exists."""

    def __init__(self, setting: str, value: str, needed: str) -> None:
        super().__init__(f"{setting}: {value!r} is not {needed}")


class Address(NamedTuple):
    """`syslog_addr`, read: a path, or else a host and a port; `kind` is None where the path itself will tell."""

    kind: int | None
    path: str
    host: str = ""
    port: int = DEFAULT_PORT

    def remote(self) -> Remote:
        """Look the address up.

        Raises:
            OSError: the host has no address.
        """
        if self.path:
            return Remote(socket.AF_UNIX, self.kind or kind_of(self.path), self.path)
        return resolved(self.host, self.port, self.kind or socket.SOCK_DGRAM)


def address(text: str) -> Address:
    """Read `udp://HOST[:PORT]`, `tcp://HOST[:PORT]`, `unix://PATH`, `unix://PATH#dgram` or `unix://PATH#stream`.

    Raises:
        SyslogError: it is none of these.
    """
    scheme, _, rest = text.partition("://")
    if scheme == "unix":
        path, _, kind = rest.partition("#")
        kinds = {"": None, "dgram": socket.SOCK_DGRAM, "stream": socket.SOCK_STREAM}
        if path and kind in kinds:
            return Address(kinds[kind], path)
    elif scheme in ("udp", "tcp") and rest:
        host, colon, port = rest.rpartition(":")
        if not colon or rest.endswith("]"):
            host, port = rest, str(DEFAULT_PORT)
        if port.isascii() and port.isdigit() and int(port) <= 0xFFFF:
            kind_of_scheme = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
            return Address(kind_of_scheme, "", host.strip("[]").lower() or "localhost", int(port))
    raise SyslogError("syslog_addr", text, "udp://HOST:PORT, tcp://HOST:PORT, unix://PATH#dgram or unix://PATH#stream")


def kind_of(path: str) -> int:
    """The kind of the socket at this path: datagrams, unless it refuses them."""
    with original("socket", "socket")(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return socket.SOCK_STREAM if probe.connect_ex(path) == errno.EPROTOTYPE else socket.SOCK_DGRAM


def facility(name: str) -> int:
    """Return the code of a facility.

    Raises:
        SyslogError: there is none of this name.
    """
    code = FACILITIES.get(name.lower())
    if code is None:
        raise SyslogError("syslog_facility", name, f"one of {', '.join(sorted(FACILITIES))}")
    return code


def severity(level: int) -> int:
    return next((code for known, code in SEVERITIES if level >= known), DEBUG_SEVERITY)


def numbered(record: Record) -> str:
    """The words after the tag in Gunicorn's form: `[pid] message`."""
    return one_line(record.text or f"[{record.pid}] {record.whole}")


def numbered_json(record: Record) -> str:
    """The same with a JSON object for the message."""
    from longma.logs.json_lines import json_text

    return one_line(record.text or f"[{record.pid}] {json_text(record)}")


class SyslogSink:
    """Sends records under one tag.

    Args:
        to: as `address` returns it.
        facility: its code.
        tag: `gunicorn.PREFIX.error`, for example.
        words: what follows the tag; one line.
        complain: takes words for the operator, when the daemon is gone.
    """

    def __init__(
        self, to: Address, facility: int, tag: str, words: Callable[[Record], str], complain: Callable[[str], None]
    ) -> None:
        self._facility = facility
        self._tag = one_line(tag)
        self._words = words
        try:
            remote = to.remote()
        except OSError as error:
            complain(f"syslog: {to.host}: {error.strerror or error}; nothing is sent there until a reload")
            self._sender = None
        else:
            name = to.path or f"{to.host}:{to.port}"
            self._sender = sender(remote, Peer(complain, f"syslog: {name}"))
            self._end = b"\n" if remote.is_stream else b""

    def write(self, record: Record) -> None:
        if self._sender is not None:
            priority = self._facility << 3 | severity(record.level)
            text = f"<{priority}>{self._tag}: {self._words(record)}".encode("utf-8", "backslashreplace")
            self._sender.send(shortened(text) + self._end)

    def reopen(self) -> None:
        """Do nothing: there is no file."""

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()


def shortened(text: bytes) -> bytes:
    """Return as much of the record as daemons take, cut between characters."""
    return text if len(text) <= MAX_RECORD_BYTES else text[:MAX_RECORD_BYTES].decode("utf-8", "ignore").encode()


def tag(cfg: Any, log: str) -> str:
    """Return what records of one log are tagged with: `syslog_prefix`, or what the server is called, in the middle.

    Args:
        cfg: the settings, whatever their form.
        log: "error" or "access".
    """
    name = cfg.proc_name or cfg.default_proc_name
    prefix = name.replace(":", ".") if cfg.syslog_prefix is None else cfg.syslog_prefix
    return f"gunicorn.{prefix}.{log}"
