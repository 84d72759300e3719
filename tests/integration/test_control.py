"""The control socket: what can be asked and told, by Gunicorn's own client and over the bare socket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.control import ControlClient, framed, program
from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.processes import descriptors, is_alive, sockets
from tests.support.server import Run, Server

Serve = Callable[..., Server]
Connect = Callable[..., ControlClient]
CLIENTS = 1000
LISTENING = r"Control socket listening at "


@pytest.fixture
def path(short_directory: str) -> str:
    return os.path.join(short_directory, "run", "shop.ctl")


@pytest.fixture
def server(serve: Serve, path: str) -> Server:
    return serve("tests.apps.answers", "--control-socket", path, "--env=TOKEN=secret", workers=2)


@pytest.fixture
def connect(path: str) -> Iterator[Connect]:
    """Connect to the path, or to another one; what is connected is closed after the test."""
    with contextlib.ExitStack() as clients:

        def connected(to: str = path) -> ControlClient:
            return clients.enter_context(ControlClient(to))

        yield connected


@pytest.fixture
def client(server: Server, connect: Connect) -> ControlClient:
    return connect()


def test_gunicorns_client_has_all_its_answers(server: Server, path: str):
    def told(command: str, *options: str) -> str:
        status, output, errors = program("gunicornc", "-s", path, "-c", command, *options)
        assert (status, errors) == (0, "")
        return output

    def refused(command: str) -> str:
        status, output, errors = program("gunicornc", "-s", path, "-c", command)
        assert (status, output) == (1, "")
        return errors

    until(lambda: told("show workers").count("yes") == 2, "both workers to have booted")
    assert f"PID: {server.pid}" in told("show all")
    assert "Total: 2 workers" in told("show workers")
    assert told("show dirty") == "Dirty arbiter not running\n"
    assert "worker_class: sync\n" in told("show config")
    assert "raw_env: (hidden)\n" in told("show config")
    assert f"PID:              {server.pid}\n" in told("show stats")
    assert "tcp" in told("show listeners")
    assert "worker add [N]" in told("help")
    assert json.loads(told("worker add 2")) == {"added": 2, "previous": 2, "total": 4}
    assert json.loads(told("worker remove")) == {"removed": 1, "previous": 4, "total": 3}
    assert json.loads(told("worker remove 9", "-j")) == {"removed": 2, "previous": 3, "total": 1}
    last = server.settle(1)[0]
    assert refused(f"worker kill {server.pid}") == f"Error: Worker {server.pid} not found\n"
    assert json.loads(told(f"worker kill {last}")) == {"success": True, "killed": last}
    until(lambda: not is_alive(last) and len(server.worker_pids()) == 1, "another worker in its place")
    assert json.loads(told("reload"))["status"] == "reloading"
    server.errors.wait("Reload complete")
    assert server.settle(2)
    assert json.loads(told("reopen")) == {"status": "reopening"}
    assert "no dirty workers" in refused("dirty add")
    assert "'fly'" in refused("fly")
    assert json.loads(told("shutdown quick")) == {"status": "shutting_down", "mode": "quick"}
    assert server.wait() == 0
    assert not os.path.lexists(path)
    server.errors.wait(r"Control socket: worker kill \d+ \(pid:\d+, uid:\d+\)")
    server.errors.wait("Handling signal: int")
    assert len(server.errors.wait(LISTENING)) == 1  # not again around each fork


def test_what_workers_do_is_told(serve: Serve, path: str, connect: Connect, gate: Gate):
    server = serve("tests.apps.waiting:wait", "--control-socket", path)
    client = connect()

    def worker() -> dict[str, object]:
        (found,) = client.ask("show workers")["workers"]
        assert isinstance(found, dict)
        return found

    until(lambda: worker()["booted"], "the worker to serve")
    with server.client() as asking:
        asking.request("GET", "/here")
        call = gate.wait("in the application")
        seen = worker()
        assert seen["pid"] == server.worker_pid()
        assert isinstance(seen["current_seconds"], float)
        assert seen["connections"] == 1
        until(lambda: "GET /here" in str(worker()["current_request"]), "the call to be told of")
        call.release()
        assert asking.read_response().status == 200
    until(lambda: worker()["requests"] == 1, "the request to be counted")
    assert worker()["current_request"] is None
    assert int(str(worker()["memory"])) > 1 << 20
    os.kill(server.worker_pid(), signal.SIGSEGV)
    server.expect("was sent SIGSEGV")
    until(lambda: client.ask("show stats")["deaths"], "its end")
    stats = client.ask("show stats")
    assert [(death["cause"], death["requests"]) for death in stats["deaths"]] == [("SIGSEGV", 1)]
    assert (stats["requests"], stats["workers_failed"], stats["workers_spawned"]) == (1, 1, 2)
    until(lambda: worker()["age"] == 2, "the next one")


WRONG = {
    "": "Empty command",
    "show": "Missing show target (all|workers|dirty|config|stats|listeners)",
    "show me": "Unknown show target: 'me' (all|workers|dirty|config|stats|listeners)",
    "worker": "Missing worker action (add|remove|kill)",
    "worker add 0": "Invalid argument: '0' does not say how many",
    "worker add -1": "Invalid argument: '-1' does not say how many",
    "worker add 9999999999999": "Invalid argument: '9999999999999' does not say how many",
    "worker add 34": "There is no room for 36 workers before the next reload",
    "worker add 5000": "There is no room for 5002 workers before the next reload",
    "worker add 1 2": "Unknown command: 'worker add 1 2'; `help` lists what there is",
    "worker kill": "Missing PID",
    "worker kill 0": "Invalid argument: '0' does not say a PID",
    "worker kill 1": "Worker 1 not found",
    "worker kill ²": "Invalid argument: '²' does not say a PID",
    "reload now": "Unknown command: 'reload now'; `help` lists what there is",
    "shutdown fast": "Unknown way to shut down: 'fast' (graceful|quick)",
    "a " * 17: "Too many words",
}


def test_what_makes_no_sense_is_refused_and_changes_nothing(server: Server, client: ControlClient):
    assert {command: client.refused(command) for command in WRONG} == WRONG
    assert client.ask("SHOW Stats")["workers_target"] == 2
    client.request("worker", ["add", 1])
    assert client.read()["data"] == {"added": 1, "previous": 2, "total": 3}


def test_a_reload_that_changes_nothing_is_refused_with_the_reason(
    serve: Serve, path: str, connect: Connect, tmp_path: Path
):
    file = tmp_path / "shop.conf.py"
    file.write_text("")
    server = serve("tests.apps.answers", "-c", str(file), "--control-socket", path)
    client = connect()
    file.write_text("workerz = 2")
    server.expect("Reload failed")
    assert "workerz" in client.refused("reload")
    assert "workerz" in client.ask("show stats")["last_reload_error"]
    file.write_text("")
    assert client.ask("reload") == {"status": "reloading", "generation": 2}
    server.errors.wait("Reload complete")
    assert client.ask("show stats")["last_reload_error"] is None


EVIL = """
class Evil:
    def __str__(self):
        raise ValueError("not telling")

    __repr__ = __str__

logconfig_dict = {"version": 1, "disable_existing_loggers": False, "evil": Evil()}
"""


def test_what_cannot_be_told_harms_nobody(serve: Serve, path: str, connect: Connect, tmp_path: Path):
    (tmp_path / "shop.conf.py").write_text(EVIL)
    server = serve("tests.apps.answers", "-c", str(tmp_path / "shop.conf.py"), "--control-socket", path)
    client = connect()
    server.expect("Exception while a command of the control socket was answered")
    assert client.refused("show config") == "There is no answer; the error log says why"
    server.errors.wait("ValueError: not telling")
    assert client.ask("show stats")["pid"] == server.pid


def test_a_server_that_stops_still_tells_and_can_be_hurried(serve: Serve, path: str, connect: Connect, gate: Gate):
    server = serve("tests.apps.waiting:wait", "--control-socket", path, "--graceful-timeout=600")
    client = connect()
    with server.client() as asking:
        asking.request("GET", "/here")
        gate.wait("in the application")
        assert client.ask("shutdown") == {"status": "shutting_down", "mode": "graceful"}
        assert client.ask("show stats")["phase"] == "draining"
        assert client.refused("worker add") == "The server is stopping"
        assert client.refused("reload") == "The server is stopping"
        server.expect("")
        assert client.ask("shutdown quick")["mode"] == "quick"
        assert server.wait() == 0


# The socket itself


def test_it_is_the_masters_alone(server: Server, path: str, client: ControlClient):
    assert client.ask("show stats")
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.lstat(os.path.dirname(path)).st_mode) == 0o700
    lines = Path("/proc/net/unix").read_text().splitlines()
    inodes = {f"socket:[{line.split()[6]}]" for line in lines if line.endswith(path)}
    assert len(inodes) == 2  # where clients come, and the one that is there
    before = set(server.worker_pids())
    client.ask("worker add 1")  # forked while a client is there
    until(lambda: len(server.worker_pids()) == 3, "the worker")
    (new,) = set(server.worker_pids()) - before
    server.errors.wait("Booting worker with pid", count=3)
    assert inodes <= set(descriptors(server.pid).values())
    for pid in (*before, new):
        assert inodes.isdisjoint(descriptors(pid).values())


def test_without_a_path_there_is_no_trace(serve: Serve, tmp_path: Path):
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    plain = serve("tests.apps.answers", env=home)
    off = serve("tests.apps.answers", "--control-socket", str(tmp_path / "no.ctl"), "--no-control-socket", env=home)
    for server in (plain, off):
        assert server.get("/hello").status == 200
        server.stop()
        assert not [line for line in server.errors.so_far() if "ontrol" in line]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_taken_from_a_server_that_lives(server: Server, path: str, client: ControlClient):
    run = Run("--bind", "127.0.0.1:0", "--control-socket", path, "tests.apps.answers")
    assert run.status == 1
    assert f"control_socket {path}: Address already in use; process {server.pid} (longma" in run.errors
    assert client.ask("show stats")["pid"] == server.pid
    with ControlClient(path) as another:
        assert another.ask("show stats")["pid"] == server.pid


def test_what_is_no_socket_is_left_alone(short_directory: str):
    path = Path(short_directory, "file")
    path.write_text("precious")
    run = Run("--bind", "127.0.0.1:0", "--control-socket", str(path), "tests.apps.answers")
    assert run.status == 1
    assert f"control_socket {path}: File exists; what is there is no socket" in run.errors
    assert path.read_text() == "precious"
    run = Run("--bind", "127.0.0.1:0", "--control-socket", "x" * 106, "tests.apps.answers")
    assert run.status == 1
    assert "command line: control_socket must be a path of at most 105 bytes" in run.errors


def test_the_socket_of_a_master_that_was_killed_is_replaced(serve: Serve, path: str):
    first = serve("tests.apps.answers", "--control-socket", path)
    workers = first.worker_pids()
    first.send_signal(signal.SIGKILL)
    first.expect("")
    assert first.wait() == -signal.SIGKILL
    for pid in workers:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # the tests adopt orphans
    assert os.path.lexists(path)
    second = serve("tests.apps.answers", "--control-socket", path)
    with ControlClient(path) as client:
        assert client.ask("show stats")["pid"] == second.pid


def test_a_path_that_somebody_else_has_by_now_stays(serve: Serve, path: str):
    first = serve("tests.apps.answers", "--control-socket", path)
    os.unlink(path)
    second = serve("tests.apps.answers", "--control-socket", path)
    first.stop()
    with ControlClient(path) as client:
        assert client.ask("show stats")["pid"] == second.pid
    second.stop()
    assert not os.path.lexists(path)


def test_a_reload_moves_it_and_a_path_that_cannot_be_had_refuses_the_reload(
    serve: Serve, path: str, connect: Connect, tmp_path: Path
):
    file = tmp_path / "shop.conf.py"
    file.write_text(f"control_socket = '{path}'")
    server = serve("tests.apps.answers", "-c", str(file))
    client = connect()

    def settled(text: str, reloads: int) -> None:
        file.write_text(text)
        client.ask("reload")
        server.errors.wait("Reload complete", count=reloads)

    settled(f"control_socket = '{path}2'\ncontrol_socket_mode = 0o660", 1)
    assert not os.path.lexists(path)
    assert stat.S_IMODE(os.lstat(f"{path}2").st_mode) == 0o660
    settled(f"control_socket = '{path}2'\ncontrol_socket_mode = 0o640", 2)
    assert stat.S_IMODE(os.lstat(f"{path}2").st_mode) == 0o640
    os.unlink(f"{path}2")
    settled(f"control_socket = '{path}2'\ncontrol_socket_mode = 0o640", 3)  # it is there again
    server.expect("Reload failed")
    file.write_text(f"control_socket = '{file}'")
    assert "what is there is no socket" in client.refused("reload")
    with ControlClient(f"{path}2") as another:
        assert another.ask("show stats")["pid"] == server.pid
    settled("", 4)
    until(lambda: not os.path.lexists(f"{path}2"), "the socket to go")
    assert client.is_ended()


def test_two_masters_have_a_path_each_until_one_is_left(serve: Serve, path: str):
    server = serve("tests.apps.answers", "--control-socket", path)
    server.send_signal(signal.SIGUSR2)
    server.errors.wait(rf"Control socket listening at {path}\.2")
    with ControlClient(f"{path}.2") as second:
        new = second.ask("show stats")["pid"]
        assert second.ask("show stats")["other_master"] == server.pid
        with ControlClient(path) as first:
            assert first.ask("show stats")["pid"] == server.pid
            until(lambda: first.ask("show stats")["other_master"] == new, "the old one to know")
            first.ask("shutdown")
        assert server.wait() == 0
        server.errors.wait(rf"Control socket listening at {path}$", count=2)
        with ControlClient(path) as promoted:
            assert promoted.ask("show stats")["pid"] == new
        assert not os.path.lexists(f"{path}.2")
        assert second.ask("shutdown")["mode"] == "graceful"  # whoever was there stayed
    until(lambda: not is_alive(new), "its end")
    with contextlib.suppress(ChildProcessError):
        os.waitpid(new, 0)
    assert not os.path.lexists(path)


# Who means ill

GARBAGE = {
    "a huge length": b"\xff\xff\xff\xff",
    "one byte too long": (64 * 1024 + 1).to_bytes(4, "big") + b"{",
    "nothing": b"\0\0\0\0",
    "no JSON": b"\0\0\0\4show",
    "no UTF-8": b"\0\0\0\2\xff\xfe",
    "no object": framed(["show", "all"]),
    "no words": framed({"id": 1, "command": {"show": "all"}}),
    "wrong arguments": framed({"id": 1, "command": "show", "args": [["all"]]}),
    "too many arguments": framed({"id": 1, "command": "show", "args": ["all"] * 17}),
    "too deep": (60_000).to_bytes(4, "big") + b"[" * 60_000,
    "too many digits": (60_000).to_bytes(4, "big") + b"9" * 60_000,
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}


def test_garbage_ends_the_connection_and_nothing_else(server: Server, path: str, client: ControlClient):
    for name, data in GARBAGE.items():
        with ControlClient(path) as hostile:
            hostile.send(data)
            assert hostile.is_ended(), name
    assert client.ask("show stats")["workers_current"] == 2


def test_an_id_is_returned_and_never_trusted(client: ControlClient):
    for number in ("one", 1.5, None, 10**250):
        client.send(framed({"id": number, "command": "help"}))
        assert client.read()["id"] == number
    for number in (["list"], {"a": 1}, "x" * 257):
        client.send(framed({"id": number, "command": "help"}))
        assert client.read()["id"] is None


def test_requests_are_taken_in_parts_and_many_at_once(client: ControlClient):
    request = framed({"id": 1, "command": "show workers"})
    for byte in request:
        client.send(bytes([byte]))
    assert client.read()["status"] == "ok"
    client.send(request * 100)
    assert {client.read()["status"] for _ in range(100)} == {"ok"}


def test_nobody_keeps_the_operator_or_the_sites_clients_out(server: Server, path: str):
    silent = []
    for number in range(CLIENTS):
        one = ControlClient(path)
        one.send(b"\0\0" if number % 2 else b"")
        silent.append(one)
    deaf = ControlClient(path)
    request = framed({"id": 1, "command": "show config"})
    deaf.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            deaf.socket.send(request * 50)
    assert server.get("/hello").status == 200
    with ControlClient(path) as operator:
        assert operator.ask("worker add")["total"] == 3
    assert sockets(server.pid) < 100
    server.settle(3)
    for one in (*silent, deaf):
        one.close()
