"""What logs are written to: files, pipes that nobody reads, and links that somebody has put there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longma.logs.levels import Level
from longma.logs.record import Record, plain
from longma.logs.sinks import FileSink
from longma.logs.targets import STDERR, Owner, Target, open_target

NOBODY = 65534
Opened = Callable[..., Target]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open targets, which are closed after the test."""
    targets: list[Target] = []

    def open_one(path: Path, owner: Owner | None = None) -> Target:
        targets.append(open_target("errorlog", str(path), STDERR, owner))
        return targets[-1]

    yield open_one
    for target in targets:
        target.close()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def record(words: str) -> Record:
    return Record(Level.INFO, "gunicorn.error", 1, words, time.time())


def drained(descriptor: int) -> bytes:
    """All that is in the pipe."""
    found = b""
    try:
        while data := os.read(descriptor, 1 << 16):
            found += data
    except BlockingIOError:
        pass
    return found


def test_a_named_pipe_that_nobody_reads_yet_keeps_nobody_waiting(opened: Opened, pipe: Path):
    target = opened(pipe)
    assert target.write(b"early\n")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert drained(reader) == b"early\n"
    os.close(reader)
    target.reopen()
    assert target.write(b"nobody\n")


def test_a_pipe_that_nobody_reads_costs_one_wait_and_tells_what_was_lost(opened: Opened, pipe: Path):
    target = opened(pipe)
    sink = FileSink(target, plain)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    kept = 0
    while not target.lost:
        sink.write(record(f"{kept} {'x' * 1000}"))
        kept += not target.lost
    for _ in range(99):
        sink.write(record(f"lost {'x' * 1000}"))
    assert target.lost == 100
    before = drained(reader)
    sink.write(record("the next"))
    lines = (before + drained(reader)).decode().splitlines()
    os.close(reader)
    assert [line.split("] ")[-1].split(" ")[0] for line in lines[:kept]] == [str(turn) for turn in range(kept)]
    assert lines[-2].endswith("] [INFO] the next")
    assert lines[-1].endswith("] [WARNING] 100 records before this one were lost: they could not be written")
    assert target.lost == 0


def test_a_standard_stream_that_nobody_reads_holds_nobody_up():
    reader, writer = os.pipe()
    target = Target(writer)
    kept = 0
    while target.write(b"x" * 1000):
        kept += 1
    assert not target.write(b"x" * 1000)
    assert target.lost == 2
    assert os.get_blocking(writer)
    assert kept >= 60
    assert len(os.read(reader, 1 << 20)) == kept * 1000
    assert target.write(b"next\n")
    assert os.read(reader, 100) == b"next\n"
    os.close(reader)
    os.close(writer)


def test_a_record_that_was_cut_ends_before_the_next(opened: Opened, pipe: Path):
    target = opened(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert not target.write(b"x" * 1_000_000 + b"\n")
    assert not target.write(b"lost\n")
    before = drained(reader)
    assert target.write(b"next\n")
    first, second = (before + drained(reader)).splitlines()
    os.close(reader)
    assert set(first) == {ord("x")}
    assert second == b"next"


def test_standard_error_by_its_path_may_be_a_socket(tmp_path: Path):
    ours, theirs = socket.socketpair()
    code = (
        "from longma.logs.targets import open_target\n"
        "target = open_target('errorlog', '/dev/stderr', 2)\n"
        "target.write(b'one\\n'); target.reopen(); target.write(b'two\\n')\n"
        "assert target.descriptor > 2\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], stderr=theirs, check=False)
    theirs.close()
    with ours:
        assert (done.returncode, ours.recv(1000)) == (0, b"one\ntwo\n")


def test_what_prints_waits_for_the_reader_of_a_pipe(pipe: Path):
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code = (
        "import os, sys\n"
        "from longma.logs.targets import open_target\n"
        "target = open_target('errorlog', sys.argv[1], 2)\n"
        "target.capture()\n"
        "target.reopen()\n"
        "print([os.get_blocking(one) for one in (1, 2, target.descriptor)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(pipe)], capture_output=True, check=False)
    written = drained(reader)
    os.close(reader)
    assert (done.returncode, done.stdout, done.stderr, written) == (0, b"", b"", b"[True, True, True]\n")


@only_root
def test_a_file_is_given_to_its_owner_but_not_what_a_link_leads_to(opened: Opened, tmp_path: Path):
    owner = Owner(NOBODY, NOBODY)
    others = tmp_path / "others"
    others.touch()
    (tmp_path / "soft").symlink_to(others)
    (tmp_path / "hard").hardlink_to(others)
    for name in ("soft", "hard", "own"):
        opened(tmp_path / name, owner).write(b"written\n")
    assert others.stat().st_uid == 0
    assert others.read_bytes() == b"written\nwritten\n"
    assert (tmp_path / "own").stat().st_uid == NOBODY


@only_root
def test_an_owner_of_whom_only_one_half_is_given(opened: Opened, tmp_path: Path):
    opened(tmp_path / "user", Owner(NOBODY, 0))
    opened(tmp_path / "group", Owner(0, NOBODY))
    found = [((tmp_path / name).stat().st_uid, (tmp_path / name).stat().st_gid) for name in ("user", "group")]
    assert found == [(NOBODY, 0), (0, NOBODY)]


@pytest.mark.parametrize("before", ["sys.stdout.close()", "sys.stdout = None", "os.close(1)"])
def test_output_is_captured_from_a_process_without_its_streams(tmp_path: Path, before: str):
    path = tmp_path / "error.log"
    code = (
        "import os, sys\n"
        "from longma.logs.targets import open_target\n"
        f"{before}\n"
        f"open_target('errorlog', {str(path)!r}, 2).capture()\n"
        "os.write(1, b'one\\n'); os.write(2, b'two\\n')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert path.read_text() == "one\ntwo\n"
