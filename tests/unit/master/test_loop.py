"""The master's loop and the worker's life with real processes, signals and pipes; only the engine is pretended."""

from __future__ import annotations

import os
import signal
from signal import SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGTERM

import pytest

from tests.support.deadlines import until
from tests.support.processes import is_alive, sockets
from tests.unit.master.pretend import BOOTING, PretendedServer, Stubborn, Stuck, StuckInC, Waiting
from tests.unit.process.children import exit_code


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_signal_stops_master_and_workers(number: int, workers: int):
    with PretendedServer(Waiting, workers=workers) as server:
        server.log.wait("Using worker: sync")
        server.workers(min(workers, 1))
        server.send(number)
        status, log = server.end()
    assert status == 0
    assert "[ERROR]" not in log
    assert log.endswith("Shutting down: Master")


def test_a_killed_worker_is_replaced_and_a_child_that_is_no_worker_passed_over():
    with PretendedServer(Waiting, workers=2) as server:
        first, second = server.workers(2)
        os.kill(first, SIGKILL)
        third = server.workers(3)[2]
        server.send(SIGTERM)
        status, log = server.end()
    assert status == 0
    assert f"Worker (pid:{first}) was sent SIGKILL! Perhaps out of memory?" in log
    assert log.count("[ERROR]") == 1
    assert len({first, second, third}) == 3


@pytest.mark.parametrize("number", [SIGTERM, SIGHUP, SIGINT])
def test_a_worker_that_is_told_to_stop_by_itself_goes_in_order_and_is_replaced(number: int):
    with PretendedServer(Waiting) as server:
        os.kill(server.workers(1)[0], number)
        server.workers(2)
        server.send(SIGTERM)
        status, log = server.end()
    assert status == 0
    assert "[ERROR]" not in log


def test_a_worker_that_does_not_stop_is_killed():
    with PretendedServer(Stubborn, graceful_timeout=0.2) as server:
        (pid,) = server.workers(1)
        until(lambda: sockets(pid) == 1, "the worker to run")
        server.send(SIGTERM)
        status, log = server.end()
    assert status == 0
    assert f"Killing worker (pid:{pid}): it did not stop in time." in log


def test_a_second_signal_cuts_a_long_wait_short():
    with PretendedServer(Stubborn, graceful_timeout=600.0) as server:
        server.workers(1)
        server.send(SIGTERM)
        server.log.wait("Handling signal: term")
        server.send(SIGINT)
        assert server.end()[0] == 0


def test_a_stuck_worker_is_aborted_and_replaced():
    with PretendedServer(Stuck, timeout=0.2) as server:
        pid = server.workers(2)[0]
        assert server.log.wait(rf"\[CRITICAL\] WORKER TIMEOUT \(pid:{pid}\)")
        assert server.log.wait(rf"\[{pid}\] \[ERROR\] .*[Aa]bort")
        assert server.log.wait(rf"Worker \(pid:{pid}\) exited with code 1\.")


def test_a_worker_stuck_in_c_is_killed_and_replaced():
    with PretendedServer(StuckInC, timeout=0.2) as server:
        pid = server.workers(2)[0]
        assert server.log.wait(rf"Killing worker \(pid:{pid}\)")
        until(lambda: not is_alive(pid), "the worker's end")


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    ("app", "status", "words"),
    [
        ("tests.apps.broken", 3, "RuntimeError: this module does not load"),
        ("tests.apps.answers:missing", 4, "'tests.apps.answers:missing' is not there"),
    ],
)
def test_an_application_that_does_not_load_ends_the_server_with_one_report(
    workers: int, app: str, status: int, words: str
):
    with PretendedServer(Waiting, app, workers=workers) as server:
        ended, log = server.end()
    assert ended == status
    assert words in log
    assert log.count("Traceback") == (1 if status == 3 else 0)
    assert log.count("] [ERROR] ") == 3  # why, which worker, and what that means for the server
    assert log.count("Reason: ") == 1


def test_workers_go_when_their_master_is_killed():
    with PretendedServer(Waiting, workers=3) as server:
        pids = server.workers(3)
        for pid in pids:
            until(lambda pid=pid: sockets(pid) == 1, "the worker to run")
        server.send(SIGKILL)
        status, log = server.end()
    assert status == -SIGKILL
    assert [exit_code(pid) for pid in pids] == [0, 0, 0]  # the tests adopt orphans
    assert log.count("Parent changed, shutting down: <Worker") == 3


def test_a_reload_whose_worker_does_not_boot_leaves_the_old_one_alone():
    """The settings are read again from the command line, and an empty one names no application."""
    with PretendedServer(Waiting) as server:
        (old,) = server.workers(1)
        server.send(SIGHUP)
        server.log.wait("Reload failed: the new worker did not get as far as serving. What was served before is")
        assert is_alive(old)
        server.send(SIGTERM)
        status, log = server.end()
    assert status == 0
    assert log.count(BOOTING.split(":")[0]) == 2


def test_a_worker_holds_nothing_of_its_master_or_siblings():
    with PretendedServer(Waiting, workers=3) as server:
        for pid in server.workers(3):
            until(lambda pid=pid: sockets(pid) == 1, "the worker to hold its own tether only")


def test_an_abort_out_of_nowhere_ends_the_worker_with_status_1():
    with PretendedServer(Waiting) as server:
        (pid,) = server.workers(1)
        until(lambda: sockets(pid) == 1, "the worker to run")
        os.kill(pid, SIGABRT)
        assert server.log.wait(rf"Worker \(pid:{pid}\) exited with code 1\.")
        server.workers(2)
