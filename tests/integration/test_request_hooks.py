"""What the engine shows an observer of requests, and what it says of the one that the application has."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.processes import resident_bytes
from tests.support.server import Server

COMMAND = (sys.executable, "-m", "tests.apps.observed")
Serve = Callable[..., Server]
Event = dict[str, Any]
MODELS = ("sync", "gevent", "eventlet")


@pytest.fixture
def observed(serve: Serve) -> Callable[..., Server]:
    def start(*options: str) -> Server:
        return serve("", *options, command=COMMAND)

    return start


@pytest.fixture
def server(observed: Callable[..., Server]) -> Server:
    return observed()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connection:
        yield connection


def told(server: Server, event: str, *, count: int = 1) -> list[Event]:
    """Wait for so many events of a kind."""
    return [json.loads(line) for line in server.access.wait(f'"event": "{event}"', count=count)]


def shown(server: Server, *, count: int = 1) -> tuple[Event, Event]:
    """The last request that the observer was shown, before and after."""
    return told(server, "begin", count=count)[-1], told(server, "end", count=count)[-1]


def test_a_request_is_shown_before_and_after(server: Server, client: Client):
    fields = ("Host: a", "X-One: 1", "x-one: 2", "X-Latin: caf\u00e9", "Cookie: a=b")
    assert client.ask("POST", "/one-list?a=%20b", *fields, body=b"x" * 9).status == 200
    begin, end = shown(server)
    assert (begin["method"], begin["target"], begin["path"]) == ("POST", "/one-list?a=%20b", "/one-list")
    assert begin["version"] == [1, 1]
    assert begin["peer"] == list(client.ends[0])
    length = ["CONTENT-LENGTH", "9"]
    names = [["HOST", "a"], length, ["X-ONE", "1"], ["X-ONE", "2"], ["X-LATIN", "caf\u00e9"], ["COOKIE", "a=b"]]
    assert sorted(begin["fields"]) == sorted(names)
    assert (end["target"], end["environ"]) == (begin["target"], begin["environ"])
    assert (end["status"], end["sent"], end["fields"]) == ("200 OK", 8, [["Content-Type", "text/plain"]])
    assert 0 < end["seconds"] < 60


def test_every_form_of_an_answer_is_shown(server: Server):
    server.expect("LookupError")
    count = 0
    for method, target, status, sent in (
        ("GET", "/no-block", "200 OK", 0),
        ("GET", "/generated", "200 OK", 13),
        ("HEAD", "/generated", "200 OK", 0),
        ("GET", "/many-large", "200 OK", 64 * 20000),
        ("GET", "/written", "200 OK", 17),
        ("GET", "/replaced", "503 Service Unavailable", 8),
        ("GET", "/said?status=404", "404", 4),
        ("GET", "/raises-nothing-known", "500 Internal Server Error", 26),
    ):
        for version in ("1.1", "1.0"):
            count += 1
            with server.client() as one:
                one.ask(method, target, version=version)
            begin, end = shown(server, count=count)
            assert begin["version"] == [1, int(version[-1])]
            assert (end["status"], end["sent"]) == (status, sent), target


def test_the_applications_fields_are_shown_as_it_gave_them(server: Server, client: Client):
    client.ask("GET", "/large-cut")
    assert shown(server)[1]["fields"] == [["Content-Type", "text/plain"], ["Content-Length", "70000"]]
    client.ask("GET", "/odd-pairs")
    assert ["X-Named", "1"] in shown(server, count=2)[1]["fields"]


def test_requests_that_come_together_are_shown_one_after_the_other(server: Server, client: Client):
    targets = [f"/one-list?{number}" for number in range(20)]
    for target in targets:
        client.request("GET", target)
    for _ in targets:
        assert client.read_response().body == b"one list"
    told(server, "end", count=20)
    order = [json.loads(line) for line in server.access.so_far()]
    assert [(one["event"], one["target"]) for one in order] == [
        (event, target) for target in targets for event in ("begin", "end")
    ]


def test_what_begin_raises_is_a_500_and_keeps_the_application_out(server: Server, client: Client):
    server.expect(r"Error handling request GET /one-list\?bad-begin\n.*ValueError: raised by begin")
    assert client.ask("GET", "/one-list?bad-begin").status == 500
    begin, end = shown(server)
    assert (end["target"], end["status"], end["environ"]) == (None, "500 Internal Server Error", begin["environ"])
    assert server.get("/one-list").body == b"one list"


def test_what_end_raises_is_only_logged(server: Server, client: Client):
    server.expect(r"Error handling request GET /one-list\?bad-end\n.*ValueError: raised by end")
    for _ in range(3):
        assert client.ask("GET", "/one-list?bad-end").body == b"one list"


def test_an_application_that_fails_late_is_shown_with_what_it_said(server: Server, client: Client):
    server.expect("raised behind the end")
    client.request("GET", "/fails-behind-the-end?by=blocks&bytes=65536")
    client.ended()
    assert shown(server)[1]["status"] == "200 OK"


def test_a_client_that_has_gone_gets_no_answer_and_none_is_shown(observed: Callable[..., Server], gate: Gate):
    server = observed()
    client = server.client()
    client.request("GET", "/wait")
    visitor = gate.wait("in the application")
    client.reset()
    visitor.release()
    begin, end = shown(server)
    assert (end["target"], end["status"], end["fields"], end["sent"]) == (begin["target"], None, None, 0)


def test_a_refused_request_is_shown_as_such(server: Server, client: Client):
    server.expect("Invalid request")
    client.send(b'GET /a"b HTTP/7.7\r\n\r\n')
    assert client.read_response().status == 505
    (refused,) = told(server, "refused")
    assert (refused["peer"], refused["status"]) == (list(client.ends[0]), 505)
    assert refused["line"].startswith("GET /a")
    assert 0 <= refused["seconds"] < 60


def test_a_request_that_its_client_gave_up_is_shown_as_such(server: Server, client: Client):
    client.send(b"POST /one-list HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nxx")
    client.finish_sending()
    (refused,) = told(server, "refused")
    assert (refused["status"], refused["line"]) == (499, "POST /one-list HTTP/1.1")
    assert all(json.loads(line)["event"] == "refused" for line in server.access.so_far())


def current(server: Server, count: int = 1) -> list[Any] | None:
    """What the engine says of the request that the application has, asked for by a signal."""
    server.send_signal(signal.SIGUSR1)
    answer: list[Any] | None = told(server, "current", count=count)[-1]["current"]
    return answer


@pytest.mark.only("sync")
def test_a_signal_handler_learns_what_the_application_is_at(observed: Callable[..., Server], gate: Gate):
    server = observed("--observer", "none")
    assert current(server) is None
    with server.client() as client:
        client.request("PATCH", '/wait?a\\"b')
        visitor = gate.wait("in the application")
        assert (current(server, 2) or [])[:2] == ["PATCH", '/wait?a\\\\"b']
        assert 0 <= (current(server, 3) or [])[2] < 60
        visitor.release()
        assert client.read_response().status == 200
        assert current(server, 4) is None


@pytest.mark.only("sync")
@pytest.mark.parametrize("where", ["begin", "end"])
def test_the_observers_own_time_counts_as_the_requests(observed: Callable[..., Server], gate: Gate, where: str):
    server = observed()
    with server.client() as client:
        client.request("GET", f"/pid?slow-{where}")
        if where == "end":
            assert client.read_response().status == 200
        visitor = gate.wait(f"in {where}")
        assert (current(server) or [])[:2] == ["GET", f"/pid?slow-{where}"]
        visitor.release()
        if where == "begin":
            assert client.read_response().status == 200


@pytest.mark.parametrize("observer", ["telling", "none"])
def test_a_worker_asks_once_to_be_replaced_and_goes_on(observed: Callable[..., Server], observer: str):
    server = observed("--recycle-after", "3", "--observer", observer)
    with server.client() as client:
        for _ in range(10):
            assert client.ask("GET", "/one-list").status == 200
    (recycle,) = told(server, "recycle")
    assert recycle["requests"] == 3
    server.send_signal(signal.SIGUSR1)
    assert told(server, "current")[0]["requests"] == 10
    assert len([line for line in server.access.so_far() if "recycle" in line]) == 1


def test_the_access_log_is_opened_anew(observed: Callable[..., Server], tmp_path: Path):
    path, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    server = observed("--log", str(path), "--observer", "none")
    assert server.get("/one-list?before").status == 200
    until(path.read_text, "the first line")
    path.rename(moved)
    server.send_signal(signal.SIGUSR2)
    until(path.exists, "the new file")
    assert server.get("/one-list?after").status == 200
    server.stop()
    assert path.read_text() == '"GET /one-list?after HTTP/1.1" 200\n'
    assert moved.read_text() == '"GET /one-list?before HTTP/1.1" 200\n'


def test_ten_thousand_observed_requests_leave_nothing_behind(observed: Callable[..., Server]):
    server = observed("--observer", "counting")

    def ask(times: int) -> dict[str, int]:
        with server.client() as client:
            for _ in range(times // 50):
                for number in range(50):
                    client.request("GET", f"/lend?how=list&{number}", f"X-Number: {number}", "Cookie: a=b")
                for _ in range(50):
                    assert client.read_response().status == 200
            counts: dict[str, int] = json.loads(client.ask("GET", "/counts").body)
            return counts

    ask(1000)
    before, resident = ask(1000), resident_bytes(server.pid)
    after = ask(10_000)
    assert resident_bytes(server.pid) - resident < 1 << 20
    assert {name: after[name] - before[name] for name in after if after[name] - before[name] > 1000} == {}
    assert server.stop() == 0
    (stopped,) = told(server, "stopped")
    assert stopped["begun"] == stopped["ended"] == stopped["requests"] == 12_003


def test_a_hook_knows_which_request_of_its_connection_it_sees(serve: Serve, tmp_path: Path):
    path = tmp_path / "numbers.conf.py"
    path.write_text("def pre_request(worker, req):\n    worker.log.info('number %s of %s', req.req_number, req.path)\n")
    server = serve("tests.apps.answers", "-c", str(path))
    with server.client() as client, server.client() as other:
        for target in ("/hello", "/missing"):
            client.ask("GET", target)
        other.ask("GET", "/hello?other")
        client.ask("POST", "/echo", body=b"a body")
    server.stop()
    said = [found[1] for line in server.errors.so_far() if (found := re.search(r"number (.*)$", line))]
    assert said == ["1 of /hello", "2 of /missing", "1 of /hello", "3 of /echo"]


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent"])
def test_hooks_are_shown_the_trailers_of_a_chunked_body(serve: Serve, tmp_path: Path, worker_class: str):
    path = tmp_path / "trailers.conf.py"
    path.write_text(
        "def pre_request(worker, req):\n    worker.log.info('before %s', req.trailers)\n"
        "def post_request(worker, req, environ, resp):\n    worker.log.info('after %s', req.trailers)\n"
    )
    server = serve("tests.apps.answers", "-c", str(path), "-k", worker_class)
    section = b"0\r\nX-Sum: 1\r\nEmpty:\r\nunder_score: dropped\r\nx-sum:  a:b \r\n\r\n"
    with server.client() as client:
        for size in (3, 2_000_000):  # in memory, in a file
            client.request("POST", "/echo", "Transfer-Encoding: chunked")
            client.send(b"%x\r\n%b\r\n" % (size, b"x" * size) + section)
            assert len(client.read_response().body) == size
        client.ask("GET", "/hello")
    server.stop()
    said = [found[0] for line in server.errors.so_far() if (found := re.search(r"(before|after) .*$", line))]
    trailers = [("X-SUM", "1"), ("EMPTY", ""), ("X-SUM", "a:b")]
    assert said == [f"{when} {what}" for what in (trailers, trailers, []) for when in ("before", "after")]
