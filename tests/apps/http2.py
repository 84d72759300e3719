"""What an application may do with HTTP/2 beyond what it does with HTTP/1.1, and what it sees of it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.apps import answers, logged, seen
from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import report, stop


def trailers(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Fields behind the body, which is read first."""
    size = len(environ["wsgi.input"].read())
    environ["gunicorn.http2.send_trailers"]([("X-Checksum", "abc"), ("X-Size", str(size))])
    start_response("200 OK", [TEXT])
    yield b"with "
    yield b"trailers"


def hints(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Two interim answers, and a stop at the gate before the final one."""
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    environ["wsgi.early_hints"]([("Link", "</script.js>; rel=preload")])
    stop("hinted")
    start_response("200 OK", [TEXT, ("Content-Length", "6")])
    return [b"hinted"]


def flood(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Blocks until the client has gone, which is reported."""
    start_response("200 OK", [TEXT])
    try:
        while True:
            yield bytes(65536)
    finally:
        report("flood closed")


BEHAVIOURS = (trailers, hints, flood, seen.environ, seen.body, logged.streams)


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer as the function does that the path names: one of these, or one that `answers` has."""
    name = environ["PATH_INFO"].strip("/").replace("-", "_")
    for behaviour in BEHAVIOURS:
        if behaviour.__name__ == name:
            return behaviour(environ, start_response)
    return answers.application(environ, start_response)
