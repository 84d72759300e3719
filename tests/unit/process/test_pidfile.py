"""Real files and real processes: who may have the file, and what becomes of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from longma.errors import OperatorError
from longma.process.pidfile import Pidfile, is_alive, recorded
from tests.unit.process.children import exit_code, fork

ME = os.getpid()
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "longma.pid"


@pytest.fixture
def other() -> Iterator[int]:
    """The number of a process that lives as long as the test."""
    heard, told = os.pipe()
    pid = fork(lambda: (os.close(told), os.read(heard, 1)))
    os.close(heard)
    yield pid
    os.close(told)
    assert exit_code(pid) == 0


def dead() -> int:
    """The number of a process that was and is no more."""
    pid = fork(lambda: None)
    assert exit_code(pid) == 0
    return pid


def refused(pidfile: Pidfile, pid: int = ME) -> str:
    with pytest.raises(OperatorError) as caught:
        pidfile.create(pid)
    return str(caught.value)


def test_the_number_is_written_for_everyone_to_read(path: Path):
    before = os.umask(0o77)
    try:
        Pidfile(str(path)).create(ME)
    finally:
        os.umask(before)
    assert path.read_text() == f"{ME}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(path.parent) == ["longma.pid"]


def test_the_file_of_a_living_process_is_refused(path: Path, other: int):
    path.write_text(f"{other}\n")
    words = refused(Pidfile(str(path)))
    assert words.startswith(f"pidfile {path}: process {other} (")
    assert words.endswith(
        ") is running and has it; stop that one, choose another file with --pid, or remove the file if that process is "
        "no server of yours"
    )
    assert path.read_text() == f"{other}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not signal another")
def test_a_process_that_we_may_not_signal_is_alive():
    def run() -> None:
        os.setuid(NOBODY)
        assert is_alive(1)
        assert is_alive(ME)

    assert exit_code(fork(run)) == 0


def test_the_file_of_a_dead_process_is_replaced(path: Path):
    path.write_text(f"{dead()}\n")
    Pidfile(str(path)).create(ME)
    assert path.read_text() == f"{ME}\n"


def test_a_process_that_only_waits_for_its_parent_is_dead():
    pid = fork(lambda: None)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(pid)
    assert exit_code(pid) == 0


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.5", "9" * 30, "12 34", "\0", "\xb2"])
def test_what_is_no_number_of_a_process_is_replaced(path: Path, text: str):
    path.write_text(text)
    assert recorded(str(path)) is None
    Pidfile(str(path)).create(ME)
    assert path.read_text() == f"{ME}\n"


def test_our_own_number_is_no_obstacle(path: Path):
    path.write_text(str(ME))
    Pidfile(str(path)).create(ME)


def test_a_fifo_in_its_place_holds_nobody_up(path: Path):
    os.mkfifo(path)
    Pidfile(str(path)).create(ME)
    assert path.read_text() == f"{ME}\n"


def test_a_link_in_its_place_is_replaced_not_followed(path: Path, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_text("gold")
    path.symlink_to(precious)
    Pidfile(str(path)).create(ME)
    assert precious.read_text() == "gold"
    assert not path.is_symlink()


def test_a_missing_directory_is_named(tmp_path: Path):
    words = refused(Pidfile(f"{tmp_path}/a/b.pid"))
    assert words == (f"pidfile {tmp_path}/a/b.pid: No such file or directory; create the directory {tmp_path}/a first")


def test_a_directory_in_its_place_is_explained_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "a").mkdir()
    words = refused(Pidfile(f"{tmp_path}/a"))
    assert words == f"pidfile {tmp_path}/a: Is a directory; name a file in it instead"
    assert os.listdir(tmp_path) == ["a"]


def test_whether_it_can_be_had_is_found_out_without_a_trace(path: Path, tmp_path: Path):
    path.write_text("no number\n")
    Pidfile(str(path)).check(7)
    assert path.read_text() == "no number\n"
    for impossible in (tmp_path, tmp_path / "missing" / "pid"):
        with pytest.raises(OperatorError):
            Pidfile(str(impossible)).check(7)
    assert list(tmp_path.rglob("*")) == [path]


def test_it_is_removed_only_while_it_is_ours(path: Path, other: int):
    pidfile = Pidfile(str(path))
    pidfile.create(ME)
    path.write_text(f"{other}\n")
    pidfile.unlink()
    assert path.exists()
    path.write_text(f"{ME}\n")
    pidfile.unlink()
    assert not path.exists()
    pidfile.unlink()


def test_one_that_was_not_written_is_not_removed(path: Path):
    path.write_text(f"{ME}\n")
    Pidfile(str(path)).unlink()
    assert path.exists()


def test_a_relative_path_is_removed_from_wherever_we_are_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    pidfile = Pidfile("a.pid")
    pidfile.create(ME)
    monkeypatch.chdir("/")
    pidfile.unlink()
    assert os.listdir(tmp_path) == []


def test_it_moves_when_the_old_master_is_gone(path: Path):
    pidfile = Pidfile(f"{path}.2")
    pidfile.create(ME)
    path.write_text(str(dead()))
    pidfile.rename(str(path))
    assert os.listdir(path.parent) == [path.name]
    assert path.read_text() == f"{ME}\n"
    pidfile.unlink()
    assert os.listdir(path.parent) == []


def test_it_stays_where_it_is_when_it_cannot_move(path: Path, other: int):
    pidfile = Pidfile(f"{path}.2")
    pidfile.create(ME)
    path.write_text(str(other))
    with pytest.raises(OperatorError):
        pidfile.rename(str(path))
    assert pidfile.path == f"{path}.2"
    assert Path(pidfile.path).read_text() == f"{ME}\n"


def test_moving_to_the_same_place_keeps_it(path: Path):
    pidfile = Pidfile(str(path))
    pidfile.create(ME)
    pidfile.rename(str(path))
    assert path.read_text() == f"{ME}\n"
