"""Syslog's addresses, facilities and records."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from longma.config.settings import Settings
from longma.logs import bridge
from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.logs.setup import open_error_log
from longma.logs.syslog import MAX_RECORD_BYTES, Address, SyslogError, address, facility, severity, tag
from tests.support.listening import Daemon, read_lines

DGRAM, STREAM = socket.SOCK_DGRAM, socket.SOCK_STREAM
Open = Callable[..., ErrorLog]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open error logs on /dev/null that send to syslog; they are closed after the test."""
    logs: list[ErrorLog] = []

    def open_one(**settings: object) -> ErrorLog:
        logs.append(open_error_log(Settings({"errorlog": os.devnull, "syslog": True, **settings})))
        return logs[-1]

    yield open_one
    bridge.uninstall()
    for log in logs:
        log.close()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("udp://localhost:514", Address(DGRAM, "", "localhost", 514)),
        ("udp://logs.example.org", Address(DGRAM, "", "logs.example.org", 514)),
        ("tcp://Logs.Example.org:601", Address(STREAM, "", "logs.example.org", 601)),
        ("tcp://[::1]:5", Address(STREAM, "", "::1", 5)),
        ("udp://[::1]", Address(DGRAM, "", "::1", 514)),
        ("unix:///dev/log", Address(None, "/dev/log")),
        ("unix:///dev/log#dgram", Address(DGRAM, "/dev/log")),
        ("unix:///dev/log#stream", Address(STREAM, "/dev/log")),
    ],
)
def test_addresses(text: str, read: Address):
    assert address(text) == read


@pytest.mark.parametrize(
    "text", ["", "localhost:514", "udp://", "udp://a:b", "udp://a:99999", "unix://", "unix:///a#x", "http://a"]
)
def test_what_is_no_address_says_what_one_looks_like(text: str):
    with pytest.raises(SyslogError, match=re.escape(f"syslog_addr: {text!r} is not udp://HOST:PORT, tcp://")):
        address(text)


def test_facilities_have_their_numbers():
    known = ["kern", "user", "daemon", "auth", "security", "ftp", "local0", "LOCAL7"]
    assert [facility(name) for name in known] == [0, 1, 3, 4, 4, 11, 16, 23]
    with pytest.raises(SyslogError, match=r"^syslog_facility: 'local8' is not one of auth, authpriv, "):
        facility("local8")


def test_severities():
    assert [severity(level) for level in (0, 10, 20, 25, 30, 40, 50, 60)] == [7, 7, 6, 6, 4, 3, 2, 2]


@pytest.mark.parametrize(
    ("prefix", "name", "expected"),
    [
        (None, None, "gunicorn.mod.app.error"),
        (None, "site", "gunicorn.site.error"),
        ("mine", "site", "gunicorn.mine.error"),
        ("", "site", "gunicorn..error"),
    ],
)
def test_tags_are_gunicorns(prefix: str | None, name: str | None, expected: str):
    cfg = SimpleNamespace(syslog_prefix=prefix, proc_name=name, default_proc_name="mod:app")
    assert tag(cfg, "error") == expected


def test_records_by_udp_are_gunicorns_without_the_nul(opened: Open):
    with Daemon("udp") as daemon:
        log = opened(syslog_addr=f"udp://127.0.0.1:{daemon.port}", default_proc_name="mod:app", loglevel="debug")
        for say in (log.debug, log.info, log.warning, log.error, log.critical):
            say("x %d", 1)
        pid = os.getpid()
        expected = [b"<%d>gunicorn.mod.app.error: [%d] x 1" % (priority, pid) for priority in (15, 14, 12, 11, 10)]
        assert [daemon.datagram() for _ in expected] == expected
        log.log(Level.INFO, "theirs", 4711)
        assert daemon.datagram() == b"<14>gunicorn.mod.app.error: [4711] theirs"


@pytest.mark.parametrize(("kind", "given"), [(DGRAM, ""), (DGRAM, "#dgram"), (STREAM, ""), (STREAM, "#stream")])
def test_records_by_a_path(opened: Open, short_directory: str, kind: int, given: str):
    path = os.path.join(short_directory, "log")
    with Daemon(path, kind) as daemon:
        log = opened(syslog_addr=f"unix://{path}{given}", syslog_prefix="p", syslog_facility="local3")
        log.info("one")
        log.info("two")
        records = [daemon.datagram(), daemon.datagram()] if kind == DGRAM else read_lines(daemon.accept(), 2)
        assert records == [b"<158>gunicorn.p.error: [%d] %b" % (os.getpid(), word) for word in (b"one", b"two")]


def test_a_record_is_one_line_whatever_is_in_it(opened: Open):
    with Daemon("tcp") as daemon:
        log = opened(syslog_addr=f"tcp://127.0.0.1:{daemon.port}", syslog_prefix="p\n<0>")
        log.info("a\n<0>forged: b\r\x00\x1b[2J")
        log.error("failed", exc_info=ValueError("x\ny"))
        pid = os.getpid()
        assert read_lines(daemon.accept(), 2) == [
            b"<14>gunicorn.p#012<0>.error: [%d] a#012<0>forged: b\\x0d\\x00\\x1b[2J" % pid,
            b"<11>gunicorn.p#012<0>.error: [%d] failed#012ValueError: x#012y" % pid,
        ]


def test_a_long_record_is_cut_between_characters(opened: Open):
    with Daemon("udp") as daemon:
        log = opened(syslog_addr=f"udp://127.0.0.1:{daemon.port}")
        log.info("ü" * 100_000)
        cut = daemon.datagram()
        assert MAX_RECORD_BYTES - 1 <= len(cut) <= MAX_RECORD_BYTES
        assert cut.decode().endswith("ü")


def test_json_is_what_follows_tag_and_number(opened: Open):
    with Daemon("udp") as daemon:
        log = opened(syslog_addr=f"udp://127.0.0.1:{daemon.port}", syslog_prefix="p", log_format="json")
        log.info("one\ntwo")
        start, brace, rest = daemon.datagram().partition(b"{")
        assert start == b"<14>gunicorn.p.error: [%d] " % os.getpid()
        assert json.loads(brace + rest)["message"] == "one\ntwo"


def test_a_daemon_that_is_not_there_is_told_in_the_file(opened: Open, tmp_path: os.PathLike[str]):
    path = os.path.join(tmp_path, "error.log")
    log = opened(errorlog=path, syslog_addr=f"unix://{tmp_path}/missing#dgram")
    log.info("goes on")
    log.info("goes on")
    with open(path) as file:
        told = [line.split("] ", 3)[-1].rstrip() for line in file]
    complaint = f"syslog: {tmp_path}/missing: No such file or directory; records for it are lost until it is back"
    assert sorted(told) == ["goes on", "goes on", complaint]


def test_a_host_that_has_no_address_is_told_in_the_file(opened: Open, tmp_path: os.PathLike[str]):
    path = os.path.join(tmp_path, "error.log")
    opened(errorlog=path, syslog_addr="udp://no.such.host.invalid:514").info("goes on")
    with open(path) as file:
        first, second = (line.split("] ", 3)[-1].rstrip() for line in file)
    assert first.startswith("syslog: no.such.host.invalid: ")
    assert first.endswith("; nothing is sent there until a reload")
    assert second == "goes on"


def test_a_bad_address_leaves_nothing_open(tmp_path: os.PathLike[str]):
    before = len(os.listdir("/proc/self/fd"))
    path = os.path.join(tmp_path, "error.log")
    with pytest.raises(SyslogError):
        open_error_log(Settings({"errorlog": path, "syslog": True, "syslog_addr": "nowhere"}))
    assert len(os.listdir("/proc/self/fd")) == before
