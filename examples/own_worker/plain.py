"""A worker class of one's own, which serves one request a connection: `longma -k plain.Plain plain:application`."""

import os
import select
import socket
from typing import Any

from longma.workers.base import Worker

HEAD_BYTES = 65536
PIPE_BYTES = 4096
SECONDS_OF_PATIENCE = 5.0


class Plain(Worker):
    """Reads a head of at most `HEAD_BYTES`, calls the application, and closes the connection."""

    def run(self) -> None:
        while self.alive:
            self.notify()
            ready, _, _ = select.select(self.wait_fds, [], [], 1.0)
            for one in ready:
                if one == self.PIPE[0]:  # a signal has come
                    os.read(one, PIPE_BYTES)
                else:
                    self.accept(one)

    def accept(self, listener: Any) -> None:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:  # another worker was faster
            return
        with connection:
            connection.settimeout(SECONDS_OF_PATIENCE)
            self.serve(connection)
        self.nr += 1
        if self.nr == self.max_requests:
            self.recycle()

    def serve(self, connection: socket.socket) -> None:
        try:
            head = connection.recv(HEAD_BYTES)
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            connection.sendall(self.answer({"REQUEST_METHOD": method, "PATH_INFO": target}))
        except (OSError, ValueError):
            return

    def answer(self, environ: dict[str, Any]) -> bytes:
        head: list[str] = []

        def start_response(status: str, fields: list[tuple[str, str]], *_: object) -> None:
            head.extend((f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields), "Connection: close"))

        body = b"".join(self.wsgi(environ, start_response))
        return "\r\n".join((*head, "", "")).encode("latin-1") + body


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"Hello from a worker class, {environ['PATH_INFO']}\n".encode()]
