"""What hooks and Python's access logs are shown of a request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from longma.hooks import HookError
from longma.workers.handle import Worker
from longma.workers.observer import Observer, Request, Response, remote_address, split_target

PEER = ("192.0.2.7", 4711)
FIELDS = [("HOST", "a"), ("X-ID", "1"), ("X-ID", "2")]


class Log:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def exception(self, msg: str, *args: object) -> None:
        self.lines.append(msg % args if args else msg)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def worker(log: Log) -> Worker:
    return Worker(1, 1, [], 15.0, cast("Any", None), log)


def request(target: str = "/", version: tuple[int, int] = (1, 1), fields: Any = FIELDS, method: str = "GET") -> Request:
    return Request({"wsgi.url_scheme": "https"}, method, target, version, list(fields), PEER)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", ("/", "", "")),
        ("/a%20b?c=d?e#f", ("/a%20b", "c=d?e", "f")),
        ("//host/path?q", ("//host/path", "q", "")),
        ("http://host/path?q", ("/path", "q", "")),
        ("http://host", ("/", "", "")),
        ("/redirect?to=http://host/", ("/redirect", "to=http://host/", "")),
        ("/a/http://host/", ("/a/http://host/", "", "")),
        ("*", ("*", "", "")),
        ("host:443", ("host:443", "", "")),
    ],
)
def test_a_target_is_divided(target: str, parts: tuple[str, str, str]):
    assert split_target(target) == parts


def test_a_request_has_gunicorns_attributes():
    one = request("/a?b#c")
    assert (one.method, one.uri, one.path, one.query, one.fragment) == ("GET", "/a?b#c", "/a", "b", "c")
    assert (one.version, one.headers, one.scheme) == ((1, 1), FIELDS, "https")
    assert one.remote_addr == one.peer_addr == PEER


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "80"}, ("192.0.2.1", 80)),
        ({"REMOTE_ADDR": "192.0.2.1"}, ("192.0.2.1", 0)),
        ({"REMOTE_ADDR": "unix:", "REMOTE_PORT": ""}, ("unix:", 0)),  # nginx, of a client on a socket of its own
        ({"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "\u00b2"}, ("192.0.2.1", 0)),
        ({"REMOTE_ADDR": ""}, ""),
        ({}, PEER),
    ],
)
def test_whatever_a_web_server_tells_of_its_client_is_an_address(told: dict[str, object], address: object):
    assert remote_address(told, PEER) == address


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [
        ((1, 1), None, False),
        ((1, 1), "close", True),
        ((1, 1), "foo, Close", True),
        ((1, 1), "keep-alive", False),
        ((1, 0), None, True),
        ((1, 0), "Keep-Alive", False),
        ((1, 0), "keep-alive, close", True),
    ],
)
def test_whether_the_client_wants_to_close(version: tuple[int, int], connection: str | None, closes: bool):
    one = request(version=version, fields=[("CONNECTION", connection)] if connection else [])
    assert one.should_close() is closes
    one.force_close()
    assert one.should_close()


def test_a_response_has_gunicorns_attributes():
    one = Response(request(), "404 Not Found", [("Content-Length", "5")], 5)
    assert (one.status, one.status_code, one.sent, one.response_length) == ("404 Not Found", 404, 5, 5)
    assert one.headers_sent
    assert not one.chunked
    assert not one.should_close()
    one.force_close()
    assert one.should_close()


@pytest.mark.parametrize(
    ("method", "version", "status", "chunked"),
    [
        ("GET", (1, 1), "200 OK", True),
        ("GET", (1, 0), "200 OK", False),
        ("HEAD", (1, 1), "200 OK", False),
        ("GET", (1, 1), "204 No Content", False),
    ],
)
def test_a_body_without_length_comes_in_chunks(method: str, version: tuple[int, int], status: str, chunked: bool):
    assert Response(request(method=method, version=version), status, [], 5).chunked is chunked


def test_the_hooks_see_the_worker_and_the_same_request(worker: Worker, log: Log):
    seen: list[Any] = []
    observer = Observer(worker, log, lambda *given: seen.append(given), lambda *given: seen.append(given))
    environ: dict[str, Any] = {}
    one = observer.begin(environ, "GET", "/", (1, 1), FIELDS, PEER)
    observer.end(one, environ, "200 OK", [], 3, 0.5)
    assert seen[0] == (worker, one)
    assert seen[1][:3] == (worker, one, environ)
    assert seen[1][3].sent == 3
    assert one.req_number == 1


def test_a_hook_that_refuses_a_request_sees_its_end(worker: Worker, log: Log):
    def refuse(*_: object) -> None:
        raise ValueError("not today")

    ends: list[Any] = []
    observer = Observer(worker, log, refuse, lambda *given: ends.append(given))
    environ: dict[str, Any] = {}
    with pytest.raises(HookError):
        observer.begin(environ, "GET", "/", (1, 1), FIELDS, PEER)
    observer.end(None, environ, None, None, 0, 0.0)
    assert log.lines == ["Exception in hook pre_request"]
    (end,) = ends
    assert end[1].method == "GET"
    assert end[3] is None
    observer.end(None, environ, None, None, 0, 0.0)
    assert len(ends) == 1


def test_a_post_request_that_raises_is_only_logged(worker: Worker, log: Log):
    def fail(*_: object) -> None:
        raise ValueError("late")

    observer = Observer(worker, log, post_request=fail)
    observer.end(request(), {}, "200 OK", [], 0, 0.0)
    assert log.lines == ["Exception in hook post_request"]


def test_a_log_of_the_operators_own_gets_every_request(worker: Worker, log: Log):
    lines: list[Any] = []

    def access(resp: Response, req: Request, environ: dict[str, Any], taken: timedelta) -> None:
        lines.append((resp.status, req.uri, environ.get("REMOTE_ADDR"), taken))

    observer = Observer(worker, log, access=access)
    one = observer.begin({}, "GET", "/a", (1, 1), FIELDS, PEER)
    observer.end(one, {}, "200 OK", [], 0, 0.25)
    observer.end(one, {}, None, None, 0, 0.25)
    observer.refused(PEER, "GET /b HTTP/9.9", 400, 1.5)
    observer.refused("", "\\x16\\x03", 400, 0.0)
    assert lines == [
        ("200 OK", "/a", None, timedelta(milliseconds=250)),
        ("-", "/a", None, timedelta(milliseconds=250)),
        ("400", "/b", "192.0.2.7", timedelta(seconds=1.5)),
        ("400", "-", "", timedelta()),
    ]


def test_a_log_that_fails_costs_no_request(worker: Worker, log: Log):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    Observer(worker, log, access=fail).end(request(), {}, "200 OK", [], 0, 0.0)
    Observer(worker, log).refused(PEER, "GET / HTTP/1.1", 400, 0.0)
    assert log.lines == ["Exception in the access log"]


def test_a_hook_that_exits_stops_its_worker(worker: Worker, log: Log):
    def leave(*_: object) -> None:
        raise SystemExit

    stops: list[bool] = []
    worker.forked(lambda: 0.0, lambda: stops.append(True))
    observer = Observer(worker, log, leave, leave)
    with pytest.raises(SystemExit):
        observer.begin({}, "GET", "/", (1, 1), FIELDS, PEER)
    observer.end(request(), {}, "200 OK", [], 0, 0.0)
    assert stops == [True]
    assert log.lines == []
