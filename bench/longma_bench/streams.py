"""Open streams: how many server-sent events a worker keeps going at once, and what each of them costs."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .measure import settle, started
from .process import ServerFailed, ServerProcess
from .servers import Kind, Paths, Server, longma
from .workloads import Workload

COUNT = 1000
FIRST = 10  # what is loaded with the first streams is not theirs
SECONDS = 5.0  # over which events are counted
PATIENCE = 60.0
MARK = b"data: tick"
REQUEST = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"

# Which application has the events, by the last part of a server's name.
APPLICATIONS = {
    "gevent": "events:app",
    "eventlet": "events:app",
    "threads": "events:app",
    "tornado": "tornado_hello:app",
    "aiohttp": "aiohttp_hello:app",
    "uvicorn": "asgi_hello:app",
}
THREADS = Server("longma-threads", Kind.VARIANT, longma("--threads", str(COUNT)))


@dataclass(frozen=True)
class Streams:
    """What was found of one server."""

    count: int  # streams on which an event came
    kb_each: float  # memory for each of them
    mb: float  # memory of master and worker with all of them
    cpu_us: float  # server CPU for an event on one stream
    fault: str = ""


class Clients:
    """Streams from the other end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._begun: set[int] = set()

    def open(self, count: int) -> None:
        """Ask for so many more."""
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self._port), 10.0)
            client.sendall(REQUEST)
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ)

    def read(self, deadline: float, is_over: Callable[[int], bool]) -> int:
        """Count events until `is_over` says so of the number of streams that have begun, or the deadline is over."""
        events = 0
        while (left := deadline - time.monotonic()) > 0 and not is_over(len(self._begun)):
            for key, _ in self._selector.select(left):
                with contextlib.suppress(OSError):
                    found = key.fileobj.recv(65536).count(MARK)  # type: ignore[union-attr]
                    events += found
                    if found:
                        self._begun.add(key.fd)
        return events

    @property
    def begun(self) -> int:
        """How many have had an event."""
        return len(self._begun)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()


def streaming(servers: list[Server]) -> Iterator[tuple[Server, str]]:
    """Yield the servers that can keep many streams open, with the application for each."""
    threaded = any(server.name == "longma-gthread" for server in servers)
    for server in (*servers, *((THREADS,) if threaded else ())):
        application = APPLICATIONS.get(server.name.rpartition("-")[2])
        if application is not None and server.kind in (Kind.VARIANT, Kind.RIVAL):
            yield server, application


def measure_streams(paths: Paths, server: Server, application: str, port: int) -> Streams:
    """Open `COUNT` streams of one worker."""
    workload = Workload("events", "a stream of events", application, None, 0, path="/events", private=True)
    clients = Clients(port)
    try:
        with started(paths, server, workload, port, 1) as process:
            return _measured(process, clients)
    except (OSError, ServerFailed) as error:
        return Streams(0, 0.0, 0.0, 0.0, str(error).splitlines()[0])
    finally:
        clients.close()


def _measured(process: ServerProcess, clients: Clients) -> Streams:
    clients.open(FIRST)
    clients.read(time.monotonic() + PATIENCE, lambda begun: begun >= FIRST)
    before = settle(process)
    clients.open(COUNT - FIRST)
    clients.read(time.monotonic() + PATIENCE, lambda begun: begun >= COUNT)
    cpu_ns = process.cpu_ns()
    events = clients.read(time.monotonic() + SECONDS, lambda _: False)
    spent = process.cpu_ns() - cpu_ns
    memory = process.pss_mb()
    kb_each = (memory - before) * 1024 / max(1, clients.begun - FIRST)
    return Streams(clients.begun, kb_each, memory, spent / 1e3 / max(1, events))
