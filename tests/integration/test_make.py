"""`make serve`, as the README gives it: it serves the demo, or the user's own application from where the user is."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.server import Server, listener

Serve = Callable[..., Server]
OWN = """
import os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.getcwd().encode()]
"""


class MadeServer(Server):
    """A server that is started by make: the bind and the app are make's variables, the master is make's child."""

    STOPPED = -signal.SIGTERM  # make ends itself by the signal once the server has ended

    def start(self) -> None:
        """Start make."""
        (bound,) = self._listeners
        self.run([*self.command, f"BIND=fd://{bound.fileno()}", *([f"APP={self.app}"] if self.app else [])])


@pytest.mark.parametrize("flag", ["-C", "-f"])
def test_make_serve_serves_the_users_own_application(tmp_path: Path, flag: str):
    (tmp_path / "own.py").write_text(OWN)
    where = str(ROOT) if flag == "-C" else str(ROOT / "Makefile")
    command = ("make", "--no-print-directory", flag, where, "serve")
    with MadeServer(
        "own:application",
        binds=[listener()],
        command=command,
        cwd=tmp_path,
        env={"PWD": str(tmp_path), "PYTHONWARNINGS": ""},
    ) as server:
        assert server.get("/").text == str(tmp_path)
        server.expect("")  # what make and maturin say of a build


def test_make_serve_serves_the_demo():
    command = ("make", "--no-print-directory", "serve")
    with MadeServer("", binds=[listener()], command=command, env={"PWD": str(ROOT), "PYTHONWARNINGS": ""}) as server:
        page = server.get("/")
        assert page.status == 200
        assert "longma" in page.text
        assert (page.one("Content-Type") or "").startswith("text/html")
        environ = json.loads(server.get("/environ").body)
        assert environ["REQUEST_METHOD"] == "GET"
        with server.client() as client:
            client.request("GET", "/stream")
            assert client.read_head().framing == "chunked"
            assert client.read_chunk()
        body = os.urandom(100_000)
        answer = json.loads(server.ask("POST", "/upload", "Content-Type: text/plain", body=body).body)
        assert answer["bytes"] == len(body)
        server.expect("")  # what make and maturin say of a build
