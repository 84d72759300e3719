"""The error log in Gunicorn's form, each record written whole."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from longma.logs.error_log import ErrorLog, ErrorStream, record
from longma.logs.levels import Level, level_named, name_of
from longma.logs.setup import check_access_log, open_error_log
from longma.logs.targets import STDERR, LogFileError, open_for_appending, write_whole

MOMENT = time.struct_time((2026, 11, 23, 9, 57, 13, 0, 327, 0))


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "error.log"


@pytest.fixture
def descriptor(log_path: Path) -> Iterator[int]:
    opened = open_for_appending("errorlog", str(log_path))
    yield opened
    os.close(opened)


def test_a_record_is_date_pid_level_and_message():
    text = record(Level.INFO, "Booting worker with pid: 7", 7, MOMENT).decode()
    assert re.fullmatch(r"\[2026-11-23 09:57:13 [+-]\d{4}\] \[7\] \[INFO\] Booting worker with pid: 7\n", text)


@pytest.mark.parametrize(
    ("level", "name"),
    [(0, "DEBUG"), (10, "DEBUG"), (20, "INFO"), (25, "INFO"), (30, "WARNING"), (40, "ERROR"), (50, "CRITICAL")],
)
def test_levels_have_the_names_of_logging(level: int, name: str):
    assert name_of(level) == name
    assert level_named(name.lower()).name == name


def test_what_is_below_the_threshold_is_left_out(descriptor: int, log_path: Path):
    log = ErrorLog(descriptor, Level.WARNING)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    log.critical("e")
    log.log(29, "f")
    assert re.findall(r"\[([A-Z]+)\] (.)$", log_path.read_text(), re.MULTILINE) == [
        ("WARNING", "c"),
        ("ERROR", "d"),
        ("CRITICAL", "e"),
    ]


def test_a_record_can_be_signed_by_another_process(descriptor: int, log_path: Path):
    log = ErrorLog(descriptor, Level.DEBUG)
    log.log(Level.ERROR, "theirs", 4711)
    log.error("ours")
    assert re.findall(r"\[(\d+)\] \[ERROR\] (\w+)", log_path.read_text()) == [
        ("4711", "theirs"),
        (str(os.getpid()), "ours"),
    ]


def test_text_that_no_encoding_has_is_still_written(descriptor: int, log_path: Path):
    ErrorLog(descriptor, Level.DEBUG).error("lone \udc80 surrogate")
    assert log_path.read_text().endswith("lone \\udc80 surrogate\n")


def test_threads_do_not_mix_their_records(descriptor: int, log_path: Path):
    log = ErrorLog(descriptor, Level.DEBUG)
    writers = [
        threading.Thread(target=lambda letter=letter: [log.info(letter * 5000) for _ in range(50)]) for letter in "abcd"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    messages = [line.split("] ", 3)[-1] for line in log_path.read_text().splitlines()]
    assert sorted(messages) == [letter * 5000 for letter in "abcd" for _ in range(50)]


def test_a_pipe_that_is_full_gets_the_whole_record_when_it_is_read():
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    data = bytes(range(256)) * 4096
    writer = threading.Thread(target=write_whole, args=(write_end, data))
    writer.start()
    received = b""
    while len(received) < len(data):
        received += os.read(read_end, 65536)
    writer.join()
    os.close(read_end)
    os.close(write_end)
    assert received == data


def test_a_log_that_nobody_reads_any_more_fails_nobody():
    read_end, write_end = os.pipe()
    os.close(read_end)
    ErrorLog(write_end, Level.DEBUG).error("lost")
    os.close(write_end)
    ErrorLog(write_end, Level.DEBUG).error("lost")


def test_wsgi_errors_writes_the_applications_text_unchanged(descriptor: int, log_path: Path):
    stream = ErrorStream(descriptor)
    assert stream.write("no line feed, \x1b[1mbold\x1b[0m, ü") == 29
    stream.writelines(["\n", "second\n"])
    stream.flush()
    print("third", file=stream)
    assert log_path.read_text() == "no line feed, \x1b[1mbold\x1b[0m, ü\nsecond\nthird\n"


def test_a_log_is_appended_to(log_path: Path):
    log_path.write_text("before\n")
    log = open_error_log(str(log_path), "info")
    log.info("after")
    os.close(log.descriptor)
    assert [line.split("] ")[-1] for line in log_path.read_text().splitlines()] == ["before", "after"]


def test_a_dash_is_standard_error():
    log = open_error_log("-", "Warning")
    assert (log.descriptor, log.threshold) == (STDERR, Level.WARNING)


def test_the_descriptor_is_not_inherited_by_what_the_application_starts(descriptor: int):
    assert not os.get_inheritable(descriptor)


@pytest.mark.parametrize("name", ["missing/error.log", "."])
def test_a_log_that_cannot_be_opened_says_which_and_why(tmp_path: Path, name: str):
    path = str(tmp_path / name)
    with pytest.raises(LogFileError) as raised:
        open_error_log(path, "info")
    assert str(raised.value) == f"errorlog: cannot write to {path}: {raised.value.reason}"
    with pytest.raises(LogFileError, match=r"^accesslog: "):
        check_access_log(path)
    assert raised.value.exit_status == 1


def test_an_access_log_that_can_be_written_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "access.log"
    path.write_text("before\n")
    check_access_log(str(path))
    check_access_log("-")
    check_access_log(None)
    assert path.read_text() == "before\n"
