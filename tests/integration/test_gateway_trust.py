"""Whom the server believes where requests are handed over: web servers that the operator names, and of clients none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.http import Address, Client
from tests.support.nginx import needs_nginx, nginx, place
from tests.support.packets import ENCODERS, Peer, Variables, answer_of, asked, fastcgi, pairs
from tests.support.proxied import LOCAL, UNSPECIFIED, binary, line
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
PROTOCOLS = ("uwsgi", "fastcgi", "scgi")
STRANGER = "127.0.0.2"  # requests are handed over, by default, by 127.0.0.1 alone
GET = (("REQUEST_METHOD", "GET"), ("PATH_INFO", "/a/b"), ("REQUEST_URI", "/a/b"), ("SERVER_PROTOCOL", "HTTP/1.1"))
# What a client could hope to be believed, each as it would be written to be.
CLAIMS = (
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Protocol", "ssl"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Forwarded-For", "192.0.2.60"),
    ("X-Forwarded-Host", "other.invalid"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Prefix", "/a"),
    ("Forwarded", "for=192.0.2.60;proto=https;by=203.0.113.43"),
    ("X-Real-Ip", "192.0.2.60"),
    ("X-Scheme", "https"),
    ("Front-End-Https", "on"),
    ("Https", "on"),
    ("Request-Scheme", "https"),
    ("Script-Name", "/a"),
    ("Path-Info", "/b"),
    ("Request-Uri", "/c"),
    ("Document-Uri", "/c"),
    ("Query-String", "c"),
    ("Request-Method", "PUT"),
    ("Remote-Addr", "192.0.2.60"),
    ("Remote-Port", "1"),
    ("Remote-User", "root"),
    ("Server-Name", "other.invalid"),
)
# What a web server tells, and nobody else may.
TOLD = (
    ("HTTPS", "on"),
    ("REQUEST_SCHEME", "https"),
    ("REMOTE_ADDR", "192.0.2.60"),
    ("REMOTE_PORT", "1"),
    ("REMOTE_USER", "root"),
    ("SCRIPT_NAME", "/a"),
    ("SERVER_NAME", "other.invalid"),
    ("HTTP_X_FORWARDED_PROTO", "https"),
    ("HTTP_X_FORWARDED_FOR", "192.0.2.60"),
    ("HTTP_SCRIPT_NAME", "/a"),
)
FIELDS = {"x-forwarded-for": "HTTP_X_FORWARDED_FOR", "forwarded": "HTTP_FORWARDED"}


def served(serve: Serve, *options: str) -> dict[str, Address]:
    """Where one server speaks each protocol."""
    server = serve(APP, *options, binds=[listener() for _ in PROTOCOLS], protocols=PROTOCOLS)
    return dict(zip(PROTOCOLS, server.addresses, strict=True))


def seen(answer: tuple[str, dict[str, str], bytes]) -> dict[str, object]:
    """The environ of a request, less what no two requests share."""
    assert answer[0] == "200 OK", answer
    environ: dict[str, object] = json.loads(answer[2])["environ"]
    return {name: value for name, value in environ.items() if name not in ("wsgi.input", "SERVER_PORT")}


def told(protocol: str, address: Address, *variables: tuple[str, str]) -> dict[str, object]:
    return seen(asked(protocol, address, (*GET, *variables)))


def whose(environ: dict[str, object]) -> tuple[object, object]:
    return environ.get("REMOTE_ADDR"), environ.get("REMOTE_PORT")


@pytest.mark.parametrize("allowed", ["127.0.0.1", "*"])
def test_fields_of_the_client_are_its_own_words(serve: Serve, allowed: str):
    """But for a variable of the field's own, the environ is that of a request without it, whoever the client is."""
    addresses = served(serve, "--forwarded-allow-ips", allowed)
    for protocol, address in addresses.items():
        for client in ("127.0.0.1", "192.0.2.7", "unix:"):
            own = (("REMOTE_ADDR", client), ("REMOTE_PORT", "80"))
            plain = told(protocol, address, *own)
            assert (plain["wsgi.url_scheme"], plain["SCRIPT_NAME"], plain["PATH_INFO"]) == ("http", "", "/a/b")
            for name, value in CLAIMS:
                variable = "HTTP_" + name.upper().replace("-", "_")
                environ = told(protocol, address, *own, (variable, value))
                assert environ.pop(variable) == value
                assert environ == plain, (protocol, client, name)


def test_nobody_else_may_tell_what_a_web_server_tells(serve: Serve):
    """One variable at a time, as a stranger on another address tries it: the application is not even called."""
    server = serve(APP, binds=[listener() for _ in PROTOCOLS], protocols=PROTOCOLS)
    refused = rf"Invalid request from ip={STRANGER}: uwsgi_allow_ips does not let this peer .* \(403\)"
    server.expect(refused)
    for protocol, address in zip(PROTOCOLS, server.addresses, strict=True):
        for variable in TOLD:
            with Peer(address, source=STRANGER) as stranger:
                stranger.send(ENCODERS[protocol]((*GET, variable)))
                data = stranger.read_to_end()
                assert b"environ" not in data
                assert protocol == "fastcgi" or b" 403 Forbidden\r\n" in data
    server.errors.wait(refused, count=len(PROTOCOLS) * len(TOLD))


@needs_nginx
def test_what_a_client_says_to_nginx_changes_nothing(serve: Serve, short_directory: str):
    addresses = served(serve)
    places = "".join(
        f"location /{name}/ {{ include /etc/nginx/{name}_params; {name}_pass {place(address)}; }}"
        for name, address in addresses.items()
    )
    with (
        nginx(short_directory, addresses["uwsgi"], f"underscores_in_headers on; {places}") as proxy,
        Client(proxy.front) as client,
    ):
        for protocol in PROTOCOLS:
            target = f"/{protocol}/b"
            answer = client.ask("GET", target)
            plain = seen(("200 OK", {}, answer.body))
            assert (plain["wsgi.url_scheme"], plain["SCRIPT_NAME"], plain["PATH_INFO"]) == ("http", "", target)
            for name, value in CLAIMS:
                for written in (name, name.replace("-", "_")):
                    environ = seen(("200 OK", {}, client.ask("GET", target, f"{written}: {value}").body))
                    assert environ.pop("HTTP_" + name.upper().replace("-", "_")) == value
                    assert environ == plain, (protocol, written)


CASES: tuple[tuple[str, list[str], tuple[str, str | None]], ...] = (
    ("127.0.0.1", ["192.0.2.60"], ("192.0.2.60", None)),
    ("10.1.2.3", ["198.51.100.7, 192.0.2.60"], ("192.0.2.60", None)),
    ("10.1.2.3", ["192.0.2.60, 10.9.9.9, 127.0.0.1"], ("192.0.2.60", None)),
    ("10.1.2.3", ["9.9.9.9", "192.0.2.60"], ("192.0.2.60", None)),
    ("10.1.2.3", ["192.0.2.60:4711"], ("192.0.2.60", "4711")),
    ("10.1.2.3", ["[2001:db8::1]:4711"], ("2001:db8::1", "4711")),
    ("10.1.2.3", ["unknown"], ("10.1.2.3", "80")),
    ("10.1.2.3", ["10.1.2.3"], ("10.1.2.3", None)),
    ("10.1.2.3", [], ("10.1.2.3", "80")),
    ("192.0.2.7", ["192.0.2.60"], ("192.0.2.7", "80")),
    ("11.0.0.1", ["192.0.2.60"], ("11.0.0.1", "80")),
    ("unix:", ["192.0.2.60"], ("unix:", "80")),
    ("nobody", ["192.0.2.60"], ("nobody", "80")),
)


def forwarding(real_ip: str, values: list[str]) -> Iterator[tuple[str, str]]:
    """Fields that say so."""
    for value in values:
        quoted = ", ".join(f'for="{node}"' for node in value.split(", "))
        yield FIELDS[real_ip], quoted if real_ip == "forwarded" else value


@pytest.mark.parametrize("real_ip", FIELDS)
def test_a_proxy_in_front_of_the_web_server_tells_its_client(serve: Serve, real_ip: str):
    """Where the one that the web server names is a proxy of the operator's."""
    addresses = served(serve, "--real-ip", real_ip, "--forwarded-allow-ips", "127.0.0.1,10.0.0.0/8")
    for protocol, address in addresses.items():
        for client, values, expected in CASES:
            own = (("REMOTE_ADDR", client), ("REMOTE_PORT", "80"))
            assert whose(told(protocol, address, *own, *forwarding(real_ip, values))) == expected, (client, values)
        # The other field does not count, and where there is no client nobody is believed.
        (other,) = set(FIELDS.values()) - {FIELDS[real_ip]}
        assert whose(told(protocol, address, ("REMOTE_ADDR", "10.0.0.1"), (other, "for=192.0.2.60")))[0] == "10.0.0.1"
        assert whose(told(protocol, address, *forwarding(real_ip, ["192.0.2.60"])))[0] != "192.0.2.60"


@pytest.mark.parametrize("real_ip", FIELDS)
def test_each_request_of_a_kept_connection_has_a_client_of_its_own(serve: Serve, real_ip: str):
    address = served(serve, "--real-ip", real_ip)["fastcgi"]
    with Peer(address) as peer:
        for client, values, expected in (
            ("127.0.0.1", ["192.0.2.60"], ("192.0.2.60", None)),
            ("192.0.2.7", ["192.0.2.61"], ("192.0.2.7", "80")),
            ("127.0.0.1", [], ("127.0.0.1", "80")),
            ("127.0.0.1", ["192.0.2.62:7"], ("192.0.2.62", "7")),
        ):
            own = (("REMOTE_ADDR", client), ("REMOTE_PORT", "80"))
            peer.send(fastcgi((*GET, *own, *forwarding(real_ip, values)), keep=True))
            assert whose(seen(answer_of("fastcgi", peer))) == expected
        peer.send(fastcgi(GET, keep=True))
        assert whose(seen(answer_of("fastcgi", peer)))[0] not in ("192.0.2.60", "192.0.2.62")


def test_a_malformed_forwarded_is_refused_from_whoever_would_be_believed(serve: Serve):
    server = serve(APP, "--real-ip", "forwarded", binds=[listener() for _ in PROTOCOLS], protocols=PROTOCOLS)
    server.expect(r"Invalid request from ip=127\.0\.0\.1: the Forwarded field is malformed \(400\)")
    for protocol, address in zip(PROTOCOLS, server.addresses, strict=True):
        for value in ('for="192.0.2.60', "for=a;for=b", "nonsense"):
            field = ("HTTP_FORWARDED", value)
            assert whose(told(protocol, address, ("REMOTE_ADDR", "192.0.2.7"), field))[0] == "192.0.2.7"
            answer = asked(protocol, address, (*GET, ("REMOTE_ADDR", "127.0.0.1"), field))
            assert answer[0] == "400 Bad Request"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_logs_name_the_client_of_the_proxy(serve: Serve, protocol: str):
    server = serve(
        APP, "--real-ip", "x-forwarded-for", "--limit-request-body", "3", "--health-path", "/-/health",
        "--access-logfile", "-", "--access-logformat", "%(h)s %(s)s", "--protocol", protocol,
    )  # fmt: skip
    server.expect(r"Invalid request from ip=192\.0\.2\.61: .* \(413\)")

    def through(number: int, *variables: tuple[str, str], body: bytes = b"") -> str:
        own = (("REMOTE_ADDR", "127.0.0.1"), ("HTTP_X_FORWARDED_FOR", f"192.0.2.{number}"))
        return asked(protocol, server.address, merged((*GET, *own, *variables)), body)[0]

    assert through(60) == "200 OK"
    assert through(61, ("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "4"), body=b"four") == "413 Content Too Large"
    assert through(62, ("PATH_INFO", "/-/health"), ("REQUEST_URI", "/-/health")) == "200 OK"
    lines = server.access.wait(".", count=3)
    assert lines == ["192.0.2.60 200", "192.0.2.61 413", "192.0.2.62 200"]


def merged(variables: Variables) -> dict[str, str]:
    """The variables with none twice."""
    return {name.decode(): value.decode() for name, value in pairs(variables)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_behind_a_proxy_header_the_one_it_names_must_be_allowed(serve: Serve, protocol: str):
    """Whoever passes connections on vouches for an address, and not for what comes on them."""
    server = serve(
        APP, "--proxy-protocol", "--uwsgi-allow-from", "127.0.0.1,10.0.0.0/8", "--protocol", protocol,
    )  # fmt: skip
    server.expect(r"Invalid request from ip=\S*: uwsgi_allow_ips does not let this peer .* \(403\)")
    packet = ENCODERS[protocol]((*GET, ("REMOTE_ADDR", "192.0.2.60")))
    for header, may in (
        (b"", True),
        (line("127.0.0.1"), True),
        (line("10.0.0.7"), True),
        (line("192.0.2.1"), False),
        (b"PROXY UNKNOWN\r\n", False),
        (binary(LOCAL, UNSPECIFIED, b""), False),
    ):
        with Peer(server.address) as peer:
            peer.send(header + packet)
            if may:
                assert whose(seen(answer_of(protocol, peer)))[0] == "192.0.2.60"
            else:
                assert b"environ" not in peer.read_to_end()
