"""What a proxy says of its client in a PROXY header: who may, what becomes of it, and for how long it holds."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import ready_made
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.proxied import (
    LOCAL,
    PROXY,
    SIGNATURE,
    TLS,
    UDP4,
    UNIX,
    UNSPECIFIED,
    addition,
    addresses,
    binary,
    line,
)
from tests.support.server import Server, listener
from tests.support.tls import options, secure, trusting

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
STRANGER = "127.0.0.2"  # by default, 127.0.0.1 alone may send a header
KEYS = ("REMOTE_ADDR", "REMOTE_PORT", "PROXY_PROTOCOL", "PROXY_ADDR", "PROXY_PORT", "wsgi.url_scheme")
Seen = dict[str, str | None]
LINE = line("192.0.2.60", 51234, "203.0.113.9", 443)
TOLD = ("192.0.2.60", "51234", "TCP4", "203.0.113.9", "443", "http")


def ask(client: Client, *fields: str) -> Seen:
    """The variables of a request that concern its client."""
    environ: dict[str, str] = json.loads(client.ask("GET", "/", *fields).body)["environ"]
    return {name: environ.get(name) for name in KEYS}


def told(seen: Seen) -> tuple[str | None, ...]:
    return tuple(seen[name] for name in KEYS)


def refused(client: Client, status: int) -> None:
    """The connection ends with an answer of this status."""
    assert client.read_response().status == status
    client.expect_end()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (LINE, TOLD),
        (line("2001:db8::1", 1, "::1", 65535), ("2001:db8::1", "1", "TCP6", "::1", "65535", "http")),
        (addresses("192.0.2.60", 51234, "203.0.113.9", 443), TOLD),
        (addresses("192.0.2.60", 51234, "203.0.113.9", 443, addition(4, b"x" * 3000)), TOLD),
        (addresses("192.0.2.60", 51234, "203.0.113.9", 443, addition(TLS, b"\1\0\0\0\0")), (*TOLD[:5], "https")),
        (addresses("192.0.2.60", 51234, "203.0.113.9", 443, addition(TLS, b"\0\0\0\0\1")), TOLD),
        (addresses("2001:db8::1", 1, "::1", 65535), ("2001:db8::1", "1", "TCP6", "::1", "65535", "http")),
        (
            binary(PROXY, UDP4, bytes([192, 0, 2, 60, 203, 0, 113, 9, 0, 1, 0, 2])),
            ("192.0.2.60", "1", "UDP4", "203.0.113.9", "2", "http"),
        ),
        (binary(PROXY, UNIX, b"/a".ljust(108, b"\0") * 2), ("", None, "UNIX", None, None, "http")),
    ],
)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_header_tells_the_client_for_the_whole_connection(
    serve: Serve, short_directory: str, kind: str, header: bytes, expected: tuple[str | None, ...]
):
    server = serve(APP, "--proxy-protocol", binds=[listener(kind, short_directory)])
    with server.client() as client:
        client.send(header)
        for _ in range(4):  # the later ones from memory
            assert told(ask(client, "X-Same: 1")) == expected
        assert told(ask(client, "X-Other: 1")) == expected


@pytest.mark.parametrize(
    ("header", "protocol"),
    [
        (b"PROXY UNKNOWN\r\n", "UNKNOWN"),
        (b"PROXY UNKNOWN 192.0.2.60 192.0.2.61 1 2\r\n", "UNKNOWN"),
        (binary(LOCAL, UNSPECIFIED, b""), "LOCAL"),
        (addresses("192.0.2.60", 1, "192.0.2.61", 2).replace(b"\x21\x11", b"\x20\x11"), "LOCAL"),
        (binary(PROXY, UNSPECIFIED, addition(4, b"x")), "UNKNOWN"),
    ],
)
def test_a_header_without_a_client_leaves_the_proxy(serve: Serve, header: bytes, protocol: str):
    server = serve(APP, "--proxy-protocol")
    with server.client() as client:
        port = str(client.ends[0][1])
        client.send(header)
        for _ in range(3):
            assert told(ask(client)) == ("127.0.0.1", port, protocol, None, None, "http")


def test_what_one_connection_is_told_does_not_show_on_another(serve: Serve):
    """Whatever is remembered of fields that are the same."""
    server = serve(APP, "--proxy-protocol", "auto")
    with server.client() as plain, server.client() as told_v4, server.client() as told_unix:
        told_v4.send(LINE)
        told_unix.send(binary(PROXY, UNIX, bytes(216)))
        for _ in range(10):
            assert told(ask(told_v4, "X-Same: 1")) == TOLD
            assert told(ask(told_unix, "X-Same: 1")) == ("", None, "UNIX", None, None, "http")
            assert told(ask(plain, "X-Same: 1")) == ("127.0.0.1", str(plain.ends[0][1]), None, None, None, "http")


@pytest.mark.parametrize("header", [LINE, addresses("192.0.2.60", 51234, "203.0.113.9", 443, addition(4, b"x" * 99))])
def test_a_header_may_come_byte_by_byte_and_with_requests_behind_it(serve: Serve, header: bytes):
    server = serve(APP, "--proxy-protocol", "auto")
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with server.client() as client:
        assert client.send_bytewise(header + request)
        assert told(json_of(client)) == TOLD
        assert told(ask(client)) == TOLD
    with server.client() as client:
        client.send(header + request * 3)
        for _ in range(3):
            assert told(json_of(client)) == TOLD


def json_of(client: Client) -> Seen:
    environ: dict[str, str] = json.loads(client.read_response().body)["environ"]
    return {name: environ.get(name) for name in KEYS}


@pytest.mark.parametrize("begun", [b"PR", b"P", b"\r", b"\r\n", b"G", b""])
def test_a_connection_without_a_header_is_served(serve: Serve, begun: bytes):
    """Also where its first bytes are those of a header."""
    rest = {b"P": b"OST", b"PR": b"OPFIND", b"G": b"ET", b"\r": b"\nGET"}.get(begun, b"GET")
    server = serve(APP, "--proxy-protocol", "auto")
    with server.client() as client:
        client.send(begun)
        with server.client() as other:  # by when the bytes have been looked at
            assert told(ask(other))[2] is None
        client.send(rest + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert told(json_of(client)) == ("127.0.0.1", str(client.ends[0][1]), None, None, None, "http")


@pytest.mark.parametrize(
    ("mode", "header"), [("off", LINE), ("off", binary(LOCAL, 0, b"")), ("v1", binary(LOCAL, 0, b"")), ("v2", LINE)]
)
def test_a_header_of_a_version_that_is_not_asked_for_is_no_request(serve: Serve, mode: str, header: bytes):
    server = serve(APP, "--proxy-protocol", mode)
    server.expect("Invalid request from ip=127.0.0.1")
    with server.client() as client:
        client.send(header + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        refused(client, 400)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"PROXY TCP4 192.0.2.60 192.0.2.61 1\r\n", "it is not PROXY, a family, two addresses and two ports"),
        (b"PROXY TCP4 192.0.2.60 ::1 1 2\r\n", "an address is none of its family"),
        (b"PROXY UNKNOWN " + b"x" * 93, r"the line is too long \(limit: 107 bytes\)"),
        (SIGNATURE + b"\x31", "the binary form has a version other than 2"),
        (binary(PROXY, 0x11, b"\0" * 11), "it is too short for its addresses"),
        (SIGNATURE + b"\x21\x11\xff\xff", r"it is too long \(limit: 4096 bytes\)"),
        (addresses("192.0.2.60", 1, "192.0.2.61", 2, b"\4\0\2x"), "an addition goes beyond the end"),
    ],
)
def test_a_malformed_header_is_refused(serve: Serve, header: bytes, why: str):
    server = serve(APP, "--proxy-protocol")
    server.expect(rf"Invalid request from ip=127\.0\.0\.1: the PROXY header is malformed: {why} \(400\)")
    for send in (Client.send, Client.send_bytewise):
        with server.client() as client:
            send(client, header)
            refused(client, 400)
    assert len(server.errors.wait("the PROXY header is malformed", count=2)) == 2


@pytest.mark.parametrize(
    ("allowed", "source", "may"),
    [
        (None, "127.0.0.1", True),
        (None, STRANGER, False),
        ("", "127.0.0.1", False),
        ("*", STRANGER, True),
        ("10.0.0.0/8, 127.0.0.2", STRANGER, True),
        ("127.0.0.0/31", "127.0.0.1", True),
        ("127.0.0.0/31", STRANGER, False),
    ],
)
@pytest.mark.parametrize("header", [LINE, binary(LOCAL, UNSPECIFIED, b"")])
def test_only_who_is_allowed_may_send_a_header(
    serve: Serve, allowed: str | None, source: str, may: bool, header: bytes
):
    server = serve(APP, "--proxy-protocol", *(() if allowed is None else ("--proxy-allow-from", allowed)))
    with Client(server.address, source=source) as client:
        assert told(ask(client))[:3] == (source, str(client.ends[0][1]), None)
    with Client(server.address, source=source) as client:
        client.send(header + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if may:
            assert told(json_of(client))[2] is not None
        else:
            server.expect(rf"Invalid request from ip={source}: proxy_allow_ips does not list this peer.* \(403\)")
            refused(client, 403)


CLAIMS = ("X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on")


@pytest.mark.parametrize("claim", [*CLAIMS, "SCRIPT_NAME: /a"])
@pytest.mark.parametrize(
    ("header", "trusted"),
    [
        (b"", True),
        (binary(LOCAL, UNSPECIFIED, b""), False),
        (line("127.0.0.1"), True),
        (LINE, False),
        (addresses("192.0.2.60", 1, "192.0.2.61", 2), False),
        (b"PROXY UNKNOWN\r\n", False),
        (binary(PROXY, UNIX, bytes(216)), False),
    ],
)
def test_the_client_that_a_header_names_is_the_one_to_believe(serve: Serve, header: bytes, claim: str, trusted: bool):
    """A proxy that passes a stranger's bytes on vouches for its address, and for nothing that it says."""
    server = serve(APP, "--proxy-protocol")
    with server.client() as client:
        client.send(header)
        for _ in range(3):
            environ = json.loads(client.ask("GET", "/a/b", claim).body)["environ"]
            https, mounted = trusted and claim in CLAIMS, trusted and claim not in CLAIMS
            assert environ["wsgi.url_scheme"] == ("https" if https else "http")
            assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (("/a", "/b") if mounted else ("", "/a/b"))


def test_the_logs_name_the_client(serve: Serve):
    server = serve(
        APP, "--proxy-protocol", "--access-logfile", "-", "--access-logformat", "%(h)s %(s)s %({proxy_addr}e)s"
    )
    server.expect(r"Invalid request from ip=192\.0\.2\.60: the Host field is missing \(400\)")
    with server.client() as client:
        client.send(LINE)
        assert told(ask(client)) == TOLD
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        refused(client, 400)
    assert server.access.wait(".", count=2) == ["192.0.2.60 200 203.0.113.9", "192.0.2.60 400 -"]


HOOK = """
def pre_request(worker, req):
    worker.log.info("HOOK %r %r %r", req.peer_addr[0], req.remote_addr, req.proxy_protocol_info)
"""


def test_hooks_are_told_what_the_header_says(serve: Serve, tmp_path: Path):
    config = tmp_path / "longma.conf.py"
    config.write_text(HOOK)
    server = serve(APP, "-c", str(config), "--proxy-protocol", "auto")
    told = (
        (
            LINE,
            "('192.0.2.60', 51234) {'proxy_protocol': 'TCP4', 'client_addr': '192.0.2.60', 'client_port': 51234,",
        ),
        (b"PROXY UNKNOWN\r\n", "'proxy_protocol': 'UNKNOWN', 'client_addr': None"),
        (b"", "None"),
    )
    for count, (header, expected) in enumerate(told, start=1):
        with server.client() as client:
            client.send(header)
            ask(client)
        assert expected in server.errors.wait("HOOK '127.0.0.1' ", count=count)[-1]


def test_a_header_that_does_not_end_is_cut_off_by_the_deadline_of_the_head(serve: Serve):
    server = serve(APP, "--proxy-protocol", "--header-timeout", "0.3")
    with server.client() as client, server.client() as silent, server.client() as late:
        late.send(LINE)
        client.send(LINE[:20])
        assert client.ended() == b""
        assert silent.ended() == b""
        assert late.ended() == b""


def test_a_client_that_goes_away_within_its_header_leaves_nothing(serve: Serve):
    server = serve(APP, "--proxy-protocol", "--access-logfile", "-", "--access-logformat", "%(h)s %(s)s")
    for header in (b"", LINE[:9], LINE):
        with server.client() as client:
            client.send(header)
    with server.client() as client:
        client.send(LINE)
        assert told(ask(client)) == TOLD
    assert server.access.wait(".") == ["192.0.2.60 200"]


def test_what_a_header_says_goes_along_to_a_sibling(serve: Serve, gate: Gate):
    server = serve(
        "tests.apps.answers",
        "--proxy-protocol",
        "--access-logfile",
        "-",
        "--access-logformat",
        "%(p)s %(h)s %(U)s",
        workers=2,
    )
    clients = [server.client() for _ in range(12)]
    for number, client in enumerate(clients):
        client.send(line(f"192.0.2.{number}"))
    where = [int(client.ask("GET", "/pid").body) for client in clients]
    busy = max(where, key=where.count)
    mine = [client for client, pid in zip(clients, where, strict=True) if pid == busy]
    mine[0].request("GET", "/wait")
    visitor = gate.wait("in the application")
    assert visitor.pid == busy
    for client in mine[1:]:
        client.request("GET", "/handed")
        client.read_response()
    fresh = server.client()  # handed over before anything was read
    fresh.send(line("198.51.100.1") + b"GET /fresh HTTP/1.1\r\nHost: a\r\n\r\n")
    fresh.read_response()
    visitor.release("released")
    assert mine[0].read_response().status == 200
    lines = server.access.wait(" /handed", count=len(mine) - 1)
    handed = {entry.split()[1] for entry in lines if entry.endswith("/handed")}
    assert handed == {f"192.0.2.{clients.index(client)}" for client in mine[1:]}
    assert server.access.wait("198.51.100.1 /fresh")


def test_a_worker_that_finishes_answers_who_has_just_sent_a_header(serve: Serve):
    server = serve(APP, "--proxy-protocol")
    with socket.create_connection(server.address) as early:
        early.sendall(LINE)
        with server.client() as client:
            assert told(ask(client))[2] is None
        server.process.terminate()
        early.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while block := early.recv(65536):
            answer += block
        assert b'"REMOTE_ADDR": "192.0.2.60"' in answer
        server.wait()


@pytest.mark.parametrize("header", [LINE, addresses("192.0.2.60", 51234, "203.0.113.9", 443, addition(4, b"x" * 99))])
@pytest.mark.parametrize("bytewise", [False, True])
def test_a_header_comes_before_the_handshake_of_tls(serve: Serve, header: bytes, bytewise: bool):
    certificate = ready_made()
    server = serve(APP, "--proxy-protocol", *options(certificate))
    with server.client() as client:
        assert (Client.send_bytewise if bytewise else Client.send)(client, header) is not False
        client.socket = trusting(certificate).wrap_socket(client.socket, server_hostname="localhost")
        for _ in range(3):
            assert told(ask(client)) == (*TOLD[:5], "https")
    with secure(server, trusting(certificate)) as client:  # without a header
        assert told(ask(client))[2:] == (None, None, None, "https")


def test_a_proxys_client_is_not_given_what_the_proxy_would_be(serve: Serve):
    server = serve(APP, "--proxy-protocol", "--metrics-path", "/-/metrics")
    for header, is_given in (
        (b"", True),
        (line("127.0.0.1"), True),
        (binary(LOCAL, UNSPECIFIED, b""), False),
        (LINE, False),
        (b"PROXY UNKNOWN\r\n", False),
        (binary(PROXY, UNIX, bytes(216)), False),
    ):
        with server.client() as client:
            client.send(header)
            answer = client.ask("GET", "/-/metrics")
            assert (b"longma_workers" in answer.body) is is_given, header
