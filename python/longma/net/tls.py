"""The files of TLS: read by the master, which may read what its workers must not, and watched for changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from longma.config.ciphers import SUITES, suites_of
from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.config.settings import Settings

File: TypeAlias = "tuple[str, bytes]"
Pair: TypeAlias = "tuple[File, File | None]"

ONLY_TLS12: Final = 5  # as the setting ssl_version counts
_PROTOCOLS: Final = (b"http/1.1",)


class Sources(NamedTuple):
    """Where everything comes from, and how it is spoken.

    Attributes:
        pairs: The paths of each certificate and of its key, "" where it is in the certificate's file.
        password: What the keys are encrypted with.
        client_auth: Whether clients show a certificate: 0 no, 1 if they have one, 2 they must.
        authorities: The path of the certificates of those who certify clients.
        suites: Names of `config.ciphers.SUITES`, in the order of preference.
        versions: The least and the greatest, 12 for TLS 1.2.
        protocols: What is agreed on by name (RFC 7301), in the order of preference.
    """

    pairs: tuple[tuple[str, str], ...]
    password: bytes | None = None
    client_auth: int = 0
    authorities: str | None = None
    suites: tuple[str, ...] = SUITES
    versions: tuple[int, int] = (12, 13)
    protocols: tuple[bytes, ...] = _PROTOCOLS

    def read_pairs(self) -> list[Pair]:
        """Read the certificates and the keys.

        Raises:
            OperatorError: one of them cannot be read.
        """
        return [
            (read("certfile", certificate), read("keyfile", key) if key else None) for certificate, key in self.pairs
        ]

    def arguments(self) -> dict[str, Any]:
        """Read everything, as the core wants it.

        Raises:
            OperatorError: a file cannot be read, or something is missing.
        """
        if self.client_auth and not self.authorities:
            raise OperatorError("cert_reqs: the certificates of clients cannot be verified without ca_certs")
        return {
            "pairs": self.read_pairs(),
            "password": self.password,
            "client_auth": self.client_auth,
            "authorities": read("ca_certs", self.authorities) if self.authorities and self.client_auth else None,
            "suites": self.suites,
            "versions": self.versions,
            "protocols": self.protocols,
        }

    def files(self) -> tuple[str, ...]:
        """The paths of the certificates and keys."""
        return tuple(path for pair in self.pairs for path in pair if path)


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
    pairs = tuple((path, keys[index] if index < len(keys) else "") for index, path in enumerate(certificates))
    return Sources(
        pairs=pairs,
        password=password_of(settings),
        client_auth=settings.cert_reqs,
        authorities=settings.ca_certs,
        suites=SUITES if settings.ciphers is None else suites_of(settings.ciphers),
        versions=(
            13 if settings.tls_min_version == "1.3" else 12,
            12 if settings.ssl_version == ONLY_TLS12 else 13,
        ),
    )


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
        with open(path, "rb") as file:
            return path, file.read()
    except OSError as error:
        raise OperatorError(f"{setting}: {path} cannot be read: {error.strerror}") from None


def marks_of(paths: Iterable[str]) -> tuple[tuple[int, ...], ...]:
    """Return what tells these files from what they become: a link that leads elsewhere counts, too."""
    return tuple(_mark(path) for path in paths)


def _mark(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
