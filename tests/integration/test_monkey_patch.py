"""When the standard library is patched for greenlets: before the application, and what becomes of it in the master."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.gate import Gate
from tests.support.paths import ROOT
from tests.support.processes import is_alive
from tests.support.server import Server, environment
from tests.support.site import SERVES

Serve = Callable[..., Server]
# What eventlet says of itself to whoever imports it, and to whoever forks then.
ITS_OWN_END = (
    "EventletDeprecationWarning|Eventlet is|Using fork|^$|^we strongly|^If you|^framework|^eventlet$|^https:|^ *import"
)
MODELS = ("gevent", "eventlet")
APP = "tests.apps.patched"
PATCH = {
    "gevent": "from gevent import monkey\nmonkey.patch_all()\n",
    "eventlet": "import eventlet\neventlet.monkey_patch()\n",
}


def configured(tmp_path: Path, text: str) -> tuple[str, str]:
    file = tmp_path / "longma.conf.py"
    file.write_text(text)
    return "-c", str(file)


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["loaded by the worker", "preloaded"])
def test_the_application_finds_everything_patched(serve: Serve, gate: Gate, options: tuple[str, ...]):
    """Also what it binds by name as it is imported."""
    server = serve(APP, *options, workers=2)
    assert server.get("/names").text == "patched"
    clients = [server.client() for _ in range(4)]
    for client in clients:
        client.request("GET", "/wait")
    for _ in range(4):
        gate.wait("in the application").release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 4
    assert server.get("/child").text == "from the child"


def test_a_master_with_a_preloaded_application_reaps_reloads_and_stops(serve: Serve, gate: Gate):
    server = serve(APP, "--preload", "--log-level=debug", ready=SERVES, workers=2)
    server.expect("SIGKILL|stays until USR2")
    (first, second) = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.errors.wait(SERVES, count=3)
    until(lambda: not is_alive(first), "the killed worker to be reaped")
    assert is_alive(second)
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    assert server.get("/names").text == "patched"


def test_a_configuration_file_may_patch_by_itself(serve: Serve, engine_model: str, tmp_path: Path, gate: Gate):
    """As many do for Gunicorn; then the master itself is patched, and must not mind."""
    options = configured(tmp_path, f"{PATCH[engine_model]}import ssl\n")
    server = serve(APP, *options, "--log-level=debug", ready=SERVES, workers=2, env={"PYTHONWARNINGS": "default"})
    server.expect("SIGKILL")
    server.expect(ITS_OWN_END)
    first, _ = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.errors.wait(SERVES, count=3)
    assert server.get("/names").text == "patched"
    assert server.get("/child").text == "from the child"
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    assert server.stop() == 0


def test_it_is_said_what_was_imported_before(serve: Serve, tmp_path: Path):
    server = serve(APP, *configured(tmp_path, "import requests\n"))
    server.expect("Monkey patch: imported before .* urllib3")
    server.errors.wait("Monkey patch: imported before .* urllib3")
    assert server.get("/names").text == "patched"


PROGRAM = """
import sys
{before}
import longma
from tests.apps.patched import application
longma.serve(application, bind="127.0.0.1:0", worker_class={model!r}, timeout=5)
"""


@pytest.mark.parametrize("is_patched", [False, True])
def test_it_is_said_that_the_application_was_there_before(engine_model: str, is_patched: bool):
    program = PROGRAM.format(before=PATCH[engine_model] if is_patched else "", model=engine_model)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environment({"PYTHONWARNINGS": "ignore"}),
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "Booting worker" in line:
            break
    process.send_signal(signal.SIGTERM)
    lines += process.communicate(timeout=DEADLINE_SECONDS)[1].splitlines()
    said = any("imported before the standard library was patched" in line for line in lines)
    assert said is not is_patched, lines
    assert process.returncode == 0
