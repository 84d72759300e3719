"""What the settings make of the logs: files, standard streams, owners, levels."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longma.config.settings import Settings
from longma.logs import bridge
from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.logs.setup import check_access_log, open_error_log, reopen_logs
from longma.logs.targets import STDERR, LogFileError

Open = Callable[..., ErrorLog]
NOBODY = 65534


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open error logs, which are closed and disconnected after the test."""
    logs: list[ErrorLog] = []

    def open_one(**settings: object) -> ErrorLog:
        logs.append(open_error_log(Settings(settings)))
        return logs[-1]

    yield open_one
    bridge.uninstall()
    for log in logs:
        log.close()


def messages(path: Path) -> list[str]:
    return [line.split("] ")[-1] for line in path.read_text().splitlines()]


def test_a_log_is_appended_to(opened: Open, tmp_path: Path):
    path = tmp_path / "error.log"
    path.write_text("before\n")
    opened(errorlog=str(path)).info("after")
    assert messages(path) == ["before", "after"]


def test_a_dash_is_standard_error(opened: Open):
    log = opened(loglevel="warning")
    assert (log.descriptor, log.threshold) == (STDERR, Level.WARNING)
    log.reopen()


@pytest.mark.parametrize("name", ["missing/error.log", "."])
def test_a_log_that_cannot_be_opened_says_which_and_why(tmp_path: Path, name: str):
    path = str(tmp_path / name)
    with pytest.raises(LogFileError) as raised:
        open_error_log(Settings({"errorlog": path}))
    assert str(raised.value) == f"errorlog: cannot write to {path}: {raised.value.reason}"
    with pytest.raises(LogFileError, match=r"^accesslog: "):
        check_access_log(Settings({"accesslog": path}))
    assert raised.value.exit_status == 1


def test_an_access_log_that_can_be_written_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "access.log"
    path.write_text("before\n")
    for accesslog in (str(path), "-", None):
        check_access_log(Settings({"accesslog": accesslog}))
    assert path.read_text() == "before\n"


def test_a_file_that_was_moved_away_is_opened_anew_under_the_same_descriptor(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    log = opened(errorlog="error.log")
    descriptor = log.descriptor
    log.info("one")
    (tmp_path / "error.log").rename(tmp_path / "error.log.1")
    log.info("two")
    monkeypatch.chdir("/")
    log.reopen()
    log.info("three")
    assert messages(tmp_path / "error.log.1") == ["one", "two"]
    assert messages(tmp_path / "error.log") == ["three"]
    assert log.descriptor == descriptor
    assert not os.get_inheritable(descriptor)


def test_a_file_that_cannot_be_opened_again_is_kept(opened: Open, tmp_path: Path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = opened(errorlog=str(folder / "error.log"))
    folder.rename(tmp_path / "moved")
    log.reopen()
    log.info("still here")
    said = messages(tmp_path / "moved" / "error.log")
    assert said == [f"errorlog: cannot write to {folder}/error.log: No such file or directory", "still here"]


def test_both_files_are_there_again_when_the_master_has_reopened(opened: Open, tmp_path: Path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    settings = Settings({"errorlog": str(error), "accesslog": str(access)})
    log = opened(errorlog=str(error), accesslog=str(access))
    reopen_logs(settings, log)
    error.unlink()
    access.unlink()
    reopen_logs(settings, log)
    assert error.exists()
    assert access.exists()
    access.unlink()
    access.mkdir()
    reopen_logs(settings, log)
    assert messages(error) == [f"accesslog: cannot write to {access}: Is a directory"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_belong_to_the_user_that_workers_become(opened: Open, tmp_path: Path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    log = opened(errorlog=str(error), user=NOBODY, group=NOBODY)
    check_access_log(Settings({"accesslog": str(access), "user": NOBODY, "group": NOBODY}))
    error.unlink()
    log.reopen()
    for path in (error, access):
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_is_no_file_of_ours_keeps_its_owner(opened: Open, tmp_path: Path):
    device = os.stat(os.devnull)
    opened(errorlog=os.devnull, user=NOBODY, group=NOBODY)
    assert os.stat(os.devnull).st_uid == device.st_uid
    assert stat.S_ISCHR(device.st_mode)
    theirs = tmp_path / "error.log"
    theirs.touch()
    os.chown(theirs, NOBODY, NOBODY)
    opened(errorlog=str(theirs))
    assert theirs.stat().st_uid == NOBODY


def test_json_lines(opened: Open, tmp_path: Path):
    path = tmp_path / "error.log"
    log = opened(errorlog=str(path), log_format="json")
    log.info('quoted " and \n\x1b[2J ü \udc80')
    try:
        raise ValueError("told")
    except ValueError:
        log.exception("failed")
    log.log(Level.ERROR, "Error handling request GET /\nTraceback (most recent call last):\nValueError: x", 7)
    first, second, third = (json.loads(line) for line in path.read_text(encoding="ascii").splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "INFO",
        "logger": "gunicorn.error",
        "pid": os.getpid(),
        "message": 'quoted " and \n\x1b[2J ü \udc80',
    }
    assert second["message"] == "failed"
    assert second["exception"].startswith("Traceback (most recent call last):\n")
    assert second["exception"].endswith("ValueError: told")
    assert (third["message"], third["pid"]) == ("Error handling request GET /", 7)
    assert third["exception"] == "Traceback (most recent call last):\nValueError: x"


def test_the_light_log_does_without_the_librarys(tmp_path: Path):
    code = f"""
import sys
from longma.config.settings import Settings
from longma.logs.setup import open_error_log
log = open_error_log(Settings({{"errorlog": {str(tmp_path / "log")!r}, "accesslog": "-"}}))
log.info("said %s", "well")
log.logger.access(None, None, {{}}, __import__("types").SimpleNamespace(total_seconds=lambda: 1.5))
heavy = {{"logging", "json", "traceback", "longma.logs.handlers", "longma.logs.syslog"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-W", "error", "-c", code])
    assert done == 0
    assert messages(tmp_path / "log") == ["said well"]


def test_nothing_reaches_a_log_that_was_closed(tmp_path: Path):
    log = open_error_log(Settings({"errorlog": str(tmp_path / "error.log")}))
    log.close()
    bridge.uninstall()
    with (tmp_path / "next").open("w") as next_file:
        assert next_file.fileno() == log.descriptor
        log.error("lost")
        log.reopen()
        log.close()
    assert (tmp_path / "next").read_text() == ""
