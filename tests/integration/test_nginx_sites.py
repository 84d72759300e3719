"""The sites of deploy/nginx, served by the real nginx; the page about them has its lines from them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.arguments import parse
from longma.config.settings import table
from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.nginx import Nginx, needs_nginx, place
from tests.support.pages import blocks
from tests.support.paths import ROOT
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
SEEN = "tests.apps.seen:environ"
FILES = ROOT / "deploy" / "nginx"
PAGE = ROOT / "docs" / "deploy" / "nginx.md"
PROTOCOLS = ("http", "uwsgi", "fastcgi", "scgi")

pytestmark = needs_nginx


class Site:
    """A site of ours behind nginx."""

    def __init__(self, serve: Serve, protocol: str, kind: str, directory: str, app: str) -> None:
        self.server = serve(app, binds=[listener(kind, directory)], protocols=[protocol])
        static = Path(directory, "static")
        static.mkdir()
        (static / "style.css").write_text("body {}")
        (static / "unavailable.html").write_text("in a moment")
        text = (FILES / f"{protocol}.conf").read_text()
        for shipped, here in (
            ("unix:/run/shop/longma.sock", place(self.server.address)),
            ("listen 80;", "listen unix:{front};"),
            ("/srv/shop/static", str(static)),
            # Debian's nginx looks beside its configuration, which is the test's own here.
            (f"include {protocol}_params;", f"include /etc/nginx/{protocol}_params;"),
        ):
            assert protocol == "http" or shipped in text
            text = text.replace(shipped, here)
        self.nginx = Nginx(Path(directory), text)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_site_has_its_files_its_limits_and_a_page_for_bad_times(
    serve: Serve, protocol: str, kind: str, short_directory: str
):
    site = Site(serve, protocol, kind, short_directory, APP)
    try:
        with Client(site.nginx.front) as client:
            for _ in range(5):
                assert client.ask("GET", "/style.css").body == b"body {}"
                assert client.ask("GET", "/hello").body == b"Hello, World!\n"
            assert client.ask("GET", "/nowhere").status == 404
            body = b"x" * (2 << 20)
            assert client.ask("POST", "/echo", body=body).body == body
            client.request("POST", "/echo", f"Content-Length: {101 << 20}")
            assert client.read_response("POST").status == 413
        assert site.server.stop() == 0
        with Client(site.nginx.front) as client:
            answer = client.ask("GET", "/hello")
            assert (answer.status, answer.text) == (502, "in a moment")
    finally:
        site.nginx.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_application_of_a_site_sees_its_client(serve: Serve, protocol: str, short_directory: str):
    site = Site(serve, protocol, "tcp", short_directory, SEEN)
    try:
        with Client(site.nginx.front) as client:
            fields = ("Host: shop.example", "X-Forwarded-Proto: https", "Connection: keep-alive")
            seen = json.loads(client.ask("GET", "/a%20b?c=d", *fields).body)["environ"]
            assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "shop.example")
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("", "/a b", "c=d")
            assert seen["RAW_URI"] == "/a%20b?c=d"
    finally:
        site.nginx.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_of_a_site_is_passed_on_at_once(serve: Serve, gate: Gate, protocol: str, short_directory: str):
    site = Site(serve, protocol, "tcp", short_directory, "tests.apps.waiting:events")
    try:
        with Client(site.nginx.front) as client:
            client.request("GET", "/events")
            head = client.read_head()
            for index in range(4):
                block = client.read_chunk() if head.framing == "chunked" else client.read_exactly(7)
                assert block == b"block %d" % index
                gate.wait(f"after block {index}").release()
    finally:
        site.nginx.stop()


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_page_quotes_the_files():
    shipped = [lines_of(file.read_text()) for file in FILES.iterdir()]
    for block in blocks(PAGE, "nginx"):
        if block.heading != "Which paths the application sees":
            found = [lines for lines in shipped if set(lines_of(block.text)) <= set(lines)]
            assert found, block.name


def test_the_commands_of_the_page_are_longmas():
    for block in blocks(PAGE, "sh"):
        for command in block.commands:
            program, *arguments = shlex.split(command)
            assert program == "longma"
            parse(arguments, table())


@pytest.mark.parametrize(("target", "path"), [("/app/a%20b", "/a b"), ("/app", ""), ("/app//a", "/a")])
def test_a_mount_point_is_taken_off_the_path(serve: Serve, short_directory: str, target: str, path: str):
    (block,) = blocks(PAGE, "nginx", "Which paths the application sees")
    server = serve(SEEN, "--protocol", "uwsgi")
    text = block.text.replace("include uwsgi", "include /etc/nginx/uwsgi")
    nginx = Nginx(
        Path(short_directory),
        f"upstream shop {{ server {place(server.address)}; }}\nserver {{ listen unix:{{front}};\n{text} }}",
    )
    try:
        with Client(nginx.front) as client:
            seen = json.loads(client.ask("GET", target).body)["environ"]
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["RAW_URI"]) == ("/app", path, target)
    finally:
        nginx.stop()
