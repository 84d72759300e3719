"""Files that the engine sends by itself: what is given away, in which form, and what never is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.certificates import ready_made
from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Response
from tests.support.server import Server, listener
from tests.support.tls import options as tls_options
from tests.support.tls import secure, trusting

Serve = Callable[..., Server]
APP = "tests.apps.answers"
MODELS = ("sync", "gthread", "gevent", "eventlet")
LONG_AGO = 1_600_000_000
CSS = b"body { color: black }\n" * 100
LARGE = 40 << 20


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory of files, with a secret beside it and ways that lead there."""
    site = tmp_path / "site"
    (site / "docs").mkdir(parents=True)
    (site / ".git").mkdir()
    files = {
        "site.css": CSS,
        "docs/index.html": b"<h1>docs</h1>",
        "plain": b"plain",
        "empty.txt": b"",
        "naïve name%.txt": b"odd",
        ".secret": b"secret",
        ".git/config": b"secret",
        "../secret": b"secret",
    }
    for name, content in files.items():
        (site / name).write_bytes(content)
        os.utime(site / name, (LONG_AGO, LONG_AGO))
    (site / "inside.css").symlink_to("site.css")
    (site / "outside").symlink_to("../secret")
    (site / "absolute").symlink_to(tmp_path / "secret")
    (site / "above").symlink_to("..")
    os.mkfifo(site / "fifo")
    return site


def start(serve: Serve, site: Path, *options: str, **how: object) -> Server:
    return serve(APP, f"--static=/static={site}", *options, **how)


def check_whole(answer: Response, content: bytes, kind: str) -> None:
    assert (answer.status, answer.body) == (200, content)
    assert answer.one("Content-Type") == kind
    assert answer.one("Content-Length") == str(len(content))
    assert answer.one("Last-Modified") == formatdate(LONG_AGO, usegmt=True)
    assert answer.one("Accept-Ranges") == "bytes"
    assert answer.one("Cache-Control") == "public, max-age=60"
    assert (answer.one("ETag") or "").startswith('"')
    assert answer.one("Content-Encoding") is None


def test_files_are_sent_and_other_paths_are_the_applications(serve: Serve, site: Path):
    server = start(serve, site)
    with server.client() as client:
        check_whole(client.ask("GET", "/static/site.css"), CSS, "text/css; charset=utf-8")
        check_whole(client.ask("GET", "/static/docs/"), b"<h1>docs</h1>", "text/html; charset=utf-8")
        check_whole(client.ask("GET", "/static/plain?v=1#x"), b"plain", "application/octet-stream")
        check_whole(client.ask("GET", "/static/na%C3%AFve%20name%25.txt"), b"odd", "text/plain; charset=utf-8")
        check_whole(client.ask("GET", "/%73tatic/site%2Ecss"), CSS, "text/css; charset=utf-8")
        check_whole(client.ask("GET", "/static/inside.css"), CSS, "text/css; charset=utf-8")
        check_whole(client.ask("GET", "/static/empty.txt"), b"", "text/plain; charset=utf-8")
        assert client.ask("GET", "/hello").body == server.get("/hello").body
        for target in ("/staticx", "/stati", "/site.css", "/Static/site.css"):
            assert client.ask("GET", target).one("ETag") is None, target
        head = client.ask("HEAD", "/static/site.css")
        assert (head.status, head.body, head.one("Content-Length")) == (200, b"", str(len(CSS)))
        old = client.ask("GET", "/static/plain", version="1.0")
        assert (old.body, old.one("Connection")) == (b"plain", "close")
        client.expect_end()


NEVER = (
    "/static", "/static/missing", "/static/docs", "/static/fifo", "/static/outside", "/static/absolute",
    "/static/above/secret", "/static/../secret", "/static/%2e%2e/secret", "/static/docs/../../secret",
    "/static/..%2fsecret", "/static/docs%2f..%2f..%2fsecret", "/static//etc/passwd", "/static/%2fetc%2fpasswd",
    "/static/.secret", "/static/%2esecret", "/static/.git/config", "/static/./site.css", "/static//site.css",
    "/static/site.css/", "/static/site.css%00", "/static/site.css%00.txt", "/static/docs%2findex.html",
    "/static/%252e%252e/secret", "/static/above/site/site.css", "/static/" + "a" * 300, "/static/" + "a/" * 500,
)  # fmt: skip


@pytest.mark.only("sync", "gthread")
def test_nothing_else_is_ever_given_away(serve: Serve, site: Path):
    server = start(serve, site)
    with server.client() as client:
        for target in NEVER:
            answer = client.ask("GET", target)
            assert (answer.status, answer.text) == (404, "404 Not Found\n"), target


@pytest.mark.only("sync", "gthread")
def test_what_is_no_file_is_the_applications_where_it_is_said_so(serve: Serve, site: Path):
    server = serve("tests.apps.seen:body", f"--static=/={site}", "--static-missing=application")
    assert server.get("/site.css").body == CSS
    assert server.get("/docs/").body == b"<h1>docs</h1>"
    for target in ("/", "/docs", "/missing", "/.secret", "/%2e%2e/secret", "/above/secret"):
        answer = server.get(target)
        assert answer.one("ETag") is None, target
        assert answer.body != b"secret", target
    assert server.ask("POST", "/site.css", body=b"x").status == 200


@pytest.mark.only("sync", "gthread")
def test_the_longest_path_counts(serve: Serve, site: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "plain").write_bytes(b"other")
    server = start(serve, site, f"--static=/static/docs/={other}", "--static=/=" + str(other))
    assert [server.get(f"/{path}").body for path in ("static/plain", "static/docs/plain", "plain")] == [
        b"plain", b"other", b"other",
    ]  # fmt: skip


@pytest.mark.only("sync", "gthread")
def test_other_methods_are_refused(serve: Serve, site: Path):
    server = start(serve, site)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = server.ask(method, "/static/site.css", body=b"x" * 70_000 if method == "PUT" else b"")
        assert (answer.status, answer.one("Allow")) == (405, "GET, HEAD"), method


@pytest.mark.only("sync", "gthread")
def test_a_client_that_has_it_is_told_so(serve: Serve, site: Path):
    server = start(serve, site, "--static-max-age=0")
    with server.client() as client:
        etag = client.ask("GET", "/static/site.css").one("ETag")
        since, before = formatdate(LONG_AGO, usegmt=True), formatdate(LONG_AGO - 1, usegmt=True)
        for field in (
            f"If-None-Match: {etag}",
            f'If-None-Match: "x", W/{etag}',
            "If-None-Match: *",
            f"If-Modified-Since: {since}",
        ):
            for method in ("GET", "HEAD"):
                answer = client.ask(method, "/static/site.css", field)
                assert (answer.status, answer.body, answer.one("ETag")) == (304, b"", etag), field
                assert answer.one("Cache-Control") == "no-cache"
                assert answer.one("Content-Length") is None
        for field in (
            'If-None-Match: "x"',
            f"If-Modified-Since: {before}",
            "If-Modified-Since: oops",
            f"If-Match: {etag}",
        ):
            assert client.ask("GET", "/static/site.css", field).status == 200, field
        for field in ('If-Match: "x"', f"If-Unmodified-Since: {before}"):
            assert client.ask("GET", "/static/site.css", field).status == 412, field


@pytest.mark.only("sync", "gthread")
def test_a_part_can_be_had(serve: Serve, site: Path):
    server = start(serve, site)
    size = len(CSS)
    with server.client() as client:
        etag = client.ask("GET", "/static/site.css").one("ETag")
        for wanted, first, last in (
            ("0-0", 0, 0), ("5-", 5, size - 1), ("-7", size - 7, size - 1), ("10-99999", 10, size - 1),
        ):  # fmt: skip
            for fields in ((), (f"If-Range: {etag}",), (f"If-Range: {formatdate(LONG_AGO, usegmt=True)}",)):
                answer = client.ask("GET", "/static/site.css", f"Range: bytes={wanted}", *fields)
                assert (answer.status, answer.body) == (206, CSS[first : last + 1])
                assert answer.one("Content-Range") == f"bytes {first}-{last}/{size}"
        for fields in (
            ("Range: bytes=0-1,4-5",), ("Range: lines=0-1",), ("Range: bytes=5-4",),
            ("Range: bytes=0-1", 'If-Range: "x"'), ("Range: bytes=0-1", f"If-Range: W/{etag}"),
        ):  # fmt: skip
            assert client.ask("GET", "/static/site.css", *fields).body == CSS, fields
        for target, wanted, length in (
            ("site.css", f"{size}-", size),
            ("site.css", "-0", size),
            ("empty.txt", "0-", 0),
        ):
            answer = client.ask("GET", f"/static/{target}", f"Range: bytes={wanted}")
            assert (answer.status, answer.one("Content-Range")) == (416, f"bytes */{length}")
        assert client.ask("HEAD", "/static/site.css", "Range: bytes=0-9").one("Content-Length") == str(size)
        assert client.ask("GET", "/static/site.css", "Range: bytes=0-9", f"If-None-Match: {etag}").status == 304


@pytest.mark.only("sync", "gthread")
def test_a_client_gets_the_coding_that_it_prefers(serve: Serve, site: Path):
    for ending, content in ((".br", b"brotli"), (".zst", b"zstandard"), (".gz", b"gzip")):
        (site / f"site.css{ending}").write_bytes(content)
    (site / "plain.gz").write_bytes(b"gzip")
    server = start(serve, site)
    etags = set()
    with server.client() as client:
        for wanted, coding, content in (
            ("", None, CSS),
            ("gzip", "gzip", b"gzip"),
            ("gzip, deflate, br, zstd", "br", b"brotli"),
            ("gzip;q=1, zstd;q=0.5", "gzip", b"gzip"),
            ("zstd;q=0.9, *;q=0.1", "zstd", b"zstandard"),
            ("br;q=0, gzip;q=0, zstd;q=0", None, CSS),
            ("identity, br;q=0.5", None, CSS),
        ):
            answer = client.ask("GET", "/static/site.css", f"Accept-Encoding: {wanted}")
            assert (answer.status, answer.one("Content-Encoding"), answer.body) == (200, coding, content), wanted
            assert answer.one("Content-Type") == "text/css; charset=utf-8"
            assert answer.one("Vary") == "Accept-Encoding"
            etags.add(answer.one("ETag"))
        assert len(etags) == 4
        assert client.ask("GET", "/static/plain", "Accept-Encoding: br, gzip").body == b"gzip"
        other = client.ask("GET", "/static/docs/", "Accept-Encoding: br, gzip")
        assert (other.body, other.one("Vary")) == (b"<h1>docs</h1>", None)
        assert client.ask("GET", "/static/site.css.gz").one("Content-Type") == "application/gzip"


def test_what_has_changed_is_seen(serve: Serve, site: Path):
    server = start(serve, site)
    path = site / "news.txt"
    for content in (b"one", b"two", b"another"):
        replacement = site / "new"
        replacement.write_bytes(content)
        replacement.rename(path)
        until(lambda wanted=content: server.get("/static/news.txt").body == wanted, "the new content")  # type: ignore[misc]
    assert (server.get("/static/news.txt").one("ETag") or "").startswith('W/"'), "it may change again in the same tick"
    path.unlink()
    until(lambda: server.get("/static/news.txt").status == 404, "the file to be gone")
    site.rename(site.with_name("before"))
    site.mkdir()
    (site / "fresh.txt").write_bytes(b"fresh")
    until(lambda: server.get("/static/fresh.txt").body == b"fresh", "another directory in its place")


def test_large_files_and_slow_clients_take_no_memory_and_hold_nobody_up(serve: Serve, site: Path, gate: Gate):
    with (site / "large.bin").open("wb") as large:
        large.truncate(LARGE)
    server = start(serve, site)
    with server.client() as busy:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        slow = [server.client(receive_buffer=4096) for _ in range(30)]
        for client in slow:
            client.request("GET", "/static/large.bin")
        with server.client() as other:
            assert other.ask("GET", "/static/site.css").body == CSS
            assert len(other.ask("GET", "/static/large.bin").body) == LARGE
        for client in slow:
            head = client.read_head()
            assert head.one("Content-Length") == str(LARGE)
        status = Path(f"/proc/{server.worker_pid()}/status").read_text()
        (resident,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        assert resident < 60_000, f"{resident} kB"
        assert len(slow[0].read_exactly(LARGE)) == LARGE
        assert slow[0].ask("GET", "/static/plain").body == b"plain"
        visitor.release()
        assert busy.read_response().status == 200


def test_many_files_are_not_kept_open(serve: Serve, site: Path):
    names = [f"{number}.txt" for number in range(400)]
    for name in names:
        (site / name).write_text(name)
    server = start(serve, site)

    def open_files() -> int:
        return sum(
            os.path.realpath(f"/proc/{server.worker_pid()}/fd/{fd}").startswith(f"{site}/")
            for fd in os.listdir(f"/proc/{server.worker_pid()}/fd")
        )

    with server.client() as client:
        for name in names:
            assert client.ask("GET", f"/static/{name}").text == name
        assert open_files() <= 128
    until(lambda: open_files() == 0, "the files to be closed")


def test_requests_behind_one_another_are_answered_in_their_order(serve: Serve, site: Path):
    server = start(serve, site)
    targets = ["/static/site.css", "/hello", "/static/missing", "/static/plain", "/static/empty.txt"] * 40
    hello = server.get("/hello").body
    bodies = {"/static/site.css": CSS, "/hello": hello, "/static/plain": b"plain", "/static/empty.txt": b""}
    with server.client() as client:
        client.send(b"".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for target in targets))
        for target in targets:
            assert client.read_response().body == bodies.get(target, b"404 Not Found\n"), target


def test_each_has_its_line_in_the_access_log(serve: Serve, site: Path):
    server = start(serve, site, "--access-logfile=-", "--access-logformat=%(r)s|%(s)s|%(B)s|%({content-type}o)s")
    with server.client() as client:
        client.ask("GET", "/static/plain")
        client.ask("HEAD", "/static/plain")
        client.ask("GET", "/static/plain", "Range: bytes=1-2")
        client.ask("GET", "/static/plain", "If-None-Match: *")
        client.ask("GET", "/static/no")
    server.stop()
    kind = "application/octet-stream"
    assert server.access.so_far() == [
        f"GET /static/plain HTTP/1.1|200|5|{kind}",
        f"HEAD /static/plain HTTP/1.1|200|0|{kind}",
        f"GET /static/plain HTTP/1.1|206|2|{kind}",
        "GET /static/plain HTTP/1.1|304|0|-",
        "GET /static/no HTTP/1.1|404|14|text/plain; charset=utf-8",
    ]


def test_a_file_that_may_not_be_read_is_told_of(serve: Serve, short_directory: str):
    # It imports nothing: where Python is installed in a home directory, the user of the workers may not read it.
    app = "def application(environ, start):\n    start('200 OK', [('Content-Length', '0')])\n    return []\n"
    top = Path(short_directory)
    top.chmod(0o755)
    for name, content in (("app.py", app), ("plain", "plain"), ("locked", "locked")):
        (top / name).write_text(content)
    (top / "locked").chmod(0)
    options = ("--user=nobody", "--preload") if os.geteuid() == 0 else ()
    server = serve("app", f"--static=/static={top}", *options, cwd=top)
    assert server.get("/static/locked").status == 403
    assert server.get("/static/plain").body == b"plain"
    server.errors.wait("A file cannot be served: locked: Permission denied")
    server.expect("A file cannot be served: locked")


@pytest.mark.only("sync", "gthread")
def test_by_a_unix_socket(serve: Serve, site: Path, short_directory: str):
    server = start(serve, site, binds=[listener("unix", short_directory)])
    assert server.get("/static/site.css").body == CSS


def test_by_tls(serve: Serve, site: Path, gate: Gate):
    with (site / "large.bin").open("wb") as large:
        large.write(CSS * 3000)
    certificate = ready_made()
    server = start(serve, site, *tls_options(certificate))
    with secure(server, trusting(certificate)) as client, secure(server, trusting(certificate)) as busy:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        check_whole(client.ask("GET", "/static/site.css"), CSS, "text/css; charset=utf-8")
        assert client.ask("GET", "/static/large.bin").body == CSS * 3000
        assert client.ask("GET", "/static/large.bin", "Range: bytes=100000-").body == (CSS * 3000)[100000:]
        visitor.release()
        assert busy.read_response().status == 200


@pytest.mark.only("sync", "gthread")
def test_curl_gets_it(serve: Serve, site: Path, tmp_path: Path):
    server = start(serve, site)
    assert isinstance(server.address, tuple)
    url = f"http://127.0.0.1:{server.address[1]}/static/site.css"
    saved = tmp_path / "saved"
    curl = ["curl", "--silent", "--show-error", "--fail", "--output", str(saved)]
    subprocess.run([*curl, url], check=True)
    assert saved.read_bytes() == CSS
    saved.write_bytes(CSS[:500])
    subprocess.run([*curl, "--continue-at", "-", url], check=True)
    assert saved.read_bytes() == CSS
    code = ["--write-out", "%{http_code}", "--time-cond", str(saved)]
    os.utime(saved)
    assert subprocess.run([*curl, *code, url], check=True, capture_output=True).stdout == b"304"
    way_out = ["curl", "--silent", "--path-as-is", "--write-out", "%{http_code}", f"{url}/../../secret"]
    assert subprocess.run(way_out, check=True, capture_output=True).stdout.endswith(b"404")
