"""HTTP/2 with the clients and the proxies that there are: curl, h2load, HAProxy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import ready_made
from tests.support.deadlines import DEADLINE_SECONDS
from tests.support.haproxy import haproxy, needs_haproxy, place
from tests.support.http import Client
from tests.support.http2 import OPTIONS
from tests.support.pages import blocks
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tls import options as tls_options

Serve = Callable[..., Server]
APP = "tests.apps.http2"
CERTIFICATE = ready_made()
LARGE = 3 << 20
LOGGED = ("--access-logfile=-", "--access-logformat=%(h)s|%(r)s|%(m)s|%(U)s|%(H)s|%(s)s|%(B)s")


def curl(server: Server, target: str, *options: str, scheme: str = "http") -> tuple[str, bytes]:
    """The version and status that curl tells, and the body."""
    assert not isinstance(server.address, str)
    url = f"{scheme}://localhost:{server.address[1]}{target}"
    written = ("-w", "%{stderr}%{http_version} %{http_code}", "--resolve", f"localhost:{server.address[1]}:127.0.0.1")
    done = subprocess.run(
        ["curl", "-sS", "--max-time", str(DEADLINE_SECONDS), *written, *options, url], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.decode(), done.stdout


def has_http2() -> bool:
    """Whether there is a curl that speaks it."""
    found = shutil.which("curl")
    return found is not None and b" HTTP2 " in subprocess.run([found, "-V"], capture_output=True, check=True).stdout


needs_curl = pytest.mark.skipif(not has_http2(), reason="there is no curl that speaks HTTP/2")
needs_h2load = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")


@needs_curl
def test_curl_agrees_on_it_in_tls(serve: Serve, tmp_path: Path):
    server = serve(APP, "--http-protocols=h2", *tls_options(CERTIFICATE), *LOGGED)
    trust = ("--cacert", str(CERTIFICATE.path))
    assert curl(server, "/hello", "--http2", *trust, scheme="https") == ("2 200", b"Hello, World!\n")
    assert curl(server, "/hello", "--http1.1", *trust, scheme="https") == ("1.1 200", b"Hello, World!\n")
    assert curl(server, "/hello", "--http2", "-I", *trust, scheme="https")[0] == "2 200"
    (tmp_path / "upload").write_bytes(bytes(range(256)) * (LARGE // 256))
    upload = ("--http2", "-T", str(tmp_path / "upload"), *trust)
    assert curl(server, "/echo", *upload, scheme="https") == ("2 200", (tmp_path / "upload").read_bytes())
    server.stop()
    assert server.access.so_far() == [
        "127.0.0.1|GET /hello HTTP/2.0|GET|/hello|HTTP/2.0|200|14",
        "127.0.0.1|GET /hello HTTP/1.1|GET|/hello|HTTP/1.1|200|14",
        "127.0.0.1|HEAD /hello HTTP/2.0|HEAD|/hello|HTTP/2.0|200|0",
        f"127.0.0.1|PUT /echo HTTP/2.0|PUT|/echo|HTTP/2.0|200|{LARGE}",
    ]


@needs_curl
@pytest.mark.parametrize(
    ("ways", "knowing", "upgrading"),
    [
        ("off", None, "1.1 200"),
        ("prior-knowledge", "2 200", None),
        ("upgrade", None, "2 200"),
        ("both", "2 200", "2 200"),
    ],
)
def test_curl_begins_in_the_ways_that_are_allowed(serve: Serve, ways: str, knowing: str | None, upgrading: str | None):
    server = serve(APP, "--http-protocols=h1,h2", f"--http2-cleartext={ways}")
    server.expect("no effect|HTTP/2")
    body = ("--data-binary", "x" * 100_000)
    if knowing is not None:
        assert curl(server, "/hello", "--http2-prior-knowledge") == (knowing, b"Hello, World!\n")
        assert curl(server, "/count", "--http2-prior-knowledge", *body) == (knowing, b"100000 12000000")
    if upgrading is not None:
        assert curl(server, "/hello", "--http2") == (upgrading, b"Hello, World!\n")
        assert curl(server, "/hello", "--http1.1") == ("1.1 200", b"Hello, World!\n")
        assert curl(server, "/count", "--http1.1", *body) == ("1.1 200", b"100000 12000000")
    else:
        assert curl(server, "/hello", "--http1.1")[0] == ("1.1 400" if ways == "prior-knowledge" else "1.1 200")


@needs_h2load
@pytest.mark.parametrize("options", [OPTIONS, ("--http-protocols=h2", *tls_options(CERTIFICATE))], ids=["h2c", "tls"])
def test_h2load_gets_all_of_its_answers(serve: Serve, options: tuple[str, ...]):
    server = serve(APP, *options, workers=2)
    assert not isinstance(server.address, str)
    scheme = "http" if options is OPTIONS else "https"
    command = ["h2load", "-n3000", "-c20", "-m10", f"{scheme}://127.0.0.1:{server.address[1]}/hello"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS)
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout


@needs_haproxy
def test_haproxy_hands_on_by_http_2(serve: Serve, short_directory: str):
    server = serve(APP, *OPTIONS, *LOGGED, "--forwarded-allow-ips=127.0.0.1", "--health-path=/-/health")
    check = "option httpchk\n http-check send meth GET uri /-/health ver HTTP/1.1 hdr Host health\n"
    host = f"server one {place(server.address)} proto h2 check inter 100ms\n"
    backend = f" {check} http-request set-header X-Forwarded-Proto https\n {host}"
    with haproxy(short_directory, backend) as proxy, Client(proxy.front) as client:
        proxy.wait("one", "UP")
        for _ in range(3):
            assert client.ask("GET", "/hello").body == b"Hello, World!\n"
        upload = bytes(range(256)) * (LARGE // 256)
        assert client.ask("POST", "/echo", body=upload).body == upload
        seen = client.ask("GET", "/environ", "Host: shop.example", "Cookie: a=1; b=2").text
        assert '"HTTP_HOST": "shop.example"' in seen
        assert '"HTTP_COOKIE": "a=1; b=2"' in seen
        assert '"wsgi.url_scheme": "https"' in seen
    server.access.wait(r"GET /environ HTTP/2\.0")


@needs_curl
def test_the_page_says_what_is_so(serve: Serve, tmp_path: Path):
    page = ROOT / "docs" / "deploy" / "tls.md"
    (tls,), (plain,) = blocks(page, "python", "HTTP/2"), blocks(page, "python", "Without TLS")
    for name, block in (("tls", tls), ("plain", plain)):
        (tmp_path / f"{name}.conf.py").write_text(block.text)
    server = serve(APP, f"--config={tmp_path}/tls.conf.py", *tls_options(CERTIFICATE))
    assert curl(server, "/hello", "--cacert", str(CERTIFICATE.path), scheme="https")[0] == "2 200"
    server = serve(APP, f"--config={tmp_path}/plain.conf.py")
    (command,) = (line for block in blocks(page, "sh", "Without TLS") for line in block.commands)
    program, option, url = command.split()
    assert (program, url) == ("curl", "http://127.0.0.1:8000/")
    assert curl(server, "/hello", option)[0] == "2 200"
