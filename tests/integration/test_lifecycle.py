"""Master and workers: starting, stopping with each signal, workers that die, applications that do not load."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.processes import is_alive
from tests.support.server import Run, Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
DEATH = "SIGKILL|died right after it was started"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_signal_stops_the_server_with_status_0(serve: Serve, number: signal.Signals, workers: int):
    server = serve(APP, workers=workers)
    assert server.get("/hello").status == 200
    assert server.stop(number) == 0
    lines = "\n".join(server.errors.so_far())
    assert f"Handling signal: {number.name[3:].lower()}" in lines
    assert lines.count("Worker exiting (pid: ") == workers
    assert "Shutting down: Master" in lines
    assert server.refuses()


def test_the_first_lines_are_gunicorns(serve: Serve):
    server = serve(APP, workers=2)
    lines = server.errors.so_far()
    said = [line.split("] ", 3)[-1] for line in lines]
    assert said[0].startswith("Starting longma ")
    assert isinstance(server.address, tuple)
    assert said[1] == f"Listening at: http://127.0.0.1:{server.address[1]} ({server.pid})"
    assert said[2] == "Using worker: sync"
    assert {said[3], said[4]} == {f"Booting worker with pid: {pid}" for pid in server.worker_pids()}


def test_a_graceful_stop_finishes_what_it_has_begun(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as busy, server.client() as idle, server.client() as queued:
        assert idle.ask("GET", "/hello").status == 200
        assert queued.ask("GET", "/hello").status == 200
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        queued.request("GET", "/pid")
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        idle.expect_end()
        until(server.refuses, "the listener to be closed")
        visitor.release()
        answer = busy.read_response()
        assert answer.status == 200
        assert (answer.one("Connection") or "").lower() == "close"
        busy.expect_end()
        last = queued.read_response()
        assert last.status == 200
        assert (last.one("Connection") or "").lower() == "close"
        queued.expect_end()
    assert server.wait() == 0


def test_a_graceful_stop_sends_an_answer_to_its_end(serve: Serve):
    server = serve(APP)
    size = 20 << 20
    with server.client(receive_buffer=8192) as client:
        client.request("GET", f"/big?bytes={size}")
        assert client.read_head().status == 200
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        assert len(client.read_exactly(size)) == size
        client.expect_end()
    assert server.wait() == 0


def test_connections_in_the_backlog_are_served_before_the_end(serve: Serve, gate: Gate):
    """Whoever could connect before the stop is answered, not reset."""
    server = serve(APP)
    with server.client() as busy:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        late = [server.client() for _ in range(10)]
        for client in late:
            client.request("GET", "/hello")
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        visitor.release()
        for client in (busy, *late):
            assert client.read_response().status == 200
            client.close()
    assert server.wait() == 0


def test_a_graceful_stop_has_an_end(serve: Serve, gate: Gate):
    server = serve(APP, "--graceful-timeout", "1")
    server.expect("")
    with server.client() as busy:
        busy.request("GET", "/wait")
        gate.wait("in the application")
        server.send_signal(signal.SIGTERM)
        assert busy.ended() == b""
    assert server.wait() == 0


def test_a_second_signal_does_not_wait(serve: Serve, gate: Gate):
    server = serve(APP, "--graceful-timeout", "600")
    server.expect("")
    with server.client() as busy:
        busy.request("GET", "/wait")
        gate.wait("in the application")
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        server.send_signal(signal.SIGINT)
        assert busy.ended()[:12] in (b"", b"HTTP/1.1 500")
    assert server.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_was_killed_is_replaced(serve: Serve, gate: Gate, workers: int):
    server = serve(APP, workers=workers)
    server.expect(DEATH)
    before = server.worker_pids()
    with server.client() as client:
        client.request("GET", "/wait")
        visitor = gate.wait("in the application")
        os.kill(visitor.pid, signal.SIGKILL)
        assert client.ended() == b""
    server.errors.wait("Booting worker with pid", count=workers + 1)
    for _ in range(20):
        assert int(server.get("/pid").body) != visitor.pid
    until(lambda: len(server.worker_pids()) == workers, "as many workers as before")
    assert set(server.worker_pids()) != set(before)


def test_only_the_requests_of_the_killed_worker_are_lost(serve: Serve, gate: Gate):
    server = serve(APP, workers=2)
    server.expect(DEATH)
    with server.client() as first, server.client() as second:
        first.request("GET", "/wait?label=first")
        one = gate.wait("first")
        second.request("GET", "/wait?label=second")
        other = gate.wait("second")
        assert one.pid != other.pid
        os.kill(one.pid, signal.SIGKILL)
        assert first.ended() == b""
        server.errors.wait("Booting worker with pid", count=3)
        other.release()
        assert second.read_response().status == 200
        assert second.ask("GET", "/hello").status == 200


def test_workers_killed_again_and_again_are_replaced_again_and_again(serve: Serve):
    server = serve(APP)
    server.expect(DEATH)
    for turn in range(5):
        os.kill(int(server.get("/pid").body), signal.SIGKILL)
        server.errors.wait("Booting worker with pid", count=turn + 2)
    assert server.get("/hello").status == 200


def test_a_worker_that_is_stuck_is_replaced(serve: Serve, gate: Gate):
    server = serve(APP, "--timeout", "1")
    server.expect("")
    with server.client() as stuck:
        stuck.request("GET", "/busy")
        visitor = gate.wait("in the application")
        assert stuck.ended()[:12] in (b"", b"HTTP/1.1 500")
    server.errors.wait(rf"CRITICAL.*WORKER TIMEOUT \(pid:{visitor.pid}\)")
    server.errors.wait("Booting worker with pid", count=2)
    assert server.get("/hello").status == 200


def test_an_idle_worker_is_not_stuck(serve: Serve):
    """The heartbeat goes on without requests: after twice the timeout the worker is the same."""
    server = serve(APP, "--timeout", "1")
    before = server.worker_pids()
    assert server.get("/hello").status == 200
    with server.client() as idle:
        idle.socket.settimeout(2.5)
        with pytest.raises(TimeoutError):
            idle.socket.recv(1)
    assert server.worker_pids() == before
    assert server.get("/hello").status == 200


def test_without_its_master_a_worker_goes(serve: Serve):
    server = serve(APP, workers=2)
    server.expect("")
    workers = server.worker_pids()
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    for pid in workers:
        os.waitpid(pid, 0)  # the tests adopt orphans


def test_a_stop_while_workers_boot_is_a_stop(serve: Serve):
    server = serve(APP, workers=3, ready=None)
    server.errors.wait("Booting worker")
    assert server.stop() == 0


# Booting


@pytest.mark.parametrize(
    ("app", "status", "words"),
    [
        ("tests.apps.broken", 3, "RuntimeError: this module does not load"),
        ("tests.apps.there_is_none", 3, "tests.apps.there_is_none"),
        ("tests.apps.answers:missing", 4, "missing"),
        ("tests.apps.factories:not_callable", 4, "not_callable"),
        ("tests.apps.factories:nothing", 4, "nothing"),
        ("tests.apps.factories:make_nothing()", 4, "make_nothing"),
        ("tests.apps.factories:needs_argument()", 4, "argument"),
        ("tests.apps.answers:application.attribute", 4, "application.attribute"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "3"])
def test_an_application_that_does_not_load_ends_the_server(app: str, status: int, words: str, workers: str):
    with listener() as bound:
        run = Run("-b", f"fd://{bound.fileno()}", "-w", workers, app, pass_fds=(bound.fileno(),))
    assert (run.status, words in run.errors) == (status, True), run.errors


@pytest.mark.parametrize(
    ("app", "body"),
    [
        ("tests.apps.factories:make()", b"hello"),
        ("tests.apps.factories:make('hi', times=3)", b"hihihi"),
        ("tests.apps.answers", b"Hello, World!\n"),
        ("tests.apps.answers:application", b"Hello, World!\n"),
    ],
)
def test_applications_by_name_and_by_call(serve: Serve, app: str, body: bytes):
    assert serve(app).get("/").body == body


def test_workers_have_nothing_of_the_masters_signals_left(serve: Serve):
    """A worker that gets TERM itself finishes and goes, and is replaced."""
    server = serve(APP)
    server.expect("")
    before = server.worker_pid()
    os.kill(before, signal.SIGTERM)
    server.errors.wait("Booting worker with pid", count=2)
    assert int(server.get("/pid").body) != before
    assert not is_alive(before)


def test_descriptors_of_the_server_are_not_inherited_by_what_the_application_starts(serve: Serve):
    server = serve("tests.apps.children")
    assert server.get("/").text == "0 1 2"


def test_the_application_may_start_processes_and_wait_for_them(serve: Serve):
    server = serve("tests.apps.children:waits")
    assert server.get("/").text == "7"
