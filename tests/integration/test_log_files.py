"""Log files while the server runs: moved away, owned by the workers' user, and what is captured for them."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.log import records
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"
NOBODY = 65534


def lines(path: Path) -> list[str]:
    """The lines of a file, none while it is not there."""
    return path.read_text().splitlines() if path.exists() else []


def texts(path: Path) -> list[str]:
    """The words of each record of an error log."""
    return [record.text for record in records(lines(path))[0]]


def booted(path: Path) -> Callable[[], bool]:
    """Whether the log says that a worker is there."""
    return lambda: any("Booting worker" in text for text in texts(path))


def rotate(server: Server, *paths: Path) -> None:
    """Move the logs away, have the server open them again, and wait until each of its processes has done so."""
    for path in paths:
        path.rename(f"{path}.1")
    server.send_signal(signal.SIGUSR1)
    for pid in (server.pid, *server.worker_pids()):
        until(lambda pid=pid: not holds(pid, paths), f"process {pid} to let go of what was moved away")


def holds(pid: int, paths: tuple[Path, ...]) -> list[str]:
    """What the process still has open of the files that were moved away."""
    moved = {f"{path}.1" for path in paths}
    folder = f"/proc/{pid}/fd"
    return [name for name in os.listdir(folder) if target(f"{folder}/{name}") in moved]


def target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # closed meanwhile
        return ""


def test_usr1_opens_both_logs_again_everywhere(serve: Serve, tmp_path: Path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    options = ["--error-logfile", str(error), "--access-logfile", str(access)]
    server = serve(SITE, *options, "--access-logformat", "%(U)s", ready=None)
    assert server.get("/errors?say=one").status == 200
    until(lambda: lines(access) == ["/errors"], "the access line")
    rotate(server, error, access)
    for path in ("errors", "error-logger"):
        assert server.get(f"/{path}?say=two").status == 200
    assert server.stop() == 0
    assert "one" in lines(tmp_path / "error.log.1")
    assert "two" not in "".join(lines(tmp_path / "error.log.1"))
    found, strays = records(lines(error))
    assert strays == ["two"]
    assert found[0].text == "two"
    assert (found[0].level, found[-1].text) == ("WARNING", "Shutting down: Master")
    assert lines(tmp_path / "access.log.1") == ["/errors"]
    assert lines(access) == ["/errors", "/error-logger"]


def test_no_line_is_lost_or_doubled_by_rotation(serve: Serve, tmp_path: Path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    options = ["--error-logfile", str(error), "--access-logfile", str(access), "--access-logformat", "%(q)s"]
    server = serve(SITE, *options, workers=2, ready=None)
    until(lambda: len([text for text in texts(error) if "Booting worker" in text]) == 2, "both workers")
    words = [f"say={number}." for number in range(400)]
    rotated = threading.Event()

    def ask() -> None:
        for number, word in enumerate(words):
            server.get(f"/{'errors' if number % 2 else 'error-logger'}?{word}")
            if number == len(words) // 2:
                assert rotated.wait(DEADLINE_SECONDS)

    client = threading.Thread(target=ask)
    client.start()
    for turn in range(5):
        rotate(server, error, access)
        for path in (error, access):
            Path(f"{path}.1").rename(f"{path}.old{turn}")
    rotated.set()
    client.join()
    assert server.stop() == 0
    every_error = "".join(path.read_text() for path in tmp_path.glob("error.log*"))
    every_access = "".join(path.read_text() for path in tmp_path.glob("access.log*"))
    for word in words:
        assert every_access.count(f"{word}\n") == 1, word
        said = word.removeprefix("say=")
        assert len(re.findall(rf"^(\[.*\] )?{said}$", every_error, re.MULTILINE)) == 1, word


def test_captured_output_goes_to_the_error_log_and_follows_it(serve: Serve, tmp_path: Path):
    error = tmp_path / "error.log"
    server = serve(SITE, "--error-logfile", str(error), "--capture-output", ready=None)
    for way in ("print", "stdout", "stderr"):
        assert server.get(f"/{way}?say=one-{way}").status == 200
        assert f"one-{way}" in lines(error)
    rotate(server, error)
    for way in ("print", "stdout", "stderr", "errors"):
        assert server.get(f"/{way}?say=two-{way}").status == 200
    assert server.stop() == 0
    assert [line for line in lines(error) if line.startswith("two-")] == [
        *("two-print", "two-stdout", "two-stderr", "two-errors"),
    ]
    assert server.errors.so_far() == server.access.so_far() == []


def test_with_a_standard_stream_there_is_nothing_to_capture(serve: Serve):
    server = serve(SITE, "--capture-output")
    server.expect("to-stderr")
    server.get("/stderr?say=to-stderr")
    server.get("/print?say=to-stdout")
    server.errors.wait("^to-stderr$")
    server.access.wait("^to-stdout$")


def test_a_folder_that_is_gone_costs_a_line_and_nothing_else(serve: Serve, tmp_path: Path):
    folder = tmp_path / "logs"
    folder.mkdir()
    server = serve(SITE, "--error-logfile", str(folder / "error.log"), ready=None)
    assert server.get("/").status == 200
    folder.rename(tmp_path / "moved")
    server.send_signal(signal.SIGUSR1)
    moved = tmp_path / "moved" / "error.log"
    complaint = f"errorlog: cannot write to {folder}/error.log: No such file or directory"
    until(lambda: texts(moved).count(complaint) == 2, "master and worker to say so")
    assert server.get("/errors?say=still").status == 200
    assert "still" in moved.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_workers_that_gave_up_root_can_open_the_logs_again(serve: Serve, short_directory: str):
    folder = Path(short_directory)
    folder.chmod(0o755)
    error, access = folder / "error.log", folder / "access.log"
    options = ["--error-logfile", str(error), "--access-logfile", str(access), "--access-logformat", "%(U)s"]
    # Preloaded, since that user may not be allowed to read where Python is.
    server = serve(SITE, *options, "--preload", "--user", str(NOBODY), "--group", str(NOBODY), ready=None)
    assert server.get("/one").status == 200
    until(lambda: lines(access) == ["/one"], "the access line")
    rotate(server, error, access)
    assert server.get("/errors?say=two").status == 200
    assert server.stop() == 0
    for path in (error, access):
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)
    assert "two" in lines(error)
    assert lines(access) == ["/errors"]


def test_json_lines(serve: Serve, tmp_path: Path):
    error = tmp_path / "error.log"
    server = serve(SITE, "--error-logfile", str(error), "--log-format", "json", ready=None)
    assert server.get("/error-logger?say=two%0Alines").status == 200
    assert server.get("/raise?x%0Ay").status == 500
    # What the application writes by itself, and print() in two parts.
    assert server.get("/errors?say=by%0Aprint%1b").status == 200
    assert server.stop() == 0
    found = [json.loads(line) for line in lines(error)]
    assert [one["message"] for one in found if one["logger"] == "wsgi.errors"] == ["by\nprint\x1b"]
    assert all(set(one) >= {"time", "level", "logger", "pid", "message"} for one in found)
    assert found[0]["message"].startswith("Starting longma")
    assert "two\nlines" in [one["message"] for one in found]
    (failed,) = [one for one in found if "exception" in one]
    assert "/raise" in failed["message"]
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert failed["exception"].endswith("ValueError: x\ny")


def test_a_disk_that_is_full_stops_nobody(serve: Serve):
    server = serve(SITE, "--access-logfile", "/dev/full")
    server.expect("access log")
    for _ in range(3):
        assert server.get("/").status == 200
    server.errors.wait("The access log cannot be written to /dev/full: No space left on device")
    assert server.stop() == 0
    assert any("3 lines of the access log to /dev/full were lost" in line for line in server.errors.so_far())


def test_an_error_log_on_a_full_disk_stops_nobody(serve: Serve):
    options = ["--error-logfile", "/dev/full", "--access-logfile", "-", "--access-logformat", "%(U)s %(s)s"]
    server = serve(SITE, *options, ready=None)
    assert server.get("/raise?x").status == 500
    assert server.get("/errors?say=lost").status == 200
    assert server.stop() == 0
    assert server.access.so_far() == ["/raise 500", "/errors 200"]
