"""Which peers are believed when they speak for somebody else."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from longma.config.networks import NETWORKS
from longma.config.option import Computed, Kind, Section, option
from longma.config.parsers import any_text, encodable, mapping, show_list, shown, upper_words


def scheme_headers(value: object) -> dict[str, str]:
    """Return names, in upper case, and the value of each that means https."""
    headers: dict[str, str] = {}
    for name, secure in mapping(value).items():
        if not isinstance(secure, str):
            raise ValueError(f"hold strings only, not {shown(secure)}")
        headers[encodable(name).strip().upper()] = encodable(secure)
    return headers


def _usual_scheme_headers() -> dict[str, str]:
    return {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}


MODES: Final = ("off", "v1", "v2", "auto")
_OTHER_MODES: Final = MappingProxyType({"true": "auto", "1": "auto", "false": "off", "0": "off", "none": "off"})


REAL_IP_FIELDS: Final = ("x-forwarded-for", "forwarded")


def real_ip_field(value: object) -> str:
    """Return one of `REAL_IP_FIELDS`, or "" for none."""
    field = any_text(value).lower()
    if field and field not in REAL_IP_FIELDS:
        raise ValueError(f"be {' or '.join(REAL_IP_FIELDS)}, not {shown(value)}")
    return field


def proxy_protocol_mode(value: object) -> str:
    """Return one of `MODES`; True stands for `auto`, False and None for `off`, as with Gunicorn."""
    if value is None or isinstance(value, bool):
        return "auto" if value else "off"
    mode = value.strip().lower() if isinstance(value, str) else ""
    mode = _OTHER_MODES.get(mode, mode)
    if mode not in MODES:
        raise ValueError(f"be one of {', '.join(MODES)}, True or False, not {shown(value)}")
    return mode


SCHEME_HEADERS: Final = Kind("dictionary", parse=scheme_headers)
UPPER_WORDS: Final = Kind("list of strings", parse=upper_words, metavar="NAMES", show=show_list)


class BehindAProxy(Section):
    """Which peers are believed when they speak for somebody else.

    Whoever connects by a Unix socket is always believed.
    """

    __slots__ = ()
    title = "Behind a proxy"

    forwarded_allow_ips: tuple[str, ...] = option(
        ("127.0.0.1", "::1"),
        kind=NETWORKS,
        cli=("--forwarded-allow-ips",),
        env="FORWARDED_ALLOW_IPS",
        doc="The peers whose `secure_scheme_headers` and `forwarder_headers` are believed: addresses and networks, "
        "divided by commas, or `*` for everybody. An empty string is nobody.",
    )
    real_ip: str = option(
        "",
        kind=Kind("x-forwarded-for or forwarded", parse=real_ip_field, metavar="FIELD"),
        cli=("--real-ip",),
        doc="The field by which such a peer says for whom it asks: `x-forwarded-for`, or `forwarded` (RFC 7239). The "
        "right-most address in it that `forwarded_allow_ips` does not list becomes `REMOTE_ADDR`, the port that comes "
        "with it `REMOTE_PORT`, which is missing where none does. `*` lists nobody: then it is the last address. A "
        "proxy that does not say (`unknown`) keeps its own. A malformed `Forwarded` earns 400. Empty: `REMOTE_ADDR` "
        "is the peer's address, as with Gunicorn.",
    )
    secure_scheme_headers: dict[str, str] = option(
        Computed(_usual_scheme_headers),
        kind=SCHEME_HEADERS,
        doc="The fields by which such a peer says that its client used https, each with the value that says so. A "
        "request with two that disagree is refused with 400.",
    )
    forwarder_headers: tuple[str, ...] = option(
        ("SCRIPT_NAME", "PATH_INFO"),
        kind=UPPER_WORDS,
        cli=("--forwarder-headers",),
        doc="The fields with an underscore in their name that such a peer may send, whatever `header_map` says. `*` "
        "stands for all. `SCRIPT_NAME` becomes the application's.",
    )
    proxy_protocol: str = option(
        "off",
        kind=Kind("one of off, v1, v2, auto, or a boolean", parse=proxy_protocol_mode, metavar="MODE"),
        cli=("--proxy-protocol",),
        constant="auto",
        words=(*MODES, *_OTHER_MODES),
        doc="Whether a proxy may say who its client is by a header of the PROXY protocol before that client's first "
        "byte: by the text of version `v1`, the bytes of `v2`, or either (`auto`, which the flag alone and `True` "
        "stand for). The client's address becomes `REMOTE_ADDR`, and whether it is believed is decided by "
        "`forwarded_allow_ips`, for as long as the connection lasts. A connection without the header is served, too.",
    )
    proxy_allow_ips: tuple[str, ...] = option(
        ("127.0.0.1", "::1"),
        kind=NETWORKS,
        cli=("--proxy-allow-from",),
        doc="The peers that may send such a header: addresses and networks, divided by commas, or `*` for everybody. "
        "One from anybody else is refused with 403. Whoever connects by a Unix socket may.",
    )
