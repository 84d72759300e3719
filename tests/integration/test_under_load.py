"""Under continuous load nothing that an operator does loses a request: reload, upgrade, other numbers, recycling, stop.

Two kinds of load: clients that account for each request, and wrk at full speed. Each has four connections a worker,
kept alive or new for each request. The steps wait for lines of the log and for answers, never for a time.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.load import Load, Wrk
from tests.support.processes import children, is_alive
from tests.support.server import Server
from tests.support.site import SERVES

Serve = Callable[..., Server]
APP = "tests.apps.answers"
WORKERS = 2
CONNECTIONS = 4 * WORKERS
BOOTED = "Booting worker with pid"
GONE = r"Worker exiting \(pid"
SOME = 100  # answers between two steps, so that each happens amid requests

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
kinds = pytest.mark.parametrize("keep_alive", [True, False], ids=["kept-alive", "new-each-time"])
loads = pytest.mark.parametrize("load", ["clients", pytest.param("wrk", marks=needs_wrk)])


@contextlib.contextmanager
def under_load(server: Server, load: str, keep_alive: bool) -> Iterator[Callable[[], None]]:
    """Load the server for as long as the context lasts, and check the account; gives what lets some requests pass."""
    if load == "wrk":
        with Wrk(server.address, connections=CONNECTIONS, keep_alive=keep_alive) as wrk:
            with Load(server.address, connections=1, keep_alive=keep_alive) as witness:
                yield lambda: witness.more(SOME)
            witness.check()
            assert wrk.finish() > SOME
        return
    with Load(server.address, connections=CONNECTIONS, keep_alive=keep_alive) as clients:
        yield lambda: clients.more(SOME)
    clients.check()


def replaced(server: Server, times: int) -> None:
    """Wait until all workers have been replaced that many times."""
    server.errors.wait(BOOTED, count=WORKERS * (times + 1))
    server.errors.wait(GONE, count=WORKERS * times)


@kinds
@loads
def test_a_reload(serve: Serve, load: str, keep_alive: bool):
    server = serve(APP, workers=WORKERS)
    before = server.worker_pids()
    with under_load(server, load, keep_alive) as let_pass:
        for times in range(1, 4):
            let_pass()
            server.send_signal(signal.SIGHUP)
            replaced(server, times)
        let_pass()
    until(lambda: len(server.worker_pids()) == WORKERS, "as many workers as wanted")
    assert set(server.worker_pids()).isdisjoint(before)


@kinds
def test_reloads_in_a_row(serve: Serve, keep_alive: bool):
    """A reload that comes while another is still going on is not lost, and loses nothing."""
    server = serve(APP, workers=WORKERS)
    with under_load(server, "clients", keep_alive) as let_pass:
        let_pass()
        for count in range(1, 4):
            server.send_signal(signal.SIGHUP)
            server.errors.wait("Handling signal: hup", count=count)
        let_pass()
        until(lambda: len(server.worker_pids()) == WORKERS, "as many workers as wanted")
        let_pass()


def test_after_a_reload_only_new_workers_answer(serve: Serve):
    """Connections that were kept alive by the old workers end with the answer to their last request."""
    server = serve(APP, workers=WORKERS)
    with Load(server.address, connections=CONNECTIONS) as clients:
        clients.more(SOME)
        server.send_signal(signal.SIGHUP)
        replaced(server, 1)
        until(lambda: len(server.worker_pids()) == WORKERS, "the old workers to be reaped")
        clients.fresh_pids()
        clients.more(SOME)
        assert clients.pids <= set(server.worker_pids())
    clients.check()


def test_reloads_amid_calls_that_take_a_while(serve: Serve):
    """While a call lasts, the engine goes on with other connections, and answers wait for each other's company."""
    server = serve(APP, workers=WORKERS)
    with (
        Load(server.address, connections=CONNECTIONS // 2) as quick,
        Load(server.address, connections=CONNECTIONS // 2, keep_alive=False, target="/labour?ms=2") as slow,
    ):
        for times in range(1, 6):
            quick.more(SOME)
            slow.more(SOME)
            server.send_signal(signal.SIGHUP)
            replaced(server, times)
    quick.check()
    slow.check()


class Upgraded:
    """A server whose master starts another one; the newcomer outlives it, and is stopped and waited for in the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.workers = server.worker_pids()
        server.send_signal(signal.SIGUSR2)
        # Both write to one log, so the newcomer's workers are further lines of it.
        server.errors.wait(BOOTED, count=2 * WORKERS)
        (self.master,) = set(children(server.pid)) - set(self.workers)
        until(lambda: len(children(self.master)) == WORKERS, "the workers of the new master")

    def retire_old_workers(self) -> None:
        self.server.send_signal(signal.SIGWINCH)
        self.server.errors.wait(GONE, count=WORKERS)
        until(lambda: not any(is_alive(pid) for pid in self.workers), "the old workers to be gone")

    def end(self) -> None:
        """Stop the new master, which is the tests' own child by now."""
        os.kill(self.master, signal.SIGTERM)
        _, status = os.waitpid(self.master, 0)
        assert os.waitstatus_to_exitcode(status) == 0


@kinds
@loads
def test_an_upgrade(serve: Serve, load: str, keep_alive: bool):
    server = serve(APP, workers=WORKERS)
    with under_load(server, load, keep_alive) as let_pass:
        let_pass()
        upgraded = Upgraded(server)
        let_pass()
        upgraded.retire_old_workers()
        let_pass()
        server.send_signal(signal.SIGQUIT)
        assert server.wait() == 0
        server.errors.wait("Master has been promoted")
        let_pass()
    upgraded.end()


@kinds
def test_an_upgrade_rolled_back(serve: Serve, keep_alive: bool):
    server = serve(APP, workers=WORKERS)
    with under_load(server, "clients", keep_alive) as let_pass:
        let_pass()
        upgraded = Upgraded(server)
        upgraded.retire_old_workers()
        let_pass()
        server.expect("The new master is gone")
        server.send_signal(signal.SIGHUP)
        server.errors.wait(BOOTED, count=3 * WORKERS)
        let_pass()
        os.kill(upgraded.master, signal.SIGTERM)
        server.errors.wait(GONE, count=2 * WORKERS)
        until(lambda: not is_alive(upgraded.master), "the new master to be gone")
        let_pass()
    assert len(server.worker_pids()) == WORKERS


@kinds
@loads
def test_more_and_fewer_workers(serve: Serve, load: str, keep_alive: bool):
    server = serve(APP, workers=WORKERS)
    with under_load(server, load, keep_alive) as let_pass:
        for number, started in ((signal.SIGTTIN, 3), (signal.SIGTTIN, 4)):
            server.send_signal(number)
            server.errors.wait(BOOTED, count=started)
            let_pass()
        for ended in (1, 2, 3):
            server.send_signal(signal.SIGTTOU)
            server.errors.wait(GONE, count=ended)
            let_pass()
        until(lambda: len(server.worker_pids()) == 1, "one worker")
        let_pass()


@kinds
@loads
def test_recycling_by_requests(serve: Serve, load: str, keep_alive: bool):
    requests = "2000" if load == "wrk" else "60"
    server = serve(APP, "--max-requests", requests, "--max-requests-jitter", "30", workers=WORKERS)
    with under_load(server, load, keep_alive) as let_pass:
        server.errors.wait(GONE, count=3 * WORKERS)
        let_pass()
    until(lambda: len(server.worker_pids()) == WORKERS, "as many workers as wanted")


class Bound(Server):
    """A server that opens its listener itself: only what is its own can it close to newcomers before it is gone."""

    def start(self) -> None:
        """Start it on a port that the system chooses."""
        workers = ("--workers", str(self.workers))
        self.run([*self.command, "--bind", "127.0.0.1:0", *workers, *self.options, self.app])
        (line,) = self.errors.wait("Listening at: ")
        found = re.search(r"http://([\d.]+):(\d+) ", line)
        assert found is not None
        self.addresses = [(found[1], int(found[2]))]


@pytest.mark.parametrize("ms", [0, 3])
@kinds
def test_a_stop(keep_alive: bool, ms: int):
    """What was sent before the end is answered, what comes after it is refused, nothing is reset."""
    with Bound(APP, workers=WORKERS) as server:
        target = f"/labour?ms={ms}"
        with Load(server.address, connections=CONNECTIONS, keep_alive=keep_alive, target=target) as clients:
            clients.more(SOME)
            assert server.stop() == 0
            clients.until_refused()
        clients.check()


def test_at_a_stop_the_accepted_and_the_queued_are_answered(serve: Serve, gate: Gate):
    """A worker with room for two clients is busy, others wait in the kernel's queue; at TERM all of them are served."""
    server = serve(APP, "--worker-connections", "2", "--no-defer-accept")
    busy = server.client()
    busy.request("GET", "/wait")
    visitor = gate.wait("in the application")
    waiting = [server.client() for _ in range(6)]
    for client in waiting:
        client.request("GET", "/pid")
    server.send_signal(signal.SIGTERM)
    server.errors.wait("Handling signal: term")
    visitor.release("on")
    assert busy.read_response().text == f"{visitor.pid} on"
    for client in waiting:
        assert client.read_response().text == str(visitor.pid)
    assert server.wait() == 0


def test_at_a_stop_whoever_has_just_connected_may_still_ask():
    """Its first bytes are under way when the server is told to stop: the kernel has not handed it to anybody yet."""
    with Bound(APP, "--log-level=debug", ready=SERVES) as server:
        client = server.client()
        server.send_signal(signal.SIGTERM)
        until(server.refuses, "a new client to be refused")
        assert client.ask("GET", "/hello").status == 200
        assert server.wait() == 0


def test_during_a_stop_new_clients_are_refused(gate: Gate):
    """A server that bound its address itself: it can turn newcomers away before it closes, and resets none."""
    with Bound(APP, env=gate.environment) as server:
        idle = server.client()
        assert idle.ask("GET", "/hello").status == 200
        busy = server.client()
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        server.send_signal(signal.SIGTERM)
        until(server.refuses, "a new client to be refused")
        idle.expect_end()
        visitor.release("on")
        response = busy.read_response()
        assert response.text == f"{visitor.pid} on"
        assert re.fullmatch("(?i)close", response.one("Connection") or "")
        busy.expect_end()
        assert server.wait() == 0
