"""An application that names files to be sent in the place of what it says itself, in each way of answering."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.apps.common import Environ, Start, asked

OWN = b"what the application says " * 3000


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The path is the way to answer; the query has the field, its value, the status, and further fields as `n:v`."""
    fields = [(asked(environ, "field", "X-Sendfile"), asked(environ, "value"))]
    more = (pair.partition(":") for pair in asked(environ, "more").split("|"))
    fields += [(name, value) for name, _, value in more if name]
    status = asked(environ, "status", "200 OK")
    match environ["PATH_INFO"]:
        case "/list":
            start_response(status, fields)
            return [OWN]
        case "/empty":
            start_response(status, fields)
            return []
        case "/generator":
            return late(start_response, status, fields)
        case "/write":
            write = start_response(status, fields)
            write(OWN[:10])
            write(OWN)
            return [OWN]
        case "/wrapper":
            start_response(status, fields)
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](Path(__file__).open("rb"))  # noqa: SIM115
            return wrapped
        case _:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []


def late(start_response: Start, status: str, fields: list[tuple[str, str]]) -> Iterable[bytes]:
    start_response(status, fields)
    for _ in range(5):
        yield OWN
