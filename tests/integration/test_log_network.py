"""Syslog and StatsD in the running server: real sockets that listen, and one that is not there."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.listening import Daemon, read_lines
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"
ERROR = rb"<(\d+)>gunicorn\.site\.error: \[(\d+)\] (.*)"


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_master_and_worker_write_to_syslog(serve: Serve, short_directory: str, kind: str):
    path = os.path.join(short_directory, "log")
    with Daemon("udp" if kind == "udp" else path) as daemon:
        where = f"udp://127.0.0.1:{daemon.port}" if kind == "udp" else f"unix://{path}#dgram"
        options = ["--log-syslog", "--log-syslog-to", where, "--log-syslog-facility", "local1", "--name", "site"]
        server = serve(SITE, *options, "--disable-redirect-access-to-syslog")
        worker = server.worker_pid()
        server.expect("by the application|ValueError")
        assert server.get("/error-logger?say=by+the+application%0A<0>forged").status == 200
        assert server.get("/raise?x%0Ay").status == 500
        server.stop()
        came = [re.fullmatch(ERROR, datagram) for datagram in daemon.waiting()]
    assert all(came), "a record that is none"
    found = [(int(one[1]), int(one[2]), one[3].decode()) for one in came if one]
    assert found[0][:2] == (17 << 3 | 6, server.pid)
    assert found[0][2].startswith("Starting longma")
    assert (17 << 3 | 6, worker, f"Booting worker with pid: {worker}") in found
    assert (17 << 3 | 4, worker, "by the application#012<0>forged") in found
    (failed,) = [one for one in found if "/raise" in one[2]]
    assert failed[:2] == (17 << 3 | 3, worker)
    assert failed[2].endswith("#012ValueError: x#012y")


def test_a_stream_has_a_connection_for_each_process(serve: Serve, short_directory: str):
    path = os.path.join(short_directory, "log")
    with Daemon(path, socket.SOCK_STREAM) as daemon:
        options = ["--log-syslog", "--log-syslog-to", f"unix://{path}#stream", "--log-syslog-prefix", "site"]
        server = serve(SITE, *options, "--disable-redirect-access-to-syslog")
        server.expect("by the application")
        assert server.get("/error-logger?say=by+the+application").status == 200
        first, second = daemon.accept(), daemon.accept()
        by_pid = {}
        for connection in (first, second):
            found = [re.fullmatch(ERROR, line) for line in read_lines(connection, 2)]
            assert all(found)
            by_pid[{int(one[2]) for one in found if one}.pop()] = [one[3].decode() for one in found if one]
        assert set(by_pid) == {server.pid, server.worker_pid()}
        assert by_pid[server.pid][0].startswith("Starting longma")
        assert by_pid[server.worker_pid()][-1] == "by the application"
        server.stop()


def test_a_daemon_that_is_not_there_stops_nobody(serve: Serve, tmp_path: Path):
    server = serve(SITE, "--log-syslog", "--log-syslog-to", f"unix://{tmp_path}/missing#dgram")
    server.expect("missing")
    for _ in range(20):
        assert server.get("/").status == 200
    assert server.stop() == 0


def test_statsd_counts_what_the_logs_say(serve: Serve):
    with Daemon("udp") as daemon:
        options = ["--statsd-host", f"127.0.0.1:{daemon.port}", "--statsd-prefix", "site", "--dogstatsd-tags", "a:b"]
        server = serve(SITE, *options)
        server.expect("ValueError")
        assert server.get("/raise?x").status == 500
        seen: list[bytes] = []
        until(
            lambda: seen.extend(daemon.waiting()) or b"site.gunicorn.log.exception:1|c|@1.0|#a:b" in seen, "the count"
        )
        until(lambda: seen.extend(daemon.waiting()) or b"site.gunicorn.workers:1|g|#a:b" in seen, "the gauge")
