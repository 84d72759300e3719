"""The demo application: a page to look at, and behind it what a WSGI server has to do well.

It is one plain WSGI callable and needs nothing installed. `make serve` serves it on http://127.0.0.1:8000.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
Start = Callable[..., Callable[[bytes], object]]

PAGE = Path(__file__).with_name("page.html")
BLOCK_BYTES = 65536


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer with the view that the path names."""
    view = VIEWS.get(environ["PATH_INFO"])
    if view is None:
        return text(start_response, "404 Not Found", "There is nothing here.\n")
    return view(environ, start_response)


def text(start_response: Start, status: str, body: str, kind: str = "text/plain") -> Iterable[bytes]:
    """A whole answer of known length."""
    data = body.encode()
    start_response(status, [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(data)))])
    return [data]


def page(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The page, filled with who serves it."""
    software = html.escape(environ["SERVER_SOFTWARE"])
    body = PAGE.read_text(encoding="utf-8").replace("{{software}}", software).replace("{{pid}}", str(os.getpid()))
    return text(start_response, "200 OK", body, "text/html")


def shown_environ(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The environ of this very request, as JSON."""
    shown = {name: value if isinstance(value, str) else repr(value) for name, value in sorted(environ.items())}
    return text(start_response, "200 OK", json.dumps(shown, indent=2), "application/json")


def stream(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """Ten lines, one each half second: every one is on the wire while the next is still being made."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Accel-Buffering", "no")])
    for number in range(1, 11):
        yield f"line {number} of 10, made at {time.strftime('%H:%M:%S')}\n".encode()
        if number < 10:
            time.sleep(0.5)


def upload(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The size and the digest of what was sent; it is read in blocks, so its size does not matter."""
    if environ["REQUEST_METHOD"] != "POST":
        return text(start_response, "405 Method Not Allowed", "Send something with POST.\n")
    digest, size = hashlib.sha256(), 0
    while block := environ["wsgi.input"].read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    return text(start_response, "200 OK", json.dumps({"bytes": size, "sha256": digest.hexdigest()}), "application/json")


def source(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """This file, sent by the kernel straight from the disk."""
    file = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
    size = os.fstat(file.fileno()).st_size
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(size))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


VIEWS = {"/": page, "/environ": shown_environ, "/stream": stream, "/upload": upload, "/source": source}
