"""`--devices`: each worker has the device that the fewest others have, however the others went."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.paths import ROOT
from tests.support.server import Run, Server
from tests.support.site import SERVES, Site, SiteServer

Serve = Callable[..., Server]
DEVICES = ("0", "1", "2", "3")
# Each worker writes down what it was given when it begins to serve.
CONFIGURATION = """
import os

def post_worker_init(worker):
    with open("leases", "a", buffering=1) as file:
        file.write(f"{worker.pid} {worker.device} {os.environ['CUDA_VISIBLE_DEVICES']}\\n")
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.configure(CONFIGURATION)
    return made


def leases(site: Site) -> dict[int, str]:
    """The device of every worker that ever served."""
    path = site.path("leases")
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    assert all(device == variable for _, device, variable in lines)
    return {int(pid): device for pid, device, _ in lines}


def is_balanced(server: Server, site: Site, workers: int, devices: Sequence[str] = DEVICES) -> bool:
    """Whether all the wanted workers serve, and the devices have equally many of them."""
    known, living = leases(site), server.worker_pids()
    if len(living) != workers or not set(living) <= set(known):
        return False
    counts = Counter(known[pid] for pid in living)
    assert set(counts) <= set(devices)
    return max(counts[device] for device in devices) - min(counts[device] for device in devices) <= 1


@pytest.fixture
def server(serve: Serve, site: Site) -> Server:
    env = {"PYTHONPATH": str(ROOT)}
    options = ("--log-level=debug", "-c", "longma.conf.py", "--devices=0,1,2,3")
    return serve(site.app, *options, cwd=site.directory, env=env, workers=8, ready=SERVES)


def test_workers_share_the_devices_evenly_whatever_becomes_of_them(server: Server, site: Site):
    server.expect("SIGKILL|died right after")
    assert is_balanced(server, site, 8)
    for _ in range(10):
        os.kill(random.choice(server.worker_pids()), signal.SIGKILL)
        until(lambda: is_balanced(server, site, 8), "the successor, on the device that became free")


def test_a_reload_and_other_sizes_keep_the_balance(server: Server, site: Site):
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    until(lambda: is_balanced(server, site, 8), "the balance after a reload")
    for times in range(1, 4):  # one by one: signals of a kind that wait together are one
        server.send_signal(signal.SIGTTIN)
        server.errors.wait("Handling signal: ttin", count=times)
    until(lambda: is_balanced(server, site, 11), "the balance of eleven workers")
    for times in range(1, 7):
        server.send_signal(signal.SIGTTOU)
        server.errors.wait("Handling signal: ttou", count=times)
    until(lambda: is_balanced(server, site, 5), "the balance of five workers")


def test_kills_while_it_reloads_keep_the_balance_on_whatever_devices_there_are_then(serve: Serve, site: Site):
    configuration = f"{CONFIGURATION}\nworkers = 5\ndevices = "
    site.configure(f"{configuration}'0,1,2,3'\n")
    options = ("--log-level=debug", "-c", "longma.conf.py", "--preload")
    server = serve(site.app, *options, cwd=site.directory, env={"PYTHONPATH": str(ROOT)}, ready=SERVES)
    server.expect("SIGKILL|died right after|preload_app")
    until(lambda: is_balanced(server, site, 5), "the balance at the start")
    site.configure(f"{configuration}'GPU-4,GPU-5'\n")
    server.send_signal(signal.SIGHUP)
    for count in (6, 7):
        server.errors.wait(SERVES, count=count)
        with suppress(ProcessLookupError):  # it has just gone by itself
            os.kill(random.choice(server.worker_pids()), signal.SIGKILL)

    def is_on_the_new_ones() -> bool:
        known, living = leases(site), server.worker_pids()
        return all(known.get(pid, "").startswith("GPU") for pid in living) and is_balanced(
            server, site, 5, ("GPU-4", "GPU-5")
        )

    until(is_on_the_new_ones, "the balance on the new devices")


def test_an_upgrade_keeps_the_balance(site: Site, short_directory: str):
    path = Path(short_directory, "path")
    site.configure(f"{CONFIGURATION}\nbind = ['unix:{path}']\ndevices = '0,1,2,3'\n")
    with SiteServer(site, path=path, workers=4) as server:
        server.send_signal(signal.SIGUSR2)
        server.errors.wait("serves", count=8)
        assert Counter(leases(site).values()) == dict.fromkeys(DEVICES, 2)
        (line,) = server.errors.wait(r"Started another master")
        os.kill(int(line.rpartition(":")[2].rstrip(").")), signal.SIGTERM)
        server.errors.wait("The new master is gone")


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent", "tornado"])
def test_the_application_sees_its_device(serve: Serve, worker_class: str):
    server = serve("tests.apps.devices", "--devices=GPU-7f1e", "--log-level=debug", "-k", worker_class, ready=SERVES)
    with Client(server.address) as client:
        assert client.ask("GET", "/").text == f"{server.worker_pid()} GPU-7f1e"


def test_without_devices_nothing_is_set(serve: Serve):
    server = serve("tests.apps.devices", "--log-level=debug", ready=SERVES)
    assert server.get("/").text.endswith(" (none)")


def test_auto_without_the_library_names_the_cure(tmp_path: Path):
    """`auto` asks NVIDIA's management library, which is an extra."""
    (tmp_path / "pynvml.py").write_text("raise ImportError('not here')")
    run = Run("--devices=auto", "--bind=127.0.0.1:0", "tests.apps.devices", env={"PYTHONPATH": str(tmp_path)})
    assert run.status == 1
    assert 'pip install "longma[gpu]"' in run.errors
    assert "Traceback" not in run.errors


def test_auto_takes_what_the_library_finds(serve: Serve, tmp_path: Path):
    (tmp_path / "pynvml.py").write_text(
        "class NVMLError(Exception): pass\n"
        "def nvmlInit(): pass\n"
        "def nvmlShutdown(): pass\n"
        "def nvmlDeviceGetCount(): return 2\n"
        "def nvmlDeviceGetHandleByIndex(number): return number\n"
        "def nvmlDeviceGetMigMode(handle): raise NVMLError('not supported')\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    server = serve("tests.apps.devices", "--devices=auto", "--log-level=debug", workers=2, ready=SERVES, env=env)
    seen: set[str] = set()

    def asked() -> bool:
        seen.add(server.get("/").text.split()[1])
        return seen == {"0", "1"}

    until(asked, "both devices")
