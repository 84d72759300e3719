"""The bare WSGI applications of the benchmark, one a workload, as small as they can be so that servers are compared.

Every server runs these same callables. Next to nothing is imported or kept, so memory is the server's own.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing itself would cost the servers memory
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Environ = dict[str, Any]
    StartResponse = Callable[..., Any]

GREETING = b"Hello, World!\n"
CHUNK = b"0123456789abcdef"
SLOW_SECONDS = 0.2
NAP_SECONDS = 0.02


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [GREETING]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the body of the request."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def upload(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Read the whole body and answer with its length."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    text = b"%d\n" % len(body)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]


def ten_chunks() -> Iterator[bytes]:
    for _ in range(10):
        yield CHUNK


def stream(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a generator of ten small blocks and no Content-Length."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ten_chunks()


def mixed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Sleep 200 ms for /slow, answer at once for everything else."""
    if environ["PATH_INFO"] == "/slow":
        time.sleep(SLOW_SECONDS)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [GREETING]


def nap(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Wait for something else, as for a database."""
    time.sleep(NAP_SECONDS)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [GREETING]
