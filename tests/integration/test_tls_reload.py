"""HUP where TLS is concerned: turned on, turned off, and asked for with files that cannot be used."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, make, ready_made
from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.load import Load
from tests.support.packets import asked
from tests.support.server import Server
from tests.support.tls import secure, trusting

Serve = Callable[..., Server]
ANSWERS = "tests.apps.answers:application"
CERTIFICATE = ready_made()
PLAIN = ""


def shown(certificate: Path | str, key: Path | str = "") -> str:
    """The text of a configuration file that gives these."""
    return f"certfile, keyfile = {str(certificate)!r}, {str(key)!r}\n"


TLS = shown(*CERTIFICATE)


class SecureLoad(Load):
    """The same clients by TLS."""

    def connect(self) -> Client:
        client = super().connect()
        client.socket = trusting(CERTIFICATE).wrap_socket(client.socket, server_hostname="localhost")
        return client


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "longma.conf.py"


def started(serve: Serve, config: Path, text: str, workers: int = 1) -> Server:
    config.write_text(text)
    return serve(ANSWERS, "-c", str(config), workers=workers)


def reload(server: Server, config: Path, text: str, times: int = 1, outcome: str = "Reload complete") -> None:
    config.write_text(text)
    server.send_signal(signal.SIGHUP)
    server.errors.wait(outcome, count=times)


def speaks(server: Server) -> str:
    """What a new client is understood in; the other one has to fail in the way that its clients understand."""
    plain = server.get("/hello")
    try:
        with secure(server, trusting(CERTIFICATE)) as client:
            answer = client.ask("GET", "/hello")
    except (ssl.SSLError, ConnectionError):
        assert plain.status == 200
        return "http"
    assert (answer.status, plain.status) == (200, 400)
    assert "plain HTTP was sent to a port of HTTPS" in plain.text
    return "https"


def is_shown(server: Server, certificate: Certificate) -> bool:
    try:
        secure(server, trusting(certificate)).close()
    except ssl.SSLError:
        return False
    return True


def answers_packets(server: Server) -> bool:
    try:
        return asked("uwsgi", server.address, {"REQUEST_METHOD": "GET", "PATH_INFO": "/hello"})[0] == "200 OK"
    except AssertionError:
        return False


def test_it_is_turned_on_and_off_on_addresses_that_stay(serve: Serve, config: Path):
    server = started(serve, config, PLAIN, workers=2)
    server.expect("plain HTTP was sent to a port of HTTPS|Invalid request")
    for times, (text, scheme) in enumerate([(TLS, "https"), (PLAIN, "http"), (TLS, "https")], start=1):
        reload(server, config, text, times)
        server.settle(2)
        assert {speaks(server) for _ in range(4)} == {scheme}


def begin_reload(server: Server, config: Path, text: str) -> None:
    """As `reload`, but waiting only until new clients are served by the new worker: the old one is held."""
    config.write_text(text)
    server.send_signal(signal.SIGHUP)
    if text == PLAIN:
        until(lambda: server.get("/hello").status == 200, "plain HTTP")
    else:
        until(lambda: is_shown(server, CERTIFICATE), "TLS")


def test_whoever_is_connected_keeps_what_was_agreed_on(serve: Serve, config: Path, gate: Gate):
    server = started(serve, config, PLAIN)
    server.expect("plain HTTP was sent to a port of HTTPS|Invalid request")
    clients, idle = [server.client()], [server.client()]
    assert idle[0].ask("GET", "/hello").status == 200
    clients[0].request("GET", "/wait?label=plain")
    visitors = [gate.wait("plain")]
    begin_reload(server, config, TLS)
    clients.append(secure(server, trusting(CERTIFICATE)))
    idle.append(secure(server, trusting(CERTIFICATE)))
    assert idle[1].ask("GET", "/hello").status == 200
    clients[1].request("GET", "/wait?label=secure")
    visitors.append(gate.wait("secure"))
    begin_reload(server, config, PLAIN)
    for client, visitor, witness in zip(clients, visitors, idle, strict=True):
        witness.expect_end()  # The worker has been told to retire, so this answer is its last.
        visitor.release()
        answer = client.read_response()
        assert (answer.status, answer.one("Connection")) == (200, "close")
        client.expect_end()


@pytest.mark.parametrize(
    ("text", "is_served"),
    [
        (TLS, lambda server: is_shown(server, CERTIFICATE)),
        ("protocol = 'uwsgi'\n", answers_packets),
    ],
    ids=["TLS", "uwsgi"],
)
def test_a_request_that_waits_is_not_handed_to_whoever_speaks_otherwise(
    serve: Serve, config: Path, gate: Gate, text: str, is_served: Callable[[Server], bool]
):
    server = started(serve, config, PLAIN)
    server.expect("Invalid request")
    first, second = server.client(), server.client()
    first.request("GET", "/wait")
    held = gate.wait(".*")
    second.request("GET", "/hello")
    config.write_text(text)
    server.send_signal(signal.SIGHUP)
    until(lambda: is_served(server), "the new worker")
    held.release()
    assert (first.read_response().status, second.read_response().status) == (200, 200)


@pytest.mark.parametrize(("text", "clients"), [(PLAIN, Load), (TLS, SecureLoad)], ids=["plain", "TLS"])
def test_a_reload_that_fails_is_one_line_and_loses_nothing(
    serve: Serve, config: Path, tmp_path: Path, text: str, clients: type[Load]
):
    other, broken = make(tmp_path, "other"), tmp_path / "broken.pem"
    broken.write_text(CERTIFICATE.path.read_text().replace("M", "!", 1))
    mistakes = {
        shown("/absent.pem"): "certfile: /absent.pem cannot be read: No such file or directory",
        shown(tmp_path): f"certfile: {tmp_path} cannot be read: Is a directory",
        shown(CERTIFICATE.path, other.key): (
            f"keyfile: the private key in {other.key} is not that of the certificate in {CERTIFICATE.path}"
        ),
        shown(CERTIFICATE.path, "/absent.key"): "keyfile: /absent.key cannot be read: No such file or directory",
        shown(broken, CERTIFICATE.key): f"certfile: {broken} is no PEM file: what begins in line 1 is broken",
        f"keyfile = {str(CERTIFICATE.key)!r}\n": (
            "keyfile: a private key is of no use without its certificate; give certfile, too"
        ),
    }
    server = started(serve, config, text, workers=2)
    before = server.settle(2)
    server.expect("Reload failed, nothing was changed: ")
    with clients(server.address, connections=2) as load:
        for times, (wrong, line) in enumerate(mistakes.items(), start=1):
            load.more(10)
            seen = len(server.errors.so_far())
            reload(server, config, wrong, times, "Reload failed, nothing was changed")
            said = [line for line in server.errors.so_far()[seen:] if "Reload failed" in line]
            assert [one.partition("nothing was changed: ")[2] for one in said] == [line]
        load.more(10)
    load.check()
    assert server.settle(2) == before
    reload(server, config, TLS)
    assert secure(server, trusting(CERTIFICATE)).ask("GET", "/hello").status == 200


def test_what_was_watched_is_watched_on_after_a_reload_that_failed(serve: Serve, config: Path, tmp_path: Path):
    placed, other = make(tmp_path, "placed"), make(tmp_path, "other")
    server = started(serve, config, shown(*placed))
    server.expect("Reload failed")
    reload(server, config, shown("/absent.pem"), outcome="Reload failed")
    for source, target in zip(other, placed, strict=True):
        os.replace(source, target)
    server.errors.wait("The certificates have changed, and were read again|cannot be used")
    until(lambda: is_shown(server, placed), "the new certificate")
