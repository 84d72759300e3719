"""`longma -D`: when the command ends, with which status, what was said by then, and what is left when it is over."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.http import Client
from tests.support.paths import ROOT
from tests.support.processes import children, is_alive, process
from tests.support.server import LONGMA, environment, listener

APP = "tests.apps.answers"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans come back to the tests on Linux only")


class Command:
    """One `longma -D`: its exit status, what it wrote, and the daemon it left."""

    def __init__(self, directory: Path, *options: str, app: str = APP, pass_fds: Sequence[int] = ()) -> None:
        self.pidfile = directory / "longma.pid"
        self.log = directory / "error.log"
        self.written = directory / "written"
        with self.written.open("wb") as written:
            self.status = subprocess.run(
                [LONGMA, "-D", "-p", self.pidfile, *options, app],
                cwd=ROOT,
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                pass_fds=tuple(pass_fds),
                timeout=DEADLINE_SECONDS,
                check=False,
            ).returncode

    @property
    def pid(self) -> int:
        """The daemon's number, by its pidfile."""
        return int(self.pidfile.read_text())

    def stop(self) -> int:
        """Stop the daemon, an adopted child of the tests; returns its exit status."""
        pid = self.pid
        os.kill(pid, signal.SIGTERM)
        return ended(pid)


def ended(pid: int) -> int:
    """Wait for the end of an adopted child; returns its exit status."""
    until(lambda: not is_alive(pid), f"the end of process {pid}")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run commands; a daemon that a failed test leaves is killed with its workers."""
    commands: list[Command] = []

    def run(*options: str, **how: object) -> Command:
        commands.append(Command(tmp_path, *options, **how))  # type: ignore[arg-type]
        return commands[-1]

    yield run
    for command in commands:
        if command.pidfile.exists():
            pid = command.pid
            for one in (pid, *children(pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def test_the_command_ends_when_the_server_serves(start: Start, tmp_path: Path):
    bound = listener()
    log = tmp_path / "error.log"
    command = start(
        *("-b", f"fd://{bound.fileno()}", "--error-logfile", str(log), "-w", "2"), pass_fds=[bound.fileno()]
    )
    assert (command.status, command.written.read_text()) == (0, "")
    with Client(bound.getsockname()) as client:
        assert client.ask("GET", "/hello").status == 200
    pid = command.pid
    daemon = process(pid)
    assert daemon is not None
    assert daemon.session not in (pid, os.getsid(0)), "it leads no session, and is not in ours"
    for one in (pid, *children(pid)):
        assert [os.readlink(f"/proc/{one}/fd/{number}") for number in (0, 1, 2)] == [os.devnull] * 3
        assert umask_of(one) == 0o022
    bound.close()
    assert command.stop() == 0
    assert not command.pidfile.exists()
    assert "Shutting down: Master" in log.read_text()


def umask_of(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Umask:")]
    return int(line.split()[1], 8)


def test_what_is_said_until_then_is_read_where_the_command_was_given(start: Start):
    command = start("-b", "127.0.0.1:0")
    assert command.status == 0
    said = command.written.read_text()
    assert "Starting longma " in said
    assert "Listening at: http://127.0.0.1:" in said
    assert command.stop() == 0
    assert "Shutting down" not in command.written.read_text()


def test_redirected_output_can_be_kept(start: Start):
    command = start("-b", "127.0.0.1:0", "-R")
    assert command.status == 0
    assert command.stop() == 0
    assert "Shutting down: Master" in command.written.read_text()


def test_what_the_application_prints_can_be_captured(start: Start, tmp_path: Path):
    app = tmp_path / "printing.py"
    app.write_text(
        "def application(environ, start_response):\n"
        "    print('printed for', environ['PATH_INFO'], flush=True)\n"
        "    start_response('204 No Content', [])\n"
        "    return []\n"
    )
    log = tmp_path / "captured.log"
    bound = listener()
    command = start(
        *("-b", f"fd://{bound.fileno()}", "--capture-output", "--error-logfile", str(log), "--chdir", str(tmp_path)),
        app="printing",
        pass_fds=[bound.fileno()],
    )
    assert command.status == 0
    with Client(bound.getsockname()) as client:
        assert client.ask("GET", "/me").status == 204
    bound.close()
    until(lambda: "printed for /me\n" in log.read_text(), "what the application printed")
    assert command.stop() == 0


def test_an_address_that_is_taken_fails_the_command(start: Start):
    with listener() as taken:
        command = start("-b", f"127.0.0.1:{taken.getsockname()[1]}")
    assert command.status == 1
    assert f"longma: error: 127.0.0.1:{taken_port(command)}: Address already in use; process {os.getpid()} (" in (
        command.written.read_text()
    )
    assert not command.pidfile.exists()


def taken_port(command: Command) -> str:
    """The port that the error names."""
    text = command.written.read_text()
    return text.split("longma: error: 127.0.0.1:")[1].split(":")[0]


@pytest.mark.parametrize(
    ("app", "status", "words"),
    [
        ("tests.apps.broken", 3, "Traceback"),
        ("tests.apps.answers:missing", 4, "missing"),
        ("no.such.module", 3, "no.such"),
    ],
)
def test_an_application_that_does_not_load_fails_the_command(start: Start, app: str, status: int, words: str):
    command = start("-b", "127.0.0.1:0", app=app)
    assert command.status == status, command.written.read_text()
    assert words in command.written.read_text()
    until(lambda: not command.pidfile.exists(), "the end of the pidfile")


def test_a_second_server_is_refused_by_the_pidfile(start: Start):
    first = start("-b", "127.0.0.1:0")
    assert first.status == 0
    second = start("-b", "127.0.0.1:0")
    assert second.status == 1
    assert f"longma: error: pidfile {first.pidfile}: process {first.pid} (" in second.written.read_text()
    assert first.stop() == 0


def test_the_pidfile_of_a_killed_server_is_replaced(start: Start):
    first = start("-b", "127.0.0.1:0")
    pid = first.pid
    workers = children(pid)
    os.kill(pid, signal.SIGKILL)
    assert ended(pid) == -signal.SIGKILL
    for worker in workers:
        ended(worker)
    second = start("-b", "127.0.0.1:0")
    assert second.status == 0
    assert second.pid != pid
    assert second.stop() == 0
