"""Applications that do what none should do harm at most themselves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.http import Closed
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.odd"


def test_what_an_application_keeps_of_a_request_shows_nothing_of_the_next(serve: Serve):
    server = serve(APP)
    with server.client() as one, server.client() as other:
        for turn in range(3):
            assert one.ask("POST", "/keep", f"Host: one{turn}", body=b"body of one").body == b"kept"
        used = other.ask("POST", "/use-kept", "Host: other", body=b"secret of other").body.split(b"\n")
        hosts = [line for line in used if line.startswith(b"host=")]
        assert hosts == [b"host=one0", b"host=one1", b"host=one2"]
        for line in used:
            assert b"secret" not in line
            if line.startswith((b"start=", b"write=")):
                assert line[6:].startswith(b"raised "), line
            if line.startswith(b"read="):
                assert line in (b"read=", b"read=body of one") or line.startswith(b"read=raised "), line
        assert used[-1] == b"own=other/use-kept"
        again = other.ask("POST", "/use-kept", "Host: other", body=b"x")
        assert again.status == 200
        assert again.one("X-Spoiled") is None
        assert again.body.split(b"\n")[-1] == b"own=other/use-kept"
        assert one.ask("GET", "/use-kept", "Host: one0").body.split(b"\n")[-1] == b"own=one0/use-kept"


@pytest.mark.parametrize("target", ["/unprintable", "/nameless", "/bottomless"])
def test_faults_that_are_hard_to_tell_are_told(serve: Serve, target: str):
    server = serve(APP)
    server.expect("")
    for _ in range(3):
        assert server.get(target).status == 500
    server.errors.wait(target, count=3)
    assert not [line for line in server.errors.so_far() if line.startswith("forged") and "\0" in line]


def test_a_complaint_that_is_hard_to_write_is_written(serve: Serve):
    server = serve(APP)
    server.expect("surrogate")
    assert server.get("/complain").body == b"complained"
    server.errors.wait("a lone surrogate")


def test_a_keyboard_interrupt_in_the_application_ends_no_more_than_its_worker(serve: Serve):
    server = serve(APP)
    server.expect("")
    with server.client() as client:
        client.request("GET", "/interrupt")
        assert client.ended()[:12] in (b"", b"HTTP/1.1 500")
    assert server.get("/lists").status == 200


def test_a_worker_that_an_interrupt_ends_leaves_its_other_clients_to_the_next(serve: Serve, gate: Gate, tmp_path: Path):
    hooks = tmp_path / "hooks.py"
    hooks.write_text(
        "from tests.apps import gate\n"
        "def post_request(worker, req, environ, resp):\n"
        "    if req.path == '/interrupt':\n"
        "        gate.spin('ending')\n"
    )
    server = serve(APP, "--health-path", "/-/health", "--config", str(hooks))
    server.expect("")
    ending, silent, waiting, watching = [server.client() for _ in range(4)]
    for client in (waiting, watching):
        assert client.ask("GET", "/-/health").status == 200
    ending.request("GET", "/interrupt")
    visitor = gate.wait("ending")
    later = server.client()
    for client in (waiting, later):
        client.request("GET", "/lists")
    for _ in range(2):  # what the worker hears of, it has heard of by the second answer
        assert watching.ask("GET", "/-/health").status == 200
    visitor.release()
    for client in (waiting, later):
        assert client.read_response().status == 200
    for client in (silent, watching):
        assert client.ask("GET", "/lists").status == 200


def test_fields_in_other_sequences_are_sent(serve: Serve):
    response = serve(APP).get("/lists")
    assert (response.status, response.one("X-List"), response.body) == (200, "1", b"lists")


def test_threads_of_the_application_run_while_the_server_waits(serve: Serve, gate: Gate):
    server = serve(APP)
    assert server.get("/later").body == b"later"
    gate.wait("counted to 4499998500000")


@pytest.mark.only("sync")
def test_signal_handlers_of_the_application_run_while_the_server_waits(serve: Serve, gate: Gate):
    server = serve(APP)
    worker = int(server.get("/alarm").body)
    for _ in range(3):
        os.kill(worker, signal.SIGALRM)
        gate.wait("the handler ran")
    assert int(server.get("/alarm").body) == worker


def test_an_application_may_fork(serve: Serve):
    server = serve(APP)
    for _ in range(5):
        assert server.get("/fork").text == "3"


def test_a_child_that_ends_before_its_parent_goes_on_is_waited_for(serve: Serve):
    assert serve(APP).get("/fork-at-leisure").text == "3"


def test_a_worker_that_vanishes_takes_only_its_request_along(serve: Serve):
    server = serve(APP, workers=2)
    server.expect("exited with code|died right after")
    with server.client() as client:
        client.request("GET", "/leave")
        assert client.ended() == b""
    server.errors.wait("Booting worker", count=3)
    assert server.get("/lists").status == 200


@pytest.mark.only("sync", "gthread")  # a pipe of two threads that both block cannot be shared by two greenlets
def test_a_pipe_is_no_file(serve: Serve):
    assert serve(APP).get("/pipe").body == b"through a pipe"


def test_a_file_without_a_size_is_read_to_its_end(serve: Serve):
    body = serve("tests.apps.answers").get("/plain-file?path=/proc/version").body
    assert body == Path("/proc/version").read_bytes()


def test_a_file_that_shrinks_while_it_is_sent_closes_the_connection(serve: Serve, tmp_path: Path):
    path = tmp_path / "shrinking"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    server = serve("tests.apps.answers")
    server.expect("")
    with server.client(receive_buffer=8192) as client:
        client.request("GET", f"/plain-file?path={path}")
        assert client.read_head().one("Content-Length") == str(64 << 20)
        os.truncate(path, 1000)
        with pytest.raises((Closed, ConnectionResetError)):
            client.read_exactly(64 << 20)
    assert server.get("/hello").status == 200


def test_a_head_of_megabytes_is_sent_or_refused(serve: Serve):
    server = serve(APP)
    server.expect("")
    with server.client() as client:
        client.request("GET", "/endless-head")
        head = client.read_head()
        assert head.status == 500 or len(head.all("X-1999")) == 1
    assert server.get("/lists").status == 200


@pytest.mark.parametrize("log", ["errors", "access"])
def test_a_log_that_nobody_reads_any_more_stops_nothing(serve: Serve, log: str):
    """The reader of the pipe has gone: every further line fails to be written, and no request does."""
    server = serve("tests.apps.answers", "--access-logfile", "-")
    assert server.get("/hello").status == 200
    getattr(server, log).abandon()
    for _ in range(20):
        assert server.get("/hello").status == 200
        assert server.get("/raises").status == 500
    server.expect("")
    assert server.stop() == 0
