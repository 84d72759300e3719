"""TLS: the certificates, whom it is spoken with, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longma.config.callables import Hook
from longma.config.ciphers import CIPHERS
from longma.config.option import DIRECTORY, Kind, Section, option
from longma.config.parsers import BOOLEAN, OPTIONAL_FILE, one_of, optional_text, show_list, shown, texts

if TYPE_CHECKING:
    from longma.config.callables import HookFunction

_REQUIREMENTS: Final = ("none", "optional", "required")
# The constants of the module ssl, by number. Those of single older versions are spoken by nobody any more.
_ANY_VERSION: Final = ("2", "17", "TLS", "SSLV23", "TLS_SERVER")
_TLS12: Final = ("5", "TLSV1_2", "TLSV1.2")


def files(value: object) -> tuple[str, ...]:
    """Return paths as a tuple; None and empty ones do not count."""
    return tuple(item for item in texts(() if value is None else value) if item)


def requirement(value: object) -> int:
    """Return 0, 1 or 2: as a number, as in the module ssl, or as a word."""
    text = str(int(value) if isinstance(value, int) else value).strip().lower().rpartition("cert_")[2]
    if text in _REQUIREMENTS:
        return _REQUIREMENTS.index(text)
    if text in ("0", "1", "2"):
        return int(text)
    raise ValueError(f"be 0 (none), 1 (optional) or 2 (required), not {shown(value)}")


def version(value: object) -> int:
    """Return a number as the module ssl counts: 2 for any version, 5 for TLS 1.2 alone."""
    text = str(int(value) if isinstance(value, int) else value).strip().upper().rpartition("PROTOCOL_")[2]
    if text in _ANY_VERSION:
        return 2
    if text in _TLS12:
        return 5
    raise ValueError(f"be TLS (any version from 1.2 on) or TLSv1_2 (that alone), not {shown(value)}")


def show_secret(value: str | None) -> str:
    return repr("***") if value else repr(value)


FILES: Final = Kind("path or list of paths", parse=files, metavar="FILE", show=show_list)
CERT_REQS: Final = Kind("0, 1 or 2", parse=requirement, metavar="INT")
SSL_VERSION: Final = Kind("number or name of the module ssl", parse=version, metavar="VERSION")
SECRET: Final = Kind("string or None", parse=optional_text, show=show_secret)


class Tls(Section):
    """TLS: the certificates, whom it is spoken with, and how.

    With a certificate the server speaks TLS on every address that it listens on; `docs/deploy/tls.md` explains how.
    """

    __slots__ = ()
    title = "TLS"

    certfile: tuple[str, ...] = option(
        (),
        kind=FILES,
        cli=("--certfile",),
        repeat=True,
        anchored=DIRECTORY,
        doc="The server's certificate in PEM, and behind it those of the authorities that vouch for it. Several are "
        "chosen from by the name that the client asks for, and the first is for whoever asks for another. A file that "
        "changes is read again within a second or two, without a reload.",
    )
    keyfile: tuple[str, ...] = option(
        (),
        kind=FILES,
        cli=("--keyfile",),
        repeat=True,
        anchored=DIRECTORY,
        doc="The private key in PEM, one for each certificate and in the same order. Where none is given, the key is "
        "in the certificate's file.",
    )
    keyfile_password: str | None = option(
        None,
        kind=SECRET,
        env="LONGMA_KEYFILE_PASSWORD",
        doc="What the private keys are encrypted with. It has no flag, since every user of a machine can read the "
        "arguments of a program.",
    )
    keyfile_password_file: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("--keyfile-password-file",),
        anchored=DIRECTORY,
        doc="The file of which the first line is the password of the private keys (`keyfile_password`).",
    )
    ca_certs: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("--ca-certs",),
        anchored=DIRECTORY,
        doc="The certificates, in PEM, of the authorities that certify clients.",
    )
    cert_reqs: int = option(
        0,
        kind=CERT_REQS,
        cli=("--cert-reqs",),
        doc="Whether clients show a certificate: 0 no, 1 if they have one, 2 they must. One that is shown must be "
        "good; the environ tells it, in the variables of Apache's `mod_ssl` (`SSL_CLIENT_S_DN` and others).",
    )
    ciphers: str | None = option(
        None,
        kind=CIPHERS,
        cli=("--ciphers",),
        doc="The cipher suites of TLS 1.2, in the order of preference, as OpenSSL writes them. Those of TLS 1.3 stay, "
        "unless the list names some of them.",
    )
    tls_min_version: str = option(
        "1.2",
        kind=one_of("1.2", "1.3"),
        cli=("--tls-min-version",),
        doc="The least version of TLS that is spoken.",
    )
    ssl_version: int = option(
        2,
        kind=SSL_VERSION,
        cli=("--ssl-version",),
        doc="Gunicorn's word for the version, where it has no effect any more: `TLS` is any from `tls_min_version` on, "
        "`TLSv1_2` that alone.",
    )
    ssl_context: HookFunction | None = option(
        None,
        kind=Hook("config", "default_ssl_context_factory"),
        doc="Called in the master when the certificates are read. What it returns is made of what "
        "`default_ssl_context_factory()` gives, which takes what a configuration file does to an `ssl.SSLContext`, and "
        "refuses by name what cannot be done here.",
    )
    suppress_ragged_eofs: bool = option(
        True,
        kind=BOOLEAN,
        cli=("--suppress-ragged-eofs",),
        constant=True,
        inert="a client that ends without a word is treated as one that has gone, in any case",
        doc="Whether Gunicorn takes the end of a connection for an end of TLS.",
    )
    do_handshake_on_connect: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--do-handshake-on-connect",),
        constant=True,
        inert="handshakes never wait for the application, nor it for them",
        doc="Whether Gunicorn's handshake is a part of accepting.",
    )
