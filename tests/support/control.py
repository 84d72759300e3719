"""A client of the control socket that can say anything, and the two programs that speak to it."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tests.support.deadlines import DEADLINE_SECONDS
from tests.support.paths import VENV_BIN
from tests.support.server import environment


class ControlClient:
    """A connection, with Gunicorn's framing."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Blocking, for with a timeout it would fail at once where the backlog is full (connect(2), EAGAIN).
        self.socket.connect(os.fspath(path))
        self.socket.settimeout(DEADLINE_SECONDS)
        self._number = 0

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def request(self, command: object, args: object = (), **more: object) -> None:
        """Send a request."""
        self._number += 1
        self.send(framed({"id": self._number, "command": command, "args": args, **more}))

    def read(self) -> dict[str, Any]:
        """The next answer."""
        (length,) = struct.unpack(">I", self._exactly(4))
        answer = json.loads(self._exactly(length))
        assert isinstance(answer, dict)
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        """The data that a command is answered."""
        self.request(command)
        answer = self.read()
        assert (answer["id"], answer["status"]) == (self._number, "ok"), answer
        data = answer["data"]
        assert isinstance(data, dict)
        return data

    def refused(self, command: str) -> str:
        """The words by which a command is refused."""
        self.request(command)
        answer = self.read()
        assert (answer["id"], answer["status"]) == (self._number, "error"), answer
        return str(answer["error"])

    def is_ended(self) -> bool:
        """Wait for the end of the connection, and return whether nothing came before."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            block = self.socket.recv(size - len(data))
            assert block, f"the connection ended after {len(data)} of {size} bytes"
            data += block
        return data

    def close(self) -> None:
        """End it."""
        self.socket.close()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def framed(message: object) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message, default=list).encode()
    return struct.pack(">I", len(body)) + body


def program(
    name: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] = "/",
    entered: str = "",
) -> tuple[int, str, str]:
    """Run `gunicornc` or `longmactl`; returns exit status, output and errors."""
    done = subprocess.run(
        [str(VENV_BIN / name), *arguments],
        input=entered,
        capture_output=True,
        text=True,
        env=environment(env or {}),
        cwd=cwd,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
