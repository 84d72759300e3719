"""Clients that show a certificate, and what the application sees of it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.certificates import Certificate, openssl, ready_made
from tests.support.http import Client
from tests.support.server import Server
from tests.support.tls import options, secure, trusting

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
SERVER = ready_made()
OPTIONAL, REQUIRED = "1", "2"
SUBJECT = "/C=DE/O=Shop, Inc./OU=Till/CN=Zoë/emailAddress=till@shop.test"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def till(authority: Certificate) -> Certificate:
    return certificates.make(
        authority.path.parent,
        "till",
        subject=SUBJECT,
        names="email:till@shop.test",
        authority=authority,
        extra=("-utf8",),
    )


def showing(certificate: Certificate | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = trusting(SERVER, minimum_version=version, maximum_version=version)
    if certificate is not None:
        context.load_cert_chain(certificate.path, certificate.key)
    return context


def started(serve: Serve, authority: Certificate, how: str) -> Server:
    return serve("tests.apps.seen:environ", *options(SERVER), "--ca-certs", str(authority.path), "--cert-reqs", how)


def seen(client: Client) -> dict[str, str]:
    found: dict[str, str] = json.loads(client.ask("GET", "/").text)["environ"]
    return {name: value for name, value in found.items() if name.startswith("SSL_CLIENT")}


def is_refused(server: Server, context: ssl.SSLContext) -> bool:
    """Whether the client has no answer; with TLS 1.3 it learns of it behind its own part of the handshake."""
    try:
        secure(server, context).ask("GET", "/")
    except (ssl.SSLError, ConnectionError):
        return True
    return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_application_sees_whose_certificate_it_is(
    serve: Serve, authority: Certificate, till: Certificate, version: ssl.TLSVersion
):
    found = seen(secure(started(serve, authority, REQUIRED), showing(till, version)))

    def told(what: str, *how: str) -> str:
        return openssl("x509", "-in", till.path, "-noout", what, *how).strip().partition("=")[2]

    subject = told("-subject", "-nameopt", "RFC2253,-esc_msb,utf8").encode().decode("latin-1")
    assert found.pop("SSL_CLIENT_CERT") == openssl("x509", "-in", till.path)
    assert found.pop("SSL_CLIENT_S_DN") == subject == r"emailAddress=till@shop.test,CN=ZoÃ«,OU=Till,O=Shop\, Inc.,C=DE"
    assert found == {
        "SSL_CLIENT_VERIFY": "SUCCESS",
        "SSL_CLIENT_M_VERSION": "3",
        "SSL_CLIENT_M_SERIAL": told("-serial"),
        "SSL_CLIENT_V_START": told("-startdate"),
        "SSL_CLIENT_V_END": told("-enddate"),
        "SSL_CLIENT_S_DN_C": "DE",
        "SSL_CLIENT_S_DN_O": "Shop, Inc.",
        "SSL_CLIENT_S_DN_OU": "Till",
        "SSL_CLIENT_S_DN_CN": "ZoÃ«",
        "SSL_CLIENT_S_DN_Email": "till@shop.test",
        "SSL_CLIENT_I_DN": "CN=authority",
        "SSL_CLIENT_I_DN_CN": "authority",
    }


def test_without_one_that_is_good_nobody_is_let_in(serve: Serve, authority: Certificate, tmp_path: Path):
    server = started(serve, authority, REQUIRED)
    assert is_refused(server, showing(None))
    assert is_refused(server, showing(certificates.make(tmp_path)))
    server.errors.wait("TLS handshake with ip=127.0.0.1 failed: ", count=2)


def test_one_that_is_optional_must_be_good_if_it_is_shown(
    serve: Serve, authority: Certificate, till: Certificate, tmp_path: Path
):
    server = started(serve, authority, OPTIONAL)
    assert seen(secure(server, showing(None))) == {"SSL_CLIENT_VERIFY": "NONE"}
    assert seen(secure(server, showing(till)))["SSL_CLIENT_S_DN_OU"] == "Till"
    assert seen(secure(server, showing(None))) == {"SSL_CLIENT_VERIFY": "NONE"}
    assert is_refused(server, showing(certificates.make(tmp_path)))


@pytest.mark.only("sync", "gthread")
def test_nobody_passes_for_another_by_a_field(serve: Serve, authority: Certificate):
    server = started(serve, authority, OPTIONAL)
    client = secure(server, showing(None))
    response = client.ask("GET", "/", "SSL-Client-Verify: SUCCESS", "SSL_CLIENT_S_DN: CN=root")
    found = json.loads(response.text)["environ"]
    assert (found["SSL_CLIENT_VERIFY"], "SSL_CLIENT_S_DN" in found) == ("NONE", False)
