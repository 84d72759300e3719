"""Where the server listens: `http`, `https`, `socket`, `shared-socket` and their kin, and the mode of unix sockets."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from longma.config.addresses import PROTOCOLS
from longma.migrate import tls
from longma.migrate.outcome import Outcome, see_to, setting, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.expand import Option
    from longma.migrate.values import Text

HTTP: Final = frozenset({"http", "http-socket", "http11-socket"})
PLAIN: Final = frozenset({"socket", "s"})
SHARED: Final = frozenset({"shared-socket", "undeferred-shared-socket"})
# Sockets that speak one protocol, whatever `protocol` says, and how longma calls it.
SPOKEN: Final = MappingProxyType({"uwsgi-socket": "uwsgi", "fastcgi-socket": "fastcgi", "scgi-socket": "scgi"})
FOREIGN: Final = frozenset(
    {"suwsgi-socket", "ssl-socket", "fastcgi-nph-socket", "scgi-nph-socket", "raw-socket", "zeromq", "zmq-socket"}
)
MODES: Final = frozenset({"chmod-socket", "chmod", "C"})
NAMES: Final = (
    HTTP
    | PLAIN
    | frozenset(SPOKEN)
    | SHARED
    | tls.NAMES
    | FOREIGN
    | MODES
    | frozenset({"protocol", "socket-protocol", "umask", "abstract-socket"})
)

WHO_MAY: Final = (
    "by TCP only this machine may hand requests over, unless uwsgi_allow_ips names the web servers that are elsewhere"
)
ALL_OR_NONE: Final = (
    "longma speaks TLS on all HTTP addresses or none: start a second one for this address, or let the application send "
    "clients of it to https"
)
DEFAULT_MODE: Final = 0o755  # what uWSGI's sockets get from the usual umask of 022
BARE_MODE: Final = 0o666  # `chmod-socket` without a value


def translate(options: Sequence[Option]) -> Outcome:
    """Return `bind`, and `umask` where a unix socket asks for it."""
    outcome = Outcome()
    addresses: list[str] = []
    sources: list[Option] = []
    notes: list[str] = []
    shared = [option.value for option in options if option.name in SHARED]
    numbers = {(option.value.literal or "").removeprefix("=") for option in options if option.name not in SHARED}
    said = [option.value.literal for option in options if option.name in ("protocol", "socket-protocol")]
    usual = said[-1] if said and said[-1] in PROTOCOLS else "uwsgi"
    has_router = any(option.name in ("http", "https", "https2") for option in options)
    is_secure = any(option.name in tls.ADDRESSES and tls.read(option) for option in options)
    for option in options:
        if option.name in FOREIGN:
            outcome |= see_to(option, "longma has nothing like it; let the proxy in front speak uwsgi or HTTP")
        elif option.name in SHARED and str(shared.index(option.value)) in numbers:
            sources.append(option)
        elif option.name in SHARED:
            outcome |= settle(option, "no other option says that something is spoken there")
        elif option.name in HTTP and is_secure:
            outcome |= see_to(option, ALL_OR_NONE)
        elif option.name in HTTP | PLAIN | SPOKEN.keys() | tls.ADDRESSES:
            secure = tls.read(option) if option.name in tls.ADDRESSES else None
            if option.name in tls.ADDRESSES and secure is None:
                continue  # which `certificates` tells of
            value = dereferenced(secure.address if secure else option.value, shared)
            literal = value.literal
            if option.name in PLAIN and has_router and (literal or "").endswith(":0"):
                outcome |= settle(option, "was there for uWSGI's own HTTP router, which longma does without")
            elif why := unusable(literal):
                outcome |= see_to(option, why)
            else:
                protocol = "http" if option.name in HTTP or secure else SPOKEN.get(option.name, usual)
                where = bound(value)
                address = (where if protocol == "http" else where.with_prefix(f"{protocol}://")).code
                if address not in addresses:
                    addresses.append(address)
                sources.append(option)
                if protocol != "http" and "unix:" not in address:
                    notes.append(WHO_MAY)
        elif option.name == "abstract-socket":
            outcome |= see_to(option, "write the unix sockets of bind as unix:@NAME")
    if addresses:
        outcome |= setting("bind", f"[{', '.join(addresses)}]", *sources, note=notes[0] if notes else "")
    return outcome | tls.certificates(options) | modes(options, any("unix:" in address for address in addresses))


def dereferenced(value: Text, shared: Sequence[Text]) -> Text:
    """The address that `=N` stands for: the shared socket of that number."""
    literal = value.literal or ""
    number = literal.removeprefix("=")
    if literal.startswith("=") and number.isdecimal() and int(number) < len(shared):
        return shared[int(number)]
    return value


def unusable(literal: str | None) -> str:
    """Why an address cannot be one of longma's, "" when it can."""
    if literal is None:
        return ""
    if not literal.startswith("/") and "*" in literal.rpartition(":")[0].removeprefix("*"):
        return "longma has no patterns for addresses: write the address, or :PORT for all of them"
    return "no address" if not literal else ""


def bound(value: Text) -> Text:
    """The address as `bind` wants it: a path is marked, `*:80` is every address."""
    literal = value.literal
    if literal is None:
        return value.with_prefix("unix:") if value.starts_with("/", ".") else value
    if literal.startswith(("unix:", "fd://")):
        return value
    if ":" not in literal or literal.startswith(("/", ".", "@")):
        return value.with_prefix("unix:")
    return value.without_prefix("*") if literal.startswith("*:") else value


def modes(options: Sequence[Option], has_unix_socket: bool) -> Outcome:
    """Return the umask that gives unix sockets the mode they had; it is no matter of the application's in longma."""
    outcome = Outcome()
    changes = [option for option in options if option.name in MODES]
    masks = [option for option in options if option.name == "umask"]
    for option in masks:
        outcome |= see_to(
            option, "longma's umask is that of its unix sockets only: set the process's own with systemd's UMask="
        )
    if not has_unix_socket:
        for option in changes:
            outcome |= settle(option, "there is no unix socket")
        return outcome
    if not changes:
        mask = octal(masks[-1], 0o022) if masks else 0o777 & ~DEFAULT_MODE
        note = "uWSGI's sockets had this mode; 0 lets every user connect"
        return outcome | setting("umask", f"0o{mask:03o}", *masks, note=note)
    mode = octal(changes[-1], BARE_MODE)
    return outcome | setting("umask", f"0o{0o777 & ~mode:03o}", changes[-1], note=f"unix sockets get mode {mode:o}")


def octal(option: Option, default: int) -> int:
    digits = option.value.literal or ""
    return int(digits, 8) if digits and set(digits) <= set("01234567") else default
