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
