"""TLS end to end: what the application and the client see of it."""

from __future__ import annotations

import json
import ssl
import subprocess

import pytest

from tests.support.certificates import ready_made
from tests.support.http import Client
from tests.support.server import listener
from tests.support.tls import options, secure, session_of, trusting

MODELS = ("sync", "gthread", "gevent", "eventlet")
CERTIFICATE = ready_made()


def environ(client: Client, *fields: str) -> dict[str, str]:
    """What the application of `tests.apps.seen:environ` sees of a request."""
    seen: dict[str, str] = json.loads(client.ask("GET", "/", *fields).text)["environ"]
    return seen


@pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
def test_curl_trusts_the_certificate_and_keeps_the_connection(serve, kind: str):
    certificate = ready_made(kind)
    server = serve("tests.apps.right:hello", *options(certificate))
    url = f"https://localhost:{server.address[1]}/"
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", str(certificate.path), "-w", "%{num_connects}\n", url, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Hello, World!\n1\nHello, World!\n0\n"


def test_the_application_sees_that_it_is_spoken(serve):
    server = serve("tests.apps.seen:environ", *options(CERTIFICATE))
    seen = environ(secure(server, trusting(CERTIFICATE)))
    assert (seen["wsgi.url_scheme"], seen["HTTPS"]) == ("https", "on")
    assert (seen["SSL_PROTOCOL"], seen["SSL_CIPHER"]) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert seen["SSL_TLS_SNI"] == "localhost"
    assert "SSL_CLIENT_VERIFY" not in seen


def test_what_is_one_clients_is_not_shown_of_another(serve):
    server = serve("tests.apps.seen:environ", *options(CERTIFICATE))
    old = trusting(CERTIFICATE, maximum_version=ssl.TLSVersion.TLSv1_2)
    clients = [secure(server, trusting(CERTIFICATE)), secure(server, old)] * 2
    for _ in range(4):
        for client in clients:
            seen = environ(client)
            assert seen["SSL_PROTOCOL"] == session_of(client).version()
            assert seen["REMOTE_PORT"] == str(client.ends[0][1])


def test_the_log_says_where_it_listens(serve):
    server = serve("tests.apps.right:hello", *options(CERTIFICATE))
    assert any(f"Listening at: https://127.0.0.1:{server.address[1]}" in line for line in server.errors.so_far())


def test_a_unix_socket_speaks_it_too(serve, short_directory: str):
    server = serve("tests.apps.seen:environ", *options(CERTIFICATE), binds=[listener("unix", short_directory)])
    seen = environ(secure(server, trusting(CERTIFICATE)), "Host: shop.example")
    assert (seen["wsgi.url_scheme"], seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("https", "shop.example", "443")


def test_plain_http_is_refused_in_plain_http(serve):
    server = serve("tests.apps.right:hello", *options(CERTIFICATE))
    server.expect("plain HTTP was sent to a port of HTTPS")
    client = server.client()
    response = client.ask("GET", "/")
    assert (response.status, response.one("Connection")) == (400, "close")
    assert "plain HTTP was sent to a port of HTTPS" in response.text
    client.expect_end()


def test_an_answer_that_the_end_ends_is_told_from_one_that_is_cut(serve):
    server = serve("tests.apps.right:generator", *options(CERTIFICATE))
    client = secure(server, trusting(CERTIFICATE))
    client.request("GET", "/", version="1.0")
    assert client.read_response().framing == "close"
