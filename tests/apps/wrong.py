"""Wrong answers: applications that raise, lie about a length, or give what is no answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tests.apps.common import TEXT, Block, Environ, Start
from tests.apps.gate import stop


def too_long(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return [b"123", b"456789", b"never"]


def too_short(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    return [b"12345"]


def too_short_later(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    yield b"123"
    yield b"45"


def raises(environ: Environ, start_response: Start) -> Iterable[bytes]:
    raise ValueError("raised before the head")


def raises_after_start(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    raise ValueError("raised between head and body")


def raises_at_once(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Block(fault=ValueError("raised by the first block"))


def raises_midway(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Raises when one block is out for certain: the test has seen it."""
    start_response("200 OK", [TEXT])
    yield b"first block"
    stop("before the fault")
    raise ValueError("raised after the head was sent")


def exc_info_after_head(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """start_response with exc_info when the head is out: it must raise what it was given."""
    start_response("200 OK", [TEXT])
    yield b"first block"
    stop("before the fault")
    try:
        raise RuntimeError("halfway there")
    except RuntimeError:
        start_response("500 Internal Server Error", [TEXT], sys.exc_info())
    yield b"never sent"


def start_twice(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    start_response("200 OK", [TEXT])
    return [b"never sent"]


def never_start(environ: Environ, start_response: Start) -> Iterable[bytes]:
    return [b"never sent"]


def text(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return ["text, not bytes"]  # type: ignore[list-item]


def text_written(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])("text, not bytes")  # type: ignore[arg-type]
    return []


def none(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return None  # type: ignore[return-value]


def close_raises(environ: Environ, start_response: Start) -> Iterable[bytes]:
    class Raises(Block):
        """An iterator whose close() raises."""

        def close(self) -> None:
            super().close()
            raise ValueError("raised by close")

    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return Raises(b"body")


def system_exit(environ: Environ, start_response: Start) -> Iterable[bytes]:
    raise SystemExit(7)
