"""HTTP/2: whether it is spoken, with whom, and how much of it (RFC 9113)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longma.config.option import Kind, Section, option
from longma.config.parsers import shown, size, whole_number, words

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSIONS: Final = ("h1", "h2")
_CLEARTEXT: Final = ("off", "prior-knowledge", "upgrade", "both")
_SWITCHED: Final = (("true", "prior-knowledge"), ("false", "off"), ("none", "off"))
_MOST: Final = 2**31 - 1
_SMALLEST_FRAME: Final = 2**14  # RFC 9113 §6.5.2, as the next one
_LARGEST_FRAME: Final = 2**24 - 1


def versions(value: object) -> tuple[str, ...]:
    """Return "h1" and "h2" in the order of preference; in text commas divide them. None and "" mean "h1"."""
    names = tuple(name.lower() for name in words(value))
    for name in names:
        if name not in _VERSIONS:
            raise ValueError(f"name h1, h2 or both, divided by a comma, not {shown(name)}")
    if len(set(names)) < len(names):
        raise ValueError(f"name each version once, not {shown(value)}")
    return names or _VERSIONS[:1]


def cleartext(value: object) -> str:
    """Return by which of its ways HTTP/2 begins without TLS; True is prior knowledge, False and None are none."""
    if value is None or isinstance(value, (bool, str)):
        word = str(value).strip().lower()
        word = next((meant for switch, meant in _SWITCHED if switch == word), word)
        if word in _CLEARTEXT:
            return word
    raise ValueError(f"be one of {', '.join(_CLEARTEXT)}, True or False, not {shown(value)}")


def within(read: Callable[[object], int], least: int, most: int) -> Callable[[object], int]:
    """Return the check of a number that has bounds."""

    def parse(value: object) -> int:
        number = read(value)
        if not least <= number <= most:
            raise ValueError(f"be from {least} to {most}, not {shown(value)}")
        return number

    return parse


def _bytes(least: int, most: int = _MOST) -> Kind[int]:
    return Kind("whole number, or a string such as '64K'", parse=within(size, least, most), text=size, metavar="BYTES")


class Http2(Section):
    """HTTP/2: whether it is spoken, with whom, and how much of it.

    Over TLS it is spoken with those clients that ask for it by ALPN, as every browser does. `docs/deploy/tls.md` tells
    more.
    """

    __slots__ = ()
    title = "HTTP/2"

    http_protocols: tuple[str, ...] = option(
        ("h1",),
        kind=Kind(
            "string or list of strings", parse=versions, metavar="VERSIONS", show=lambda names: repr(",".join(names))
        ),
        cli=("--http-protocols",),
        doc="The versions of HTTP, divided by commas and in the order of preference: `h1` for HTTP/1.1 (and 1.0), `h2` "
        "for HTTP/2. HTTP/1.1 is spoken with whoever does not ask for HTTP/2, even if only `h2` is named.",
    )
    http2_cleartext: str = option(
        "off",
        kind=Kind("string or boolean", parse=cleartext, metavar="|".join(_CLEARTEXT)),
        cli=("--http2-cleartext",),
        doc="How HTTP/2 begins on connections without TLS, where `http_protocols` names `h2`: `prior-knowledge` (or "
        "True): the client begins with it; `upgrade`: it asks for it in a request of HTTP/1.1 (`Upgrade: h2c`); "
        "`both`: in either way. Only with the proxies of `forwarded_allow_ips`; others are served as if this were "
        "`off`. With `prior-knowledge` alone such a proxy is answered 400 when it speaks HTTP/1.1.",
    )
    http2_max_concurrent_streams: int = option(
        100,
        kind=Kind("whole number", parse=within(whole_number, 1, _MOST), text=int, metavar="INT"),
        cli=("--http2-max-concurrent-streams",),
        unit="requests",
        doc="How many requests a client may have under way at once on one connection.",
    )
    http2_initial_window_size: int = option(
        65535,
        kind=_bytes(1),
        cli=("--http2-initial-window-size",),
        unit="bytes",
        doc="How much of each request's body a client may send ahead of being told to go on.",
    )
    http2_max_frame_size: int = option(
        16384,
        kind=_bytes(_SMALLEST_FRAME, _LARGEST_FRAME),
        cli=("--http2-max-frame-size",),
        unit="bytes",
        doc="The largest frame that a client may send.",
    )
    http2_max_header_list_size: int = option(
        65536,
        kind=_bytes(0),
        cli=("--http2-max-header-list-size",),
        unit="bytes",
        doc="How long the fields of a request may be together, unpacked, each counted with 32 bytes beyond its name "
        "and value (RFC 9113 §6.5.2). 0 leaves it to `limit_request_fields` and `limit_request_field_size`, which "
        "hold in any case.",
    )
