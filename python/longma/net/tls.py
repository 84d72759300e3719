"""The files of TLS: read by the master, which may read what its workers must not, and watched for changes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from longma.config.ciphers import SUITES, suites_of
from longma.config.sections.workers import brings_its_own_http
from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.config.settings import Settings

File: TypeAlias = "tuple[str, bytes]"

TLS12: Final = 12
TLS13: Final = 13
HTTP: Final = b"http/1.1"
HTTP2: Final = b"h2"
_ONLY_TLS12: Final = 5  # as the setting ssl_version counts


class Pair(NamedTuple):
    """The paths of a certificate and of its key, "" where that is in the certificate's file, and its password."""

    certificate: str
    key: str = ""
    password: bytes | None = None

    def read(self) -> tuple[File, File | None, bytes | None]:
        """Read both, as the core wants it.

        Raises:
            OperatorError: one of them cannot be read.
        """
        return read("certfile", self.certificate), read("keyfile", self.key) if self.key else None, self.password


class Sources(NamedTuple):
    """Where everything comes from, and how it is spoken.

    Attributes:
        client_auth: Whether clients show a certificate: 0 no, 1 if they have one, 2 they must.
        authorities: The path of the certificates of those who certify clients, or the text itself.
        suites: Names of `config.ciphers.SUITES`, in the order of preference.
        versions: The least and the greatest, 12 for TLS 1.2.
        protocols: What is agreed on by name (RFC 7301), in the order of preference.
        resumes: Whether sessions are resumed.
        curve: The only one of `config.ciphers.CURVES` by which keys are exchanged; "" for all of them.
    """

    pairs: tuple[Pair, ...]
    client_auth: int = 0
    authorities: str | File | None = None
    suites: tuple[str, ...] = SUITES
    versions: tuple[int, int] = (TLS12, TLS13)
    protocols: tuple[bytes, ...] = (HTTP,)
    resumes: bool = True
    curve: str = ""

    def read_pairs(self) -> list[tuple[File, File | None, bytes | None]]:
        """Read the certificates and the keys.

        Raises:
            OperatorError: one of them cannot be read.
        """
        return [pair.read() for pair in self.pairs]

    def arguments(self) -> dict[str, Any]:
        """Read everything, as the core wants it.

        Raises:
            OperatorError: a file cannot be read, or something is missing.
        """
        authorities = self.authorities if self.client_auth else None
        if self.client_auth and not authorities:
            raise OperatorError("cert_reqs: the certificates of clients cannot be verified without ca_certs")
        return {
            **self._asdict(),
            "pairs": self.read_pairs(),
            "authorities": read("ca_certs", authorities) if isinstance(authorities, str) else authorities,
        }

    def files(self) -> tuple[str, ...]:
        """The paths of the certificates and keys."""
        return tuple(path for pair in self.pairs for path in (pair.certificate, pair.key) if path)


def is_wanted(settings: Settings) -> bool:
    """Whether the settings ask for TLS."""
    return bool(settings.certfile or settings.keyfile)


def sources_of(settings: Settings) -> Sources:
    """Return what the settings say.

    Raises:
        OperatorError: certificates and keys do not pair, or the password cannot be read.
    """
    certificates, keys = settings.certfile, settings.keyfile
    if not certificates:
        raise OperatorError("keyfile: a private key is of no use without its certificate; give certfile, too")
    if len(keys) > len(certificates):
        raise OperatorError(f"keyfile: there are {len(keys)} keys for {len(certificates)} certificates")
    password = password_of(settings)
    keys += ("",) * (len(certificates) - len(keys))
    return Sources(
        pairs=tuple(Pair(certificate, key, password) for certificate, key in zip(certificates, keys, strict=False)),
        client_auth=settings.cert_reqs,
        authorities=settings.ca_certs,
        suites=SUITES if settings.ciphers is None else suites_of(settings.ciphers),
        versions=(
            TLS13 if settings.tls_min_version == "1.3" else TLS12,
            TLS12 if settings.ssl_version == _ONLY_TLS12 else TLS13,
        ),
        protocols=protocols_of(settings),
    )


def protocols_of(settings: Settings) -> tuple[bytes, ...]:
    """Return what is agreed on by name, in the order of preference. HTTP/2 is spoken by the engine alone."""
    if "h2" not in settings.http_protocols or brings_its_own_http(settings.worker_class):
        return (HTTP,)
    return with_http([HTTP2 if name == "h2" else HTTP for name in settings.http_protocols])


def with_http(protocols: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the protocols, and HTTP/1.1: whoever offers that alone would be turned away (RFC 7301 §3.2)."""
    named = tuple(protocols)
    return named if HTTP in named or not named else (*named, HTTP)


def password_of(settings: Settings) -> bytes | None:
    """Return the password of the keys, None where there is none.

    Raises:
        OperatorError: its file cannot be read.
    """
    if settings.keyfile_password_file is not None:
        return read("keyfile_password_file", settings.keyfile_password_file)[1].partition(b"\n")[0].rstrip(b"\r")
    return None if settings.keyfile_password is None else settings.keyfile_password.encode()


def read(setting: str, path: str) -> File:
    """Return a file's path and what it holds.

    Raises:
        OperatorError: it cannot be read.
    """
    try:
        # A FIFO would be waited for, by a master that hears no signal meanwhile.
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OperatorError(f"{setting}: {path} cannot be read: it is no regular file")
            return path, file.read()
    except OSError as error:
        raise OperatorError(f"{setting}: {path} cannot be read: {error.strerror}") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def marks_of(paths: Iterable[str]) -> tuple[tuple[int, ...], ...]:
    """Return what tells these files from what they become: a link that leads elsewhere counts, too."""
    return tuple(_mark(path) for path in paths)


def _mark(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
