"""Workers that are replaced after so many requests, and nobody who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.deadlines import Deadline, until
from tests.support.processes import is_alive
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
LINE = "Autorestarting worker after current request."


def test_a_worker_is_replaced_after_so_many_requests(serve: Serve):
    server = serve(APP, "--max-requests", "5")
    first = int(server.get("/pid").body)
    for _ in range(3):
        assert int(server.get("/pid").body) == first
    assert LINE not in "\n".join(server.errors.so_far())
    assert int(server.get("/pid").body) == first
    (line,) = server.errors.wait(LINE)
    assert f"[{first}]" in line
    until(lambda: not is_alive(first), "the worker to be gone")
    assert int(server.get("/pid").body) != first


def test_nobody_notices_that_workers_are_replaced(serve: Serve):
    """Each answer comes whole, and a connection is only ever closed behind an answer that announces it."""
    server = serve(APP, "--max-requests", "7", "--max-requests-jitter", "3", workers=2)
    client = server.client()
    deadline = Deadline()
    pids: set[int] = set()
    while len(pids) <= 5:
        deadline.left("the sixth worker")
        answer = client.ask("GET", "/pid")
        assert answer.status == 200
        pids.add(int(answer.body))
        if (answer.one("Connection") or "").lower() == "close":
            client.expect_end()
            client = server.client()
    server.errors.wait(LINE, count=5)


def test_the_jitter_is_drawn_for_each_worker(serve: Serve, tmp_path: Path):
    config = tmp_path / "limits.conf.py"
    config.write_text("def post_worker_init(worker):\n    worker.log.info('limit is %d', worker.max_requests)\n")
    options = ("-c", str(config), "--max-requests", "1000", "--max-requests-jitter", "1000000")
    server = serve(APP, *options, workers=4)
    limits = {int(line.rsplit(" ", 1)[1]) for line in server.errors.wait("limit is", count=4)}
    assert len(limits) > 1
    assert all(1000 <= limit <= 1_001_000 for limit in limits)
