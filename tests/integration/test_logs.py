"""The access log and the error log, in the formats Gunicorn's users have their tools set to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.support.gate import Gate
from tests.support.log import records
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
TIME = r"\[\d\d/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"


def test_there_is_no_access_log_unless_asked_for(serve: Serve):
    server = serve(APP)
    assert server.get("/hello").status == 200
    server.stop()
    assert server.access.so_far() == []


def test_the_default_format(serve: Serve):
    server = serve(APP, "--access-logfile", "-")
    server.get("/hello?a=b", "Referer: http://from.invalid/", 'User-Agent: test "quoted"')
    (line,) = server.access.wait("GET")
    expected = (
        rf'127\.0\.0\.1 - - {TIME} "GET /hello\?a=b HTTP/1\.1" 200 14 "http://from\.invalid/" "test \\"quoted\\""'
    )
    assert re.fullmatch(expected, line), line


def test_what_is_missing_is_a_dash(serve: Serve):
    server = serve(APP, "--access-logfile", "-")
    server.ask("HEAD", "/hello", version="1.0")
    (line,) = server.access.wait("HEAD")
    assert re.fullmatch(rf'127\.0\.0\.1 - - {TIME} "HEAD /hello HTTP/1\.0" 200 (0|-) "-" "-"', line), line


def test_a_format_of_ones_own(serve: Serve):
    template = "%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(p)s|%(l)s|%(no)s"
    template += "|%({x-id}i)s|%({content-type}o)s|%({wsgi.url_scheme}e)s"
    template += "|%({wsgi.multiprocess}e)s|%({wsgi.version}e)s|%(m)-6s|%(B)04d"
    server = serve(APP, "--access-logfile", "-", "--access-logformat", template)
    server.ask("POST", "/echo?x=%20y", "X-Id: 7", body=b"12345")
    (line,) = server.access.wait("POST")
    pid = server.worker_pid()
    expected = f"POST|/echo|x=%20y|HTTP/1.1|200|5|5|<{pid}>|-|-|7|application/octet-stream|http|False|-|POST  |0005"
    assert line == expected


def test_times(serve: Serve, gate: Gate):
    server = serve(APP, "--access-logfile", "-", "--access-logformat", "%(U)s %(T)s %(M)s %(D)s %(L)s")
    server.get("/hello")
    (line,) = server.access.wait("/hello")
    path, seconds, milliseconds, microseconds, decimal = line.split()
    assert (path, seconds) == ("/hello", "0")
    assert int(microseconds) // 1000 == int(milliseconds)
    assert re.fullmatch(r"\d+\.\d{6}", decimal)


def test_a_user_of_basic_authentication_is_named(serve: Serve):
    server = serve(APP, "--access-logfile", "-")
    server.get("/hello", "Authorization: Basic YWxpY2U6c2VjcmV0")
    (line,) = server.access.wait("GET")
    assert line.startswith("127.0.0.1 - alice [")
    assert "secret" not in line


def test_no_byte_of_a_request_can_forge_a_line(serve: Serve):
    server = serve(APP, "--access-logfile", "-")
    with server.client() as client:
        client.send(b'GET /hello?%0aforged HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\xe9"\\ \t.\r\n\r\n')
        assert client.read_response().status == 200
    server.stop()
    (line,) = server.access.so_far()
    assert "/hello?%0aforged" in line
    assert line.count('"') - line.count('\\"') == 6


def test_every_request_has_its_line_in_order(serve: Serve):
    server = serve(APP, "--access-logfile", "-", "--access-logformat", "%(U)s %(s)s %(B)s")
    with server.client() as client:
        client.send(b"".join(b"GET /status?is=2%02d HTTP/1.1\r\nHost: a\r\n\r\n" % turn for turn in range(10, 60)))
        for _ in range(50):
            client.read_response()
    server.stop()
    assert server.access.so_far() == [f"/status 2{turn} 3" for turn in range(10, 60)]


def test_a_refused_request_is_told_in_the_error_log(serve: Serve):
    server = serve(APP, "--limit-request-line", "50")
    server.expect("Invalid request")
    assert server.get("/" + "x" * 100).status == 414
    (line,) = server.errors.wait(r"\[WARNING\] Invalid request from ip=127\.0\.0\.1: .*414")
    assert "xxx" not in line


def test_an_access_log_in_a_file(serve: Serve, tmp_path: Path):
    path = tmp_path / "access.log"
    server = serve(APP, "--access-logfile", str(path), workers=2)
    for _ in range(20):
        server.get("/hello")
    server.stop()
    lines = path.read_text().splitlines()
    assert len(lines) == 20
    assert all('"GET /hello HTTP/1.1" 200 14 ' in line for line in lines)


def test_an_error_log_in_a_file(serve: Serve, tmp_path: Path):
    path = tmp_path / "error.log"
    server = serve(APP, "--error-logfile", str(path), ready=None)
    assert server.get("/raises").status == 500
    assert server.stop() == 0
    found, strays = records(path.read_text().splitlines())
    assert strays == []
    said = [record.text for record in found]
    assert any("Starting longma" in text for text in said)
    assert any("/raises" in text and "ValueError: raised before the head" in text for text in said)


def test_a_traceback_names_its_request(serve: Serve):
    server = serve(APP)
    server.expect("ValueError: raised before the head")
    server.ask("DELETE", "/raises?id=5")
    server.errors.wait("ValueError")
    (record,) = [record for record in records(server.errors.so_far())[0] if record.level == "ERROR"]
    first, *rest = record.text.splitlines()
    assert "DELETE" in first
    assert "/raises?id=5" in first
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "ValueError: raised before the head"
    assert not any("site-packages" in line and "longma" in line for line in rest)


def test_wsgi_errors_goes_to_the_error_log(serve: Serve):
    server = serve("tests.apps.seen:complain")
    assert server.get("/").status == 200
    for words in ("one line", "two parts", "printed"):
        server.errors.wait(words)
    server.expect("one line|two parts|printed|Booting")


def test_the_error_log_says_no_more_than_its_level(serve: Serve):
    server = serve(APP, "--log-level", "warning", ready=None)
    assert server.get("/hello").status == 200
    assert server.stop() == 0
    assert server.errors.so_far() == []
