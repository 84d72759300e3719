"""Running HAProxy in the foreground, in front of a server under test."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deadlines import until

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
FRAME = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind unix@{front}
    default_backend longma
listen table
    bind unix@{table}
    stats enable
    stats uri /
"""


class Haproxy:
    """A running HAProxy, its files and its sockets in a directory (whose path is short: sockets' names are)."""

    def __init__(self, directory: Path, configuration: str, bound: socket.socket | None = None) -> None:
        """Start it.

        Args:
            directory: where its files lie.
            configuration: what it is told; `{front}` stands for the socket it listens at, `{table}` for that of its
                statistics, `{bound}` for a socket that the test has bound.
            bound: that one.
        """
        self.front, self.table = str(directory / "front"), str(directory / "table")
        path = directory / "haproxy.cfg"
        inherited = [] if bound is None else [bound.fileno()]
        configuration = configuration.replace("{bound}", "".join(f"fd@{number}" for number in inherited))
        path.write_text(configuration.replace("{front}", self.front).replace("{table}", self.table))
        self.log = directory / "haproxy.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(HAPROXY), "-db", "-f", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
            )
        until(self.listens, "HAProxy to listen")

    def listens(self) -> bool:
        """Whether it accepts connections."""
        assert self.process.poll() is None, f"HAProxy did not start: {self.log.read_text()}"
        for address in (self.front, self.table):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(address) != 0:
                    return False
        return True

    def state(self, server: str) -> str:
        """What it thinks of a server of the backend `longma`: `UP`, `DOWN`, or on the way there."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(self.table)
            asking.sendall(b"GET /;csv HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: asking.recv(65536), b"")).decode()
        rows = [line.split(",") for line in answer.splitlines()]
        return next((row[17] for row in rows if row[:2] == ["longma", server]), "")

    def wait(self, server: str, state: str) -> None:
        """Wait until it thinks so."""
        until(lambda: self.state(server).startswith(state), f"HAProxy to see {server} {state}")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def place(address: object) -> str:
    """A server's address as HAProxy writes it."""
    return f"unix@{address}" if isinstance(address, str) else "{}:{}".format(*address)  # type: ignore[misc]


@contextmanager
def haproxy(
    directory: str, backend: str, configuration: str = FRAME, bound: socket.socket | None = None
) -> Iterator[Haproxy]:
    """Run HAProxy, with these lines in its backend `longma`; none where the configuration has one."""
    running = Haproxy(Path(directory), configuration + (f"\nbackend longma\n{backend}\n" if backend else ""), bound)
    try:
        yield running
    finally:
        running.stop()
