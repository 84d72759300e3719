"""Files that the application names: sent in the place of its body, from where they may be, with its other fields."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.apps.sending import OWN
from tests.support.certificates import ready_made
from tests.support.http import Client, Response
from tests.support.server import Run, Server
from tests.support.tls import options, secure, trusting

Serve = Callable[..., Server]
APP = "tests.apps.sending"
MODELS = ("sync", "gthread", "gevent", "eventlet")
WAYS = ("list", "empty", "generator", "write", "wrapper")
REPORT = b"a report\n" * 5000
LONG_AGO = 1_600_000_000


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory of files that may be sent, with one beside it that may not."""
    files = tmp_path / "files"
    files.mkdir()
    for name, content in (("report.pdf", REPORT), (".hidden", b"hidden"), ("empty", b""), ("../secret", b"secret")):
        (files / name).write_bytes(content)
        os.utime(files / name, (LONG_AGO, LONG_AGO))
    (files / "out").symlink_to("../secret")
    return files


def start(serve: Serve, files: Path, *more: str) -> Server:
    return serve(APP, f"--sendfile-root={files}", f"--accel-redirect=/protected={files}", *more)


def named(way: str, value: object, field: str = "X-Sendfile", **more: str) -> str:
    """The target by which the application names this file."""
    queries = {"field": field, "value": str(value), **more}
    return f"/{way}?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in queries.items())


def check_sent(answer: Response) -> None:
    assert (answer.status, answer.body) == (200, REPORT)
    assert answer.one("Content-Length") == str(len(REPORT))
    for gone in ("X-Sendfile", "X-Accel-Redirect", "Transfer-Encoding"):
        assert answer.one(gone) is None


@pytest.mark.parametrize("way", WAYS)
def test_the_file_is_sent_in_the_place_of_the_body(serve: Serve, files: Path, way: str):
    server = start(serve, files)
    with server.client() as client:
        for target in (named(way, files / "report.pdf"), named(way, "/protected/report%2Epdf?x", "x-accel-redirect")):
            check_sent(client.ask("GET", target))
            more = "Content-Type:text/x|Set-Cookie:a=b|Content-Length:5|ETag:1"
            answer = client.ask("GET", f"{target}&more={quote(more)}")
            check_sent(answer)
            assert (answer.one("Content-Type"), answer.one("Set-Cookie")) == ("text/x", "a=b")
            head = client.ask("HEAD", target)
            assert (head.status, head.one("Content-Length")) == (200, str(len(REPORT)))
            assert head.one("Content-Type") == "application/pdf"
        answer = client.ask("GET", named(way, files / "empty"))
        assert (answer.status, answer.body) == (200, b"")
        assert client.ask("GET", named(way, files / ".hidden")).body == b"hidden"


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize("way", WAYS)
def test_conditions_and_ranges_are_those_of_the_file(serve: Serve, files: Path, way: str):
    server = start(serve, files)
    target = named(way, files / "report.pdf", more='Content-Disposition:attachment|ETag:"app"')
    with server.client() as client:
        etag = client.ask("GET", target).one("ETag")
        assert etag not in (None, '"app"')
        fresh = client.ask("GET", target, f"If-None-Match: {etag}")
        assert (fresh.status, fresh.body, fresh.one("ETag")) == (304, b"", etag)
        part = client.ask("GET", target, "Range: bytes=5-13")
        assert (part.status, part.body) == (206, REPORT[5:14])
        assert part.one("Content-Range") == f"bytes 5-13/{len(REPORT)}"
        assert part.one("Content-Disposition") == "attachment"
        beyond = client.ask("GET", target, "Range: bytes=99999999-")
        assert (beyond.status, beyond.one("Content-Range")) == (416, f"bytes */{len(REPORT)}")
        assert beyond.one("Content-Type") == "text/plain; charset=utf-8"
        assert client.ask("GET", target, 'If-Match: "x"').status == 412
        check_sent(client.ask("POST", target, f"If-None-Match: {etag}", body=b"x"))
        other = named(way, files / "report.pdf", status="403 Forbidden")
        refused = client.ask("GET", other, "Range: bytes=0-1")
        assert (refused.status, refused.body) == (403, REPORT)


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize("way", WAYS)
def test_what_lies_elsewhere_is_a_mistake_of_the_applications(serve: Serve, files: Path, way: str):
    server = start(serve, files)
    server.expect("names a file that lies in no directory|names a path that lies below none")
    for value in (
        "/etc/passwd", files / "../secret", files.parent / "secret", f"{files}x/y", str(files), "report.pdf", "",
        f"{files}//report.pdf", f"{files}/./report.pdf",
    ):  # fmt: skip
        answer = server.get(named(way, value))
        assert (answer.status, b"secret" in answer.body) == (500, False), value
    for value in ("/other/report.pdf", "/protected", "/protected/../secret", "/protected/..%2fsecret", "/protectedx/y"):
        assert server.get(named(way, value, "X-Accel-Redirect")).status == 500, value


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_there_is_not_found_and_told_of(serve: Serve, files: Path, way: str):
    server = start(serve, files)
    server.expect("A file cannot be served")
    with server.client() as client:
        for value in (files / "missing", files / "out", files / "report.pdf" / "x"):
            answer = client.ask("GET", named(way, value, more="Cache-Control:max-age=9999"))
            assert (answer.status, answer.text) == (404, "404 Not Found\n")
            assert answer.one("Cache-Control") is None
    server.errors.wait("A file cannot be served: .*missing")


@pytest.mark.only("sync", "gthread")
@pytest.mark.parametrize("way", ["list", "empty", "generator", "write"])
def test_without_the_setting_the_field_means_nothing(serve: Serve, files: Path, way: str):
    server = serve(APP, f"--accel-redirect=/protected={files}")
    answer = server.get(named(way, files / "report.pdf"))
    assert answer.one("X-Sendfile") == str(files / "report.pdf")
    expected = {"list": OWN, "empty": b"", "generator": OWN * 5, "write": OWN[:10] + OWN * 2}
    assert answer.body == expected[way]


def test_it_is_the_applications_answer_in_the_access_log(serve: Serve, files: Path):
    server = start(serve, files, "--access-logfile=-", "--access-logformat=%(m)s|%(s)s|%(B)s|%({content-type}o)s")
    with server.client() as client:
        client.ask("GET", named("list", files / "report.pdf"))
        client.ask("GET", named("generator", files / "report.pdf"), "Range: bytes=0-9")
        client.ask("HEAD", named("write", files / "report.pdf"))
        client.ask("GET", named("write", files / "report.pdf"), "If-None-Match: *")
        client.ask("GET", named("list", files / "report.pdf"), "Range: bytes=999999-")
    server.stop()
    assert server.access.so_far() == [
        f"GET|200|{len(REPORT)}|application/pdf",
        "GET|206|10|application/pdf",
        "HEAD|200|0|application/pdf",
        "GET|304|0|-",
        "GET|416|26|text/plain; charset=utf-8",
    ]


def test_requests_behind_one_another_are_answered_in_their_order(serve: Serve, files: Path):
    server = start(serve, files)
    targets = [named(way, files / "report.pdf") for way in WAYS] * 10
    with server.client() as client:
        client.send(b"".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for target in targets))
        for _ in targets:
            check_sent(client.read_response())


def test_a_client_that_reads_slowly_does_not_hold_the_application(serve: Serve, files: Path):
    with (files / "large").open("wb") as large:
        large.truncate(30 << 20)
    server = start(serve, files)
    slow: list[Client] = [server.client(receive_buffer=4096) for _ in range(10)]
    for client in slow:
        client.request("GET", named("generator", files / "large"))
        assert client.read_head().one("Content-Length") == str(30 << 20)
    check_sent(server.get(named("list", files / "report.pdf")))
    assert len(slow[0].read_exactly(30 << 20)) == 30 << 20


def test_by_tls(serve: Serve, files: Path):
    certificate = ready_made()
    server = start(serve, files, *options(certificate))
    with secure(server, trusting(certificate)) as client:
        for way in WAYS:
            check_sent(client.ask("GET", named(way, files / "report.pdf")))


def test_a_root_that_is_not_there_is_one_line():
    run = Run("--sendfile-root=nowhere", APP)
    assert run.status == 1
    (line,) = run.errors.splitlines()
    assert "sendfile_root must name existing directories, not " in line
