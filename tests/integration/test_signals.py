"""Signals to the master and to its workers, and why workers die."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.paths import ROOT, VENV_BIN
from tests.support.processes import children, is_alive
from tests.support.server import Server, environment
from tests.support.site import SERVES, Site

Serve = Callable[..., Server]
APP = "tests.apps.answers"
DEBUG = "--log-level=debug"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def handled(server: Server, number: signal.Signals, times: int = 1) -> None:
    for _ in range(times):
        server.send_signal(number)
    server.errors.wait(f"Handling signal: {number.name[3:].lower()}")


def test_ttin_and_ttou_change_the_number_of_workers(serve: Serve):
    server = serve(APP, DEBUG, ready=SERVES)
    (first,) = server.worker_pids()
    handled(server, signal.SIGTTIN)
    server.settle(2)
    server.errors.wait(SERVES, count=2)
    handled(server, signal.SIGTTOU)
    assert server.settle(1) != [first], "the oldest goes"
    server.send_signal(signal.SIGTTOU)
    server.errors.wait("Handling signal: ttou", count=2)
    assert server.get("/hello").status == 200
    server.settle(1)


def test_hup_brings_back_the_number_of_the_settings(serve: Serve):
    server = serve(APP, DEBUG, workers=2, ready=SERVES)
    handled(server, signal.SIGTTIN)
    server.settle(3)
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete: 2 workers")
    server.settle(2)


def test_winch_lets_all_workers_go_where_there_is_no_terminal(serve: Serve):
    server = serve(APP, DEBUG, workers=2, ready=SERVES)
    handled(server, signal.SIGWINCH)
    server.settle(0)
    handled(server, signal.SIGTTIN)
    server.settle(1)
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete: 2 workers")
    server.settle(2)
    assert server.get("/hello").status == 200


def test_a_window_that_changes_its_size_is_no_news(tmp_path: Path):
    """With a terminal of its own, as somebody at a keyboard starts it."""
    log = tmp_path / "log"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        command = [str(VENV_BIN / "longma"), DEBUG, f"--bind=unix:{tmp_path}/s", f"--error-logfile={log}", APP]
        os.execve(command[0], command, environment({}))
    try:
        until(lambda: log.exists() and "serves" in log.read_text(), "the worker to serve")
        os.kill(pid, signal.SIGWINCH)
        until(lambda: "SIGWINCH ignored. Not daemonized" in log.read_text(), "the record")
        assert len(children(pid)) == 1
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "the end")
        os.close(terminal)


def test_usr1_opens_the_logs_again(serve: Serve, tmp_path: Path):
    errors, access = tmp_path / "errors", tmp_path / "access"
    server = serve(APP, DEBUG, f"--error-logfile={errors}", f"--access-logfile={access}", workers=2, ready=None)
    until(lambda: errors.exists() and errors.read_text().count(" serves") == 2, "the workers to serve")
    assert server.get("/hello?before").status == 200
    until(lambda: "before" in access.read_text(), "the line")
    for path in (errors, access):
        path.rename(path.with_suffix(".1"))
    server.send_signal(signal.SIGUSR1)
    until(errors.exists, "the new error log")
    until(access.exists, "the new access log")
    with Client(server.address) as client:
        until(
            lambda: client.ask("GET", "/hello?after").status and "after" in access.read_text(), "a line in the new log"
        )
    server.send_signal(signal.SIGTTIN)
    until(lambda: "Handling signal: ttin" in errors.read_text(), "a record in the new log")
    until(lambda: errors.read_text().count("serves") == 1, "the third worker")
    assert "ttin" not in errors.with_suffix(".1").read_text()


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGUSR1])
def test_a_worker_is_not_harmed_by_what_is_meant_for_the_master(serve: Serve, number: signal.Signals):
    server = serve(APP, DEBUG, ready=SERVES)
    pid = server.worker_pid()
    os.kill(pid, number)
    assert server.get("/hello").status == 200
    assert server.worker_pid() == pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_worker_that_is_told_to_go_is_replaced(serve: Serve, number: signal.Signals):
    server = serve(APP, DEBUG, ready=SERVES)
    pid = server.worker_pid()
    os.kill(pid, number)
    server.errors.wait(SERVES, count=2)
    until(lambda: not is_alive(pid), "the first worker to go")
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_what_waits_in_a_worker_that_is_told_to_go_is_answered(serve: Serve, gate: Gate, number: signal.Signals):
    server = serve(APP, "--health-path", "/-/health")
    pid = server.worker_pid()
    busy, waiting, watching = [server.client() for _ in range(3)]
    busy.request("GET", "/wait")
    visitor = gate.wait("in the application")
    waiting.request("GET", "/hello")
    for _ in range(2):  # what the worker hears of, it has heard of by the second answer
        assert watching.ask("GET", "/-/health").status == 200
    os.kill(pid, number)
    watching.expect_end()
    visitor.release()
    assert busy.read_response().status == 200
    assert waiting.read_response().status == 200
    until(lambda: not is_alive(pid), "the first worker to go")


def test_signals_that_come_while_the_application_is_preloaded_wait(serve: Serve, site: Site, gate: Gate):
    site.write("one", before="from tests.apps import gate; gate.stop('loading')")
    server = serve(site.app, DEBUG, "--preload", cwd=site.directory, ready=None, env={"PYTHONPATH": str(ROOT)})
    server.expect("preload_app")
    loading = gate.wait("loading")
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN):
        server.send_signal(number)
    loading.release()
    server.errors.wait("Handling signal: hup")
    server.errors.wait("Reload complete")
    assert server.get().text == "one"


def test_a_server_that_preloads_can_be_stopped(serve: Serve, site: Site, gate: Gate):
    site.write("one", before="from tests.apps import gate; gate.stop('loading')")
    server = serve(site.app, "--preload", cwd=site.directory, ready=None, env={"PYTHONPATH": str(ROOT)})
    gate.wait("loading")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == -signal.SIGTERM


def test_a_storm_of_signals_ends_in_order(serve: Serve):
    server = serve(APP, DEBUG, workers=2, ready=SERVES)
    for _ in range(20):
        for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
            server.send_signal(number)
    server.errors.wait("Handling signal: hup", count=1)
    until(lambda: server.get("/hello").status == 200, "an answer")
    assert server.stop() == 0


# Why workers die.


def test_who_sent_kill_is_told(serve: Serve):
    server = serve(APP, DEBUG, ready=SERVES)
    server.expect("SIGKILL")
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.errors.wait(
        r"was sent SIGKILL! Perhaps out of memory\? It was not longma, and no limit of its control group"
    )
    server.errors.wait(SERVES, count=2)


@pytest.mark.parametrize("status", [1, 3, 4, 77])
def test_a_worker_that_exits_while_it_serves_is_replaced_whatever_its_status(serve: Serve, status: int):
    server = serve("tests.apps.leaving", DEBUG, workers=2, ready=SERVES)
    server.expect("exited with code|died right after")
    with server.client() as client:
        client.request("GET", f"/exit?{status}")
        assert client.read_to_end() == b""
    server.errors.wait(rf"exited with code {status}\.")
    server.errors.wait(SERVES, count=3)
    assert server.get("/").status == 200


def test_a_worker_that_dies_at_once_is_started_again_later_and_later(serve: Serve, site: Site):
    server = serve(site.app, DEBUG, cwd=site.directory, ready=SERVES)
    site.write("two", before="import os; os._exit(1)")
    server.expect("SIGKILL|exited with code|died right after")
    os.kill(server.worker_pid(), signal.SIGKILL)
    delays = server.errors.wait("died right after it was started; the next one is started in", count=3)
    assert [line.rpartition(" in ")[2] for line in delays] == ["0.25 s.", "0.5 s.", "1 s."]
    site.write("three")
    server.errors.wait(SERVES, count=2)


def test_a_worker_has_its_time_to_boot_and_no_more(serve: Serve, site: Site, gate: Gate):
    server = serve(
        site.app, DEBUG, "--boot-timeout=1.5", cwd=site.directory, ready=SERVES, env={"PYTHONPATH": str(ROOT)}
    )
    site.write("two", before="from tests.apps import gate; gate.stop('loading')")
    server.expect("TIMEOUT|Reload failed|exited with code|stack|Killing|aborted")
    server.send_signal(signal.SIGHUP)
    gate.wait("loading")
    server.errors.wait(r"WORKER TIMEOUT \(pid:\d+\): it has not booted within boot_timeout \(1\.5 s\)")
    server.errors.wait("Reload failed: the new worker did not get as far as serving")
    assert server.get("/").text == "one"


# Limits of memory.


def test_a_worker_that_grows_is_replaced_after_its_request(serve: Serve):
    server = serve("tests.apps.leaving", DEBUG, "--max-worker-memory=100M", ready=SERVES)
    pid = server.worker_pid()
    assert server.get("/grow?150").text == "grown"
    server.errors.wait(rf"Worker \(pid:{pid}\) uses \d+ MiB, more than max_worker_memory \(100 MiB\): replacing it")
    until(lambda: not is_alive(pid), "the large worker to go")
    assert server.get("/").status == 200


def test_a_worker_that_grows_far_too_much_is_killed_at_once(serve: Serve, gate: Gate):
    server = serve("tests.apps.leaving", DEBUG, "--max-worker-memory-hard=150M", ready=SERVES)
    server.expect("more than max_worker_memory_hard")
    pid = server.worker_pid()
    with server.client() as client:
        client.request("GET", "/grow?200&stay")
        server.errors.wait(
            rf"Worker \(pid:{pid}\) uses \d+ MiB, more than max_worker_memory_hard \(150 MiB\): killing it"
        )
        assert client.read_to_end() == b""
    assert server.get("/").status == 200
