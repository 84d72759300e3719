"""Versions, cipher suites, session tickets, and what is agreed on by name."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import openssl, ready_made
from tests.support.http import Client
from tests.support.server import Run, Server
from tests.support.tls import options, secure, session_of, trusting

Serve = Callable[..., Server]
MODELS = ("sync", "gthread", "gevent", "eventlet")
HELLO = "tests.apps.right:hello"
CERTIFICATE = ready_made()
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def speaks(server: Server, context: ssl.SSLContext) -> bool:
    try:
        return secure(server, context).ask("GET", "/").status == 200
    except ssl.SSLError:
        return False


@pytest.mark.only("sync")
@pytest.mark.parametrize(
    ("arguments", "spoken"),
    [
        ((), {V12, V13}),
        (("--tls-min-version", "1.3"), {V13}),
        (("--ssl-version", "TLSv1_2"), {V12}),
        (("--ssl-version", "TLS"), {V12, V13}),
    ],
)
def test_the_versions_are_those_that_were_asked_for(serve: Serve, arguments: tuple[str, ...], spoken: set[object]):
    server = serve(HELLO, *options(CERTIFICATE), *arguments)
    for version in (V12, V13):
        context = trusting(CERTIFICATE, minimum_version=version, maximum_version=version)
        assert speaks(server, context) == (version in spoken)


def test_versions_that_exclude_each_other_are_refused():
    run = Run(*options(CERTIFICATE), "--ssl-version", "TLSv1_2", "--tls-min-version", "1.3", HELLO)
    assert run.status == 1
    assert "longma: error: " in run.errors.splitlines()[-1]


@pytest.mark.only("sync")
def test_the_server_speaks_with_the_suites_that_were_asked_for(serve: Serve):
    order = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
    server = serve(HELLO, *options(CERTIFICATE), "--ciphers", order)
    client = secure(server, trusting(CERTIFICATE))
    # The client prefers other ones.
    assert session_of(client).cipher()[0] == "TLS_AES_128_GCM_SHA256"
    old = trusting(CERTIFICATE, maximum_version=V12)
    assert session_of(secure(server, old)).cipher()[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
    old.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    assert not speaks(server, old)


def test_a_suite_that_there_is_not_is_refused_with_those_that_there_are():
    run = Run("--ciphers", "DHE-RSA-AES128-GCM-SHA256", HELLO)
    assert run.status == 1
    assert "ciphers must name cipher suites that there are: 'DHE-RSA-AES128-GCM-SHA256' is none of " in run.errors
    assert "ECDHE-RSA-AES128-GCM-SHA256" in run.errors


def test_http_1_1_is_agreed_on(serve: Serve):
    server = serve(HELLO, *options(CERTIFICATE))
    context = trusting(CERTIFICATE)
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert session_of(secure(server, context)).selected_alpn_protocol() == "http/1.1"
    assert session_of(secure(server, trusting(CERTIFICATE))).selected_alpn_protocol() is None
    context.set_alpn_protocols(["h2"])
    assert not speaks(server, context)


# Sessions are resumed


def asked(client: Client) -> ssl.SSLSession:
    """Ask something, since a client of TLS 1.3 is given its tickets behind the handshake."""
    assert client.ask("GET", "/").status == 200
    session = session_of(client).session
    assert session is not None
    return session


@pytest.mark.only("sync")
@pytest.mark.parametrize("version", [V12, V13])
def test_every_worker_resumes_a_session_also_after_a_reload(serve: Serve, version: ssl.TLSVersion):
    server = serve(HELLO, *options(CERTIFICATE), workers=3)
    context = trusting(CERTIFICATE, minimum_version=version, maximum_version=version)
    session = asked(secure(server, context))
    for _ in range(6):
        client = secure(server, context, session=session)
        assert session_of(client).session_reused
        session = asked(client)
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    server.settle(3)
    assert session_of(secure(server, context, session=session)).session_reused


@pytest.mark.only("sync")
def test_a_session_of_other_days_is_not_resumed(serve: Serve):
    context = trusting(CERTIFICATE, maximum_version=V12)
    session = asked(secure(serve(HELLO, *options(CERTIFICATE)), context))
    client = secure(serve(HELLO, *options(CERTIFICATE)), context, session=session)
    assert not session_of(client).session_reused


def test_openssl_has_its_answer_and_resumes(serve: Serve, tmp_path: Path):
    server = serve(HELLO, *options(CERTIFICATE))
    common = ("s_client", "-connect", f"127.0.0.1:{server.address[1]}", "-CAfile", CERTIFICATE.path, "-ign_eof")
    request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    session = tmp_path / "session"
    first = openssl(*common, "-sess_out", session, text=request)
    assert "Hello, World!" in first
    assert "Verify return code: 0 (ok)" in first
    second = openssl(*common, "-sess_in", session, text=request)
    assert "Reused, TLSv1.3" in second
    assert "Hello, World!" in second


# The hook


@pytest.mark.only("sync")
def test_a_configuration_file_may_change_the_context(serve: Serve, tmp_path: Path):
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(
        "import ssl\n"
        f"certfile, keyfile = {str(CERTIFICATE.path)!r}, {str(CERTIFICATE.key)!r}\n"
        "def ssl_context(conf, default_ssl_context_factory):\n"
        "    context = default_ssl_context_factory()\n"
        "    context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
        "    context.options |= ssl.OP_NO_TICKET\n"
        "    return context\n"
    )
    server = serve(HELLO, "-c", str(config))
    client = secure(server, trusting(CERTIFICATE))
    assert client.ask("GET", "/").status == 200
    session = session_of(client).session
    assert session is None or not session.has_ticket
    assert not speaks(server, trusting(CERTIFICATE, maximum_version=V12))
    config.write_text(config.read_text().replace("    return", "    context.set_ecdh_curve('secp384r1')\n    return"))
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    asked = ("s_client", "-connect", f"127.0.0.1:{server.address[1]}", "-CAfile", CERTIFICATE.path)
    assert "ECDH, secp384r1" in openssl(*asked)
    config.write_text(config.read_text().replace("    return", "    context.sni_callback = print\n    return"))
    server.expect("Reload failed.*ssl_context: sni_callback is not supported")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed")
    assert secure(server, trusting(CERTIFICATE)).ask("GET", "/").status == 200
