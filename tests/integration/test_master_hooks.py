"""The hooks of the master: in which process, in which order, with what, and what an exception in each of them does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.paths import ROOT
from tests.support.server import Run, Server
from tests.support.site import SERVES, Site

Serve = Callable[..., Server]
RECORDER = """
import os

def told(name, *words):
    with open("told", "a", buffering=1) as file:
        print(name, os.getpid(), *words, file=file)

def on_starting(server): told("on_starting", server.pid, server.cfg.workers)
def when_ready(server): told("when_ready", len(server.LISTENERS), len(server.WORKERS))
def nworkers_changed(server, new, old): told("nworkers_changed", new, old)
def pre_fork(server, worker): told("pre_fork", worker.age, worker.pid, server.pid)
def child_exit(server, worker): told("child_exit", worker.age, worker.pid)
def on_reload(server): told("on_reload", server.num_workers)
def on_exit(server): told("on_exit", len(server.WORKERS), os.path.exists("pid"))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.configure(RECORDER)
    return made


@pytest.fixture
def start(serve: Serve, site: Site) -> Serve:
    def started(*options: str, ready: str | None = SERVES, **how: object) -> Server:
        options = ("--log-level=debug", "-c", "longma.conf.py", "--pid=pid", *options)
        return serve(site.app, *options, cwd=site.directory, env={"PYTHONPATH": str(ROOT)}, ready=ready, **how)

    return started


def told(site: Site) -> list[list[str]]:
    path = site.path("told")
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def names(site: Site) -> list[str]:
    return [line[0] for line in told(site)]


def test_hooks_of_the_master_run_in_the_master_in_gunicorns_order(start: Serve, site: Site):
    server = start()
    (worker,) = server.worker_pids()
    master = str(server.pid)
    assert told(site) == [
        ["nworkers_changed", master, "1", "None"],
        ["on_starting", master, master, "1"],
        ["when_ready", master, "1", "0"],
        ["pre_fork", master, "1", "[booting]", master],
    ]
    server.expect("SIGKILL")
    os.kill(worker, signal.SIGKILL)
    server.errors.wait(SERVES, count=2)
    until(lambda: names(site)[4:] == ["child_exit", "pre_fork"], "the hooks of a death")
    assert told(site)[4] == ["child_exit", master, "1", str(worker)]
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    assert names(site)[6:] == ["nworkers_changed", "on_reload", "pre_fork", "child_exit"]
    assert told(site)[6][2:] == ["1", "1"]
    server.send_signal(signal.SIGTTIN)
    server.errors.wait(SERVES, count=4)
    assert names(site)[10:] == ["nworkers_changed", "pre_fork"]
    assert told(site)[10][2:] == ["2", "1"]
    assert server.stop() == 0
    assert names(site)[12:] == ["child_exit", "child_exit", "on_exit"]
    assert told(site)[-1] == ["on_exit", master, "0", "False"]


@pytest.mark.parametrize("hook", ["on_starting(server)", "when_ready(server)", "nworkers_changed(server, new, old)"])
def test_a_hook_of_the_start_that_fails_keeps_the_server_from_starting(site: Site, hook: str):
    site.configure(f"def {hook}: raise ValueError('not today')")
    run = Run("-c", "longma.conf.py", f"--bind=unix:{site.path('s')}", "--pid=pid", site.app, cwd=site.directory)
    name = hook.partition("(")[0]
    assert run.status == 1
    assert f"Exception in hook {name}" in run.errors
    assert "ValueError: not today" in run.errors
    assert f"longma: error: the hook {name} failed" in run.errors
    assert not site.path("pid").exists()
    assert not site.path("s").exists()


def test_a_hook_of_the_end_that_fails_is_the_exit_status(start: Serve, site: Site):
    site.configure("def on_exit(server): raise ValueError('not today')")
    server = start()
    server.expect("Exception in hook on_exit|longma: error")
    assert server.stop() == 1


@pytest.mark.parametrize("hook", ["pre_fork", "child_exit"])
def test_a_hook_between_that_fails_ends_the_master_with_255(start: Serve, site: Site, hook: str):
    site.configure(
        f"def {hook}(server, worker):\n    if worker.age == {2 if hook == 'pre_fork' else 1}: raise ValueError"
    )
    server = start()
    server.expect(f"Exception in hook {hook}|SIGKILL")
    os.kill(server.worker_pid(), signal.SIGKILL)
    assert server.wait() == 255
    assert any(f"Exception in hook {hook}" in line for line in server.errors.so_far())


def test_a_reload_hook_that_fails_leaves_everything_as_it_was(start: Serve, site: Site):
    server = start()
    old = server.worker_pids()
    site.configure(RECORDER.replace('told("on_reload", server.num_workers)', "raise ValueError('not today')"))
    server.expect("Exception in hook on_reload|Reload failed")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed, nothing was changed: the hook on_reload failed")
    assert server.worker_pids() == old
    assert server.get().status == 200


def test_what_was_given_to_a_worker_that_never_booted_is_taken_back(start: Serve, site: Site):
    server = start()
    site.write("two", before="raise ValueError")
    server.expect(r"importing|Worker \(pid|Reload failed")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed")
    until(lambda: names(site)[4:] == ["nworkers_changed", "on_reload", "pre_fork", "child_exit"], "the hooks")
    assert told(site)[-1][2] == "2"


def test_what_hooks_set_on_the_server_and_the_worker_is_kept(start: Serve, site: Site):
    site.configure(
        "import os\n"
        "def on_starting(server): server.table = {'taken': []}\n"
        "def pre_fork(server, worker):\n"
        "    worker.seat = min({1, 2, 3} - set(server.table['taken']))\n"
        "    server.table['taken'].append(worker.seat)\n"
        "def post_fork(server, worker): os.environ['SEAT'] = str(worker.seat)\n"
        "def child_exit(server, worker): server.table['taken'].remove(worker.seat)\n"
    )
    server = start(workers=3)
    every_seat(server)
    server.expect("SIGKILL")
    os.kill(server.worker_pids()[1], signal.SIGKILL)
    server.errors.wait(SERVES, count=4)
    every_seat(server)


def every_seat(server: Server) -> None:
    """Ask until all three have answered."""
    seen: set[str] = set()

    def asked() -> bool:
        seen.add(server.get("/env/SEAT").text)
        return seen == {"1", "2", "3"}

    until(asked, "every seat")


def test_hooks_of_a_reload_see_what_it_tries(start: Serve, site: Site):
    """Also in the worker; and what was before when the trial has failed."""
    configuration = (
        "import os\n"
        "def tell(name, server):\n"
        "    server.log.info('%s sees %s and %s', name, server.cfg.timeout, server.app.cfg.timeout)\n"
        "def nworkers_changed(server, new, old): tell('nworkers_changed', server)\n"
        "def pre_fork(server, worker): tell('pre_fork', server)\n"
        "def post_fork(server, worker): tell('post_fork', server)\n"
        "def child_exit(server, worker): tell('child_exit', server)\n"
    )
    site.configure(f"{configuration}timeout = 21\n")
    server = start()
    server.errors.wait("post_fork sees 21 and 21")
    site.configure(f"{configuration}timeout = 22\n")
    server.send_signal(signal.SIGHUP)
    for name in ("nworkers_changed", "pre_fork", "post_fork", "child_exit"):
        server.errors.wait(f"{name} sees 22 and 22")
    site.configure(f"{configuration}timeout = 23\ndef on_reload(server): raise ValueError\n")
    server.expect("Exception in hook on_reload|Reload failed|SIGKILL")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed")
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.errors.wait("child_exit sees 22 and 22", count=2)


def test_a_preloaded_application_and_the_listeners_are_the_servers(start: Serve, site: Site):
    site.configure(
        "def tell(name, server):\n"
        "    (one,) = server.LISTENERS\n"
        "    host, port = one.getsockname()\n"
        "    same = one.sock.family == one.FAMILY and one.cfg_addr == (host, port) and str(one) == f'http://{host}:{port}'\n"
        "    server.log.info('%s has %s: %s', name, callable(server.app.callable), same)\n"
        "def when_ready(server): tell('when_ready', server)\n"
        "def post_fork(server, worker): tell('post_fork', server)\n"
        "def worker_exit(server, worker):\n"
        "    server.log.info('worker_exit has %s', server.app.callable is worker.wsgi)\n"
        "    server.log.info('the worker was at %s', worker.sockets[0].getsockname())\n"
    )
    server = start("--preload")
    server.errors.wait("when_ready has True: True")
    server.errors.wait("post_fork has True: True")
    assert server.stop() == 0
    server.errors.wait("worker_exit has True")
    server.errors.wait(r"the worker was at \('127.0.0.1', \d+\)")


def test_a_hook_learns_which_worker_the_master_has_ended(start: Serve, site: Site):
    site.configure(
        "def worker_abort(worker): worker.log.info('alive: %s', worker.alive)\n"
        "def child_exit(server, worker): server.log.info('%s aborted: %s', worker.age, worker.aborted)\n"
    )
    site.replace("shop.py", "import time\ndef application(environ, start_response): time.sleep(60)\n")
    server = start("--timeout=1")
    server.expect("WORKER TIMEOUT|Error handling|took|stack|SIGKILL|exited with code 1")
    with server.client() as client:
        client.request("GET", "/")
        server.errors.wait("1 aborted: True")
        server.errors.wait("alive: False")
    server.errors.wait(SERVES, count=2)
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.errors.wait("2 aborted: False")


def test_a_process_that_a_hook_has_forked_has_its_signals_to_itself(start: Serve, site: Site):
    """As `multiprocessing.Manager()` in on_starting does, for tables that workers share."""
    site.configure(
        "import multiprocessing\n"
        "def on_starting(server):\n"
        "    server.manager = multiprocessing.Manager()\n"
        "    server.table = server.manager.dict(gone=0)\n"
        "    server.log.info('the manager is %s', server.manager._process.pid)\n"
        "def child_exit(server, worker):\n"
        "    if worker.age == 1:\n"
        "        server.table['gone'] += 1\n"
        "        server.log.info('gone: %s', server.table['gone'])\n"
    )
    server = start()
    (line,) = server.errors.wait(r"the manager is \d+")
    server.expect("SIGKILL")
    os.kill(server.worker_pids()[-1], signal.SIGKILL)
    server.errors.wait("gone: 1")
    os.kill(int(line.rpartition(" ")[2]), signal.SIGTERM)
    server.errors.wait(SERVES, count=2)
    assert server.get().status == 200, "TERM was the manager's, not the master's"


def test_a_hook_may_ask_the_server_to_reload_or_to_stop(start: Serve, site: Site):
    site.configure(
        "def child_exit(server, worker):\n    if worker.age == 1: server.reload()\n    else: server.stop()\n"
    )
    server = start()
    server.expect("SIGKILL")
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.errors.wait("Handling signal: hup")
    assert server.wait() == 0
