"""The error log in Gunicorn's form, each record written whole."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from longma.logs.error_log import ErrorLog, ErrorStream
from longma.logs.json_errors import JsonErrorStream
from longma.logs.levels import Level, level_named, name_of
from longma.logs.record import Record, plain
from longma.logs.targets import open_for_appending, write_whole


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "error.log"


@pytest.fixture
def descriptor(log_path: Path) -> Iterator[int]:
    opened = open_for_appending("errorlog", str(log_path))
    yield opened
    os.close(opened)


def test_a_record_is_date_pid_level_and_message():
    moment = time.mktime((2026, 11, 23, 9, 57, 13, 0, 0, -1)) + 0.9
    text = plain(Record(Level.INFO, "gunicorn.error", 7, "Booting worker with pid: 7", moment)).decode()
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


def test_wsgi_errors_writes_the_applications_text_at_once(descriptor: int, log_path: Path):
    stream = ErrorStream(descriptor)
    assert stream.write("no line feed, ü") == 15
    stream.writelines(["\n", "second\n"])
    stream.flush()
    print("third", file=stream)
    assert log_path.read_text() == "no line feed, ü\nsecond\nthird\n"


def test_wsgi_errors_lets_nothing_of_a_clients_through(descriptor: int, log_path: Path):
    ErrorStream(descriptor).write("Exception on /\x1b[2J\x9b\u2028\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\n")
    text = "Exception on /\\x1b[2J\\x9b\\u2028\n [2026-01-01 00:00:00 +0000] [1] [INFO] forged\n"
    assert log_path.read_text() == text


def test_wsgi_errors_in_json_is_a_record_a_line(descriptor: int, log_path: Path):
    stream = JsonErrorStream(descriptor)
    print("in", "parts", file=stream)
    stream.write("two\nlines\n")
    stream.write("no line feed")
    stream.flush()
    stream.flush()
    stream.write("\n")
    found = [json.loads(line) for line in log_path.read_text().splitlines()]
    assert [one["message"] for one in found] == ["in parts", "two\nlines", "no line feed"]
    assert {(one["logger"], one["level"], one["pid"]) for one in found} == {("wsgi.errors", "ERROR", os.getpid())}


def test_the_descriptor_is_not_inherited_by_what_the_application_starts(descriptor: int):
    assert not os.get_inheritable(descriptor)


@pytest.mark.parametrize(
    ("message", "args", "written"),
    [
        ("100% of it", (), "100% of it"),
        ("%s is %d", ("one", 1), "one is 1"),
        ("%(name)s", ({"name": "one"},), "one"),
        ("%s", ({},), "{}"),
        (7, (), "7"),
        ("%d", ("one",), "'%d' (with 1 arguments that cannot be shown: TypeError)"),
        ("no room", (1, 2), "'no room' (with 2 arguments that cannot be shown: TypeError)"),
    ],
)
def test_arguments_are_put_in_as_logging_does(
    descriptor: int, log_path: Path, message: object, args: tuple[object, ...], written: str
):
    ErrorLog(descriptor, Level.DEBUG).info(message, *args)
    assert log_path.read_text().endswith(f"[INFO] {written}\n")


def test_an_argument_that_raises_when_shown_costs_nobody_anything(descriptor: int, log_path: Path):
    class Odd:
        def __str__(self) -> str:
            raise OSError("no words")

    ErrorLog(descriptor, Level.DEBUG).error("%s", Odd())
    assert log_path.read_text().endswith("'%s' (with 1 arguments that cannot be shown: OSError)\n")


def test_exception_brings_the_traceback(descriptor: int, log_path: Path):
    log = ErrorLog(descriptor, Level.DEBUG)
    try:
        raise ValueError("bad\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\x1b[2J")
    except ValueError as error:
        caught = error
        log.exception("While %s", "testing")
        log.warning("Told", exc_info=True)
    log.error("Later", exc_info=caught)
    log.log(Level.ERROR, "Engine", error=caught)
    log.error("Nothing was raised", exc_info=True)
    text = log_path.read_text()
    starts = re.findall(r"^\[[^\]]+\] \[\d+\] \[(\w+)\] (.*)$", text, re.MULTILINE)
    assert starts == [
        ("ERROR", "While testing"),
        ("WARNING", "Told"),
        ("ERROR", "Later"),
        ("ERROR", "Engine"),
        ("ERROR", "Nothing was raised"),
    ]
    assert text.count("Traceback (most recent call last):") == 4
    assert "\x1b" not in text
    assert "\\x1b[2J" in text


class Counted:
    """Metrics that are only noted."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def count(self, name: str) -> None:
        self.seen.append((name,))

    def metric(self, name: str, value: object, kind: str) -> None:
        self.seen.append((name, value, kind))

    def measure(self, extra: Mapping[str, object] | None) -> bool:
        self.seen.append(tuple((extra or {}).values()))
        return True

    def close(self) -> None:
        pass


def test_what_is_grave_is_counted_under_gunicorns_names_whatever_the_level(descriptor: int, log_path: Path):
    metrics = Counted()
    log = ErrorLog(descriptor, Level.CRITICAL, metrics=metrics)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    log.critical("e")
    log.exception("f")
    log.log(Level.ERROR, "g\nTraceback (most recent call last):\nValueError: h")
    log.error("i", exc_info=ValueError("j"))
    names = ["warning", "error", "critical", "error", "exception", "exception"]
    assert metrics.seen == [(f"gunicorn.log.{name}",) for name in names]
    assert log_path.read_text().endswith("[CRITICAL] e\n")


def test_numbers_are_told_by_metric_and_by_extra(descriptor: int, log_path: Path):
    metrics = Counted()
    log = ErrorLog(descriptor, Level.DEBUG, metrics=metrics)
    log.metric("gunicorn.workers", 3, "gauge")
    log.info("", extra={"metric": "a", "value": 1, "mtype": "counter"})
    log.info("with words", extra={"metric": "b", "value": 2, "mtype": "timer"})
    log.info("other", extra={"request": 7})
    assert metrics.seen == [("gunicorn.workers", 3, "gauge"), ("a", 1, "counter"), ("b", 2, "timer")]
    assert re.findall(r"\[INFO\] (.*)", log_path.read_text()) == ["with words", "other"]
    ErrorLog(descriptor, Level.DEBUG).metric("nobody.counts", 1, "gauge")


def test_an_error_is_told_where_python_itself_cannot_be_read(
    descriptor: int, log_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "traceback", None)
    ErrorLog(descriptor, Level.DEBUG).error("failed", exc_info=ValueError("words"))
    assert "ValueError: words (its traceback cannot be shown: " in log_path.read_text()
