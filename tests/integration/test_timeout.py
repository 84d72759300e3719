"""A request that takes longer than `timeout`: the log says which and where, its client has an answer, others go on."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.log import records
from tests.support.processes import is_alive
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.stuck"


def stuck_record(server: Server, target: str) -> str:
    """Wait for the record that tells of a request; returns it whole."""
    server.errors.wait(rf"request GET {re.escape(target)} has taken \d+\.\d s; stack:")
    server.errors.wait("Booting worker with pid", count=2)
    found, _ = records(server.errors.so_far())
    (text,) = [record.text for record in found if record.text.startswith(f"request GET {target} has taken")]
    return text


@pytest.mark.parametrize(("way", "function"), [("python", "wait_in_python"), ("loop", "spin")])
def test_the_request_and_its_stack_are_logged_and_answered(serve: Serve, way: str, function: str):
    server = serve(APP, "--timeout", "1", "--access-logfile", "-")
    server.expect("")
    before = server.worker_pid()
    with server.client() as client:
        client.request("GET", f"/{way}?a=b")
        assert client.read_response().status == 500
        client.expect_end()
    text = stuck_record(server, f"/{way}?a=b")
    assert f", in {function}" in text
    assert ", in application" in text
    assert "longma" not in text
    server.access.wait(rf'"GET /{way}\?a=b HTTP/1.1" 500 ')
    until(lambda: not is_alive(before), "the worker to be gone")
    assert server.get("/").text == "well"
    assert sum(f", in {function}" in line for line in server.errors.so_far()) == 1, "its stack, and once"
    assert not [line for line in server.errors.so_far() if "Error handling request" in line]


def test_an_answer_that_has_begun_is_cut(serve: Serve):
    server = serve(APP, "--timeout", "1")
    server.expect("")
    with server.client() as client:
        client.request("GET", "/begun")
        assert client.read_head().status == 200
        assert client.read_chunk() == b"begun"
        assert b"0\r\n\r\n" not in client.ended()
    assert ", in wait_in_python" in stuck_record(server, "/begun")


def test_the_hook_for_an_abort_is_called(serve: Serve, tmp_path: Path):
    config = tmp_path / "hooks.conf.py"
    config.write_text(
        "def worker_abort(worker):\n    worker.log.info('hook worker_abort: %s %s', worker, worker.aborted)\n"
        "def worker_exit(server, worker):\n    worker.log.info('hook worker_exit: %s', worker.aborted)\n"
    )
    server = serve(APP, "--timeout", "1", "-c", str(config))
    server.expect("")
    worker = server.worker_pid()
    assert server.get("/python").status == 500
    server.errors.wait("hook worker_exit: True")
    lines = "\n".join(server.errors.so_far())
    assert lines.index("has taken") < lines.index(f"hook worker_abort: <Worker {worker}> True")
    assert "WORKER TIMEOUT" in lines


@pytest.mark.parametrize("way", ["c", "stubborn"])
def test_a_worker_that_nothing_ends_is_killed(serve: Serve, gate: Gate, way: str):
    server = serve(APP, "--timeout", "1")
    server.expect("")
    before = server.worker_pid()
    with server.client() as client:
        client.request("GET", f"/{way}")
        assert client.ended() == b""
    server.errors.wait("Booting worker with pid", count=2)
    lines = server.errors.so_far()
    if way == "c":
        assert any("in hold_the_interpreter" in line for line in lines)
    until(lambda: not is_alive(before), "the worker to be gone")
    assert server.get("/").text == "well"


@pytest.mark.parametrize("way", ["python", "c", "stubborn"])
def test_the_next_worker_serves_whoever_waited_behind_the_stuck_request(serve: Serve, gate: Gate, way: str):
    server = serve(APP, "--timeout", "1", "--health-path", "/-/health")
    server.expect("")
    before = server.worker_pid()
    stuck, silent, idle, waiting, watching = [server.client() for _ in range(5)]
    for client in (idle, waiting, watching):
        assert client.ask("GET", "/-/health").status == 200
    stuck.request("GET", f"/{way}")
    waiting.request("POST", "/", "Content-Length: 4", body=b"body")
    assert watching.ask("GET", "/-/health").status == 200
    server.errors.wait("Booting worker with pid", count=2)
    assert waiting.read_response().text == "well"
    for client in (silent, idle, watching):
        assert client.ask("GET", "/").text == "well"
    assert not is_alive(before)


def test_an_idle_worker_that_is_aborted_says_that_it_was_idle(serve: Serve):
    server = serve(APP)
    server.expect("")
    assert server.get("/").text == "well"
    before = server.worker_pid()
    os.kill(before, signal.SIGABRT)
    server.errors.wait("the worker was aborted outside of a request; stack:")
    server.errors.wait("Booting worker with pid", count=2)
    assert server.get("/").text == "well"
