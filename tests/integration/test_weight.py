"""What a worker carries: no module that serving does not need, and memory that does not grow with requests."""

from __future__ import annotations

import compileall
from collections.abc import Callable
from pathlib import Path

import pytest

import longma
from tests.support.deadlines import until
from tests.support.processes import descriptors, file_bytes, own_bytes, peak_resident_bytes, resident_bytes
from tests.support.server import Server

pytestmark = pytest.mark.alone

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
    "selectors",
    "shutil",
    "socket",
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
    # What the master has loaded its workers have, too. Only who asks for a control socket has what is behind it.
    assert not [name for name in loaded if name.startswith("longma.control") or name == "longma.master.orders"]


def polls(pid: int) -> bool:
    """Whether the worker has come as far as its loop."""
    return "anon_inode:[eventpoll]" in descriptors(pid).values()


# The pages of the interpreter's file count for a share that depends on how many others run it, so that a whole PSS
# rises by 3 MB when a machine falls quiet. They have a bound of their own.
@pytest.mark.parametrize(("workers", "bound"), [(1, 12 * MEGABYTE), (4, 22 * MEGABYTE)])
def test_idle_memory_of_master_and_workers(serve: Serve, workers: int, bound: int):
    """12 MB for one worker, 22 MB for four, the master included; of program and libraries at most 9 MB in each."""
    # Compiling leaves a megabyte behind in the process that finds no compiled files.
    assert compileall.compile_dir(Path(longma.__file__).parent, quiet=1)
    server = serve("tests.apps.weightless", workers=workers)
    for _ in range(workers * 4):
        assert server.get("/").status == 200
    until(lambda: all(map(polls, server.worker_pids())), "every worker to have loaded the application")
    pids = (server.pid, *server.worker_pids())
    total = sum(map(own_bytes, pids))
    assert total <= bound, f"{total / MEGABYTE:.1f} MB"
    mapped = max(map(file_bytes, pids))
    assert mapped <= 9 * MEGABYTE, f"{mapped / MEGABYTE:.1f} MB"


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


def test_uploads_beyond_memory_go_to_a_file_that_nobody_sees(serve: Serve, tmp_path: Path):
    server = serve("tests.apps.answers", env={"TMPDIR": str(tmp_path)})
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = peak_resident_bytes(worker)
    block, blocks = b"0123456789abcdef" * 65536, 100
    for coding in ("length", "chunked"):
        with server.client() as client:
            framing = f"Content-Length: {len(block) * blocks}" if coding == "length" else "Transfer-Encoding: chunked"
            client.request("POST", "/count", framing)
            for _ in range(blocks):
                client.send(block if coding == "length" else b"%x\r\n%b\r\n" % (len(block), block))
            assert list(tmp_path.iterdir()) == []
            client.send(b"" if coding == "length" else b"0\r\n\r\n")
            assert client.read_response().text == f"{len(block) * blocks} {sum(block) * blocks}"
    assert peak_resident_bytes(worker) - before < 16 * MEGABYTE
    assert list(tmp_path.iterdir()) == []


def test_uploads_that_are_given_up_leave_nothing(serve: Serve):
    server = serve("tests.apps.answers")
    assert server.get("/hello").status == 200
    worker = server.worker_pid()
    before = len(descriptors(worker))
    for turn in range(20):
        client = server.client()
        client.request("POST", "/count", "Content-Length: 8000000")
        client.send(b"x" * 3_000_000)
        client.reset() if turn % 2 else client.close()
    until(lambda: len(descriptors(worker)) <= before, "the files of the uploads to be closed")
    assert server.get("/hello").status == 200


def test_an_upload_without_a_place_to_go_is_a_500(serve: Serve, tmp_path: Path):
    server = serve("tests.apps.answers", env={"TMPDIR": str(tmp_path / "missing")})
    server.expect("")
    with server.client() as client:
        client.request("POST", "/count", "Content-Length: 3000000")
        client.send_or_stop(b"x" * 3_000_000)
        assert client.ended()[:12] in (b"HTTP/1.1 500", b"HTTP/1.1 507", b"HTTP/1.1 200")
    assert server.get("/hello").status == 200


def test_a_file_of_any_size_weighs_nothing(serve: Serve, tmp_path: Path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(200 * MEGABYTE)
    server = serve("tests.apps.answers")
    assert server.get("/file?bytes=100000").status == 200
    worker = server.worker_pid()
    before = peak_resident_bytes(worker)
    with server.client() as client:
        client.request("GET", f"/plain-file?path={path}")
        assert client.read_head().one("Content-Length") == str(200 * MEGABYTE)
        for _ in range(200):
            client.read_exactly(MEGABYTE)
    assert peak_resident_bytes(worker) - before < 4 * MEGABYTE
