"""A command that becomes a daemon: who waits, what it says, where the daemon's words go. In forks of this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.process.daemon import Started, daemonize
from tests.support.deadlines import until
from tests.support.processes import process
from tests.unit.process.children import exit_code, fork


class Command:
    """A process that runs `run` as a daemon, its standard output and error in files."""

    def __init__(
        self, directory: Path, run: Callable[[Started], object], inherit: bool = False, terminal: bool = False
    ) -> None:
        self.out = directory / "out"
        self.note = directory / "note"

        def command() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner may ignore it
            if terminal:
                _, out = os.openpty()
            else:
                out = os.open(self.out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for descriptor in (1, 2):
                os.dup2(out, descriptor)
            os.umask(0o77)
            started = daemonize(inherit)
            self.note.with_suffix(".new").write_text(f"{os.getpid()} {os.getsid(0)} {os.getpgid(0)}")
            os.rename(self.note.with_suffix(".new"), self.note)
            run(started)

        self.pid = fork(command)

    def daemon(self) -> list[int]:
        """The daemon's process, session and group."""
        until(self.note.exists, "the daemon")
        numbers = [int(number) for number in self.note.read_text().split()]
        # Who forked it may have been kept from ending, and is its parent as long as that.
        until(lambda: (one := process(numbers[0])) and one.parent == os.getpid(), "the daemon to be adopted")
        return numbers

    def ended(self) -> tuple[int, int]:
        """The exit status of the command and of the daemon, an adopted child of the tests."""
        return exit_code(self.pid), exit_code(self.daemon()[0])


def test_the_command_ends_well_when_the_daemon_has_started(tmp_path: Path):
    heard, told = os.pipe()

    def run(started: Started) -> None:
        os.close(told)
        started.tell()
        os.read(heard, 1)

    command = Command(tmp_path, run)
    assert exit_code(command.pid) == 0, "the command waits for the word, not for the end"
    pid, session, group = command.daemon()
    assert pid not in (session, group), "a leader of a session could get a terminal again"
    assert session not in (os.getsid(0), command.pid)
    os.close(heard)
    os.close(told)
    assert exit_code(pid) == 0


def test_files_are_made_with_the_mask_022(tmp_path: Path):
    masks = tmp_path / "mask"
    command = Command(tmp_path, lambda started: (masks.write_text(str(os.umask(0))), started.tell()))
    assert command.ended() == (0, 0)
    assert int(masks.read_text()) == 0o022


def test_what_goes_wrong_is_read_where_the_command_was_given(tmp_path: Path):
    def run(started: Started) -> None:
        os.write(2, b"longma: error: no such place\n")
        started.fail(3)
        os._exit(3)

    command = Command(tmp_path, run)
    assert command.ended() == (3, 3)
    assert command.out.read_text() == "longma: error: no such place\n"


def test_a_daemon_that_dies_silently_is_told(tmp_path: Path):
    command = Command(tmp_path, lambda started: os._exit(0))
    assert command.ended() == (1, 0)
    assert command.out.read_text() == "longma: error: the daemon ended before it had started\n"


def test_an_interrupt_while_waiting_stops_the_daemon(tmp_path: Path):
    heard, told = os.pipe()

    def run(started: Started) -> None:
        os.close(told)
        os.read(heard, 1)

    command = Command(tmp_path, run)
    pid = command.daemon()[0]
    os.kill(command.pid, signal.SIGINT)
    assert (exit_code(command.pid), exit_code(pid)) == (130, -signal.SIGTERM)
    os.close(heard)
    os.close(told)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("inherit", [True, False])
def test_terminals_are_let_go_of_and_files_kept_only_where_asked(tmp_path: Path, inherit: bool, terminal: bool):
    where = tmp_path / "where"

    def run(started: Started) -> None:
        started.tell()
        where.write_text(" ".join(os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)))

    command = Command(tmp_path, run, inherit, terminal)
    assert command.ended() == (0, 0)
    kept = str(command.out) if inherit and not terminal else os.devnull
    assert where.read_text().split() == [os.devnull, kept, kept]


def test_what_captures_the_output_by_then_goes_on(tmp_path: Path):
    log = tmp_path / "log"

    def run(started: Started) -> None:
        captured = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for descriptor in (1, 2):
            os.dup2(captured, descriptor)
        started.tell()
        os.write(1, b"printed\n")
        os.write(2, b"complained\n")

    assert Command(tmp_path, run).ended() == (0, 0)
    assert log.read_text() == "printed\ncomplained\n"


def test_a_child_that_was_forked_before_the_word_lets_go_by_itself(tmp_path: Path):
    where = tmp_path / "where"

    def run(started: Started) -> None:
        def child() -> None:
            started.leave_terminal()
            where.write_text(os.readlink("/proc/self/fd/2"))

        assert exit_code(fork(child)) == 0
        os.write(2, b"still heard\n")
        started.tell()

    command = Command(tmp_path, run)
    assert command.ended() == (0, 0)
    assert where.read_text() == os.devnull
    assert command.out.read_text() == "still heard\n"


def test_only_the_first_word_counts(tmp_path: Path):
    command = Command(tmp_path, lambda started: (started.tell(), started.fail(1)))
    assert command.ended() == (0, 0)


def test_what_was_printed_before_is_written_once(tmp_path: Path):
    out = tmp_path / "printed"

    def command() -> None:
        sys.stdout = out.open("w")
        print("once")
        daemonize(inherit_stdio=True).tell()
        sys.stdout.flush()
        Path(tmp_path / "note").symlink_to(str(os.getpid()))

    assert exit_code(fork(command)) == 0
    until(lambda: os.path.lexists(tmp_path / "note"), "the daemon")
    assert exit_code(int(os.readlink(tmp_path / "note"))) == 0
    assert out.read_text() == "once\n"
