"""nginx in front, over TCP and over a unix socket: connections kept alive, bodies both ways, errors passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.http import Client
from tests.support.nginx import check_faults, check_requests_of_every_kind, needs_nginx, nginx
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
    check_requests_of_every_kind(client)


def test_faults_are_passed_on(server: Server, client: Client):
    check_faults(server, client)
