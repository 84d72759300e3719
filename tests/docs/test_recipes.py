"""The recipes of docs/signals.md, executed as they stand there, and what docs/hooks.md says of the order of hooks."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.option import rows as rows_of
from longma.config.sections.hooks import Hooks
from tests.support.deadlines import until
from tests.support.pages import blocks
from tests.support.paths import ROOT
from tests.support.processes import is_alive
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
SIGNALS = ROOT / "docs" / "signals.md"
BOOTED = "Booting worker with pid"
GONE = r"Worker exiting \(pid"
RECORDING = """
def {name}({arguments}):
    import os
    file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, b"{name}\\n")
    os.close(file)
"""


def commands(heading: str, number: int = 0) -> list[str]:
    """The signals that a recipe sends, line by line."""
    return [line for line in blocks(SIGNALS, "sh", heading)[number].commands if line.startswith("kill")]


class Site:
    """A server with the pidfile that the recipes read, in a directory of its own."""

    def __init__(self, serve: Serve, directory: str) -> None:
        self.pidfile = os.path.join(directory, "shop.pid")
        self.server = serve(APP, "--pid", self.pidfile)
        self.directory = directory

    def do(self, line: str) -> None:
        """Execute a line, with the recipe's pidfile standing for this one."""
        subprocess.run(["bash", "-e", "-c", line.replace("/run/shop.pid", self.pidfile)], check=True)

    def recorded(self) -> str:
        """What the pidfile says; "" while there is none, between the old master's and the new one's."""
        try:
            return Path(self.pidfile).read_text().strip()
        except FileNotFoundError:
            return ""

    def second_master(self) -> int:
        path = Path(f"{self.pidfile}.2")
        until(path.exists, "the second pidfile")
        return int(path.read_text())


@pytest.fixture
def site(serve: Serve, short_directory: str) -> Site:
    return Site(serve, short_directory)


def test_reload(site: Site):
    before = site.server.worker_pid()
    (line,) = commands("Reload")
    site.do(line)
    site.server.errors.wait(GONE)
    until(lambda: before not in site.server.worker_pids(), "the old worker to be gone")
    assert len(site.server.worker_pids()) == 1


def test_upgrade(site: Site):
    upgrade, retire, leave = commands("Upgrade, and the way back")
    site.do(upgrade)
    newcomer = site.second_master()
    site.server.errors.wait(BOOTED, count=2)
    site.do(retire)
    site.server.errors.wait(GONE)
    assert site.server.get("/hello").status == 200
    site.do(leave)
    assert site.server.wait() == 0
    site.server.errors.wait("Master has been promoted")
    until(lambda: site.recorded() == str(newcomer), "the pidfile of the new master")
    assert site.server.get("/hello").status == 200
    os.kill(newcomer, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(newcomer, 0)[1]) == 0


def test_the_way_back(site: Site):
    upgrade, retire, _ = commands("Upgrade, and the way back")
    back, end = commands("Upgrade, and the way back", 1)
    site.server.expect("The new master is gone")
    site.do(upgrade)
    newcomer = site.second_master()
    site.server.errors.wait(BOOTED, count=2)
    site.do(retire)
    site.server.errors.wait(GONE)
    site.do(back)
    site.server.errors.wait(BOOTED, count=3)
    site.do(end)
    until(lambda: not is_alive(newcomer), "the second master to be gone")
    assert site.server.get("/hello").status == 200
    assert not os.path.exists(f"{site.pidfile}.2")


def test_more_and_fewer(site: Site):
    more, fewer = commands("More or fewer workers")
    site.do(more)
    site.server.errors.wait(BOOTED, count=2)
    site.do(fewer)
    site.server.errors.wait(GONE)
    until(lambda: len(site.server.worker_pids()) == 1, "one worker")


def test_log_rotation(serve: Serve, short_directory: str):
    """What is logged after the signal is in the new file, what was logged before in the moved one."""
    log = Path(short_directory) / "access.log"
    pidfile = os.path.join(short_directory, "shop.pid")
    server = serve(APP, "--access-logfile", str(log), "--pid", pidfile)
    server.get("/hello?before")
    until(lambda: "before" in log.read_text(), "the first line")
    moved = log.rename(log.with_suffix(".1"))
    (rotation,) = blocks(SIGNALS, "logrotate")
    lines = [line.strip() for line in rotation.text.splitlines()]
    line = lines[lines.index("postrotate") + 1].replace("/run/shop.pid", pidfile)
    subprocess.run(["bash", "-e", "-c", line], check=True)
    until(log.exists, "the log to be opened anew")
    until(lambda: server.get("/hello?after").status == 200 and "after" in log.read_text(), "a line in the new file")
    assert "before" in moved.read_text()


def test_the_order_of_hooks(serve: Serve, tmp_path: Path):
    told = blocks(ROOT / "docs" / "hooks.md", "text", "Order")[0].text.split()
    record = tmp_path / "record"
    config = tmp_path / "longma.conf.py"
    hooks = [(row.name, ", ".join(row.kind.arguments)) for row in rows_of(Hooks)]
    config.write_text("".join(RECORDING.format(name=n, arguments=a, path=str(record)) for n, a in hooks))

    def have(count: int) -> None:
        until(lambda: len(record.read_text().split()) >= count, f"{count} hooks; have {record.read_text().split()}")

    server = serve(APP, "-c", str(config))
    have(told.index("pre_request"))
    assert server.get("/hello").status == 200
    have(told.index("post_request") + 1)
    server.send_signal(signal.SIGHUP)
    have(told.index("child_exit") + 1)
    assert server.get("/hello").status == 200
    have(len(told) - 3)
    assert server.stop() == 0
    assert record.read_text().split() == told
