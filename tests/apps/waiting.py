"""Answers that stop at the gate, so that the test decides when they go on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from tests.apps.common import TEXT, Environ, Start, asked
from tests.apps.gate import report, spin, stop


def wait(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Stop at the gate, then say who answers."""
    word = stop(asked(environ, "label", "in the application"))
    start_response("200 OK", [TEXT])
    return [f"{os.getpid()} {word}".encode()]


def busy(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The same with the processor busy all the while."""
    word = spin("in the application")
    start_response("200 OK", [TEXT])
    return [f"{os.getpid()} {word}".encode()]


def pid(environ: Environ, start_response: Start) -> Iterable[bytes]:
    body = str(os.getpid()).encode()
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def stepwise(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A block, then a stop at the gate before each further one."""
    start_response("200 OK", [TEXT])
    try:
        for index in range(4):
            yield b"block %d" % index
            stop(f"after block {index}")
    finally:
        report("generator closed")


def stepwise_write(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The same by the write() callable."""
    write = start_response("200 OK", [TEXT])
    for index in range(4):
        write(b"block %d" % index)
        stop(f"after block {index}")
    return []


def stepwise_with_length(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The same with a Content-Length, so that nothing frames the blocks."""
    start_response("200 OK", [TEXT, ("Content-Length", "28")])
    for index in range(4):
        yield b"block %d" % index
        stop(f"after block {index}")


def labour(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Work that takes as many milliseconds as asked for, then the body again, and whose connection this was."""
    body = environ["wsgi.input"].read()
    threading.Event().wait(int(asked(environ, "ms")) / 1000)
    fields = [("X-Server-Port", environ["SERVER_PORT"]), ("X-Remote-Port", environ["REMOTE_PORT"])]
    start_response("200 OK", [TEXT, *fields, ("X-Pid", str(os.getpid())), ("Content-Length", str(len(body)))])
    return [body]


def events(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The same as an application of its own, whatever the path."""
    return stepwise(environ, start_response)
