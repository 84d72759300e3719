"""`longmactl`: what an operator types, with a real server at the other end."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from longma import __version__
from longma.cli.ctl import UNKNOWN
from tests.support.control import framed, program
from tests.support.deadlines import DEADLINE_SECONDS, Deadline
from tests.support.paths import ROOT, VENV_BIN
from tests.support.server import Server, environment

Serve = Callable[..., Server]
LONGMACTL = str(VENV_BIN / "longmactl")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory whose settings name a socket."""
    (tmp_path / "longma.conf.py").write_text("control_socket = 'run/shop.ctl'\nworkers = 2\n")
    return tmp_path


@pytest.fixture
def server(serve: Serve, site: Path) -> Server:
    server = serve("tests.apps.answers", cwd=site, env={"PYTHONPATH": str(ROOT)})
    server.errors.wait("Booting worker with pid", count=2)
    return server


class Terminal:
    """`longmactl` at a terminal: what is typed, and what is seen."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self._screen, line = pty.openpty()
        env = environment({"HOME": str(cwd), "TERM": "xterm", "COLUMNS": "160", "LINES": "40"})
        self.process = subprocess.Popen(
            [LONGMACTL, *arguments], stdin=line, stdout=line, stderr=line, env=env, cwd=cwd, start_new_session=True
        )
        os.close(line)
        self.seen = ""

    def type(self, text: str) -> None:
        with contextlib.suppress(OSError):  # it has ended
            os.write(self._screen, text.encode())

    def see(self, words: str) -> None:
        """Wait until the words are on the screen."""
        deadline = Deadline()
        while words not in self.seen:
            assert self._read(deadline.left(f"{words!r} in {self.seen!r}")), (
                f"it ended without {words!r}: {self.seen!r}"
            )
        self.seen = self.seen.partition(words)[2]

    def _read(self, seconds: float) -> bool:
        """Read more of what is shown; false when nothing more will be."""
        ready, _, _ = select.select([self._screen], [], [], seconds)
        if not ready:
            return True  # the deadline says so
        try:
            block = os.read(self._screen, 65536)
        except OSError:  # how Linux tells of the other end's end
            return False
        self.seen += block.decode(errors="replace")
        return bool(block)

    def end(self) -> int:
        """The exit status."""
        deadline = Deadline()
        while self._read(deadline.left(f"the end after {self.seen!r}")):
            pass
        os.close(self._screen)
        return self.process.wait(DEADLINE_SECONDS)


def test_the_socket_is_found(server: Server, site: Path):
    path = str(site / "run" / "shop.ctl")
    ways: tuple[tuple[tuple[str, ...], dict[str, str], Path], ...] = (
        ((), {}, site),
        (("-s", path), {}, Path("/")),
        (("-s", "shop.ctl"), {}, site / "run"),
        ((), {"LONGMA_CONTROL_SOCKET": path}, Path("/")),
        ((), {"GUNICORN_CMD_ARGS": f"--control-socket {path}"}, Path("/")),
    )
    for arguments, env, cwd in ways:
        status, output, errors = program("longmactl", "-j", *arguments, "show", "stats", env=env, cwd=cwd)
        assert (status, errors) == (0, "")
        assert json.loads(output)["pid"] == server.pid


def test_what_goes_wrong_is_an_error_with_a_status(
    server: Server, site: Path, tmp_path_factory: pytest.TempPathFactory
):
    empty = tmp_path_factory.mktemp("empty")
    status, _, errors = program("longmactl", "help", cwd=empty)
    assert (status, errors) == (1, f"Error: {UNKNOWN}\n")
    (empty / "longma.conf.py").write_text("workerz = 2")
    assert "(the settings here cannot be read: longma.conf.py, line 1: " in program("longmactl", "help", cwd=empty)[2]
    assert program("longmactl", "-s", "missing", "help", cwd=site)[::2] == (
        1,
        f"Error: cannot connect to {site}/missing: No such file or directory\n",
    )
    assert program("longmactl", "fly", cwd=site) == (
        1,
        "",
        "Error: Unknown command: 'fly'; `help` lists what there is\n",
    )
    assert program("longmactl", "-i", "0", "top", cwd=site)[0] == 2
    assert program("longmactl", "-v") == (0, f"longmactl (longma {__version__})\n", "")


def test_commands_that_are_piped_in_are_obeyed_one_by_one(server: Server, site: Path):
    entered = "worker add\n\nfly\nshow listeners\nquit\nworker add\n"
    status, output, errors = program("longmactl", entered=entered, cwd=site)
    assert (status, errors) == (1, "Error: Unknown command: 'fly'; `help` lists what there is\n")
    assert '"total": 3' in output
    assert "tcp" in output.splitlines()[-1]
    assert program("longmactl", entered="help\n", cwd=site)[0] == 0


def test_there_is_a_prompt_at_a_terminal(server: Server, site: Path):
    terminal = Terminal(cwd=site)
    terminal.see("longma> ")
    terminal.type("show workers\r")
    terminal.see("Total: 2 workers")
    terminal.type("fly\r")
    terminal.see("Error: Unknown command: 'fly'")
    terminal.type("quit\r")
    assert terminal.end() == 0
    history = site / ".longmactl_history"
    assert "show workers" in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600
    again = Terminal(cwd=site)
    again.see("longma> ")
    again.type("\x1b[A\x1b[A\x1b[A\r")  # three up
    again.see("longma> ")
    again.process.send_signal(signal.SIGINT)
    again.type("\r")  # Python may have been about to wait when the signal came, and would do so for a key
    assert again.end() == 130


def test_a_prompt_ends_with_its_server(server: Server, site: Path):
    terminal = Terminal(cwd=site)
    terminal.see("longma> ")
    server.stop()
    terminal.type("help\r")
    assert terminal.end() == 1
    assert "Error: cannot connect to" in terminal.seen


def test_top_shows_how_fast_requests_come(server: Server, site: Path):
    status, output, errors = program("longmactl", "-i", "0.1", "-n", "2", "top", cwd=site)
    assert (status, errors) == (0, "")
    assert output.count(f"Master {server.pid}, serving for ") == 2
    first, second = (one.splitlines() for one in output.split("\n\nMaster"))
    assert first[2].split()[:7] == ["PID", "AGE", "GEN", "STATE", "UP", "BEAT", "REQ/S"]
    assert [line.split()[6] for line in first[3:]] == ["-", "-"]
    assert [line.split()[6] for line in second[3:5]] == ["0", "0"]


def test_top_stays_in_its_place_at_a_terminal(server: Server, site: Path):
    terminal = Terminal("top", "-i", "0.1", cwd=site)
    terminal.see("\x1b[?1049h")  # a screen of its own, which rich asks for
    terminal.see(f"Master {server.pid}")
    terminal.see(f"Master {server.pid}")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "\x1b[?1049l" in terminal.seen


def test_who_has_read_enough_may_go(server: Server, site: Path):
    command = f"{LONGMACTL} -i 0.1 top | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        cwd=site,
        env=environment({}),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr) == (1, 1, b"")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "the server has ended the connection"),
        (b"\0\0\0\2no", "what comes is no answer"),
        (b"\xff\xff\xff\xff", "what comes is no answer"),
        (framed({"status": "error", "error": "not now"}), "not now"),
    ],
)
def test_an_answer_that_is_none_is_an_error(short_directory: str, answer: bytes, words: str):
    path = f"{short_directory}/ctl"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        asking = subprocess.Popen([LONGMACTL, "-s", path, "help"], stderr=subprocess.PIPE, text=True)
        client, _ = listening.accept()
        with client:
            client.settimeout(DEADLINE_SECONDS)
            assert client.recv(4096)
            client.sendall(answer)
        _, errors = asking.communicate(timeout=DEADLINE_SECONDS)
    assert asking.returncode == 1
    assert errors.startswith("Error: ")
    assert words in errors
