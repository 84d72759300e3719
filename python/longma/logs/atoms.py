"""The atoms of `access_log_format`, made of Gunicorn's request and response objects: for access lines made by Python.

The engine makes its own, for the lines that are not Python's business.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from longma.logs.escape import field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNKNOWN = "-"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MICROSECONDS_PER_SECOND = 1_000_000
HEXADECIMAL = frozenset("0123456789abcdef")


class Duration(Protocol):
    """What is used of a `datetime.timedelta`."""

    def total_seconds(self) -> float: ...


class SafeAtoms(dict[str, Any]):
    """Atoms as a format takes them: text is escaped, and what is not known is a dash."""

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        super().__init__((key, field(value) if isinstance(value, str) else value) for key, value in atoms.items())

    def __getitem__(self, key: str) -> Any:
        return self.get(key.lower() if key.startswith("{") else key, UNKNOWN)


def atoms(resp: Any, req: Any, environ: Mapping[str, Any], request_time: Duration) -> dict[str, Any]:
    """Return every atom by its name, unescaped.

    Args:
        resp: has status, headers and sent.
        req: has headers.
        environ: of PEP 3333; may lack what a refused request does not have.
        request_time: how long the request took.
    """
    sent = getattr(resp, "sent", None)
    microseconds = round(request_time.total_seconds() * MICROSECONDS_PER_SECOND)
    found: dict[str, Any] = {
        "h": environ.get("REMOTE_ADDR") or UNKNOWN,
        "l": UNKNOWN,
        "u": user_of(environ) or UNKNOWN,
        "t": now(),
        "r": request_line(environ),
        "s": status_code(getattr(resp, "status", None)),
        "m": environ.get("REQUEST_METHOD"),
        "U": environ.get("PATH_INFO"),
        "q": environ.get("QUERY_STRING"),
        "H": environ.get("SERVER_PROTOCOL"),
        "b": UNKNOWN if sent is None else str(sent),
        "B": sent,
        "f": environ.get("HTTP_REFERER", UNKNOWN),
        "a": environ.get("HTTP_USER_AGENT", UNKNOWN),
        "T": microseconds // MICROSECONDS_PER_SECOND,
        "M": microseconds // 1000,
        "D": microseconds,
        "L": f"{microseconds // MICROSECONDS_PER_SECOND}.{microseconds % MICROSECONDS_PER_SECOND:06d}",
        "p": f"<{os.getpid()}>",
    }
    found.update(named("i", pairs(req)))
    found.update(named("o", pairs(resp)))
    found.update(named("e", environ.items()))
    return {name: UNKNOWN if value is None else value for name, value in found.items()}


def members(resp: Any, environ: Mapping[str, Any], request_time: Duration) -> dict[str, Any]:
    """Return what a JSON access line says of a request: the names, the order and the forms are the engine's."""
    uri = environ.get("RAW_URI")
    status = status_code(getattr(resp, "status", None))
    code = int(status) if isinstance(status, str) and status.isdecimal() else None
    found: dict[str, Any] = {
        "remote_addr": environ.get("REMOTE_ADDR") or None,
        "method": environ.get("REQUEST_METHOD"),
        "path": raw_path(uri) if isinstance(uri, str) else None,
        "query": environ.get("QUERY_STRING"),
        "protocol": environ.get("SERVER_PROTOCOL"),
        "status": code,
        "bytes": getattr(resp, "sent", None),
        "duration_us": round(request_time.total_seconds() * MICROSECONDS_PER_SECOND),
        "referer": environ.get("HTTP_REFERER"),
        "user_agent": environ.get("HTTP_USER_AGENT"),
        "host": environ.get("HTTP_HOST"),
    }
    return {**found, **trace_of(str(environ.get("HTTP_TRACEPARENT", "")))}


def trace_of(traceparent: str) -> dict[str, str]:
    """The trace and the span of the client's own call (W3C Trace Context, "traceparent Header Field Values")."""
    version, *ids = traceparent.split("-")
    if len(ids) < 3 or (version == "00" and len(ids) > 3) or version == "ff":
        return {}
    trace_id, span_id, flags = ids[:3]
    lengths = tuple(map(len, (version, trace_id, span_id, flags)))
    if lengths != (2, 32, 16, 2) or not HEXADECIMAL.issuperset(version + trace_id + span_id + flags):
        return {}
    # All zeros mean that there is none.
    return {"trace_id": trace_id, "span_id": span_id} if trace_id.strip("0") and span_id.strip("0") else {}


def raw_path(uri: str) -> str:
    """The path of a request-target as it was sent."""
    path = uri.partition("#")[0].partition("?")[0]
    scheme, is_absolute, rest = path.partition("://")  # absolute-form (RFC 9112 §3.2.2)
    return f"/{rest.partition('/')[2]}" if is_absolute and "/" not in scheme else path


def named(kind: str, items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {f"{{{str(name).lower()}}}{kind}": value for name, value in items}


def pairs(message: Any) -> Iterable[tuple[str, Any]]:
    """The fields of a request or a response, which are a list of pairs or a mapping."""
    headers = getattr(message, "headers", None) or ()
    items: Iterable[tuple[str, Any]] = headers.items() if hasattr(headers, "items") else headers
    return items


def request_line(environ: Mapping[str, Any]) -> str:
    return " ".join(str(environ.get(name, UNKNOWN)) for name in ("REQUEST_METHOD", "RAW_URI", "SERVER_PROTOCOL"))


def status_code(status: object) -> object:
    """The number within "404 Not Found", whatever form the status has."""
    text = status.decode("latin-1") if isinstance(status, bytes) else status
    if not isinstance(text, str):
        return text
    code, *_ = text.split(None, 1) or [UNKNOWN]
    return code


def user_of(environ: Mapping[str, Any]) -> str | None:
    """The user of Basic credentials (RFC 7617 §2), as a native string."""
    scheme, _, encoded = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "basic":
        return None
    import binascii  # only where somebody logs in this way

    try:
        user, colon, _ = binascii.a2b_base64(encoded.strip()).partition(b":")
    except ValueError:
        return None
    return user.decode("latin-1") if colon else None


def now() -> str:
    """The local time as an access line has it; the names of months are English, whatever the locale."""
    moment = time.localtime()
    month = MONTHS[moment.tm_mon - 1]
    return f"[{moment.tm_mday:02d}/{month}/{moment.tm_year}:{time.strftime('%H:%M:%S %z', moment)}]"
