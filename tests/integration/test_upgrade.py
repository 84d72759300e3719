"""USR2: another master on the same listeners; the old one goes when it is told, or takes everything back."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.processes import children, in_session, is_alive
from tests.support.server import listener
from tests.support.site import Site, SiteServer

STARTED = r"Started another master \(pid:(\d+)\)"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class Upgrades(SiteServer):
    """A server whose session may hold more than one master; all of it has to be gone in the end."""

    def upgrade(self) -> int:
        """Send USR2, and wait until the new master's workers serve; returns its number."""
        served = len(self.errors.wait("serves", count=self.workers))
        self.send_signal(signal.SIGUSR2)
        (line,) = self.errors.wait(STARTED)
        self.errors.wait("serves", count=served + self.workers)
        return int(re.findall(STARTED, line)[0])


@pytest.fixture
def server(site: Site, short_directory: str, gate: Gate) -> Iterator[Upgrades]:
    path = Path(short_directory, "path")
    site.configure(f"bind = ['unix:{path}']\npidfile = '{short_directory}/pid'")
    server = Upgrades(site, path=path, workers=2, **gate.environment)
    with server:
        yield server
        end_others(server)


def end_others(server: Upgrades) -> None:
    """End the masters that were started by USR2 and are there still; an orphan has become the test's own child."""
    for line in server.errors.so_far():
        for pid in map(int, re.findall(STARTED, line)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            until(lambda pid=pid: not is_there(pid), "the other master's end")
    for one in in_session(server.pid):
        if one.pid != server.pid and one.parent == os.getpid():  # a worker of a master that was killed
            until(lambda pid=one.pid: not is_there(pid), "the orphan's end")


def is_there(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return Path(f"/proc/{pid}").exists()


def pidfile(server: Upgrades, suffix: str = "") -> int:
    return int(Path(f"{os.path.dirname(str(server.address))}/pid{suffix}").read_text())


def gone(server: Upgrades, suffix: str = "") -> bool:
    return not Path(f"{os.path.dirname(str(server.address))}/pid{suffix}").exists()


def test_the_new_master_takes_over_and_the_old_one_goes(server: Upgrades, site: Site):
    site.write("two")
    new = server.upgrade()
    assert pidfile(server) == server.pid
    assert pidfile(server, ".2") == new
    server.send_signal(signal.SIGWINCH)
    until(lambda: children(server.pid) == [new], "the old workers to go")
    assert {server.get().text for _ in range(6)} == {"two"}
    server.send_signal(signal.SIGQUIT)
    assert server.wait() == 0
    server.errors.wait("Master has been promoted")
    until(lambda: not gone(server) and pidfile(server) == new and gone(server, ".2"), "the pidfile to be taken over")
    assert server.get().text == "two"
    os.kill(new, signal.SIGHUP)
    server.errors.wait("Reload complete: 2 workers")
    os.kill(new, signal.SIGTERM)
    until(lambda: not is_alive(new), "the new master's end")
    assert gone(server)
    assert not Path(str(server.address)).exists(), "a promoted master removes the path of the socket"


def test_the_old_master_takes_everything_back(server: Upgrades, site: Site):
    site.write("two")
    new = server.upgrade()
    server.send_signal(signal.SIGWINCH)
    until(lambda: children(server.pid) == [new], "the old workers to go")
    site.write("one")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete: 2 workers")
    os.kill(new, signal.SIGTERM)
    server.errors.wait(r"The new master is gone \(exit status 0\)")
    assert {server.get().text for _ in range(6)} == {"one"}
    assert pidfile(server) == server.pid
    assert gone(server, ".2")


def test_a_new_master_that_cannot_serve_is_reported_and_the_workers_come_back(server: Upgrades, site: Site, gate: Gate):
    server.expect("exited with code|importing|Reason|The new master is gone|Nobody serves")
    site.write("two", before="from tests.apps import gate; gate.stop('loading'); raise ValueError")
    server.send_signal(signal.SIGUSR2)
    server.errors.wait(STARTED)
    server.send_signal(signal.SIGWINCH)
    server.errors.wait("Worker exiting", count=2)
    gate.wait("loading").release()  # whose failure ends the other one, too
    server.errors.wait(r"The new master is gone \(exit status 3\)")
    site.write("three")
    server.errors.wait("Nobody serves any more: starting the workers of this master again")
    assert server.get().text in ("one", "three")


def test_a_broken_configuration_keeps_the_new_master_from_starting(server: Upgrades, site: Site):
    server.expect("The new master is gone|longma: error")
    site.configure("workers = 'many'")
    server.send_signal(signal.SIGUSR2)
    server.errors.wait(r"longma\.conf\.py, line 1: workers must be")
    server.errors.wait(r"The new master is gone \(exit status 1\)")
    assert {server.get().text for _ in range(6)} == {"one"}


def test_there_are_never_three_masters(server: Upgrades):
    server.expect("USR2 ignored")
    new = server.upgrade()
    server.send_signal(signal.SIGUSR2)
    server.errors.wait(rf"USR2 ignored: the new master \(pid:{new}\) is there already")
    os.kill(new, signal.SIGUSR2)
    server.errors.wait("USR2 ignored: the old master is still there")


def test_term_to_the_old_master_leaves_the_socket_to_the_new_one(server: Upgrades):
    new = server.upgrade()
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    server.errors.wait("Master has been promoted")
    assert server.get("/pid").status == 200
    assert is_alive(new)


def test_an_old_master_may_go_before_the_new_one_has_begun(server: Upgrades, site: Site, gate: Gate):
    site.configure(site.path("longma.conf.py").read_text() + "\npreload_app = True\n")
    site.write("two", before="from tests.apps import gate; gate.stop('loading')")
    server.send_signal(signal.SIGUSR2)
    loading = gate.wait("loading")
    server.send_signal(signal.SIGQUIT)
    assert server.wait() == 0
    loading.release()
    server.errors.wait("Master has been promoted")
    until(lambda: not gone(server) and pidfile(server) == loading.pid and gone(server, ".2"), "the pidfile")
    assert server.get().text == "two"


def test_a_killed_old_master_is_succeeded(server: Upgrades):
    new = server.upgrade()
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.errors.wait("Master has been promoted")
    until(lambda: not gone(server) and pidfile(server) == new, "the pidfile")
    assert server.get().status == 200


def test_the_hook_before_exec_runs_in_the_child_and_the_environment_is_the_operators(server: Upgrades, site: Site):
    site.configure(
        Path(site.path("longma.conf.py")).read_text()
        + "\nraw_env = ['COLOUR=red']\ndef pre_exec(server):\n    server.log.info('pre_exec in %s', server.pid)\n"
    )
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    site.configure(Path(site.path("longma.conf.py")).read_text().replace("red", "green"))
    server.send_signal(signal.SIGUSR2)
    server.errors.wait("pre_exec in")
    server.errors.wait(STARTED)
    server.errors.wait("serves", count=6)
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    until(lambda: server.get("/env/COLOUR").text == "green", "the new master's environment")
    assert server.get("/env/GUNICORN_PID").text == "(unset)"
    assert server.get("/env/GUNICORN_FD").text == "(unset)"


def test_sockets_of_tcp_are_handed_on(site: Site, short_directory: str):
    with listener() as probe:
        port = probe.getsockname()[1]
    site.configure(f"bind = ['127.0.0.1:{port}', 'unix:{short_directory}/path']\nreuse_port = True")
    with Upgrades(site, path=Path(short_directory, "path"), workers=2) as server:
        server.upgrade()
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        with Client(("127.0.0.1", port)) as client:
            assert client.ask("GET", "/").status == 200
        end_others(server)
