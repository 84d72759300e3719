"""No client can hold the server up: with `-w 1` a normal request is answered whatever the others do, or do not do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.processes import holds, sockets
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"
NORMAL_REQUESTS = 100


class Drip:
    """Clients that each send one byte of a head a second, from a thread, until they are told to stop."""

    HEAD = b"GET /hello HTTP/1.1\r\nHost: slow.invalid\r\nX-Long: " + b"x" * 2000

    def __init__(self, server: Server, count: int) -> None:
        self.clients = [server.client() for _ in range(count)]
        self.stopped = threading.Event()
        self.rounds = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run)
        for client in self.clients:
            client.send(self.HEAD[:40])  # so that none is still waiting to be accepted

    def __enter__(self) -> Drip:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()
        for client in self.clients:
            client.close()

    def _run(self) -> None:
        for position in range(40, len(self.HEAD)):
            for client in self.clients:
                client.send(self.HEAD[position : position + 1])
            self.rounds.release()
            if self.stopped.wait(1):
                return


@pytest.fixture
def server(serve: Serve) -> Server:
    running = serve(APP, "--header-timeout=600")
    assert running.get("/hello").status == 200
    return running


def normal_requests(server: Server) -> None:
    """Requests on a connection of their own and on one that stays, all answered."""
    with server.client() as client:
        for _ in range(NORMAL_REQUESTS):
            assert client.ask("GET", "/hello").body == b"Hello, World!\n"
    for _ in range(NORMAL_REQUESTS // 10):
        assert server.get("/hello").body == b"Hello, World!\n"


def test_fifty_clients_that_send_a_byte_a_second(server: Server):
    worker = server.worker_pid()
    with Drip(server, 50) as drip:
        until(lambda: all(holds(worker, client) for client in drip.clients), "the slow clients to be accepted")
        for _ in range(3):
            drip.rounds.acquire()
            normal_requests(server)


def test_five_hundred_idle_connections(server: Server):
    idle = [server.client() for _ in range(500)]
    for client in idle[:250]:
        assert client.ask("GET", "/hello").status == 200
    normal_requests(server)
    for client in idle:
        assert client.ask("GET", "/hello").status == 200
        client.close()


def test_a_client_that_reads_twenty_megabytes_at_ten_kilobytes_a_second(server: Server):
    size = 20 << 20
    with server.client(receive_buffer=4096) as slow:
        slow.request("GET", f"/big?bytes={size}")
        assert slow.read_head().one("Content-Length") == str(size)
        for _ in range(3):
            slow.read_exactly(10_000)
            normal_requests(server)


def test_clients_that_send_half_a_body(server: Server):
    slow = [server.client() for _ in range(50)]
    for client in slow:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000)
    normal_requests(server)
    for client in slow:
        client.send(b"x" * 50_000)
        assert len(client.read_response().body) == 100_000
        client.close()


def test_clients_that_send_half_a_body_larger_than_memory_should_hold(server: Server):
    slow = [server.client() for _ in range(5)]
    for client in slow:
        client.send(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 3_000_000)
    normal_requests(server)
    for client in slow:
        client.send(b"x" * 1_000_000)
        assert client.read_response().body == b"4000000 480000000"
        client.close()


def test_clients_that_connect_and_vanish(server: Server):
    worker = server.worker_pid()
    before = sockets(worker)
    for part in (
        b"",
        b"G",
        b"GET /hello HTTP/1.1\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    ):
        for _ in range(20):
            client = server.client()
            client.send(part)
            client.reset()
    normal_requests(server)
    until(lambda: sockets(worker) <= before, "the connections of clients that vanished to be closed")


def test_a_client_that_never_reads_its_pipelined_answers(server: Server):
    """Back-pressure: what such a client sends is not read on for ever, and nobody else notices."""
    with server.client(receive_buffer=4096) as deaf:
        deaf.socket.setblocking(False)
        request = b"GET /big?bytes=100000 HTTP/1.1\r\nHost: a\r\n\r\n"
        sent = 0
        try:
            while sent < 64 << 20:
                sent += deaf.socket.send(request * 1000)
        except BlockingIOError:
            pass
        assert sent < 64 << 20
        normal_requests(server)


def test_urgent_data_and_half_closed_connections_harm_nobody(server: Server):
    clients: list[Client] = []
    for _ in range(10):
        client = server.client()
        client.socket.send(b"!", socket.MSG_OOB)
        client.finish_sending()
        clients.append(client)
    normal_requests(server)
    for client in clients:
        client.close()
