"""Answers whose close() is reported to the gate, ending in every way an answer can end."""

from __future__ import annotations

from collections.abc import Iterable

from tests.apps.common import LINE, TEXT, Block, Environ, Start, asked


def closing(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Three blocks and a close() that is reported; `length` may lie."""
    length = asked(environ, "length")
    start_response(asked(environ, "status", "200 OK"), [TEXT, *([("Content-Length", length)] if length else [])])
    return Block(b"one", b"two", b"three")


def closing_fault(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Block(b"one", b"two", fault=ValueError("raised by the third block"))


def closing_without_start(environ: Environ, start_response: Start) -> Iterable[bytes]:
    return Block(b"one")


def closing_text(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Block(b"one", "two")  # type: ignore[arg-type]


def closing_forever(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Blocks without end; whoever reads them has to go away."""

    class Forever(Block):
        """An iterator that never ends by itself."""

        def __next__(self) -> bytes:
            return LINE * 1024

    start_response("200 OK", [TEXT])
    return Forever()
