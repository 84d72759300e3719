"""The service manager's protocols: it hands over sockets, and is told how the server is (sd_listen_fds, sd_notify)."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.paths import ROOT
from tests.support.server import LONGMA, Server, environment, listener
from tests.support.site import SERVES, Site

Serve = Callable[..., Server]


class Manager:
    """The end of the notification socket that systemd has."""

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(DEADLINE_SECONDS)
        self.told: list[str] = []

    def wait(self, word: str) -> str:
        """Wait for a message that has an assignment which begins like this; returns the message."""
        while True:
            message = self._socket.recv(4096).decode()
            self.told.append(message)
            if any(line.startswith(word) for line in message.splitlines()):
                return message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(short_directory: str) -> Iterator[Manager]:
    made = Manager(short_directory)
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_ready_is_said_when_a_worker_has_loaded_the_application(serve: Serve, manager: Manager, site: Site, gate: Gate):
    site.write("one", before="from tests.apps import gate; gate.stop('loading')")
    env = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": manager.path}
    server = serve(site.app, cwd=site.directory, env=env)
    loading = gate.wait("loading")
    assert manager.told == []
    loading.release()
    assert "READY=1" in manager.wait("READY=1")
    site.write("two")
    server.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in manager.wait("RELOADING=1")
    manager.wait("READY=1")
    server.errors.wait("Reload complete")
    server.send_signal(signal.SIGTERM)
    manager.wait("STOPPING=1")


def test_ready_is_said_again_after_a_reload_that_failed(serve: Serve, manager: Manager, site: Site):
    env = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": manager.path}
    server = serve(site.app, cwd=site.directory, env=env)
    manager.wait("READY=1")
    server.expect(r"Reload failed|Worker \(pid|importing")
    site.write("two", before="raise ValueError")
    server.send_signal(signal.SIGHUP)
    manager.wait("RELOADING=1")
    manager.wait("READY=1")


def test_a_name_in_the_abstract_namespace(serve: Serve, site: Site):
    name = f"longma-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + name)
        bound.settimeout(DEADLINE_SECONDS)
        serve(site.app, cwd=site.directory, env={"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": f"@{name}"})
        assert b"READY=1" in bound.recv(4096)


def test_the_watchdog_is_fed_by_the_master(serve: Serve, manager: Manager, site: Site):
    env = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}
    serve(site.app, cwd=site.directory, env=env)
    for _ in range(3):
        manager.wait("WATCHDOG=1")


class Activated:
    """A server that systemd's way of socket activation has started: sockets from 3 on, LISTEN_PID its own."""

    def __init__(self, site: Site, sockets: list[socket.socket], *options: str, **env: str) -> None:
        numbers = [bound.fileno() for bound in sockets]
        moves = " ".join(f"{3 + index}<&{number}" for index, number in enumerate(numbers))
        words = " ".join([str(LONGMA), "--log-level=debug", *options, site.app])
        script = f"exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(numbers)} exec {words}"
        self.log = site.path("log").open("wb")
        self.process = subprocess.Popen(
            ["bash", "-c", script],
            pass_fds=numbers,
            cwd=site.directory,
            env=environment({"PYTHONPATH": str(ROOT), **env}),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self) -> Activated:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(DEADLINE_SECONDS)
        self.log.close()


def spare(kind: str, directory: str) -> socket.socket:
    """A listening socket with a number that is out of the way of those that systemd's protocol uses."""
    bound = listener(kind, directory)
    number = fcntl.fcntl(bound.fileno(), fcntl.F_DUPFD, 20)
    family = bound.family
    bound.close()
    return socket.socket(family, socket.SOCK_STREAM, fileno=number)


def test_sockets_that_were_handed_over_are_served_and_left_alone(site: Site, short_directory: str):
    sockets = [spare("tcp", short_directory), spare("unix", short_directory)]
    address = sockets[0].getsockname()
    with Activated(site, sockets, "--bind=127.0.0.1:1") as server:
        for where in (address, sockets[1].getsockname()):
            with Client(where) as client:
                assert client.ask("GET", "/env/LISTEN_FDS").text == "(unset)"
        log = site.path("log").read_text()
        assert "Not listening on 127.0.0.1:1" in log
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "Reload complete" in site.path("log").read_text(), "the reload")
        server.process.terminate()
        assert server.process.wait(DEADLINE_SECONDS) == 0
    assert Path(sockets[1].getsockname()).exists(), "systemd's path is systemd's"
    # systemd holds its copy, so whoever comes meanwhile waits for the next start.
    with Client(address) as client:
        client.request("GET", "/")
        with Activated(site, sockets):
            assert client.read_response().text == "one"
    for bound in sockets:
        bound.close()


def test_an_upgrade_hands_the_manager_s_sockets_on(site: Site, short_directory: str, manager: Manager):
    sockets = [spare("tcp", short_directory), spare("unix", short_directory)]
    with Activated(site, sockets, NOTIFY_SOCKET=manager.path) as server:
        manager.wait("READY=1")
        site.write("two")
        server.process.send_signal(signal.SIGUSR2)
        until(lambda: site.path("log").read_text().count("serves") == 2, "the new master")
        server.process.terminate()
        (main,) = [line for line in manager.wait("MAINPID=").splitlines() if line.startswith("MAINPID=")]
        assert server.process.wait(DEADLINE_SECONDS) == 0
        successor = int(main.partition("=")[2])
        for where in (sockets[0].getsockname(), sockets[1].getsockname()):
            with Client(where) as client:
                assert client.ask("GET", "/").text == "two"
        os.kill(successor, signal.SIGTERM)
        until(lambda: os.waitpid(successor, os.WNOHANG)[0] == successor, "the end of the successor")
    for bound in sockets:
        bound.close()


def test_a_variable_that_was_meant_for_another_process_is_passed_over(serve: Serve, site: Site):
    env = {"PYTHONPATH": str(ROOT), "LISTEN_PID": "1", "LISTEN_FDS": "3"}
    server = serve(site.app, "--log-level=debug", cwd=site.directory, env=env, ready=SERVES)
    assert server.get("/env/LISTEN_FDS").text == "(unset)"
