"""How static files and health checks are set up: mistakes, reloads, and what docs/deploy says, with real programs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.pages import blocks
from tests.support.paths import ROOT
from tests.support.server import Run, Server

Serve = Callable[..., Server]
MODELS = ("sync", "gthread", "gevent", "eventlet")
APP = "tests.apps.answers"
PAGES = ROOT / "docs" / "deploy"
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


def configuration(page: str, directory: Path) -> str:
    """The path of the configuration file that the page shows."""
    path = directory / "longma.conf.py"
    path.write_text(next(block.text for block in blocks(PAGES / page, "python")))
    return str(path)


@pytest.mark.only("sync")
def test_the_static_pages_configuration_is_one(serve: Serve, tmp_path: Path):
    for name in ("public/static", "public/media", "private"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file.txt").write_text(name)
    options = ("-c", configuration("static.md", tmp_path), f"--chdir={tmp_path}", f"--pythonpath={ROOT}")
    server = serve("tests.apps.sending", *options)
    assert server.get("/static/file.txt").text == "public/static"
    assert server.get("/media/file.txt").one("Cache-Control") == "public, max-age=3600"
    assert server.get(f"/list?value={tmp_path}/private/file.txt").text == "private"


@contextmanager
def haproxy(directory: Path, text: str) -> Iterator[str]:
    """Run HAProxy with this configuration; the path of its socket."""
    front, path = str(directory / "front"), directory / "haproxy.cfg"
    path.write_text(text.replace("127.0.0.1:8080", f"unix@{front}"))
    process = subprocess.Popen(
        [str(HAPROXY), "-db", "-f", str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: Path(front).exists() or process.poll() is not None, "HAProxy to listen")
        yield front
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
def test_haproxy_sends_nothing_more_to_a_server_that_is_about_to_stop(
    serve: Serve, tmp_path: Path, short_directory: str
):
    server = serve("tests.apps.answers", "-c", configuration("health.md", tmp_path), "--drain-delay=1000", workers=2)
    (text,) = (block.text for block in blocks(PAGES / "health.md", "haproxy"))
    assert isinstance(server.address, tuple)
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{server.address[1]}").replace("inter 1s", "inter 50ms")

    def status() -> int:
        try:
            client = Client(front)
        except ConnectionRefusedError:
            return 0  # HAProxy has bound its address and does not listen yet
        with client:
            answer = client.ask("GET", "/hello")
            return answer.status if answer.one("Server") == "longma" else -answer.status

    with haproxy(Path(short_directory), text) as front:
        until(lambda: status() == 200, "HAProxy to find the server well")
        server.send_signal(signal.SIGTERM)
        until(lambda: status() == -503, "HAProxy to leave the server alone")
        assert server.get("/hello").status == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("/static=nowhere", "static must name existing directories, not "),
        ("static=.", "static must have paths such as /static"),
        ("/a%20b=.", "static must have paths such as /static"),
        ("/a/../b=.", "static must have paths such as /static"),
        ("/static", "static must be of the form /PATH=DIRECTORY, not '/static'"),
        ("=.", "static must be of the form /PATH=DIRECTORY"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_bound(option: str, words: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    run = Run("--static", option, "--bind", f"127.0.0.1:{port}", APP)
    assert run.status == 1
    (line,) = run.errors.splitlines()
    assert words in line


def test_a_directory_that_is_gone_leaves_the_server_as_it_was_on_reload(
    serve: Serve, tmp_path: Path, engine_model: str
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    config = tmp_path / "longma.conf.py"
    config.write_text('static = {"/static/": "one"}\nchdir = "."\n')
    server = serve(APP, "-c", str(config), f"--chdir={tmp_path}", f"--pythonpath={os.getcwd()}")
    assert server.get("/static/file").text == "one"
    config.write_text('static = {"/static": "gone"}\n')
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed, nothing was changed: .*static must name existing directories")
    server.expect("Reload failed")
    assert server.get("/static/file").text == "one"
    config.write_text('static = ["/static=two"]\n')
    server.send_signal(signal.SIGHUP)
    until(lambda: server.get("/static/file").text == "two", "the new directory")
    server.settle(1)
