"""Requests for hosts that the operator does not serve: they never reach the application."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.http import Client
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
HOSTS = "example.com,.example.org,[::1],192.0.2.1"


def ask(client: Client, host: str, target: str = "/", version: str = "1.1") -> int:
    """The status of a request for a host."""
    fields = "" if host == "none" else f"Host: {host}\r\n"
    client.send(f"GET {target} HTTP/{version}\r\n{fields}Connection: keep-alive\r\n\r\n".encode())
    return client.read_response().status


def test_only_the_hosts_of_the_list_are_served(serve: Serve):
    server = serve(APP, "--allowed-hosts", HOSTS)
    for host, status in (
        ("example.com", 200), ("EXAMPLE.COM:8000", 200), ("example.com.", 200), ("example.org", 200),
        ("a.b.example.org:80", 200), ("[::1]:80", 200), ("192.0.2.1", 200), ("www.example.com", 421),
        ("example.com.other.invalid", 421), ("notexample.org", 421), ("127.0.0.1:8000", 421), ("localhost", 421),
        ("[::2]", 421), ("example.com%2eother.invalid", 421), ("", 400),
    ):  # fmt: skip
        with server.client() as client:
            for _ in range(3):  # the later ones from memory
                assert ask(client, host) == status, host
            assert ask(client, "example.com") == 200


def test_what_the_target_names_counts_and_who_names_nothing_is_refused(serve: Serve):
    server = serve(APP, "--allowed-hosts", HOSTS)
    for target, host, version, status in (
        ("http://example.com/a", "other.invalid", "1.1", 200),
        ("http://other.invalid/a", "example.com", "1.1", 421),
        ("http://example.com:81", "example.com", "1.1", 200),
        ("/", "none", "1.0", 400),
        ("/", "example.com", "1.0", 200),
        ("/", "other.invalid", "1.0", 421),
    ):
        with server.client() as client:
            assert ask(client, host, target, version) == status, (target, host)


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize("hosts", [("--allowed-hosts", "example.com,*"), ("--allowed-hosts", ""), ()])
def test_a_star_or_an_empty_list_is_any_host(serve: Serve, hosts: tuple[str, ...]):
    server = serve(APP, *hosts)
    with server.client() as client:
        for host in ("example.com", "other.invalid", ""):
            assert ask(client, host) == 200
        assert ask(client, "none", version="1.0") == 200


def test_the_path_of_health_is_answered_for_any_host(serve: Serve):
    """A load balancer asks by the address, and some by HTTP/1.0 without a host."""
    server = serve(APP, "--allowed-hosts", "example.com", "--health-path", "/-/health")
    with server.client() as client:
        assert ask(client, "10.0.0.7:8000", "/-/health") == 200
        assert ask(client, "none", "/-/health", "1.0") == 200
        assert ask(client, "10.0.0.7:8000", "/-/other") == 421


def test_a_body_for_another_host_is_not_waited_for(serve: Serve):
    server = serve(APP, "--allowed-hosts", "example.com")
    with server.client() as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: other.invalid\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.read_response().status == 421
        client.expect_end()


def test_a_refused_host_has_a_line_in_the_access_log(serve: Serve):
    server = serve(
        APP, "--allowed-hosts", "example.com", "--access-logfile", "-", "--access-logformat", "%(s)s %({host}i)s"
    )
    with server.client() as client:
        assert [ask(client, host) for host in ("example.com", "other.invalid")] == [200, 421]
    assert server.access.wait(".", count=2) == ["200 example.com", "421 other.invalid"]


def test_a_proxy_does_not_speak_for_another_host(serve: Serve, short_directory: str):
    """Fields beside Host name none, whoever sends them."""
    server = serve(APP, "--allowed-hosts", "example.com", binds=[listener("unix", short_directory)])
    with server.client() as client:
        assert client.ask("GET", "/", "Host: other.invalid", "X-Forwarded-Host: example.com").status == 421
        seen = json.loads(client.ask("GET", "/", "Host: example.com", "X-Forwarded-Host: other.invalid").body)[
            "environ"
        ]
        assert (seen["SERVER_NAME"], seen["HTTP_HOST"]) == ("example.com", "example.com")
