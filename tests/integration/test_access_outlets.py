"""Where the access log goes: files that are moved away, pipes nobody reads, syslog, StatsD. No request waits for it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.listening import Daemon, read_lines
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.logged"
SHORT = ("--access-logformat", "%(U)s %(s)s")
LONG = ("--access-logformat", "%(U)s %(a)s")
AGENT = "x" * 7000


def syslog(where: str, *more: str) -> tuple[str, ...]:
    return ("--log-syslog", "--log-syslog-to", where, "--log-syslog-prefix", "site", *SHORT, *more)


def accesses(records: list[bytes]) -> list[bytes]:
    """The records that are not the error log's."""
    return [record for record in records if b"gunicorn.site.error" not in record]


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_syslog_by_datagrams(serve: Serve, short_directory: str, kind: str):
    path = os.path.join(short_directory, "log")
    with Daemon("udp" if kind == "udp" else path) as daemon:
        where = f"udp://127.0.0.1:{daemon.port}" if kind == "udp" else f"unix://{path}#dgram"
        server = serve(APP, *syslog(where, "--log-syslog-facility", "local3"))
        pid = server.worker_pid()
        for number in range(100):
            assert server.get(f"/{number}").status == 200
            record = daemon.datagram()
            while not accesses([record]):
                record = daemon.datagram()
            assert record == b"<158>gunicorn.site.access: [%d] /%d 200" % (pid, number)
        server.stop()
        assert accesses(daemon.waiting()) == []


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_syslog_by_streams(serve: Serve, short_directory: str, kind: str):
    path = os.path.join(short_directory, "log")
    with Daemon("tcp" if kind == "tcp" else path, socket.SOCK_STREAM) as daemon:
        where = f"tcp://127.0.0.1:{daemon.port}" if kind == "tcp" else f"unix://{path}#stream"
        server = serve(APP, *syslog(where))
        pid = server.worker_pid()
        for number in range(10):
            assert server.get(f"/{number}").status == 200
        server.stop()
        found = accesses(daemon.received().splitlines())
    assert found == [b"<14>gunicorn.site.access: [%d] /%d 200" % (pid, number) for number in range(10)]


@pytest.mark.parametrize("worker_class", ["gevent", "eventlet"])
def test_a_stream_is_no_business_of_the_hub(serve: Serve, worker_class: str):
    """What it has patched would wait by it for whether the stream has ended, and the worker with it."""
    with Daemon("tcp", socket.SOCK_STREAM) as daemon:
        server = serve(APP, *syslog(f"tcp://127.0.0.1:{daemon.port}"), "-k", worker_class)
        for number in range(3):
            assert server.get(f"/{number}").status == 200
        server.stop()
        received = daemon.received()
    assert all(f"/{number} 200".encode() in received for number in range(3))
    assert b"Worker exiting" in received


def test_a_stream_that_ends_is_begun_anew(serve: Serve):
    with Daemon("tcp") as daemon:
        server = serve(APP, *syslog(f"tcp://127.0.0.1:{daemon.port}"))
        server.expect("cannot be written")
        assert server.get("/first").status == 200
        connection = daemon.accept()
        while not any(b"/first" in line for line in read_lines(connection, 1)):
            connection = daemon.accept()
        connection.shutdown(socket.SHUT_RDWR)
        until(
            lambda: server.get("/again").status == 200 and select.select([daemon.socket], [], [], 0)[0],
            "a new connection",
        )
        assert b"/again" in read_lines(daemon.accept(), 1)[0]
        server.stop()


def test_syslog_keeps_the_access_log_out_if_it_is_told_to(serve: Serve, short_directory: str):
    path = os.path.join(short_directory, "log")
    with Daemon(path) as daemon:
        server = serve(APP, *syslog(f"unix://{path}", "--disable-redirect-access-to-syslog"))
        assert server.get("/").status == 200
        server.stop()
        assert accesses(daemon.waiting()) == []


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_statsd_is_told_of_each_request(serve: Serve, short_directory: str, kind: str):
    path = os.path.join(short_directory, "statsd")
    with Daemon("udp" if kind == "udp" else path) as daemon:
        where = f"127.0.0.1:{daemon.port}" if kind == "udp" else f"unix://{path}"
        server = serve(APP, "--statsd-host", where, "--statsd-prefix", "site..", "--dogstatsd-tags", "a:b,c")
        server.expect("Invalid request")
        assert server.get("/").status == 200
        with server.client() as client:
            client.send(b"nonsense\r\n\r\n")
            assert client.read_response().status == 400
        server.stop()
        found = [metric.decode() for metric in daemon.waiting() if b".request" in metric]
    expected = [r"requests:1\|c\|@1\.0", r"request\.duration:\d+\.\d{3}\|ms", r"request\.status\.%d:1\|c\|@1\.0"]
    wanted = [(r"site\.gunicorn\." + one + r"\|#a:b,c") for one in expected]
    assert len(found) == 6
    for status, metrics in ((200, found[:3]), (400, found[3:])):
        for pattern, metric in zip(wanted, metrics, strict=True):
            assert re.fullmatch(pattern.replace("%d", str(status)), metric), metric
    assert server.access.so_far() == []


def test_a_file_that_is_moved_away_is_made_anew(serve: Serve, tmp_path: Path):
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    server = serve(APP, "--access-logfile", str(path), *SHORT)
    assert server.get("/before").status == 200
    until(lambda: path.read_text() == "/before 200\n", "the first line")
    path.rename(old)
    os.kill(server.worker_pid(), signal.SIGUSR1)
    until(path.exists, "a new file")
    assert server.get("/after").status == 200
    server.stop()
    assert (old.read_text(), path.read_text()) == ("/before 200\n", "/after 200\n")


def test_a_file_is_made_anew_during_a_call(serve: Serve, gate: Gate, tmp_path: Path):
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    server = serve(APP, "--access-logfile", str(path), *SHORT)
    with server.client() as client:
        client.request("GET", "/waits")
        visitor = gate.wait("in the application")
        path.rename(old)
        os.kill(server.worker_pid(), signal.SIGUSR1)
        visitor.release()
        assert client.read_response().status == 200
    until(path.exists, "a new file")
    server.stop()
    assert path.read_text() == "/waits 200\n"


class Unread:
    """A FIFO that is open for reading, and is not read until the test does."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self) -> bytes:
        """What there is now."""
        try:
            return os.read(self.descriptor, 1 << 20)
        except BlockingIOError:
            return b""


def test_a_pipe_that_nobody_reads_holds_no_request_up(serve: Serve, tmp_path: Path):
    pipe = Unread(tmp_path / "log")
    server = serve(APP, "--access-logfile", str(tmp_path / "log"), *LONG)
    server.expect("access log")
    with server.client() as client:
        for number in range(400):
            assert client.ask("GET", f"/{number}", f"User-Agent: {AGENT}").status == 200
    server.errors.wait(r"\[ERROR\] The access log cannot be written to .*log: its reader is too slow")
    text = b""
    count = 400

    def goes_on() -> bool:
        nonlocal text, count
        text += pipe.read()
        assert server.get(f"/{count}").status == 200
        count += 1
        return bool(server.errors.so_far()) and any("were lost" in line for line in server.errors.so_far())

    until(goes_on, "an account of what was lost")
    server.stop()
    text += pipe.read()
    os.close(pipe.descriptor)
    lines = [line.split(" ") for line in text.decode().splitlines()]
    assert all(re.fullmatch(r"/\d+", path) and agent in (AGENT, "-") for path, agent in lines)
    (told,) = [line for line in server.errors.so_far() if "were lost" in line]
    (lost,) = re.findall(r"(\d+) lines of the access log", told)
    assert len(lines) + int(lost) == count
    numbers = [int(path[1:]) for path, _ in lines]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent"])
def test_a_pipe_that_nobody_reads_does_not_keep_a_worker_from_its_end(serve: Serve, tmp_path: Path, worker_class: str):
    pipe = Unread(tmp_path / "log")
    options = ("--access-logfile", str(tmp_path / "log"), *LONG, "--graceful-timeout", "20")
    server = serve(APP, *options, "-k", worker_class)
    server.expect("access log")
    with server.client() as client:
        for number in range(40):
            assert client.ask("GET", f"/{number}", f"User-Agent: {AGENT}").status == 200
    assert server.stop() == 0
    assert any("were lost" in line for line in server.errors.so_far())
    assert not any("killed" in line.lower() for line in server.errors.so_far())
    os.close(pipe.descriptor)


def test_the_lines_of_several_workers_do_not_mix(serve: Serve, tmp_path: Path):
    pipe = Unread(tmp_path / "log")
    server = serve(APP, "--access-logfile", str(tmp_path / "log"), *LONG, workers=2)
    agent = "y" * 1000
    clients = [server.client() for _ in range(8)]
    text = b""
    for _ in range(20):
        for client in clients:
            client.request("GET", "/", f"User-Agent: {agent}")
        for client in clients:
            assert client.read_response().status == 200
        text += pipe.read()
    for client in clients:
        client.close()

    def is_whole() -> bool:
        nonlocal text
        text += pipe.read()
        return text.count(b"\n") == 160

    until(is_whole, "every line")
    assert set(text.decode().splitlines()) == {f"/ {agent}"}
    server.stop()
    os.close(pipe.descriptor)


def test_a_pipe_that_nobody_has_opened_keeps_nobody_waiting(serve: Serve, tmp_path: Path):
    path = tmp_path / "log"
    os.mkfifo(path)
    server = serve(APP, "--access-logfile", str(path), *SHORT)
    server.expect("access log")
    assert server.get("/early").status == 200
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    text = b""

    def is_written() -> bool:
        nonlocal text
        assert server.get("/late").status == 200
        with contextlib.suppress(BlockingIOError):
            text += os.read(descriptor, 1 << 16)
        return b"/late 200\n" in text

    until(is_written, "a line in the pipe")
    os.close(descriptor)
