"""Certificates for tests, made by OpenSSL: authorities, servers and clients."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("-newkey", "rsa:2048"),
    "ed25519": ("-newkey", "ed25519"),
    "p521": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"),
}


class Certificate(NamedTuple):
    """The paths of a certificate and of its key."""

    path: Path
    key: Path


def openssl(*arguments: str | Path, text: str = "") -> str:
    """Run `openssl` and return what it prints."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(
    directory: Path,
    name: str = "server",
    *,
    kind: str = "ec",
    names: str = "DNS:localhost,IP:127.0.0.1",
    subject: str = "/CN=localhost",
    authority: Certificate | None = None,
    extra: tuple[str, ...] = (),
) -> Certificate:
    """A certificate and its key in `directory`; signed by itself where there is no authority."""
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    signer = () if authority is None else ("-CA", authority.path, "-CAkey", authority.key)
    extensions: list[str] = ["-addext", f"subjectAltName={names}"] if names else []
    if not any("CA:TRUE" in word for word in extra):
        extensions += ["-addext", "basicConstraints=critical,CA:FALSE"]
    openssl(
        "req", "-x509", "-nodes", "-days", "30", *KINDS[kind], "-subj", subject, *extensions, *extra, *signer,
        "-keyout", made.key, "-out", made.path,
    )  # fmt: skip
    return made


def authority(directory: Path, name: str = "authority") -> Certificate:
    """An authority that signs others."""
    extra = ("-addext", "basicConstraints=critical,CA:TRUE")
    return make(directory, name, names="", subject=f"/CN={name}", extra=extra)


@functools.cache
def ready_made(kind: str = "ec") -> Certificate:
    """A certificate for localhost that tests which change nothing of it share."""
    directory = Path(tempfile.mkdtemp(prefix="longma-certificates-"))
    return make(directory, kind=kind)
