"""What docs/hooks.md says that an exception in a hook does, by a hook of each name that raises."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.settings import table
from tests.support.certificates import make
from tests.support.deadlines import until
from tests.support.pages import code_in, rows
from tests.support.paths import ROOT
from tests.support.processes import is_alive
from tests.support.server import Run, Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
TOLD = {code_in(row[0])[0]: row[4] for row in rows(ROOT / "docs" / "hooks.md", "Hooks")}
ENDS = sorted(name for name, told in TOLD.items() if "status" in told.lower())


@pytest.fixture
def failing(serve: Serve, tmp_path: Path) -> Callable[..., Server]:
    """A server whose hook of that name raises, each time or when the condition holds."""

    def start(name: str, when: str = "True", **how: object) -> Server:
        arguments = ", ".join(table()[name].kind.arguments)
        file = tmp_path / "longma.conf.py"
        file.write_text(f"def {name}({arguments}):\n    if {when}:\n        raise ValueError('of the hook')\n")
        server = serve(APP, "-c", str(file), **how)
        server.expect("")  # each test says what it waits for
        return server

    return start


def status(name: str) -> int:
    """The exit status that the page gives; the first one."""
    found = re.search(r"(?i)status (\d+)", TOLD[name])
    assert found is not None
    return int(found[1])


def said(server: Server, name: str) -> None:
    server.errors.wait(f"Exception in hook {name}$")
    server.errors.wait("ValueError: of the hook")


def test_every_row_is_tried_below():
    tried = {"pre_request", "post_request", "worker_int", "worker_abort", "worker_exit", "on_reload", "pre_exec"}
    assert tried | set(ENDS) == set(TOLD)


@pytest.mark.parametrize("name", [name for name in ENDS if name not in ("child_exit", "on_exit", "ssl_context")])
def test_a_server_that_does_not_start(failing: Callable[..., Server], name: str):
    server = failing(name, ready=None)
    said(server, name)
    assert server.wait() == status(name)


def test_a_reload_with_another_number_of_workers(failing: Callable[..., Server]):
    server = failing("nworkers_changed", when="old_value is not None")
    pid = server.worker_pid()
    server.send_signal(signal.SIGHUP)
    said(server, "nworkers_changed")
    server.errors.wait("Reload failed, nothing was changed")
    assert int(server.get("/pid").body) == pid


def test_ssl_context(tmp_path: Path):
    """It is told in a line, the server's last one."""
    path, key = make(tmp_path)
    (tmp_path / "longma.conf.py").write_text("def ssl_context(config, factory): raise ValueError('of the hook')")
    run = Run("-c", "longma.conf.py", "--bind=127.0.0.1:0", f"--certfile={path}", f"--keyfile={key}", APP, cwd=tmp_path)
    assert run.status == status("ssl_context"), run.errors
    assert "longma: error: ssl_context failed: ValueError: of the hook" in run.errors


def test_another_number_of_workers(failing: Callable[..., Server]):
    server = failing("nworkers_changed", when="old_value is not None")
    pid = int(server.get("/pid").body)
    server.send_signal(signal.SIGTTIN)
    said(server, "nworkers_changed")
    assert server.wait() == 255
    assert "status 255" in TOLD["nworkers_changed"]
    os.waitpid(pid, 0)  # the worker stops without its master; the tests adopt orphans


def test_child_exit(failing: Callable[..., Server]):
    server = failing("child_exit")
    os.kill(server.worker_pid(), signal.SIGKILL)
    said(server, "child_exit")
    assert server.wait() == status("child_exit")


def test_on_exit(failing: Callable[..., Server]):
    server = failing("on_exit")
    server.send_signal(signal.SIGTERM)
    said(server, "on_exit")
    assert server.wait() == status("on_exit")


def test_pre_request(failing: Callable[..., Server]):
    server = failing("pre_request")
    assert "500" in TOLD["pre_request"]
    assert server.get("/hello").status == 500
    said(server, "pre_request")


def test_post_request(failing: Callable[..., Server]):
    server = failing("post_request")
    assert server.get("/hello").status == 200
    said(server, "post_request")
    assert server.get("/hello").status == 200


@pytest.mark.parametrize(
    ("name", "number"),
    [("worker_int", signal.SIGINT), ("worker_abort", signal.SIGABRT), ("worker_exit", signal.SIGTERM)],
)
def test_hooks_of_a_workers_end(failing: Callable[..., Server], name: str, number: signal.Signals):
    """The worker ends as it would have, and is replaced."""
    server = failing(name)
    pid = int(server.get("/pid").body)
    os.kill(pid, number)
    said(server, name)
    server.errors.wait("Booting worker with pid", count=2)
    assert server.get("/hello").status == 200
    assert not is_alive(pid)


def test_on_reload(failing: Callable[..., Server]):
    server = failing("on_reload")
    pid = server.worker_pid()
    server.send_signal(signal.SIGHUP)
    said(server, "on_reload")
    server.errors.wait("Reload failed, nothing was changed")
    assert int(server.get("/pid").body) == pid


def test_pre_exec(failing: Callable[..., Server]):
    server = failing("pre_exec")
    server.send_signal(signal.SIGUSR2)
    said(server, "pre_exec")
    until(lambda: len(server.worker_pids()) == 1, "the copy of the master to be gone")
    assert server.get("/hello").status == 200
