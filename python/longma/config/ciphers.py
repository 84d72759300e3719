"""Lists of cipher suites as OpenSSL's programs take them, and the suites that there are."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind
from longma.config.parsers import shown

# In the order of preference; the core has the same list.
SUITES: Final = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
_OF_TLS13: Final = SUITES[:3]
# How keys are exchanged, in the order of preference; the core has the same list.
CURVES: Final = ("X25519", "prime256v1", "secp384r1")
# Words for many suites: what must be in a name. All suites have forward secrecy, authentication and encryption with it.
_GROUPS: Final = (
    ("ALL", ""),
    ("DEFAULT", ""),
    ("HIGH", ""),
    ("TLSV1.2", "-"),
    ("ECDHE", "ECDHE"),
    ("EECDH", "ECDHE"),
    ("KEECDH", "ECDHE"),
    ("ECDSA", "ECDSA"),
    ("AECDSA", "ECDSA"),
    ("ARSA", "-RSA"),
    ("AES", "AES"),
    ("AESGCM", "GCM"),
    ("AES128", "AES128"),
    ("AES256", "AES256"),
    ("CHACHA20", "CHACHA20"),
    ("SHA256", "SHA256"),
    ("SHA384", "SHA384"),
)
# What is excluded by such a word is not there in any case.
_ABSENT: Final = (
    *("ANULL", "ENULL", "NULL", "EXP", "EXPORT", "LOW", "MEDIUM", "DES", "3DES"),
    *("DES3", "MD5", "SHA", "SHA1", "RC2", "RC4", "IDEA", "SEED", "PSK"),
    *("SRP", "DSS", "ADSS", "KRSA", "DHE", "EDH", "DH", "ADH", "AECDH"),
    *("CAMELLIA", "ARIA", "AESCCM", "AESCCM8", "SSLV2", "SSLV3", "TLSV1", "TLSV1.0", "TLSV1.1"),
)


def suites_of(text: str) -> tuple[str, ...]:
    """Return the suites that a list names, in its order: `ECDHE+AESGCM:!AES256`, divided by `:`, `,` or space.

    As with OpenSSL the suites of TLS 1.3 are there whatever the list says, unless it names some of them itself.

    Raises:
        ValueError: a word of it means nothing here, or nothing is left.
    """
    chosen: list[str] = []
    excluded: set[str] = set()
    for word in text.replace(",", ":").replace(" ", ":").split(":"):
        if not word or word.upper() == "@STRENGTH":
            continue
        if word[0] in "!-":
            excluded.update(_meant(word[1:], may_be_absent=True))
            continue
        chosen += [suite for suite in _meant(word.lstrip("+")) if suite not in chosen]
    if not any(suite in _OF_TLS13 for suite in chosen) or _is_all(text):
        chosen = [*_OF_TLS13, *(suite for suite in chosen if suite not in _OF_TLS13)]
    left = tuple(suite for suite in chosen if suite not in excluded)
    if not left:
        raise ValueError(f"leave a cipher suite: {shown(text)} leaves none")
    return left


def _is_all(text: str) -> bool:
    return text.partition(":")[0].upper() in ("ALL", "DEFAULT", "HIGH")


def _meant(word: str, *, may_be_absent: bool = False) -> tuple[str, ...]:
    if word in SUITES:
        return (word,)
    parts = word.upper().split("+")
    if may_be_absent and any(part in _ABSENT for part in parts):
        return ()
    needed = [must for part in parts for name, must in _GROUPS if name == part]
    found = tuple(suite for suite in SUITES if all(must in suite for must in needed))
    if len(needed) == len(parts) and found:
        return found
    raise ValueError(f"name cipher suites that there are: {shown(word)} is none of {', '.join(SUITES)}")


def ciphers(value: object) -> str | None:
    """Return a list of cipher suites as it was written, once each is known to be one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"be a string, not {shown(value)}")
    if not value.strip():
        return None
    suites_of(value)
    return value.strip()


CIPHERS: Final = Kind("string or None", parse=ciphers, metavar="LIST")
