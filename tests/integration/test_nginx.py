"""nginx in front, over TCP and over a unix socket: connections kept alive, bodies both ways, errors passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.http import Client
from tests.support.nginx import needs_nginx, nginx
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
SERVER = """
    client_max_body_size 100m;
    location / {
        proxy_pass http://longma;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_buffering BUFFERING;
        proxy_request_buffering BUFFERING;
    }
"""

pytestmark = needs_nginx


@pytest.fixture(params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, serve: Serve, short_directory: str) -> Server:
    return serve(APP, binds=[listener(request.param, short_directory)])


@pytest.fixture(params=["on", "off"])
def client(request: pytest.FixtureRequest, server: Server, short_directory: str) -> Iterator[Client]:
    with (
        nginx(short_directory, server.address, SERVER.replace("BUFFERING", request.param)) as proxy,
        Client(proxy.front) as connection,
    ):
        yield connection


def test_requests_of_every_kind_pass_through(client: Client):
    for _ in range(20):
        assert client.ask("GET", "/hello").body == b"Hello, World!\n"
    assert client.ask("HEAD", "/hello").status == 200
    assert client.ask("GET", "/generator?blocks=3").body == b"block 0\nblock 1\nblock 2\n"
    assert client.ask("GET", "/status?is=204%20No%20Content").status == 204
    assert client.ask("GET", "/status?is=304%20Not%20Modified").status == 304
    assert client.ask("GET", "/nowhere").status == 404
    body = b"0123456789" * 300_000
    assert client.ask("POST", "/echo", body=body).body == body
    assert len(client.ask("GET", f"/big?bytes={5 << 20}").body) == 5 << 20
    assert len(client.ask("GET", f"/file?bytes={5 << 20}").body) == 5 << 20
    assert client.ask("GET", "/hello").status == 200


def test_faults_are_passed_on(server: Server, client: Client):
    server.expect("")
    assert client.ask("GET", "/raises").status == 500
    assert client.ask("GET", "/hello").status == 200
