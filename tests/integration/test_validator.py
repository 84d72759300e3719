"""wsgiref's validator between server and application reports nothing, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.http import chunked
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.validated"


@pytest.mark.parametrize(
    "target",
    [
        "/hello",
        "/environ",
        "/one-block",
        "/two-blocks",
        "/generator",
        "/empty-blocks",
        "/empty",
        "/write",
        "/pretended-file",
        "/replaced",
        "/cookies",
        "/file?bytes=100000",
        "/big-in-blocks?blocks=20",
        "/reads?readline:100,read:5,readlines:10,iterate",
    ],
)
def test_answers_pass_the_validator(serve: Serve, target: str):
    server = serve(APP)
    with server.client() as client:
        for method in ("GET", "HEAD", "GET"):
            expected = 503 if target == "/replaced" else 200
            assert client.ask(method, target).status == expected


def test_bodies_pass_the_validator(serve: Serve):
    server = serve(APP)
    body = bytes(range(256)) * 50
    with server.client() as client:
        assert client.ask("POST", "/echo", "Content-Type: application/octet-stream", body=body).body == body
        client.request("POST", "/echo", "Content-Type: text/plain", "Transfer-Encoding: chunked")
        client.send(chunked(body, b"x", body))
        assert client.read_response().body == body + b"x" + body
        assert client.ask("POST", "/echo", "Content-Type: text/plain", "Content-Length: 0").body == b""
