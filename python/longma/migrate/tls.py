"""TLS: the addresses, certificates and keys of `https`, `https-socket`, `https2` and `sni`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from longma.migrate.outcome import Outcome, see_to, setting
from longma.migrate.values import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.expand import Option

LISTED: Final = frozenset({"https", "https-socket"})  # ADDRESS,CERTIFICATE,KEY[,CIPHERS[,AUTHORITIES]]
NAMED: Final = frozenset({"https2"})  # addr=ADDRESS,cert=CERTIFICATE,key=KEY,...
FOR_NAMES: Final = frozenset({"sni"})  # NAME CERTIFICATE,KEY[,CIPHERS[,AUTHORITIES]]
ADDRESSES: Final = LISTED | NAMED
NAMES: Final = ADDRESSES | FOR_NAMES
NOTHING: Final = Text()
KEYS: Final = (("addr",), ("cert", "crt"), ("key",), ("ciphers",), ("clientca", "client_ca"))

BY_NAME: Final = "the first is for whoever asks for no name that one of the others has"
NO_ADDRESS: Final = "no https or https-socket has an address where TLS would be spoken"
NO_CERTIFICATE: Final = "it names no certificate and key: write certfile and keyfile by hand"
REQUIREMENT: Final = "uWSGI asks every client for a certificate then, and with ! refuses whoever has none"


class Tls(NamedTuple):
    """What an option says.

    Attributes:
        address: as uWSGI has it; empty for `sni`.
        authorities: the file that vouches for clients, with a `!` in front where they must have a certificate.
    """

    address: Text
    certificate: Text
    key: Text
    ciphers: Text
    authorities: Text


def read(option: Option) -> Tls | None:
    """Return what an option says; None: it names no certificate."""
    value = option.value
    if option.name in NAMED:
        pairs = [part.split("=", 1) for part in value.split(",")]
        said = {pair[0].literal: pair[1] for pair in pairs if len(pair) == 2}
        found = Tls(*(next((said[key] for key in keys if key in said), NOTHING) for keys in KEYS))
    else:
        parts = value.split(",", 4)
        if option.name in FOR_NAMES:
            parts = [NOTHING, parts[0].split(" ", 1)[-1], *parts[1:]]
        found = Tls(*(parts + [NOTHING] * 5)[:5])
    return found if found.certificate.parts and found.key.parts else None


def certificates(options: Sequence[Option]) -> Outcome:
    """Return the certificates, and what is asked of clients."""
    ours = [(option, read(option)) for option in options if option.name in NAMES]
    read_ones = [(option, found) for option, found in ours if found]
    is_spoken = any(option.name in ADDRESSES for option, _ in read_ones)
    outcome = Outcome()
    for option, found in ours:
        if found is None:
            outcome |= see_to(option, NO_CERTIFICATE)
        elif not is_spoken:
            outcome |= see_to(option, NO_ADDRESS)
    if not is_spoken:
        return outcome
    used = [option for option, _ in read_ones]
    pairs = list(dict.fromkeys((found.certificate.code, found.key.code) for _, found in read_ones))
    note = BY_NAME if len(pairs) > 1 else ""
    outcome |= setting("certfile", listed([certificate for certificate, _ in pairs]), *used, note=note)
    outcome |= setting("keyfile", listed([key for _, key in pairs]), *used)
    for option, one in read_ones:
        if one.ciphers.parts:
            outcome |= setting("ciphers", one.ciphers.code, option)
        if one.authorities.parts:
            is_required = one.authorities.starts_with("!")
            outcome |= setting("ca_certs", one.authorities.without_prefix("!").code, option)
            outcome |= setting("cert_reqs", "2" if is_required else "1", option, note=REQUIREMENT)
    return outcome


def listed(codes: Sequence[str]) -> str:
    return codes[0] if len(codes) == 1 else f"[{', '.join(codes)}]"
