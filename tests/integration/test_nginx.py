"""nginx in front, over TCP and over a unix socket: connections kept alive, bodies both ways, errors passed on."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 100m;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream longma {{ server {upstream}; keepalive 8; }}
    server {{
        listen unix:{directory}/front;
        location / {{
            proxy_pass http://longma;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering {buffering};
            proxy_request_buffering {buffering};
        }}
    }}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Nginx:
    """nginx in the foreground, in front of a server."""

    def __init__(self, directory: Path, upstream: str, buffering: str, template: str = CONFIGURATION) -> None:
        self.front = str(directory / "front")
        configuration = directory / "nginx.conf"
        configuration.write_text(template.format(directory=directory, upstream=upstream, buffering=buffering))
        command = [str(NGINX), "-p", str(directory), "-c", str(configuration), "-e", str(directory / "error.log")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until(self.listens, "nginx to listen")

    def listens(self) -> bool:
        """Whether nginx accepts connections."""
        assert self.process.poll() is None, "nginx did not start"
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.front) == 0

    def stop(self) -> None:
        """End nginx."""
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, serve: Serve, short_directory: str) -> Server:
    return serve(APP, binds=[listener(request.param, short_directory)])


@pytest.fixture(params=["on", "off"])
def client(request: pytest.FixtureRequest, server: Server, short_directory: str) -> Iterator[Client]:
    address = server.address
    upstream = f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"
    nginx = Nginx(Path(short_directory), upstream, request.param)
    try:
        with Client(nginx.front) as connection:
            yield connection
    finally:
        nginx.stop()


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
