"""An application for tests of what is logged and how connections end: its paths do what their names say."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from tests.apps.common import LINE, TEXT, Environ, Start, asked
from tests.apps.gate import stop


class StopsInClose(Iterator[bytes]):
    """Two blocks, a stop at the gate before their end, and a close() that stops there too."""

    def __init__(self) -> None:
        self.blocks = iter((b"one", b"two"))

    def __next__(self) -> bytes:
        for block in self.blocks:
            return block
        stop("behind the blocks")
        raise StopIteration

    def close(self) -> None:
        stop("in close()")


def waits(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Stop at the gate before the answer, and work for a moment."""
    stop("in the application")
    threading.Event().wait(0.02)
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return [b"hello"]


def streams(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A block, a stop at the gate, and the rest, which may be long."""
    start_response("200 OK", [TEXT])
    yield b"first"
    stop("in the application")
    yield LINE * int(asked(environ, "lines", "1"))


def fails(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A block, and an exception."""
    start_response("200 OK", [TEXT])
    yield b"first"
    raise ValueError("behind the first block")


def large(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A body that no socket takes at once."""
    body = bytes(int(asked(environ, "bytes", "50000000")))
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer as the path says, or with a greeting."""
    match environ["PATH_INFO"]:
        case "/waits":
            return waits(environ, start_response)
        case "/streams":
            return streams(environ, start_response)
        case "/fails":
            return fails(environ, start_response)
        case "/large":
            return large(environ, start_response)
        case "/stops-in-close":
            start_response("200 OK", [TEXT])
            return StopsInClose()
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return [b"hello"]
