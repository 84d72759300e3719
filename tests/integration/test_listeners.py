"""The addresses a server listens on: several at once, IPv6, unix sockets, inherited descriptors."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bound import Bound
from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.http import Address, Client
from tests.support.server import LONGMA, Run, Server, environment, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
# FIRST SECOND COMMAND: what systemd does for a unit with two sockets.
LIKE_SYSTEMD = """
import fcntl, os, sys
aside = [fcntl.fcntl(int(number), fcntl.F_DUPFD_CLOEXEC, 50) for number in sys.argv[1:3]]
for number, descriptor in enumerate(aside, 3):
    os.dup2(descriptor, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(sys.argv[3], sys.argv[3:])
"""


def test_several_addresses_are_one_server(serve: Serve, short_directory: str):
    server = serve(APP, binds=[listener(), listener("tcp6"), listener("unix", short_directory), listener()])
    for address in server.addresses:
        with Client(address) as client:
            assert client.ask("GET", "/hello").status == 200
    (line,) = server.errors.wait("Listening at: ")
    assert line.count("http://") == 3
    assert f"unix:{short_directory}/socket" in line


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["tcp", "tcp6", "unix"])
def test_each_kind_of_address(serve: Serve, short_directory: str, kind: str, workers: int):
    server = serve(APP, binds=[listener(kind, short_directory)], workers=workers)
    with server.client() as client:
        for _ in range(3):
            assert client.ask("POST", "/echo", body=b"abc").body == b"abc"
            assert client.ask("GET", "/generator").status == 200
            assert len(client.ask("GET", "/big?bytes=3000000").body) == 3_000_000
    for _ in range(20):
        assert server.get("/hello").status == 200


def test_a_unix_socket_is_made_and_taken_away(short_directory: str):
    path = os.path.join(short_directory, "made")
    with Bound("-b", f"unix:{path}", "--umask", "0117") as server:
        server.errors.wait("Booting worker")
        mode = os.stat(path).st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
        with Client(path) as client:
            assert client.ask("GET", "/hello").status == 200
    assert not os.path.exists(path)


def test_a_stale_unix_socket_is_replaced(short_directory: str):
    listener("unix", short_directory).close()
    path = os.path.join(short_directory, "socket")
    assert os.path.exists(path)
    with Bound("-b", f"unix:{path}") as server:
        server.errors.wait("Booting worker")
        with Client(path) as client:
            assert client.ask("GET", "/hello").status == 200


def test_a_file_that_is_no_socket_is_left_alone(short_directory: str):
    path = os.path.join(short_directory, "precious")
    Path(path).write_text("do not delete")
    done = subprocess.run(
        [LONGMA, "-b", f"unix:{path}", APP],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert Path(path).read_text() == "do not delete"


def test_port_0_is_any_free_port():
    with Bound("-b", "127.0.0.1:0") as server:
        assert server.port() != 0
        with server.client() as client:
            assert client.ask("GET", "/hello").status == 200


def test_an_ipv6_address_in_brackets():
    listener("tcp6").close()  # skips where there is no IPv6
    with Bound("-b", "[::1]:0") as server:
        server.errors.wait(r"Listening at: http://\[::1\]:\d+")
        with server.client("::1") as client:
            assert client.ask("GET", "/hello").status == 200


def test_after_a_stop_the_address_can_be_bound_again_at_once():
    with Bound("-b", "127.0.0.1:0") as server:
        port = server.port()
        with server.client() as client:
            assert client.ask("GET", "/hello").status == 200
            server.process.terminate()
            client.ended()
            server.process.wait(30)
    with Bound("-b", f"127.0.0.1:{port}") as server, server.client() as client:
        assert client.ask("GET", "/hello").status == 200


def test_an_abstract_name_has_no_file():
    name = f"longma-test-served-{os.getpid()}"
    with Bound("-b", f"unix:@{name}") as server:
        server.errors.wait(f"Listening at: unix:@{name} ")
        with Client(f"\0{name}") as client:
            answer = client.ask("GET", "/hello", "Host: a.example:81")
            assert answer.status == 200
    assert not os.path.exists(f"@{name}")


def test_who_has_the_port_is_told(serve: Serve):
    server = serve(APP)
    port = server.address[1]
    run = Run("-b", f"127.0.0.1:{port}", APP)
    assert run.status == 1
    assert run.errors.count(f"Connection in use: 127.0.0.1:{port}") == 5
    (error,) = [line for line in run.errors.splitlines() if line.startswith("longma: error: ")]
    assert f"process {server.pid} (longma" in error


def test_descriptors_of_the_service_manager_come_alone(short_directory: str):
    """As sd_listen_fds(3) has it: the descriptors begin at 3, and LISTEN_PID is who executes the server."""
    made = [listener(), listener("unix", short_directory)]
    path = os.path.join(short_directory, "socket")
    names = [str(one.getsockname()[1]) if isinstance(one.getsockname(), tuple) else path for one in made]
    command = [sys.executable, "-c", LIKE_SYSTEMD, *(str(one.fileno()) for one in made), str(LONGMA)]
    with Bound("-b", "127.0.0.1:1", command=command, pass_fds=[one.fileno() for one in made]) as server:
        for one in made:
            one.close()
        server.errors.wait(f"Listening at: http://127.0.0.1:{names[0]},unix:{path} ")
        server.errors.wait("Not listening on 127.0.0.1:1: inherited descriptors were given, which come alone")
        for address in (("127.0.0.1", int(names[0])), path):
            with Client(address) as client:
                assert client.ask("GET", "/hello").status == 200
    assert os.path.exists(path), "the service manager's path is its own"


def test_a_descriptor_that_is_no_socket_is_told_in_one_line(tmp_path: Path):
    cure = "start longma with a listening socket at that number, or bind another address"
    with (tmp_path / "file").open("w") as file:
        run = Run("-b", f"fd://{file.fileno()}", APP, pass_fds=[file.fileno()])
        assert run.status == 1
        errors = [line for line in run.errors.splitlines() if not line.startswith("[")]
        assert errors == [f"longma: error: fd://{file.fileno()}: Socket operation on non-socket; {cure}"]


def test_two_servers_share_a_port_where_both_ask_to():
    shared = ("--reuse-port", "-w", "2", "-b")
    with Bound(*shared, "127.0.0.1:0") as first, Bound(*shared, f"127.0.0.1:{first.port()}") as second:
        assert second.port() == first.port()
        for _ in range(20):
            with first.client() as client:
                assert client.ask("GET", "/hello").status == 200


def refuses(address: Address) -> bool:
    """Whether nobody listens there any more."""
    try:
        Client(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_listeners_live_through_reloads_and_an_upgrade(short_directory: str):
    folder = Path(short_directory)
    configuration, pidfile = folder / "conf.py", folder / "pid"

    def configure(*bind: str) -> None:
        configuration.write_text(f"bind = {list(bind)!r}\npidfile = {str(pidfile)!r}\n")

    def answers(address: Address) -> bool:
        with Client(address) as client:
            return client.ask("GET", "/hello").status == 200

    configure(f"unix:{folder}/s", "127.0.0.1:0")
    with Bound("-c", str(configuration)) as server:
        server.errors.wait("Booting worker")
        (line,) = server.errors.wait("Listening at: ")
        tcp = ("127.0.0.1", int(line.rpartition(":")[2].split()[0]))
        server.process.send_signal(signal.SIGHUP)
        server.errors.wait("Reload complete")
        server.process.send_signal(signal.SIGUSR2)
        second = Path(f"{pidfile}.2")
        until(second.exists, "the second master's pidfile")
        server.errors.wait("Booting worker", count=3)
        old, new = server.process.pid, int(second.read_text())
        server.process.terminate()
        assert server.process.wait(DEADLINE_SECONDS) == 0
        server.errors.wait("Master has been promoted")
        assert answers(f"{folder}/s")
        assert answers(tcp)
        configure(f"unix:{folder}/s", f"unix:{folder}/t")
        os.kill(new, signal.SIGHUP)
        server.errors.wait("Reload complete", count=2)
        assert answers(f"{folder}/s")
        assert answers(f"{folder}/t")
        until(lambda: refuses(tcp), "the end of what is not asked for any more")
        assert int(pidfile.read_text()) == new != old
        os.kill(new, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(new, 0)[1]) == 0
        assert os.listdir(folder) == [configuration.name]
