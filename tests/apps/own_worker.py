"""A worker class of one's own, some that are none, and an application that is no WSGI one."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any

from longma.workers.base import Worker
from tests.apps.gate import report, stop

HOUR = 3600
HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Pid: {pid}\r\nContent-Length: {length}\r\n\r\n"
Answer = Callable[[str, bytes], bytes]


def application(path: str, body: bytes) -> bytes:
    """Answer a request as this class has it: by the body alone."""
    if path == "/pid":
        return str(os.getpid()).encode()
    if path == "/held":
        return stop("held").encode()
    if path == "/stuck":
        threading.Event().wait(HOUR)
    return body


def read(client: Any) -> tuple[str, bytes] | None:
    """Return the path and the body of a request; None where the client has gone without one."""
    with client.makefile("rb") as reader:
        line, fields = reader.readline(), {}
        while (field := reader.readline()) not in (b"\r\n", b""):
            name, _, value = field.partition(b":")
            fields[name.lower()] = value
        if not line:
            return None
        return line.split()[1].decode(), reader.read(int(fields.get(b"content-length", 0)))


class Blunt(Worker):
    """Serves one small request for each connection."""

    wsgi: Answer

    def run(self) -> None:
        while self.alive:
            self.notify()
            ready, _, _ = select.select(self.wait_fds, [], [], min(self.timeout, 1.0) or 1.0)
            for one in ready:
                if one == self.PIPE[0]:
                    os.read(one, 4096)
                else:
                    self.serve(one)
            if self.nr >= self.max_requests:
                self.recycle()
        report("cleaned up")

    def serve(self, listener: Any) -> None:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        with client:
            client.setblocking(True)
            request = read(client)
            if request is None:
                return
            answer = self.wsgi(*request)
            client.sendall(HEAD.format(pid=os.getpid(), length=len(answer)).encode() + answer)
            self.nr += 1


class Curious(Blunt):
    """Tells what it was given."""

    def run(self) -> None:
        self.wsgi = lambda path, body: "\n".join(self.facts()).encode()
        super().run()

    def facts(self) -> list[str]:
        (listener,) = self.sockets
        return [
            f"name {self}",
            f"age {self.age}",
            f"pid {self.pid == os.getpid()}",
            f"ppid {self.ppid == os.getppid()}",
            f"timeout {self.timeout}",
            f"socket {listener.sock is listener} {listener.family == listener.FAMILY} {listener.cfg_addr}",
            f"url {listener}",
            f"booted {self.booted}",
            f"given {getattr(self, 'given', None)}",
            f"backlog {self.cfg.settings['backlog'].value}",
            f"tls {self.cfg.is_ssl} {sorted(self.cfg.ssl_options)[:2]}",
        ]


class Unmade(Blunt):
    """Cannot be made."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        raise RuntimeError("cannot be made")


class WithoutRun(Worker):
    """Has not what every class of its own must have."""


class Stranger:
    """Has nothing of the contract, and could not be made."""

    def run(self) -> None:
        """Do nothing."""


something = 5
