"""The addresses a server listens on: several at once, IPv6, unix sockets, inherited descriptors."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.http import Client
from tests.support.log import Lines
from tests.support.server import LONGMA, Server, environment, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"


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


class Bound:
    """A server that binds its address itself, as an operator would have it do."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [LONGMA, *options, APP],
            cwd=Path(__file__).parents[2],
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        self.errors = Lines(self.process.stderr)

    def __enter__(self) -> Bound:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0
        self.errors.finish()


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
        (line,) = server.errors.wait(r"Listening at: http://127.0.0.1:\d+")
        port = int(line.split("127.0.0.1:")[1].split()[0])
        assert port != 0
        with Client(("127.0.0.1", port)) as client:
            assert client.ask("GET", "/hello").status == 200


def test_an_ipv6_address_in_brackets():
    listener("tcp6").close()  # skips where there is no IPv6
    with Bound("-b", "[::1]:0") as server:
        (line,) = server.errors.wait(r"Listening at: http://\[::1\]:\d+")
        port = int(line.split("[::1]:")[1].split()[0])
        with Client(("::1", port)) as client:
            assert client.ask("GET", "/hello").status == 200


def test_after_a_stop_the_address_can_be_bound_again_at_once():
    with Bound("-b", "127.0.0.1:0") as server:
        (line,) = server.errors.wait("Listening at")
        port = int(line.split("127.0.0.1:")[1].split()[0])
        with Client(("127.0.0.1", port)) as client:
            assert client.ask("GET", "/hello").status == 200
            server.process.terminate()
            client.ended()
            server.process.wait(30)
    with Bound("-b", f"127.0.0.1:{port}") as server:
        server.errors.wait("Booting worker")
        with Client(("127.0.0.1", port)) as client:
            assert client.ask("GET", "/hello").status == 200
