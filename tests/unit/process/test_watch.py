"""Real files that change, vanish and come back, and the thread that notices."""

from __future__ import annotations

import contextlib
import os
import py_compile
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from longma.errors import OperatorError
from longma.process.watch import Files, Watcher
from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.unit.process.children import exit_code, fork


def write(path: Path, text: str) -> None:
    """Write a file at a moment of its own: the clock of a filesystem may be coarse."""
    path.write_text(text)
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def imported(monkeypatch: pytest.MonkeyPatch, name: str, path: object) -> ModuleType:
    """A module of this name that says it comes from there."""
    module = ModuleType(name)
    if path is not None:
        module.__file__ = path if isinstance(path, str) else str(path)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an imported module."""
    path = tmp_path / "site.py"
    write(path, "one")
    imported(monkeypatch, "site_of_test", path)
    return path


def test_a_change_is_seen_once(source: Path):
    files = Files(())
    assert files.look() is None
    write(source, "two")
    assert files.look() == str(source)
    assert files.look() is None
    write(source, "one")
    assert files.look() == str(source)


def test_an_older_version_is_a_change_too(source: Path):
    files = Files(())
    os.utime(source, (1, 1))
    assert files.look() == str(source)


def test_files_that_change_together_are_one_change(source: Path, tmp_path: Path):
    other = tmp_path / "a.txt"
    write(other, "one")
    files = Files([str(other)])
    write(source, "two")
    write(other, "two")
    assert files.look() == str(other)
    assert files.look() is None


def test_a_file_that_vanishes_is_judged_when_it_is_back(source: Path):
    files = Files(())
    source.rename(source.with_suffix(".bak"))
    assert files.look() is None
    source.with_suffix(".bak").rename(source)
    assert files.look() is None, "it came back as it was"
    source.unlink()
    assert files.look() is None
    write(source, "two")
    assert files.look() == str(source)


def test_a_module_that_comes_later_is_watched_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = Files(())
    late = tmp_path / "late.py"
    write(late, "one")
    imported(monkeypatch, "late_of_test", late)
    assert files.look() is None
    write(late, "two")
    assert files.look() == str(late)


def test_packages_are_watched_by_their_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "package").mkdir()
    front = tmp_path / "package" / "__init__.py"
    write(front, "")
    imported(monkeypatch, "package_of_test", front)
    files = Files(())
    write(front, "x")
    assert files.look() == str(front)


def test_the_source_of_compiled_code_is_what_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one, two, three = (tmp_path / f"{name}.py" for name in ("one", "two", "three"))
    for path in (one, two, three):
        write(path, "1")
    cached = py_compile.compile(str(two))
    alone = py_compile.compile(str(three), cfile=str(tmp_path / "three.pyc"))
    three.unlink()
    for name, path in (("one_of_test", f"{one}c"), ("two_of_test", cached), ("three_of_test", alone)):
        imported(monkeypatch, name, path)
    files = Files(())
    for source in (one, two):
        write(source, "22")
        assert files.look() == str(source)
    os.utime(str(alone), (1, 1))
    assert files.look() == alone


def test_the_program_itself_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "program.py"
    write(program, "1")
    imported(monkeypatch, "__main__", program)
    files = Files(())
    write(program, "2")
    assert files.look() == str(program)


def test_what_is_no_module_with_a_file_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Lazy(ModuleType):
        def __getattribute__(self, name: str) -> object:
            pytest.fail(f"the module was loaded by asking for {name}")

    imported(monkeypatch, "no_file_of_test", None)
    imported(monkeypatch, "in_zip_of_test", tmp_path / "a.zip" / "b.py")
    monkeypatch.setitem(sys.modules, "lazy_of_test", Lazy("lazy_of_test"))
    monkeypatch.setitem(sys.modules, "slots_of_test", object())  # type: ignore[misc]
    monkeypatch.setitem(sys.modules, "none_of_test", None)  # type: ignore[misc]
    odd = ModuleType("odd_of_test")
    odd.__file__ = 7  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "odd_of_test", odd)
    try:
        assert Files(()).look() is None
    finally:
        del sys.modules["lazy_of_test"]
        monkeypatch.delitem(sys.modules, "lazy_of_test", raising=False)


def test_a_pattern_finds_what_comes_later(tmp_path: Path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "a.html", "1")
    files = Files([f"{tmp_path}/*.html", f"{tmp_path}/deep/**/*.yml"])
    assert files.look() is None
    write(tmp_path / "a.html", "22")
    assert files.look() == f"{tmp_path}/a.html"
    for late in (tmp_path / "b.html", tmp_path / "deep" / "er" / "c.yml"):
        write(late, "1")
        assert files.look() == str(late)
        assert files.look() is None
        write(late, "22")
        assert files.look() == str(late)
    (tmp_path / "b.html").unlink()
    write(tmp_path / "c.txt", "1")
    assert files.look() is None


def test_a_missing_file_that_comes_into_being_is_a_change(tmp_path: Path):
    missing = tmp_path / "forgotten.py"
    files = Files(())
    files.add([str(missing)])
    assert files.look() is None
    write(missing, "1")
    assert files.look() == str(missing)


def test_relative_paths_are_those_of_the_directory_they_were_named_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.txt", "1")
    files = Files(["a.txt", "*.html"])
    monkeypatch.chdir("/")
    write(tmp_path / "a.txt", "2")
    assert files.look() == f"{tmp_path}/a.txt"
    write(tmp_path / "b.html", "2")
    assert files.look() == f"{tmp_path}/b.html"


# The thread.


class Reports(queue.Queue[str]):
    """The paths that a watcher reported."""

    def next(self) -> str:
        return self.get(timeout=DEADLINE_SECONDS)


@pytest.fixture(params=["poll", "inotify"])
def watcher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Reports]]:
    """Start watchers of either kind; they are stopped after the test."""
    started: list[Watcher] = []

    def start(*extra: str) -> Reports:
        reports = Reports()
        started.append(Watcher(request.param, extra, reports.put, interval=0.05))
        started[-1].start()
        reports.watcher = started[-1]  # type: ignore[attr-defined]
        return reports

    yield start
    for one in started:
        one.stop()


def test_a_change_is_reported_and_watching_goes_on(watcher: Callable[..., Reports], source: Path):
    reports = watcher()
    for text in ("two", "three"):
        write(source, text)
        assert reports.next() == str(source)
    assert reports.empty()


def test_an_editor_that_replaces_the_file_is_noticed(watcher: Callable[..., Reports], source: Path):
    reports = watcher()
    for text in ("two", "three"):
        draft = source.with_suffix(".new")
        source.rename(source.with_suffix(".bak"))
        write(draft, text)
        draft.rename(source)
        assert reports.next() == str(source)
    assert reports.empty()


def test_what_did_not_load_is_watched_too(watcher: Callable[..., Reports], tmp_path: Path):
    reports = watcher()
    missing = tmp_path / "later" / "on.py"
    reports.watcher.watch_also([str(missing)])  # type: ignore[attr-defined]
    missing.parent.mkdir()
    write(missing, "1")
    assert reports.next() == str(missing)


def test_the_kernel_tells_at_once(source: Path, tmp_path: Path):
    reports = Reports()
    watcher = Watcher("inotify", [f"{tmp_path}/*.html"], reports.put, interval=10 * DEADLINE_SECONDS)
    watcher.start()
    until(lambda: watches(tmp_path), "the kernel to watch the directory")
    write(tmp_path / "noise.log", "1")
    write(source, "two")
    assert reports.next() == str(source)
    write(tmp_path / "b.html", "1")
    assert reports.next() == f"{tmp_path}/b.html"
    watcher.stop()


def watches(folder: Path) -> bool:
    """Whether an inotify descriptor of this process has a watch on the directory."""
    inode = f" ino:{os.stat(folder).st_ino:x} "
    for name in os.listdir("/proc/self/fdinfo"):
        with contextlib.suppress(OSError):
            if inode in Path(f"/proc/self/fdinfo/{name}").read_text():
                return True
    return False


def test_extra_files_are_watched(watcher: Callable[..., Reports], tmp_path: Path):
    write(tmp_path / "a.txt", "1")
    reports = watcher(f"{tmp_path}/a.txt", f"{tmp_path}/*.html")
    write(tmp_path / "a.txt", "2")
    assert reports.next() == f"{tmp_path}/a.txt"
    write(tmp_path / "b.html", "2")
    assert reports.next() == f"{tmp_path}/b.html"


def test_a_directory_that_goes_and_comes_back_ends_nothing(watcher: Callable[..., Reports], tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "a.txt", "1")
    reports = watcher(f"{folder}/a.txt")
    (folder / "a.txt").unlink()
    folder.rmdir()
    folder.mkdir()
    write(folder / "a.txt", "22")
    assert reports.next() == f"{folder}/a.txt"


def test_nothing_is_reported_after_the_end(watcher: Callable[..., Reports], source: Path):
    reports = watcher()
    reports.watcher.stop()  # type: ignore[attr-defined]
    assert not any(thread.name == "longma-reload" for thread in threading.enumerate())
    write(source, "two")
    assert reports.empty()
    reports.watcher.stop()  # type: ignore[attr-defined]


def test_a_watcher_that_never_began_can_be_stopped():
    Watcher("auto", (), print).stop()


def test_the_thread_takes_no_signals(watcher: Callable[..., Reports]):
    watcher()
    ours = Path(f"/proc/self/task/{threading.main_thread().native_id}/status").read_text()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "longma-reload")
    assert thread.daemon
    its = Path(f"/proc/self/task/{thread.native_id}/status").read_text()

    def blocks_term(status: str) -> bool:
        mask = next(line for line in status.splitlines() if line.startswith("SigBlk"))
        return bool(int(mask.split()[1], 16) & 1 << (signal.SIGTERM - 1))

    assert blocks_term(its)
    assert not blocks_term(ours)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_of_the_process_is_not_held_up(watcher: Callable[..., Reports], source: Path):
    reports = watcher()
    write(source, "two")
    assert exit_code(fork(reports.watcher.stop)) == 0  # type: ignore[attr-defined]
    assert reports.next() == str(source)


PROGRAM = """
import sys
from longma.process.watch import Watcher
Watcher(sys.argv[1], (), print).start()
"""


@pytest.mark.parametrize("engine", ["poll", "inotify"])
def test_the_process_ends_all_the_same(engine: str):
    pid = os.posix_spawn(sys.executable, [sys.executable, "-W", "error", "-c", PROGRAM, engine], os.environ)
    assert exit_code(pid) == 0


def test_inotify_needs_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(OperatorError) as caught:
        Watcher("inotify", (), print).start()
    assert str(caught.value) == ('reload_engine = "inotify" needs the package watchfiles: pip install "longma[reload]"')


def test_without_the_package_auto_goes_by_the_clock(monkeypatch: pytest.MonkeyPatch, source: Path):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    reports = Reports()
    watcher = Watcher("auto", (), reports.put, interval=0.05)
    watcher.start()
    write(source, "two")
    assert reports.next() == str(source)
    watcher.stop()
    until(lambda: not watcher._thread.is_alive(), "the end of the thread")
