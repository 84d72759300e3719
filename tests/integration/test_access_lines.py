"""Every request has its line in the access log, whatever becomes of it: one, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.logged"
FORMAT = "%(h)s|%(r)s|%(m)s|%(U)s|%(H)s|%(s)s|%(B)s|%(a)s"


def told(serve: Serve, *options: str) -> Server:
    return serve(APP, "--access-logfile", "-", "--access-logformat", FORMAT, *options)


def only_line(server: Server) -> str:
    """The one line that there is when the server has ended."""
    server.stop()
    (line,) = server.access.so_far()
    return line


REFUSED = (
    pytest.param(b"nonsense\r\n\r\n", 400, "nonsense|-|-|-", id="no request line"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, r"\x16\x03\x01\x02\x00\x01|-|-|-", id="TLS"),
    pytest.param(b'GET /" \x1b[2J HTTP/1.1\r\n\r\n', 400, r"GET /\" \x1b[2J HTTP/1.1|-|-|-", id="controls"),
    pytest.param(b"GET /a%0ab HTTP/1.1\r\n\r\n", 400, r"GET /a%0ab HTTP/1.1|GET|/a\x0ab|HTTP/1.1", id="no Host"),
    pytest.param(
        b"POST /x HTTP/1.1\r\nHost: a\r\nUser-Agent: it\r\nContent-Length: 2000\r\n\r\n",
        413,
        "POST /x HTTP/1.1|POST|/x|HTTP/1.1",
        id="body too large",
    ),
    pytest.param(b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n", 414, "GET /" + "x" * 1019 + "|-|-|-", id="target too long"),
    pytest.param(
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417, "POST / HTTP/1.1|POST|/|HTTP/1.1", id="expectation"
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        431,
        "GET / HTTP/1.1|GET|/|HTTP/1.1",
        id="field",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "POST / HTTP/1.1|POST|/|HTTP/1.1",
        id="coding",
    ),
    pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "GET / HTTP/2.0|-|-|-", id="version"),
    pytest.param(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        400,
        "POST / HTTP/1.1|POST|/|HTTP/1.1",
        id="chunk",
    ),
)


@pytest.mark.parametrize(("sent", "status", "asked"), REFUSED)
def test_a_refused_request(serve: Serve, sent: bytes, status: int, asked: str):
    server = told(serve, "--limit-request-body", "1000")
    server.expect("Invalid request")
    with server.client() as client:
        client.send(sent)
        answer = client.read_response()
        assert answer.status == status
    agent = "it" if b"User-Agent" in sent else "-"
    assert only_line(server) == f"127.0.0.1|{asked}|{status}|{len(answer.body)}|{agent}"


@pytest.mark.parametrize(
    ("option", "sent", "asked"),
    [
        ("--header-timeout", b"GET /slow HTTP/1.1\r\nHost: a\r\nUser-Agent: slow\r\nX", "GET /slow HTTP/1.1|GET|/slow"),
        ("--header-timeout", b"GET /sl", "GET /sl|-|-"),
        ("--body-timeout", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "POST / HTTP/1.1|POST|/"),
    ],
)
def test_a_request_that_comes_too_slowly(serve: Serve, option: str, sent: bytes, asked: str):
    server = serve(APP, "--access-logfile", "-", "--access-logformat", f"{FORMAT}|%(M)s", option, "0.2")
    server.expect("Invalid request")
    with server.client() as client:
        client.send(sent)
        assert client.read_response().status == 408
    line = only_line(server)
    assert line.startswith(f"127.0.0.1|{asked}|")
    assert line.split("|")[5] == "408"
    assert int(line.split("|")[-1]) >= 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha",
    ],
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_before_its_request_is_whole(serve: Serve, sent: bytes, how: str):
    server = told(serve)
    with server.client() as client:
        client.send(sent)
        if how == "reset":
            # A reset that overtook the bytes would leave nothing to tell of.
            assert server.get("/").status == 200
            client.reset()
    lines = server.access.wait(r"\|499\|0\|")
    assert len(lines) == 1
    server.stop()
    assert len(server.access.so_far()) == (2 if how == "reset" else 1)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent"])
def test_a_client_that_goes_while_the_application_works(serve: Serve, gate: Gate, how: str, worker_class: str):
    server = told(serve, "-k", worker_class)
    with server.client() as client:
        client.request("GET", "/waits", "User-Agent: impatient")
        visitor = gate.wait("in the application")
        client.reset() if how == "reset" else client.close()
    # What a client has done last is known before what another does after it.
    with server.client() as other:
        other.request("GET", "/")
        visitor.release()
        assert other.read_response().status == 200
    server.stop()
    second, first = sorted(server.access.so_far())
    assert re.fullmatch(r"127\.0\.0\.1\|GET /waits HTTP/1\.1\|GET\|/waits\|HTTP/1\.1\|499\|\d\|impatient", first), first
    assert second.split("|")[5] == "200"


def test_a_client_that_has_said_all_it_will_say_and_reads_on(serve: Serve, gate: Gate):
    server = told(serve)
    with server.client() as client:
        client.request("GET", "/waits")
        visitor = gate.wait("in the application")
        client.finish_sending()
        visitor.release()
        assert client.read_response().body == b"hello"
    assert only_line(server).split("|")[5:7] == ["200", "5"]


def test_a_client_that_goes_in_the_middle_of_a_stream(serve: Serve, gate: Gate):
    server = told(serve)
    with server.client() as client:
        client.request("GET", "/streams?lines=100000")
        client.read_head()
        client.read_chunk()
        visitor = gate.wait("in the application")
        client.reset()
        visitor.release()
    (line,) = server.access.wait("/streams")
    *_, status, sent, _ = line.split("|")
    assert status == "499"
    assert 5 <= int(sent) < 6_400_005
    server.stop()
    assert len(server.access.so_far()) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_before_it_has_read_a_large_answer(serve: Serve, how: str):
    server = told(serve)
    with server.client(receive_buffer=4096) as client:
        client.request("GET", "/large")
        client.read_head()
        assert server.get("/").status == 200
        client.reset() if how == "reset" else client.close()
    (line,) = server.access.wait("/large")
    *_, status, sent, _ = line.split("|")
    assert status == "499"
    assert 0 < int(sent) < 50_000_000
    server.stop()
    assert len(server.access.so_far()) == 2


def test_a_client_that_takes_nothing_of_its_answer(serve: Serve):
    server = told(serve, "--write-timeout", "0.3")
    with server.client(receive_buffer=4096) as client:
        client.request("GET", "/large")
        (line,) = server.access.wait("/large")
    *_, status, sent, _ = line.split("|")
    assert status == "408"
    assert int(sent) < 50_000_000
    server.stop()
    assert len(server.access.so_far()) == 1


def test_a_client_that_takes_its_answer_slowly_and_all_of_it(serve: Serve):
    server = told(serve)
    with server.client(receive_buffer=4096) as client:
        client.request("GET", "/large")
        client.read_head()
        assert server.get("/").status == 200
        # Its line comes when its answer is out.
        assert len(server.access.wait(r"\|GET\|/\|")) == 1
        assert not [line for line in server.access.so_far() if "/large" in line]
        assert len(client.read_exactly(50_000_000)) == 50_000_000
        (line,) = server.access.wait("/large")
    assert line.split("|")[5:7] == ["200", "50000000"]
    server.stop()
    assert len(server.access.so_far()) == 2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_the_application_cut(serve: Serve, version: str):
    server = told(serve)
    server.expect("behind the first block")
    with server.client() as client:
        client.request("GET", "/fails", version=version)
        client.ended()
    assert only_line(server).split("|")[5:7] == ["200", "5"]


def test_what_is_no_request_has_no_line(serve: Serve):
    server = told(serve)
    with server.client() as client:
        client.send(b"\r\n")
    with server.client() as client:
        assert client.ask("GET", "/").status == 200
        client.send(b"\r\n")
    with server.client():
        pass
    assert only_line(server).startswith("127.0.0.1|GET / HTTP/1.1|")


def test_an_answer_and_a_refusal_in_json(serve: Serve, tmp_path: Path):
    elsewhere = ("--error-logfile", str(tmp_path / "errors"))
    server = serve(APP, "--access-logfile", "-", "--log-format", "json", *elsewhere, ready=None)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert server.get("/a%20b?c=d", f"Traceparent: {trace}", "User-Agent: \xe9").status == 200
    with server.client() as client:
        client.send(b"\xff\x00\r\n")
        assert client.read_response().status == 400
    server.stop()
    answered, refused = [json.loads(line) for line in server.access.so_far()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answered["time"])
    assert answered["duration_us"] >= 0
    told = {name: answered[name] for name in answered if name not in ("time", "duration_us", "pid")}
    assert told == {
        "level": "INFO",
        "logger": "gunicorn.access",
        "remote_addr": "127.0.0.1",
        "method": "GET",
        "path": "/a%20b",
        "query": "c=d",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 5,
        "referer": None,
        "user_agent": "\xe9",
        "host": "test.invalid",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }
    assert (refused["method"], refused["status"], refused["request"]) == (None, 400, "\xff\x00")
