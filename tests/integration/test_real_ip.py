"""Whose a request is that proxies have passed on, where the operator has them say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.proxied import line
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
STRANGER = "127.0.0.2"  # trusted is, by default, 127.0.0.1 alone
FIELDS = {"x-forwarded-for": "X-Forwarded-For: {}", "forwarded": "Forwarded: for={}"}


def ask(client: Client, *fields: str) -> tuple[str, str | None]:
    """REMOTE_ADDR and REMOTE_PORT of a request."""
    environ: dict[str, str] = json.loads(client.ask("GET", "/", *fields).body)["environ"]
    return environ["REMOTE_ADDR"], environ.get("REMOTE_PORT")


# Of fields, the client that is believed; "own" is the port of the connection.
CLIENTS = {
    "x-forwarded-for": (
        (["X-Forwarded-For: 192.0.2.60"], ("192.0.2.60", None)),
        (["X-Forwarded-For: 198.51.100.7, 192.0.2.60"], ("192.0.2.60", None)),
        (["X-Forwarded-For: 192.0.2.60, 127.0.0.1, ::1"], ("192.0.2.60", None)),
        (["X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 192.0.2.60"], ("192.0.2.60", None)),
        (["X-Forwarded-For: 192.0.2.60:4711"], ("192.0.2.60", "4711")),
        (["X-Forwarded-For: [2001:db8::1]:4711"], ("2001:db8::1", "4711")),
        (["X-Forwarded-For: 2001:db8::1"], ("2001:db8::1", None)),
        (["Forwarded: for=192.0.2.60"], ("127.0.0.1", "own")),
        (["X-Forwarded-For: unknown"], ("127.0.0.1", "own")),
        (["X-Forwarded-For: <script>"], ("127.0.0.1", "own")),
        (["X-Forwarded-For:"], ("127.0.0.1", "own")),
        (["X_Forwarded_For: 192.0.2.60"], ("127.0.0.1", "own")),
        (["X-Real-Ip: 192.0.2.60"], ("127.0.0.1", "own")),
        ([], ("127.0.0.1", "own")),
    ),
    "forwarded": (
        (["Forwarded: for=192.0.2.60;proto=https;by=203.0.113.43"], ("192.0.2.60", None)),
        (['Forwarded: For="[2001:db8::1]:4711"'], ("2001:db8::1", "4711")),
        (['Forwarded: for="192.0.2.60:_hidden"'], ("192.0.2.60", None)),
        (["Forwarded: for=9.9.9.9, for=192.0.2.60", 'Forwarded: for="[::1]"'], ("192.0.2.60", None)),
        (["Forwarded: for=_hidden"], ("127.0.0.1", "own")),
        (["Forwarded: proto=https"], ("127.0.0.1", "own")),
        (["X-Forwarded-For: 192.0.2.60"], ("127.0.0.1", "own")),
    ),
    "FORWARDED": ((["Forwarded: for=192.0.2.60"], ("192.0.2.60", None)),),
}


@pytest.mark.parametrize("real_ip", CLIENTS)
def test_the_nearest_address_that_is_no_proxys_is_the_clients(serve: Serve, real_ip: str):
    server = serve(APP, "--real-ip", real_ip)
    for fields, (address, port) in CLIENTS[real_ip]:
        with server.client() as client:
            own = str(client.ends[0][1])
            wanted = (address, own if port == "own" else port)
            for _ in range(4):  # the later ones from memory
                assert ask(client, *fields) == wanted, fields
            assert ask(client) == ("127.0.0.1", own)
            assert ask(client, *fields) == wanted, fields


@pytest.mark.parametrize("real_ip", FIELDS)
def test_a_stranger_cannot_choose_its_address(serve: Serve, real_ip: str):
    server = serve(APP, "--real-ip", real_ip)
    claims = ["X-Forwarded-For: 192.0.2.60", "Forwarded: for=192.0.2.60", 'Forwarded: for="', "Forwarded: nonsense"]
    with Client(server.address, source=STRANGER) as stranger, server.client() as proxy:
        for claim in claims:
            for _ in range(3):
                assert ask(stranger, claim) == (STRANGER, str(stranger.ends[0][1]))
        for _ in range(10):  # the same bytes from either, so that everything is remembered that can be
            assert ask(proxy, FIELDS[real_ip].format("192.0.2.60")) == ("192.0.2.60", None)
            assert ask(stranger, FIELDS[real_ip].format("192.0.2.60")) == (STRANGER, str(stranger.ends[0][1]))


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize("field", FIELDS.values())
def test_without_the_setting_nobody_is_believed_about_an_address(serve: Serve, field: str):
    server = serve(APP, "--forwarded-allow-ips", "*")
    with server.client() as client:
        assert ask(client, field.format("192.0.2.60")) == ("127.0.0.1", str(client.ends[0][1]))


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize(
    "field", ['for="192.0.2.60', "for=192.0.2.60 for=192.0.2.61", 'for="a"b', "for", "for=a;for=b"]
)
def test_a_malformed_forwarded_is_refused_from_whoever_would_be_believed(serve: Serve, field: str):
    server = serve(APP, "--real-ip", "forwarded")
    server.expect(r"Invalid request from ip=127\.0\.0\.1: the Forwarded field is malformed \(400\)")
    with Client(server.address, source=STRANGER) as stranger:
        assert ask(stranger, f"Forwarded: {field}")[0] == STRANGER
    with server.client() as client:
        client.request("GET", "/", f"Forwarded: {field}")
        assert client.read_response().status == 400
        client.expect_end()


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize(
    ("allowed", "value", "expected"),
    [
        ("127.0.0.1,10.0.0.0/8", "192.0.2.60, 10.1.2.3, 10.255.0.1", "192.0.2.60"),
        ("127.0.0.1,10.0.0.0/9", "192.0.2.60, 10.200.0.1", "10.200.0.1"),
        ("127.0.0.1,2001:db8::/32", "192.0.2.60, 2001:db8:ffff::1", "192.0.2.60"),
        ("127.0.0.1,10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("*", "192.0.2.60, 192.0.2.61", "192.0.2.61"),
        ("*,192.0.2.61", "192.0.2.60, 192.0.2.61", "192.0.2.60"),
        ("10.0.0.0/8", "192.0.2.60", "127.0.0.1"),
        ("", "192.0.2.60", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("real_ip", FIELDS)
def test_the_operators_list_says_who_is_a_proxy(serve: Serve, real_ip: str, allowed: str, value: str, expected: str):
    server = serve(APP, "--real-ip", real_ip, "--forwarded-allow-ips", allowed)
    nodes = value.split(", ") if real_ip == "forwarded" else []
    quoted = (f'for="[{node}]"' if ":" in node else f"for={node}" for node in nodes)
    field = f"Forwarded: {', '.join(quoted)}" if nodes else f"X-Forwarded-For: {value}"
    with server.client() as client:
        assert ask(client, field)[0] == expected


@pytest.mark.parametrize(("real_ip", "field"), FIELDS.items())
def test_a_proxy_on_a_unix_socket_tells_its_client(serve: Serve, short_directory: str, real_ip: str, field: str):
    server = serve(APP, "--real-ip", real_ip, binds=[listener("unix", short_directory)])
    with server.client() as client:
        for _ in range(4):
            assert ask(client, field.format("192.0.2.60")) == ("192.0.2.60", None)
            assert ask(client, field.format("unknown")) == ("", None)
            assert ask(client) == ("", None)


def test_a_proxys_client_is_believed_behind_a_proxy_header_if_it_is_a_proxy_itself(serve: Serve):
    server = serve(APP, "--proxy-protocol", "--real-ip", "x-forwarded-for", "--forwarded-allow-ips", "10.0.0.0/8")
    for source, expected in (("10.0.0.1", "192.0.2.60"), ("198.51.100.1", "198.51.100.1")):
        with server.client() as client:
            client.send(line(source))
            for _ in range(3):
                assert ask(client, "X-Forwarded-For: 192.0.2.60")[0] == expected


def test_the_logs_name_the_client(serve: Serve):
    server = serve(
        APP, "--real-ip", "x-forwarded-for", "--limit-request-body", "3", "--health-path", "/-/health",
        "--access-logfile", "-", "--access-logformat", "%(h)s %(s)s",
    )  # fmt: skip
    server.expect(r"Invalid request from ip=192\.0\.2\.61: .* \(413\)")
    field = "X-Forwarded-For: 192.0.2.{}"
    assert server.get("/", field.format(60)).status == 200
    assert server.ask("POST", "/", field.format(61), body=b"four").status == 413
    assert server.get("/-/health", field.format(62)).status == 200
    lines = server.access.wait(".", count=3)
    assert lines == ["192.0.2.60 200", "192.0.2.61 413", "192.0.2.62 200"]


def test_hooks_are_told_both_ends(serve: Serve, tmp_path: Path):
    config = tmp_path / "longma.conf.py"
    config.write_text(
        "def pre_request(worker, req):\n    worker.log.info('HOOK %r %r', req.peer_addr[0], req.remote_addr)\n"
    )
    server = serve(APP, "-c", str(config), "--real-ip", "x-forwarded-for")
    assert server.get("/", "X-Forwarded-For: 192.0.2.60").status == 200
    assert server.errors.wait(r"HOOK '127\.0\.0\.1' \('192\.0\.2\.60', 0\)")


def test_a_connection_that_a_sibling_gets_has_its_client_told_there(serve: Serve, gate: Gate):
    server = serve(
        "tests.apps.answers", "--real-ip", "forwarded", "--access-logfile", "-", "--access-logformat", "%(h)s %(U)s",
        workers=2,
    )  # fmt: skip
    clients = [server.client() for _ in range(12)]
    where = [int(client.ask("GET", "/pid").body) for client in clients]
    busy = max(where, key=where.count)
    mine = [client for client, pid in zip(clients, where, strict=True) if pid == busy]
    mine[0].request("GET", "/wait")
    visitor = gate.wait("in the application")
    for number, client in enumerate(mine[1:]):
        client.request("GET", "/handed", f"Forwarded: for=192.0.2.{number}")
        assert client.read_response().status == 404
    visitor.release("released")
    assert mine[0].read_response().status == 200
    lines = server.access.wait(" /handed", count=len(mine) - 1)
    assert lines == [f"192.0.2.{number} /handed" for number in range(len(mine) - 1)]
