"""The real HAProxy in front: what it says of its clients, its checks of health, restarts behind it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.arguments import parse
from longma.config.settings import table
from tests.support.deadlines import until
from tests.support.haproxy import HAPROXY, haproxy, needs_haproxy, place
from tests.support.http import Client
from tests.support.pages import Block, blocks
from tests.support.paths import ROOT, VENV_BIN
from tests.support.server import Server, listener

pytestmark = needs_haproxy
Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"
DEPLOY = ROOT / "deploy" / "haproxy"
TCP = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind unix@{front}
    bind {bound}
    default_backend longma
listen table
    mode http
    bind unix@{table}
    stats enable
    stats uri /
"""


def seen(client: Client, *fields: str, target: str = "/") -> dict[str, str]:
    """The environ of a request."""
    environ: dict[str, str] = json.loads(client.ask("GET", target, *fields).body)["environ"]
    return environ


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_requests_of_many_clients_come_through(serve: Serve, short_directory: str, kind: str):
    server = serve("tests.apps.right:hello", "--health-path", "/-/health", binds=[listener(kind, short_directory)])
    check = "option httpchk\n http-check send meth GET uri /-/health ver HTTP/1.1 hdr Host health\n"
    backend = f" {check} server one {place(server.address)} check inter 100ms\n"
    with haproxy(short_directory, backend) as proxy:
        proxy.wait("one", "UP")
        for _ in range(20):
            with Client(proxy.front) as client:
                for _ in range(3):
                    assert client.ask("GET", "/").status == 200
        assert client.is_closed
        with Client(proxy.front) as client:
            assert client.ask("POST", "/", body=b"x" * 300_000).status == 200


@pytest.mark.parametrize("check", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_it_tells_the_client_by_a_proxy_header(serve: Serve, short_directory: str, kind: str, check: str):
    server = serve(APP, "--proxy-protocol", binds=[listener(kind, short_directory)])
    bound = listener()
    port = bound.getsockname()[1]
    backend = f" server one {place(server.address)} {check} check check-send-proxy inter 100ms\n"
    with bound, haproxy(short_directory, backend, TCP, bound) as proxy:
        proxy.wait("one", "UP")
        with Client(("127.0.0.1", port), source="127.0.0.9") as client:
            for _ in range(3):
                environ = seen(client, "X-Forwarded-Proto: https", "SCRIPT_NAME: /a")
                assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.9", str(client.ends[0][1]))
                assert (environ["PROXY_PROTOCOL"], environ["PROXY_PORT"]) == ("TCP4", str(port))
                assert (environ["wsgi.url_scheme"], environ["SCRIPT_NAME"]) == ("http", "")
        with Client(proxy.front) as client:  # HAProxy has no address for a client on its Unix socket
            environ = seen(client, "X-Forwarded-Proto: https", "SCRIPT_NAME: /a")
            assert environ["PROXY_PROTOCOL"] in {"UNIX", "UNKNOWN", "LOCAL"}
            assert (environ["wsgi.url_scheme"], environ["SCRIPT_NAME"]) == ("http", "")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_it_tells_the_client_by_x_forwarded_for(serve: Serve, short_directory: str, kind: str):
    server = serve(APP, "--real-ip", "x-forwarded-for", binds=[listener(kind, short_directory)])
    bound = listener()
    port = bound.getsockname()[1]
    frame = TCP.replace("mode tcp", "mode http\n    option forwardfor", 1)
    backend = f" server one {place(server.address)}\n"
    with (
        bound,
        haproxy(short_directory, backend, frame, bound),
        Client(("127.0.0.1", port), source="127.0.0.9") as client,
    ):
        for claim in ((), ("X-Forwarded-For: 192.0.2.60",), ("X-Forwarded-For: 192.0.2.60, 127.0.0.1",)):
            environ = seen(client, *claim)
            assert (environ["REMOTE_ADDR"], environ.get("REMOTE_PORT")) == ("127.0.0.9", None)


class Load:
    """Requests through HAProxy, one after another on several connections, until it is stopped."""

    def __init__(self, front: object, clients: int = 4) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._front = front
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client(self._front) as client:  # type: ignore[arg-type]
                    for _ in range(20):
                        status = client.ask("GET", "/").status
                        with self._lock:
                            self.answered += 1
                            if status != 200:
                                self.failures.append(str(status))
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def more(self, count: int) -> None:
        """Wait for so many answers more."""
        until(lambda so_far=self.answered: self.answered >= so_far + count, f"{count} answers")

    def stop(self) -> list[str]:
        """End it; what went wrong."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.failures


def at(address: object) -> socket.socket:
    """A socket at an address, which can be taken again as soon as nobody listens there."""
    return socket.create_server(address, backlog=2048)  # type: ignore[arg-type]


def shipped(*addresses: object) -> str:
    """The configuration that is shipped, for servers at these addresses."""
    text = (DEPLOY / "haproxy.cfg").read_text().replace("bind :80", "bind unix@{front}")
    for number, address in enumerate(addresses, 11):
        text = text.replace(f"10.77.0.{number}:8000", place(address))
    assert "10.77.0." not in re.sub("(?m)^#.*", "", text)
    return text + "listen table\n    bind unix@{table}\n    stats enable\n    stats uri /\n"


def test_graceful_restarts_behind_the_shipped_configuration_cost_nothing(serve: Serve, short_directory: str):
    options = ("--health-path", "/-/health", "--drain-delay", "2")
    servers = [serve("tests.apps.right:hello", *options, binds=[at(("127.0.0.1", 0))]) for _ in range(3)]
    with haproxy(short_directory, "", shipped(*(server.address for server in servers))) as proxy:
        names = ("one", "two", "three")
        for name in names:
            proxy.wait(name, "UP")
        load = Load(proxy.front)
        try:
            load.more(100)
            for name, server in zip(names, servers, strict=True):
                server.send_signal(signal.SIGTERM)
                proxy.wait(name, "DOWN")
                assert server.wait() == 0
                server.check_ended()
                serve("tests.apps.right:hello", *options, binds=[at(server.address)])
                proxy.wait(name, "UP")
                load.more(50)
        finally:
            failures = load.stop()
        assert failures == []


def test_the_shipped_configuration_says_what_a_client_may_not(serve: Serve, short_directory: str):
    server = serve(APP, "--real-ip", "x-forwarded-for", "--health-path", "/-/health")
    with haproxy(short_directory, "", shipped(server.address, server.address, server.address)) as proxy:
        proxy.wait("one", "UP")
        claims = (
            "X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on", "SCRIPT_NAME: /a",
            "PATH_INFO: /b", "X-Forwarded-For: 192.0.2.60", "Forwarded: for=192.0.2.60;proto=https",
        )  # fmt: skip
        with Client(proxy.front) as client:
            environ = seen(client, *claims, target="/a/b")
            assert (environ["wsgi.url_scheme"], environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("http", "", "/a/b")
            assert environ["REMOTE_ADDR"] != "192.0.2.60"
            assert not {"HTTP_SCRIPT_NAME", "HTTP_PATH_INFO", "HTTP_FORWARDED", "HTTP_X_FORWARDED_SSL"} & set(environ)


def missing() -> str:
    """Why the three hosts cannot be set up here; "" where they can."""
    if os.geteuid() != 0:
        return "needs root"
    tools = {name: shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin") for name in ("ip", "wrk", "curl")}
    if None in tools.values():
        return "needs " + ", ".join(name for name, path in tools.items() if path is None)
    name = f"longma-probe-{os.getpid()}"
    tried = subprocess.run([str(tools["ip"]), "netns", "add", name], capture_output=True, check=False)
    if tried.returncode:
        return "this machine does not allow network namespaces: " + tried.stderr.decode().strip()
    subprocess.run([str(tools["ip"]), "netns", "del", name], check=True)
    return ""


def test_three_hosts_are_restarted_for_nothing_and_one_is_killed_for_what_it_had():
    if reason := missing():
        pytest.skip(reason)
    done = subprocess.run(
        [str(DEPLOY / "three-hosts")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LONGMA": str(VENV_BIN / "longma"), "SETTLE": "1"},
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    restart, kill = re.findall(r"(\d+) answered, (\d+) failed", done.stdout)
    assert (int(restart[0]) > 0, int(restart[1])) == (True, 0)
    assert int(kill[1]) <= 16
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "lm" not in {name[:2] for name in left.split()}


def test_the_shipped_configuration_is_valid():
    path = Path(DEPLOY / "haproxy.cfg")
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


PAGE = blocks(ROOT / "docs" / "deploy" / "haproxy.md")


@pytest.mark.parametrize("block", [one for one in PAGE if one.language == "haproxy"], ids=lambda block: block.name)
def test_a_block_of_the_page_is_what_haproxy_takes(tmp_path: Path, block: Block):
    """And those of the shipped configuration stand there."""
    shipped = [line.strip() for line in (DEPLOY / "haproxy.cfg").read_text().splitlines()]
    lines = [line.strip() for line in block.text.splitlines()]
    is_whole = any(line.startswith("mode ") for line in lines)
    assert is_whole or set(lines) <= set(shipped)
    mode = "" if is_whole else "    mode http\n"
    path = tmp_path / "haproxy.cfg"
    path.write_text("defaults\n    timeout connect 2s\n    timeout client 9s\n    timeout server 9s\n")
    with path.open("a") as file:
        # What a proxy does with requests stands in its frontend, how it checks in its backend: `listen` is both.
        file.write(f"listen web\n    bind :80\n{mode}{block.text}\n")
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [one for one in PAGE if one.language == "sh"], ids=lambda block: block.name)
def test_the_commands_of_the_page_have_options_that_exist(block: Block):
    program, *arguments = shlex.split(block.text)
    assert program == "longma"
    parse(arguments, table())
