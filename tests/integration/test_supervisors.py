"""The files of deploy/ under the real supervisors: start, reload under load, graceful stop, restart after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.gate import Gate
from tests.support.load import Load
from tests.support.paths import VENV_BIN
from tests.support.processes import children, is_alive
from tests.support.shop import Shop
from tests.support.supervised import Circus, Runit, Supervised, Supervisor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the supervisors' children are found by /proc")


@pytest.fixture(params=[Supervisor, Runit, Circus], ids=lambda kind: kind.__name__.lower())
def supervised(request: pytest.FixtureRequest, short_directory: str, gate: Gate) -> Iterator[Supervised]:
    """The site under each of the supervisors, up."""
    kind: type[Supervised] = request.param
    path = f"{VENV_BIN}{os.pathsep}{os.environ['PATH']}"
    missing = [program for program in kind.programs if shutil.which(program, path=path) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    running = kind(Shop(short_directory), gate.environment)
    try:
        running.wait_until_up()
        yield running
    finally:
        gate.close()
        running.close()


def test_a_reload_under_load_loses_nothing(supervised: Supervised):
    site = supervised.site
    before, master = set(children(site.master())), site.master()
    with Load(site.address, connections=4) as clients:
        clients.more(100)
        supervised.reload()
        supervised.wait("Reload complete")
        until(lambda: not before & set(children(master)), "the old workers to be gone")
        clients.more(100)
    clients.check()
    assert site.master() == master, "the supervisor has started nothing again"


def test_a_stop_lets_the_request_that_runs_be_answered(supervised: Supervised, gate: Gate):
    site = supervised.site
    master = site.master()
    everybody = [master, *children(master)]
    with site.client() as client:
        client.request("GET", "/wait")
        visitor = gate.wait("in the application")
        stop = supervised.stopping()
        supervised.wait("Handling signal: term")
        assert stop.poll() is None, "the supervisor waits"
        visitor.release()
        assert client.read_response().status == 200
    assert stop.wait(DEADLINE_SECONDS) == 0
    supervised.wait("Shutting down: Master")
    until(lambda: not any(map(is_alive, everybody)), "the end of all processes")
    supervised.start()
    supervised.wait_until_up()


def test_a_master_that_is_killed_is_started_again(supervised: Supervised):
    site = supervised.site
    master = site.master()
    workers = children(master)
    os.kill(master, signal.SIGKILL)
    until(lambda: site.master() not in (0, master), "another master")
    supervised.wait_until_up()
    until(lambda: not any(map(is_alive, workers)), "the end of the workers that had lost their master")
    for worker in workers:
        os.waitpid(worker, 0)  # the tests adopt orphans


def test_the_supervisor_starts_one_master_and_longma_the_workers(supervised: Supervised):
    site = supervised.site
    assert len(children(site.master())) == 2
    supervised.reload()
    supervised.wait("Reload complete")
    until(lambda: len(children(site.master())) == 2, "two workers again")
