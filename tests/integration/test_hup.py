"""HUP: settings and application are read anew, worker by worker, and only when the new ones can serve."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.paths import ROOT
from tests.support.server import Server, listener
from tests.support.site import SERVES, Site, SiteServer

Serve = Callable[..., Server]
HUP = signal.SIGHUP
COMPLETE = "Reload complete"
FAILED = "Reload failed"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def start(serve: Serve, site: Site) -> Serve:
    """Start the site's server in the site's folder; options and the like may follow."""

    def started(*options: str, **details: object) -> Server:
        env = {"PYTHONPATH": str(ROOT), **details.pop("env", {})}  # type: ignore[dict-item]
        options = ("--log-level=debug", *options)
        return serve(site.app, *options, cwd=site.directory, env=env, ready=SERVES, **details)

    return started


def reload(server: Server, outcome: str = COMPLETE, times: int = 1) -> None:
    server.send_signal(HUP)
    server.errors.wait(outcome, count=times)


@pytest.mark.parametrize("workers", [1, 4])
def test_new_workers_serve_the_new_application(start: Serve, site: Site, workers: int):
    server = start(workers=workers)
    old = set(server.worker_pids())
    assert server.get().text == "one"
    site.write("two")
    reload(server)
    until(lambda: old.isdisjoint(server.worker_pids()), "the old workers to go")
    server.settle(workers)
    assert server.get().text == "two"
    assert "Hang up: Master" in "\n".join(server.errors.so_far())


def test_old_workers_serve_until_a_new_one_has_loaded_the_application(start: Serve, site: Site, gate: Gate):
    server = start(workers=2, env=gate.environment)
    site.write("two", before="from tests.apps import gate; gate.stop('loading')")
    server.send_signal(HUP)
    loading = gate.wait("loading")
    assert server.get().text == "one"
    assert len(server.worker_pids()) == 3  # the first new worker comes alone
    loading.release()
    gate.wait("loading").release()
    server.errors.wait(COMPLETE)
    assert server.get().text == "two"


def test_the_master_does_what_it_is_told_while_a_reload_is_under_way(start: Serve, site: Site, gate: Gate):
    server = start(env=gate.environment)
    site.write("two", before="from tests.apps import gate; gate.stop('loading')")
    server.send_signal(HUP)
    gate.wait("loading")
    os.kill(server.pid, signal.SIGTTIN)
    server.errors.wait("Handling signal: ttin")
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def broken(:", "SyntaxError"),
        ("import module_that_is_not_there", "No module named 'module_that_is_not_there'"),
        ("raise ValueError('not today')", "ValueError: not today"),
        ("import sys; sys.exit(7)", "SystemExit: 7"),
        ("import os; os._exit(9)", "exited with code 9"),
    ],
)
def test_an_application_that_does_not_load_leaves_the_old_workers_serving(
    start: Serve, site: Site, code: str, words: str
):
    server = start(workers=2)
    old = sorted(server.worker_pids())
    site.write("two", before=code)
    server.expect(r"Reload failed|Worker \(pid|died right after|importing|The application called")
    server.send_signal(HUP)
    server.errors.wait(words)
    server.errors.wait(rf"{FAILED}: the new worker did not get as far as serving")
    until(lambda: sorted(server.worker_pids()) == old, "the failed worker to go")
    assert {server.get().text for _ in range(8)} == {"one"}
    site.write("three")
    reload(server)
    assert server.get().text == "three"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers = 'many'", r"longma\.conf\.py, line 1: workers must be"),
        ("import nothing_of_that_name", r"longma\.conf\.py, line 1: ModuleNotFoundError"),
        ("\n\nwrokers = 2", r"longma\.conf\.py, line 3: unknown setting 'wrokers'; did you mean 'workers'\?"),
        ("raise KeyboardInterrupt", r"longma\.conf\.py, line 1: KeyboardInterrupt"),
        ("accesslog = '/no/such/folder/log'", "accesslog: cannot write to /no/such/folder/log"),
        ("errorlog = '/no/such/folder/log'", "errorlog: cannot write to /no/such/folder/log"),
    ],
)
def test_a_broken_configuration_file_changes_nothing(start: Serve, site: Site, text: str, words: str):
    server = start("-c", "longma.conf.py")
    old = server.worker_pids()
    site.configure(text)
    server.expect(FAILED)
    reload(server, rf"{FAILED}, nothing was changed: .*{words}")
    assert server.worker_pids() == old
    assert server.get().text == "one"
    site.configure("workers = 2")
    reload(server)
    server.settle(2)


def test_settings_of_the_file_hold_from_then_on(start: Serve, site: Site):
    site.configure("raw_env = ['COLOUR=red', 'SIZE=1']\nworkers = 1")
    server = start("-c", "longma.conf.py")
    assert server.get("/env/COLOUR").text == "red"
    site.configure("raw_env = ['COLOUR=green']\nworkers = 3")
    reload(server)
    server.settle(3)
    assert server.get("/env/COLOUR").text == "green"
    assert server.get("/env/SIZE").text == "(unset)"


def test_what_a_failed_reload_wanted_is_forgotten(start: Serve, site: Site):
    site.configure("raw_env = ['COLOUR=red']")
    server = start("-c", "longma.conf.py")
    site.configure("raw_env = ['COLOUR=green']\nworkers = 3")
    site.write("two", before="raise ValueError")
    server.expect(r"Reload failed|Worker \(pid|importing")
    reload(server, FAILED)
    (old,) = server.settle(1)
    site.write("one")
    server.expect("SIGKILL")
    os.kill(old, signal.SIGKILL)
    server.errors.wait("Booting worker", count=3)
    server.settle(1)
    assert server.get("/env/COLOUR").text == "red"


def test_more_workers_than_there_was_room_for_at_the_start(start: Serve, site: Site):
    server = start("-c", "longma.conf.py")
    site.configure("workers = 40")
    reload(server)
    server.settle(40)


def connects(path: Path) -> bool:
    try:
        Client(str(path)).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    return True


def test_addresses_come_go_and_stay(site: Site, short_directory: str):
    kept, old, new = (Path(short_directory, name) for name in ("kept", "old", "new"))
    site.configure(f"bind = ['unix:{kept}', 'unix:{old}']")
    with SiteServer(site, path=kept) as server:
        assert connects(old)
        inode = kept.stat().st_ino
        site.configure(f"bind = ['unix:{new}', 'unix:{kept}']")
        reload(server)
        assert connects(new)
        until(lambda: not connects(old), "the old address to be closed")
        assert not old.exists()
        assert kept.stat().st_ino == inode
        assert server.get().status == 200
    assert not kept.exists()
    assert not new.exists()


def test_an_address_that_is_taken_changes_nothing(site: Site, short_directory: str):
    path, taken = Path(short_directory, "path"), listener("unix", short_directory)
    site.configure(f"bind = ['unix:{path}']")
    with taken, SiteServer(site, path=path) as server:
        site.configure(f"bind = ['unix:{path}', 'unix:{taken.getsockname()}', 'unix:{path}2']")
        server.expect("Reload failed|Connection in use")
        reload(server, FAILED)
        assert not Path(f"{path}2").exists()
        assert server.get().status == 200


def test_a_failed_application_closes_the_new_addresses_again(site: Site, short_directory: str):
    path, new = Path(short_directory, "path"), Path(short_directory, "new")
    site.configure(f"bind = ['unix:{path}']")
    with SiteServer(site, path=path) as server:
        site.configure(f"bind = ['unix:{path}', 'unix:{new}']")
        site.write("two", before="raise ValueError")
        server.expect(r"Reload failed|Worker \(pid|importing")
        reload(server, FAILED)
        until(lambda: not new.exists(), "the new address to go")
        assert server.get().text == "one"


def test_a_second_hup_starts_over(start: Serve, site: Site, gate: Gate):
    server = start(env=gate.environment)
    site.write("two", before="from tests.apps import gate; gate.stop('two')")
    server.send_signal(HUP)
    first = gate.wait("two")
    site.write("three")
    reload(server)
    assert server.get().text == "three"
    first.close()
    server.settle(1)


def test_logs_move_with_the_settings(start: Serve, site: Site):
    site.configure("accesslog = 'first.log'")
    server = start("-c", "longma.conf.py")
    assert server.get("/before").status == 200
    site.configure("accesslog = 'second.log'\nerrorlog = 'errors.log'\nloglevel = 'debug'")
    server.send_signal(HUP)
    errors = site.path("errors.log")
    until(lambda: errors.exists() and COMPLETE in errors.read_text(), "the reload")
    assert server.get("/after").status == 200
    until(lambda: "/after" in site.path("second.log").read_text(), "the line of the new log")
    until(lambda: "/before" in site.path("first.log").read_text(), "the line of the old log")
    assert "/after" not in site.path("first.log").read_text()


def test_what_needs_a_restart_is_told(start: Serve, site: Site):
    server = start("-c", "longma.conf.py")
    site.configure("preload_app = True")
    server.expect("takes effect when the server is started again")
    reload(server)
    server.errors.wait("preload_app has changed: that takes effect when the server is started again")


def test_a_preloaded_application_stays_until_usr2(start: Serve, site: Site):
    server = start("--preload")
    site.write("two")
    server.expect("preload")
    reload(server)
    assert server.get().text == "one"
    server.errors.wait("the application was loaded by the master")
