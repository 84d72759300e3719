"""Whom the server believes: proxies that the operator names, about the scheme and the mount point; nobody else."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.http import Client
from tests.support.nginx import needs_nginx, nginx
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
STRANGER = "127.0.0.2"  # trusted is, by default, 127.0.0.1 alone
SCHEME_FIELDS = ("X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on")
# Whatever a client could hope to be believed, each as it would be written to be.
CLAIMS = (
    *SCHEME_FIELDS,
    "Forwarded: for=192.0.2.60;proto=https;by=203.0.113.43",
    "X-Forwarded-For: 192.0.2.60",
    "X-Forwarded-Host: other.invalid",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Prefix: /a",
    "X-Real-Ip: 192.0.2.60",
    "X-Scheme: https",
    "X-Url-Scheme: https",
    "Front-End-Https: on",
    "Https: on",
    "Script-Name: /a",
    "Path-Info: /b",
    "Remote-Addr: 192.0.2.60",
    "Remote-User: root",
    "SCRIPT_NAME: /a",
    "script_name: /a",
    "PATH_INFO: /b",
    "REMOTE_ADDR: 192.0.2.60",
    "REMOTE_USER: root",
    "wsgi.url_scheme: https",
    "X_FORWARDED_PROTO: https",
    "HTTP_HOST: other.invalid",
    "HTTPS: on",
)
OWN = {"REMOTE_PORT", "wsgi.input"}


def ask(client: Client, target: str, *fields: str) -> dict[str, str]:
    """The environ of a request."""
    environ: dict[str, str] = json.loads(client.ask("GET", target, *fields).body)["environ"]
    return environ


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(APP)


@pytest.fixture
def proxy(server: Server) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def stranger(server: Server) -> Iterator[Client]:
    with Client(server.address, source=STRANGER) as client:
        yield client


@pytest.mark.parametrize("field", SCHEME_FIELDS)
def test_a_proxy_tells_the_scheme(proxy: Client, field: str):
    name, value = field.split(": ")
    for given, scheme in (
        (value, "https"),
        (value.upper(), "http"),
        (f"{value}s", "http"),
        ("", "http"),
        (value, "https"),
    ):
        seen = ask(proxy, "/", f"{name}: {given}")
        assert (seen["wsgi.url_scheme"], seen[f"HTTP_{name.upper().replace('-', '_')}"]) == (scheme, given)
    assert ask(proxy, "/")["wsgi.url_scheme"] == "http"


def test_a_proxy_that_contradicts_itself_is_refused(server: Server):
    server.expect(r"Invalid request from ip=127\.0\.0\.1: the fields that tell the scheme disagree \(400\)")
    with server.client() as client:
        assert ask(client, "/", *SCHEME_FIELDS)["wsgi.url_scheme"] == "https"
        client.request("GET", "/", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")
        assert client.read_response().status == 400
        client.expect_end()


@pytest.mark.parametrize(
    ("script", "target", "name", "path"),
    [
        ("/a", "/a/b", "/a", "/b"),
        ("/a", "/a", "/a", ""),
        ("/a", "/a/", "/a", "/"),
        ("/a", "/a//b?c#d", "/a", "//b"),
        ("/a/b", "/a/b/c", "/a/b", "/c"),
        ("/a/", "/a/b", "/a", "/b"),
        ("/", "/a", "", "/a"),
        ("", "/a", "", "/a"),
        ("/caf%C3%A9", "/caf%c3%a9/b", "/caf\u00c3\u00a9", "/b"),
        ("/caf\u00c3\u00a9", "/caf%c3%a9/b", "/caf\u00c3\u00a9", "/b"),
        ("/a b", "/a%20b/c", "/a b", "/c"),
        ("/a", "http://other.invalid/a/b", "/a", "/b"),
    ],
)
def test_a_proxy_says_where_the_application_is_mounted(server: Server, script: str, target: str, name: str, path: str):
    with server.client() as client:
        for _ in range(4):  # the later ones from memory
            seen = ask(client, target, f"SCRIPT_NAME: {script}")
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["RAW_URI"]) == (name, path, target)
            assert seen["HTTP_SCRIPT_NAME"] == script
        seen = ask(client, "/a/b")
        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], "HTTP_SCRIPT_NAME" in seen) == ("", "/a/b", False)


def test_targets_and_mount_points_that_differ_are_told_apart_on_one_connection(proxy: Client):
    for _ in range(3):
        for script, target, path in (
            ("/a", "/a/1", "/1"),
            ("/a", "/a/2", "/2"),
            ("/a", "/a", ""),
            ("/b", "/b/1", "/1"),
            ("/a", "/a/1", "/1"),
        ):
            seen = ask(proxy, target, f"SCRIPT_NAME: {script}", "X-Same: 1")
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (script, path)
        assert ask(proxy, "/", "X-Same: 1")["SCRIPT_NAME"] == ""


@pytest.mark.parametrize("target", ["/ab", "/", "/b/a", "/A", "/%61b"])
def test_what_is_not_below_the_mount_point_is_an_error(server: Server, target: str):
    server.expect(rf"Error handling request GET {target}: the path does not begin with SCRIPT_NAME")
    for _ in range(2):
        with server.client() as client:
            for _ in range(3):
                assert ask(client, "/a/b", "SCRIPT_NAME: /a")["PATH_INFO"] == "/b"
            response = client.ask("GET", target, "SCRIPT_NAME: /a")
            assert (response.status, response.head.reason) == (500, "Internal Server Error")
            client.expect_end()


def test_a_proxys_mount_point_goes_before_that_of_the_environment(serve: Serve):
    server = serve(APP, env={"SCRIPT_NAME": "/env/"})
    server.expect("the path does not begin with SCRIPT_NAME")
    for fields, target, expected in (
        ((), "/env/a", ("/env", "/a")),
        (("SCRIPT_NAME: /a",), "/a/b", ("/a", "/b")),
        (("SCRIPT_NAME:",), "/a/b", ("", "/a/b")),
        ((), "/env", ("/env", "")),
    ):
        with server.client() as client:
            for _ in range(3):
                seen = ask(client, target, *fields)
                assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == expected
    assert server.get("/environ").status == 500
    assert server.get("/a", "SCRIPT_NAME: /b").status == 500


def test_a_path_info_from_a_proxy_is_only_a_field(proxy: Client):
    seen = ask(proxy, "/a", "PATH_INFO: /b")
    assert (seen["PATH_INFO"], seen["HTTP_PATH_INFO"]) == ("/a", "/b")


@pytest.mark.parametrize("header_map", ["drop", "dangerous"])
def test_a_stranger_is_not_believed(serve: Serve, header_map: str):
    """Whatever it claims: but for a variable of the field's own, the environ is that of a request without it."""
    server = serve(APP, "--header-map", header_map)
    with Client(server.address, source=STRANGER) as stranger:
        plain = ask(stranger, "/a/b")
        for claim in CLAIMS:
            name = "HTTP_" + claim.partition(":")[0].upper().replace("-", "_")
            for _ in range(3):
                seen = ask(stranger, "/a/b", claim)
                kept = header_map == "dangerous" or "_" not in claim.partition(":")[0]
                assert seen.pop(name, None) == (claim.partition(": ")[2] if kept else None)
                assert {key: seen[key] for key in seen if key not in OWN} == {
                    key: plain[key] for key in plain if key not in OWN
                }


def test_a_proxy_is_not_believed_about_its_clients_address(proxy: Client):
    plain = ask(proxy, "/")
    for claim in CLAIMS:
        if not claim.upper().startswith("SCRIPT_NAME"):
            seen = ask(proxy, "/", claim)
            for name in ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "PATH_INFO"):
                assert seen[name] == plain[name], claim


@pytest.mark.parametrize("head_cache", ["--no-head-cache", ""])
def test_what_a_proxy_says_is_not_remembered_for_a_stranger(serve: Serve, head_cache: str):
    """The same bytes from either, again and again, so that everything is remembered that can be."""
    server = serve(APP, "--header-map", "dangerous", *filter(None, [head_cache]))
    fields = ("User-Agent: the same", "X-Forwarded-Proto: https", "SCRIPT_NAME: /a", "Accept: */*")
    believed, disbelieved = ("https", "/a", "/b"), ("http", "", "/a/b")
    for first, second in ((None, STRANGER), (STRANGER, None)):
        with Client(server.address, source=first) as one, Client(server.address, source=second) as other:
            for _ in range(20):
                for client, source in ((one, first), (other, second)):
                    seen = ask(client, "/a/b", *fields)
                    found = (seen["wsgi.url_scheme"], seen["SCRIPT_NAME"], seen["PATH_INFO"])
                    assert found == (disbelieved if source else believed)
                    assert seen["REMOTE_ADDR"] == (source or "127.0.0.1")


@pytest.mark.parametrize(
    ("allowed", "source", "trusted"),
    [
        ("", "127.0.0.1", False),
        ("*", STRANGER, True),
        ("127.0.0.2", "127.0.0.1", False),
        ("10.0.0.1, 127.0.0.2", STRANGER, True),
        ("127.0.0.0/31", "127.0.0.1", True),
        ("127.0.0.0/31", STRANGER, False),
        ("::ffff:127.0.0.2", STRANGER, True),
        ("::1", "127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("family", ["tcp", "mapped"])
def test_the_operator_says_who_is_trusted(serve: Serve, family: str, allowed: str, source: str, trusted: bool):
    """Also where an IPv4 peer comes to a listener of IPv6, with an address that is written as one of IPv6."""
    if family == "mapped":
        bound = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        bound = listener()
    port = bound.getsockname()[1]
    serve(APP, "--forwarded-allow-ips", allowed, binds=[bound])
    with Client(("127.0.0.1", port), source=source) as client:
        assert ask(client, "/", "X-Forwarded-Proto: https")["wsgi.url_scheme"] == ("https" if trusted else "http")


def test_the_environment_says_who_is_trusted(serve: Serve):
    server = serve(APP, env={"FORWARDED_ALLOW_IPS": STRANGER})
    for source, scheme in ((STRANGER, "https"), ("127.0.0.1", "http")):
        with Client(server.address, source=source) as client:
            assert ask(client, "/", "X-Forwarded-Proto: https")["wsgi.url_scheme"] == scheme


def test_whoever_is_on_a_unix_socket_is_trusted(serve: Serve, short_directory: str):
    server = serve(APP, "--forwarded-allow-ips", "", binds=[listener("unix", short_directory)])
    with server.client() as client:
        for fields, scheme, port in (((), "http", "80"), (("X-Forwarded-Proto: https",), "https", "443")):
            seen = ask(client, "/", "Host: a.invalid", *fields)
            assert (seen["wsgi.url_scheme"], seen["SERVER_NAME"], seen["SERVER_PORT"]) == (scheme, "a.invalid", port)
            assert (seen["REMOTE_ADDR"], "REMOTE_PORT" in seen) == ("", False)
        assert ask(client, "/", "Host: a:81", "X-Forwarded-Proto: https")["SERVER_PORT"] == "81"
        assert ask(client, "/a/b", "SCRIPT_NAME: /a")["SCRIPT_NAME"] == "/a"


def test_the_operator_says_what_is_believed(serve: Serve, tmp_path: Path):
    config = tmp_path / "longma.conf.py"
    config.write_text(
        'secure_scheme_headers = {"CF-VISITOR": \'{"scheme":"https"}\'}\nforwarder_headers = "REMOTE_USER"\n'
    )
    server = serve(APP, "-c", str(config))
    with server.client() as client:
        assert ask(client, "/", 'Cf-Visitor: {"scheme":"https"}')["wsgi.url_scheme"] == "https"
        seen = ask(client, "/a", "X-Forwarded-Proto: https", "SCRIPT_NAME: /a", "REMOTE_USER: b")
        assert (seen["wsgi.url_scheme"], seen["SCRIPT_NAME"], seen["HTTP_REMOTE_USER"]) == ("http", "", "b")
        assert "HTTP_SCRIPT_NAME" not in seen


NGINX_SERVER = """
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    location /plain { proxy_set_header X-Forwarded-Proto $scheme; proxy_pass http://longma; }
    location /secure { proxy_set_header X-Forwarded-Proto https; proxy_pass http://longma; }
    location /mounted {
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header SCRIPT_NAME /mounted;
        proxy_pass http://longma;
    }
"""


@needs_nginx
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nginx_tells_the_scheme_and_the_mount_point(serve: Serve, short_directory: str, kind: str):
    server = serve(APP, binds=[listener(kind, short_directory)])
    with nginx(short_directory, server.address, NGINX_SERVER) as proxy, Client(proxy.front) as client:
        for _ in range(5):
            assert ask(client, "/secure")["wsgi.url_scheme"] == "https"
            # nginx puts its own in the place of what the client claims.
            assert ask(client, "/plain", "X-Forwarded-Proto: https")["wsgi.url_scheme"] == "http"
            seen = ask(client, "/mounted/a%20b?c", "SCRIPT_NAME: /other")
            assert (seen["wsgi.url_scheme"], seen["SCRIPT_NAME"]) == ("https", "/mounted")
            assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/a b", "c")
