"""What a worker carries: no module that serving does not need, and memory that does not grow with requests."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.processes import pss_bytes, resident_bytes
from tests.support.server import Server

Serve = Callable[..., Server]
HEAVY = {
    "argparse",
    "asyncio",
    "dataclasses",
    "email",
    "http",
    "importlib.metadata",
    "inspect",
    "logging",
    "multiprocessing",
    "shutil",
    "socketserver",
    "ssl",
    "subprocess",
    "tempfile",
    "tomllib",
    "traceback",
}
MEGABYTE = 1 << 20


def test_the_worker_has_loaded_nothing_heavy(serve: Serve):
    server = serve("tests.apps.weightless")
    assert server.get("/").status == 200
    with server.client() as client:
        loaded = set(client.ask("GET", "/modules").text.split())
    assert loaded & HEAVY == set()


def test_idle_memory_of_master_and_workers(serve: Serve):
    """The figures of the issue: 14 MB for one worker, 22 MB for four, master included."""
    for workers, bound in ((1, 14 * MEGABYTE), (4, 22 * MEGABYTE)):
        server = serve("tests.apps.weightless", workers=workers)
        clients = [server.client() for _ in range(workers * 4)]
        for client in clients:
            assert client.ask("GET", "/").status == 200
            client.close()
        total = sum(pss_bytes(pid) for pid in (server.pid, *server.worker_pids()))
        assert total <= bound, f"{workers} workers: {total / MEGABYTE:.1f} MB"
        assert server.stop() == 0


def test_memory_does_not_grow_with_requests(serve: Serve):
    server = serve("tests.apps.answers")
    server.expect("")

    def round_of_requests() -> None:
        for _ in range(20):
            with server.client() as client:
                for turn in range(50):
                    client.ask("GET", f"/hello?{turn}", f"X-{turn}: {'v' * turn}")
                client.ask("POST", "/echo", body=b"x" * 100_000)
                client.ask("GET", "/generator")
                client.ask("GET", "/big-in-blocks?blocks=3")
                client.request("GET", "/raises")
                client.ended()

    round_of_requests()
    round_of_requests()
    worker = server.worker_pid()
    before = resident_bytes(worker)
    for _ in range(4):
        round_of_requests()
    assert resident_bytes(worker) - before < 2 * MEGABYTE


def test_many_connections_weigh_little(serve: Serve):
    server = serve("tests.apps.answers")
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = resident_bytes(worker)
    clients = [server.client() for _ in range(800)]
    for client in clients:
        assert client.ask("GET", "/hello").status == 200
    assert (resident_bytes(worker) - before) / len(clients) < 8192
    for client in clients:
        client.close()
