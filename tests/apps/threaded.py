"""What shows on which thread, and how many at once, the application is called."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable

from tests.apps import waiting
from tests.apps.common import TEXT, Environ, Start

own = threading.local()


def answer(start_response: Start, text: str) -> list[bytes]:
    body = text.encode()
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/wait":
        return waiting.wait({**environ, "QUERY_STRING": ""}, start_response)
    if path == "/spin":
        return waiting.busy(environ, start_response)
    if path == "/stream":
        return waiting.stepwise(environ, start_response)
    if path == "/multithread":
        return answer(start_response, str(environ["wsgi.multithread"]))
    if path == "/thread":
        return answer(start_response, threading.current_thread().name)
    if path == "/echo":
        own.query = query
        for _ in range(50):
            assert own.query == query
        return answer(start_response, own.query)
    if path == "/keep":
        # One call of C code, which takes longer than anybody waits.
        re.match(r"(a|aa)+$", "a" * 60 + "b")
    if path == "/fail":
        raise ValueError("not today")
    if path == "/exit":
        sys.exit(3)
    return answer(start_response, "here")
