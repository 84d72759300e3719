"""HTTP/2 (RFC 9113): what applications see of it and clients get, whoever calls the application."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes

from tests.apps.common import LINE
from tests.support.certificates import ready_made
from tests.support.gate import Gate
from tests.support.http2 import OPTIONS, Answer, Http2
from tests.support.server import Server
from tests.support.tls import options as tls_options
from tests.support.tls import secure, session_of, trusting

Serve = Callable[..., Server]
APP = "tests.apps.http2"
MODELS = ("sync", "gthread", "gevent", "eventlet")
MEGABYTES = 5 << 20
CERTIFICATE = ready_made()
FORMS = (
    ("/hello", b"Hello, World!\n"),
    ("/empty", b""),
    ("/two-blocks", b"two blocks"),
    ("/generator?blocks=3", b"block 0\nblock 1\nblock 2\n"),
    ("/late-start", b"late"),
    ("/write", b"written, then returned"),
    ("/big?bytes=300000", LINE * 4687 + LINE[:32]),
    ("/big-in-blocks?blocks=9", LINE * 9216),
    ("/file?bytes=300000&from=64&length=200000", LINE * 3125),
    ("/pretended-file", LINE * 3000),
)


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(APP, *OPTIONS)


def talk(server: Server, **how: Any) -> Http2:
    return Http2(server.client(), **how)


def seen(answer: Answer) -> dict[str, Any]:
    environ: dict[str, Any] = json.loads(answer.body)["environ"]
    return environ


@pytest.mark.only("gthread", "eventlet")
def test_requests_follow_each_other_on_one_connection(server: Server):
    client = talk(server)
    for number in range(5):
        answer = client.ask("POST", "/echo", ("content-type", "text/plain"), body=b"%d" % number)
        assert (answer.status, answer.text) == (200, str(number))
        assert answer.one("content-length") == "1"
        assert answer.one("server") == "longma"
        assert answer.one("date") is not None
        assert not answer.all("connection") + answer.all("keep-alive") + answer.all("transfer-encoding")


@pytest.mark.only("sync")
def test_the_application_sees_what_it_sees_of_http_1(server: Server):
    client = talk(server)
    fields = (("user-agent", "it"), ("x-twice", "1"), ("x-twice", "2"), ("cookie", "a=1"), ("cookie", "b=2; c=3"))
    environ = seen(client.get("/environ?q=%20", *fields))
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SERVER_PROTOCOL"] == "HTTP/2.0"
    assert environ["HTTP_VERSION"] == "2"
    assert environ["PATH_INFO"] == "/environ"
    assert environ["QUERY_STRING"] == "q=%20"
    assert environ["RAW_URI"] == "/environ?q=%20"
    assert environ["HTTP_HOST"] == "test.invalid"
    assert environ["HTTP_USER_AGENT"] == "it"
    assert environ["HTTP_X_TWICE"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2; c=3"  # RFC 9113 §8.2.3
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert int(environ["REMOTE_PORT"]) == client.client.ends[0][1]
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert int(environ["SERVER_PORT"]) == client.client.ends[1][1]
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.input_terminated"] == ["bool", "True"]
    assert not [name for name in environ if name.startswith("HTTP_:") or ":" in name]


@pytest.mark.only("sync", "gthread")
def test_over_tls_it_is_agreed_on_by_name(serve: Serve):
    server = serve(APP, "--http-protocols=h2,h1", *tls_options(CERTIFICATE))
    context = trusting(CERTIFICATE)
    context.set_alpn_protocols(["http/1.1", "h2"])
    connection = secure(server, context)
    assert session_of(connection).selected_alpn_protocol() == "h2"
    client = Http2(connection, scheme="https")
    environ = seen(client.get("/environ"))
    assert (environ["SERVER_PROTOCOL"], environ["wsgi.url_scheme"]) == ("HTTP/2.0", "https")
    assert environ["HTTPS"] == "on"
    body = LINE * (MEGABYTES // 64)
    assert client.ask("POST", "/echo", body=body).body == body
    for others in (["http/1.1"], None):
        context = trusting(CERTIFICATE)
        if others:
            context.set_alpn_protocols(others)
        assert secure(server, context).ask("GET", "/").status == 200


@pytest.mark.only("sync", "gevent")
def test_answers_of_every_form(server: Server):
    client = talk(server)
    for target, body in FORMS:
        assert client.get(target).body == body, target
        head = client.ask("HEAD", target)
        assert (head.status, head.body) == (200, b""), target
    assert client.get("/hello").status == 200


@pytest.mark.only("sync")
def test_a_status_without_a_body_has_none(server: Server):
    client = talk(server)
    for status in ("204 No Content", "304 Not Modified"):
        answer = client.get(f"/status?is={status.replace(' ', '+')}")
        assert (answer.status, answer.body) == (int(status[:3]), b"")
    assert client.get("/cookies").all("set-cookie") == ["a=1", "b=2"]
    assert client.get("/fields?name=X-Capital&value=Yes").one("x-capital") == "Yes"


@pytest.mark.only("sync", "gthread")
def test_fifty_requests_at_once_are_all_answered(server: Server):
    client = talk(server)
    streams = {client.request("POST", "/labour?ms=5", body=b"%d" % number): number for number in range(50)}
    for stream, number in streams.items():
        assert client.answer(stream).body == b"%d" % number


@pytest.mark.only("gthread", "gevent", "eventlet")
def test_requests_of_one_connection_are_worked_on_at_once(server: Server, gate: Gate):
    client = talk(server)
    streams = [client.request("GET", f"/wait?label=at {number}".replace(" ", "+")) for number in range(3)]
    visitors = [gate.wait(f"at {number}") for number in range(3)]
    for stream, visitor in reversed(list(zip(streams, visitors, strict=True))):
        visitor.release(f"word {stream}")
        assert client.answer(stream).text == f"{visitor.pid} word {stream}"


def test_bodies_of_any_length_come_up(server: Server):
    client = talk(server)
    body = LINE * (MEGABYTES // 64)
    answer = client.ask("POST", "/count", body=body)
    assert answer.text == f"{len(body)} {sum(LINE) * (MEGABYTES // 64)}"
    length = ("content-length", str(len(body)))
    assert client.ask("POST", "/echo", length, body=body).body == body
    assert client.ask("POST", "/count", ("content-length", "0"), body=b"").text == "0 0"
    assert client.ask("POST", "/ignore-body", body=body).text == "ignored"
    assert client.get("/hello").status == 200


@pytest.mark.only("sync")
def test_a_request_may_end_with_trailers(server: Server):
    client = talk(server)
    stream = client.request("POST", "/echo", ends=False)
    client.send(stream, b"body", ends=False)
    client.trailers(stream, ("x-checksum", "abc"))
    assert client.answer(stream).body == b"body"


def test_who_reads_one_answer_slowly_does_not_stop_the_others(server: Server):
    client = talk(server)
    slow = client.request("GET", f"/big?bytes={MEGABYTES}")
    client.held.add(slow)
    client.body(slow, 65535)
    whole = LINE * (MEGABYTES // 64)
    assert client.get(f"/big?bytes={MEGABYTES}").body == whole
    assert len(client.body(slow, 0)) == 65535
    client.let_go(slow)
    assert client.answer(slow).body == whole


@pytest.mark.only("sync", "gthread")
def test_an_application_sends_trailers(server: Server):
    answer = talk(server).ask("POST", "/trailers", body=b"12345")
    assert (answer.status, answer.body) == (200, b"with trailers")
    assert answer.trailers == [("x-checksum", "abc"), ("x-size", "5")]


def test_hints_come_before_the_answer(server: Server, gate: Gate):
    client = talk(server)
    stream = client.request("GET", "/hints")
    visitor = gate.wait("hinted")
    while len(client.streams[stream].interim) < 2:
        client.receive("two interim answers")
    visitor.release()
    answer = client.answer(stream)
    assert [(status, fields) for status, fields in answer.interim] == [
        (103, [("link", "</style.css>; rel=preload")]),
        (103, [("link", "</script.js>; rel=preload")]),
    ]
    assert (answer.status, answer.body) == (200, b"hinted")


def test_blocks_go_out_as_they_are_made(server: Server, gate: Gate):
    client = talk(server)
    stream = client.request("GET", "/stepwise")
    for index in range(4):
        visitor = gate.wait(f"after block {index}")
        expected = b"".join(b"block %d" % number for number in range(index + 1))
        assert client.body(stream, len(expected)) == expected
        visitor.release()
    gate.wait("generator closed")
    assert client.answer(stream).status == 200


def test_a_client_that_gives_an_answer_up_ends_it(serve: Serve, gate: Gate):
    server = serve(APP, *OPTIONS, "--access-logfile=-", "--access-logformat=%(r)s %(s)s")
    client = talk(server)
    stream = client.request("GET", "/flood")
    client.body(stream, 1)
    client.reset(stream)
    gate.wait("flood closed")
    server.access.wait(r"GET /flood HTTP/2\.0 499")
    assert client.get("/hello").status == 200
    server.access.wait(r"GET /hello HTTP/2\.0 200")


def test_a_client_that_goes_away_ends_all_its_answers(serve: Serve, gate: Gate):
    server = serve(APP, *OPTIONS, "--access-logfile=-", "--access-logformat=%(r)s %(s)s")
    client = talk(server)
    client.body(client.request("GET", "/flood"), 1)
    client.client.reset()
    gate.wait("flood closed")
    server.access.wait(r"GET /flood HTTP/2\.0 499")
    assert talk(server).get("/hello").status == 200


@pytest.mark.only("sync", "gthread")
def test_an_application_that_fails_halfway_ends_its_answer_alone(server: Server, gate: Gate):
    server.expect("raised by the third block")
    client = talk(server)
    stream = client.request("GET", "/closing-fault")
    assert client.reset_code(stream) == ErrorCodes.INTERNAL_ERROR
    gate.wait("closed")
    assert client.get("/hello").status == 200


@pytest.mark.only("gthread")
def test_many_connections_at_once(server: Server):
    failures: list[object] = []

    def ask() -> None:
        client = talk(server)
        streams = [client.request("POST", "/echo", body=bytes(20_000)) for _ in range(10)]
        failures.extend(answer for stream in streams if len((answer := client.answer(stream)).body) != 20_000)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.only("sync", "gevent")
def test_the_engine_answers_by_itself(serve: Serve, tmp_path: Path):
    (tmp_path / "site.css").write_bytes(LINE * 100_000)
    server = serve(APP, *OPTIONS, f"--static=/static={tmp_path}", "--health-path=/-/health", "--allowed-hosts=good")
    client = talk(server)
    host = {"authority": "good"}
    answer = client.answer(client.request("GET", "/static/site.css", **host))
    assert (answer.status, answer.body, answer.one("content-type")) == (200, LINE * 100_000, "text/css; charset=utf-8")
    part = client.answer(client.request("GET", "/static/site.css", ("range", "bytes=64-127"), **host))
    assert (part.status, part.body) == (206, LINE)
    tag = ("if-none-match", answer.one("etag") or "")
    assert client.answer(client.request("GET", "/static/site.css", tag, **host)).status == 304
    assert client.answer(client.request("HEAD", "/static/site.css", **host)).body == b""
    assert client.answer(client.request("GET", "/-/health", authority="anything")).status == 200
    assert client.get("/hello").status == 421


@pytest.mark.only("sync", "gevent")
def test_a_file_that_the_application_names_is_sent(serve: Serve, tmp_path: Path):
    (tmp_path / "report.txt").write_bytes(LINE * 100_000)
    server = serve("tests.apps.sending", *OPTIONS, f"--sendfile-root={tmp_path}")
    client = talk(server)
    for way in ("list", "generator", "write"):
        answer = client.get(f"/{way}?value={tmp_path}/report.txt")
        assert (answer.status, answer.body) == (200, LINE * 100_000)
    server.expect("names a file that lies in no directory")
    assert client.get("/list?value=/etc/passwd").status == 500
