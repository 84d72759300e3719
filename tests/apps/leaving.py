"""An application whose process ends or grows when it is asked to."""

from __future__ import annotations

import os

from tests.apps import gate
from tests.apps.common import Environ, Start

MEBIBYTE = 1 << 20
kept: list[bytearray] = []


def application(environ: Environ, start_response: Start) -> list[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    body = b"here"
    if path == "/exit":
        os._exit(int(query))
    if path == "/grow":
        size, _, then = query.partition("&")
        kept.append(bytearray(b"x" * (int(size) * MEBIBYTE)))
        body = b"grown"
        if then == "stay":
            gate.stop("grown")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
