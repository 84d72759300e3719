"""Running nginx in the foreground, in front of a server under test."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.server import Server

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
FRAME = """
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""


class Nginx:
    """A running nginx, its files and its socket in a directory (whose path is short: sockets' names are)."""

    def __init__(self, directory: Path, http: str) -> None:
        """Start it.

        Args:
            directory: where its files lie; paths in the configuration are relative to it.
            http: what stands within `http { … }`, with a server that listens at `listen unix:{front}`.
        """
        self.front = str(directory / "front")
        self.errors = directory / "error.log"
        configuration = directory / "nginx.conf"
        configuration.write_text(FRAME + http.replace("{front}", self.front) + "\n}\n")
        command = [str(NGINX), "-p", str(directory), "-c", str(configuration), "-e", str(self.errors)]
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


def place(address: str | tuple[str, int]) -> str:
    """A server's address as nginx writes it."""
    return f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"


@contextmanager
def nginx(
    directory: str, address: str | tuple[str, int], server: str, upstream: str = "keepalive 8;"
) -> Iterator[Nginx]:
    """Run nginx in front of the server at an address, which its configuration knows as `longma`.

    Args:
        directory: a directory with a short path, for nginx' files.
        address: the server's.
        server: what stands within `server { … }`, but for `listen`.
        upstream: what stands within `upstream longma { … }` beside the server's address.
    """
    running = Nginx(
        Path(directory),
        f"upstream longma {{ server {place(address)}; {upstream} }}\nserver {{\nlisten unix:{{front}};\n{server}\n}}",
    )
    try:
        yield running
    finally:
        running.stop()


def check_requests_of_every_kind(client: Client) -> None:
    """Ask `tests.apps.answers` through nginx for all that may pass: methods, statuses, bodies both ways."""
    for _ in range(20):
        assert client.ask("GET", "/hello").body == b"Hello, World!\n"
    assert client.ask("HEAD", "/hello").status == 200
    assert client.ask("GET", "/generator?blocks=3").body == b"block 0\nblock 1\nblock 2\n"
    assert client.ask("GET", "/status?is=204%20No%20Content").status == 204
    assert client.ask("GET", "/status?is=304%20Not%20Modified").status == 304
    assert client.ask("GET", "/nowhere").status == 404
    body = b"0123456789" * 300_000
    assert client.ask("POST", "/echo", body=body).body == body
    assert client.ask("POST", "/echo", body=b"short").body == b"short"
    assert client.ask("POST", "/echo", body=b"").body == b""
    assert len(client.ask("GET", f"/big?bytes={5 << 20}").body) == 5 << 20
    assert len(client.ask("GET", f"/file?bytes={5 << 20}").body) == 5 << 20
    assert client.ask("GET", "/hello").status == 200


def check_faults(server: Server, client: Client) -> None:
    """An application's fault is passed on, and the next request is served."""
    server.expect("")
    assert client.ask("GET", "/raises").status == 500
    assert client.ask("GET", "/hello").status == 200
