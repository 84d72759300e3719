"""The units of deploy/systemd: systemd's own check, its verdict on the hardening, and longma under that hardening."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.settings import table
from tests.support import sandbox
from tests.support.paths import ROOT
from tests.support.server import LONGMA, Server
from tests.support.shop import DEPLOY, Shop

Serve = Callable[..., Server]
UNITS = DEPLOY / "systemd"
SANDBOX = ROOT / "tests" / "support" / "sandbox.py"
# Of 100; above 20 systemd's own services would not be called well protected.
EXPOSURE = 20

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(short_directory: str) -> list[str]:
    """The service with the paths of a site that is there, and the socket as it is."""
    site = Shop(short_directory)
    socket = shutil.copy(UNITS / "longma.socket", short_directory)
    return [str(site.install("systemd/longma.service", "longma.service")), str(socket)]


def analyze(*words: str) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_finds_nothing_wrong(units: list[str]):
    assert analyze("verify", *units) == ""


@needs_systemd
def test_systemd_calls_the_service_well_protected(units: list[str]):
    analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", units[0])


def test_the_service_is_given_time_to_finish():
    service = sandbox.options(str(UNITS / "longma.service"))
    assert float(service["TimeoutStopSec"][0]) > table()["graceful_timeout"].default
    assert service["Requires"] == ["longma.socket"], "systemd hands the socket to the service of the same name"


@needs_systemd
@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="the filter is made for x86-64")
@pytest.mark.parametrize("options", [(), ("--threads=2",)], ids=["sync", "gthread"])
def test_longma_needs_nothing_that_the_hardening_takes_away(serve: Serve, options: tuple[str, ...]):
    """The filter of system calls, no capability, no memory that is written and executed, no other socket families."""
    command = (sys.executable, str(SANDBOX), str(UNITS / "longma.service"), str(LONGMA))
    server = serve("tests.apps.answers", *options, "--body-buffer-size=1000", command=command, workers=2)
    filtered = Path(f"/proc/{server.worker_pids()[0]}/status").read_text()
    assert "Seccomp:\t2" in filtered
    assert "CapEff:\t0000000000000000" in filtered
    assert server.get("/hello").status == 200
    assert server.ask("POST", "/echo", body=b"x" * 100_000).body == b"x" * 100_000
    assert len(server.get("/big?bytes=3000000").body) == 3_000_000
    before = set(server.worker_pids())
    server.process.send_signal(1)
    server.errors.wait("Reload complete")
    server.settle(2)
    assert not before & set(server.worker_pids())
    assert server.get("/hello").status == 200
    os.kill(server.worker_pids()[0], 9)
    server.expect("SIGKILL")
    server.errors.wait("Booting worker with pid", count=5)
