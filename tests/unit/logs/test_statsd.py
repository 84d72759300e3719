"""StatsD metrics have Gunicorn's names and form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longma.config.settings import Settings
from longma.logs import bridge
from longma.logs.error_log import ErrorLog
from longma.logs.setup import open_error_log
from tests.support.listening import Daemon

Open = Callable[..., ErrorLog]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open error logs on /dev/null; they are closed after the test."""
    logs: list[ErrorLog] = []

    def open_one(**settings: object) -> ErrorLog:
        logs.append(open_error_log(Settings({"errorlog": os.devnull, **settings})))
        return logs[-1]

    yield open_one
    bridge.uninstall()
    for log in logs:
        log.close()


def test_records_are_counted(opened: Open):
    with Daemon("udp") as daemon:
        log = opened(statsd_host=f"127.0.0.1:{daemon.port}")
        log.info("not this")
        log.warning("a")
        log.error("b")
        log.critical("c")
        log.logger.error("d", exc_info=ValueError("e"))
        names = ["warning", "error", "critical", "exception"]
        expected = [f"gunicorn.log.{name}:1|c|@1.0".encode() for name in names]
        assert [daemon.datagram() for _ in names] == expected


@pytest.mark.parametrize("prefix", ["site", "site.", "site.."])
def test_numbers_of_every_kind_with_prefix_and_tags(opened: Open, prefix: str):
    with Daemon("udp") as daemon:
        log = opened(statsd_host=f"127.0.0.1:{daemon.port}", statsd_prefix=prefix, dogstatsd_tags="a:b,c")
        log.metric("gunicorn.workers", 3, "gauge")
        log.metric("gunicorn.backlog", 7, "histogram")
        log.logger.info("", extra={"metric": "mine", "value": 1, "mtype": "counter"})
        log.logger.log("info", "", extra={"metric": "mine", "value": 2.5, "mtype": "timer"})
        log.metric("mine", 1, "no kind")
        log.metric("last\nline", 1, "gauge")
        assert [daemon.datagram() for _ in range(5)] == [
            b"site.gunicorn.workers:3|g|#a:b,c",
            b"site.gunicorn.backlog:7|h|#a:b,c",
            b"site.mine:1|c|@1.0|#a:b,c",
            b"site.mine:2.5|ms|#a:b,c",
            b"site.last line:1|g|#a:b,c",
        ]


def test_a_path(opened: Open, short_directory: str):
    path = os.path.join(short_directory, "statsd")
    with Daemon(path) as daemon:
        opened(statsd_host=f"unix://{path}").metric("gunicorn.workers", 1, "gauge")
        assert daemon.datagram() == b"gunicorn.workers:1|g"


def test_a_daemon_that_is_not_there_is_told_once(opened: Open, tmp_path: Path):
    path = tmp_path / "error.log"
    log = opened(errorlog=str(path), statsd_host=f"unix://{tmp_path}/missing")
    for _ in range(3):
        log.warning("goes on")
    assert path.read_text().count("statsd: ") == 1
    assert path.read_text().count("goes on") == 3


def test_a_host_that_has_no_address_is_told_once(opened: Open, tmp_path: Path):
    path = tmp_path / "error.log"
    log = opened(errorlog=str(path), statsd_host="no.such.host.invalid:8125")
    log.warning("goes on")
    assert "statsd: no.such.host.invalid:8125: " in path.read_text()
