"""Where syslog and StatsD listen: addresses that messages are sent to, checked and in one form."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind
from longma.config.parsers import optional_text, shown, text

_STATSD_PORT: Final = 8125
SYSLOG_DEFAULT: Final = "udp://localhost:514"
_SYSLOG_FORMS: Final = "be udp://HOST:PORT, tcp://HOST:PORT or unix://PATH, the last with #stream or #dgram if need be"


def statsd_address(value: object) -> str | None:
    """Return `HOST:PORT` or `unix://PATH`, None for none. `unix:8125` is a host named unix."""
    given = optional_text(value)
    if given is None:
        return None
    wanted = f"be HOST:PORT or unix://PATH, not {shown(given)}"
    if given.startswith("unix:") and not given[5:].isdecimal():
        path = given.removeprefix("unix:").removeprefix("//")
        if not path:
            raise ValueError(wanted)
        return f"unix://{path}"
    given = given.removeprefix("udp://").removeprefix("tcp://")
    host, number = _host_and_port(given, _STATSD_PORT, wanted)
    return f"{host}:{number}"


def syslog_address(value: object) -> str:
    """Return the address as it was given, once it is known to be one; None stands for the default."""
    given = SYSLOG_DEFAULT if value is None else text(value)
    wanted = f"{_SYSLOG_FORMS}, not {shown(given)}"
    scheme, separator, rest = given.partition("://")
    if not separator or not rest:
        raise ValueError(wanted)
    if scheme == "unix":
        path, _, kind = rest.partition("#")
        if not path or kind not in ("", "stream", "dgram"):
            raise ValueError(wanted)
    elif scheme in ("udp", "tcp"):
        _host_and_port(rest, 514, wanted)
    else:
        raise ValueError(wanted)
    return given


def _host_and_port(given: str, default: int, wanted: str) -> tuple[str, int]:
    """Return what `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT` names; the host of IPv6 keeps its brackets."""
    if given.startswith("["):
        inside, bracket, rest = given.partition("]")
        host, colon, port = inside + bracket, rest[:1], rest[1:]
        if not bracket or (rest and colon != ":"):
            raise ValueError(wanted)
    else:
        host, colon, port = given.partition(":")
    if not host.strip("[]") or (colon and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(wanted)
    return host.lower(), int(port) if colon else default


STATSD: Final = Kind("address or None", parse=statsd_address, metavar="ADDRESS")
SYSLOG: Final = Kind("address", parse=syslog_address, metavar="ADDRESS")
