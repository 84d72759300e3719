"""Applications that fail late: behind the last byte, in close(), twice."""

from __future__ import annotations

from collections.abc import Iterable

from tests.apps.common import LINE, TEXT, Block, Environ, Start, asked


class Failing(Block):
    """An iterator whose close() may fail."""

    def __init__(self, *blocks: bytes, fault: Exception | None = None, closing: BaseException | None = None) -> None:
        super().__init__(*blocks, fault=fault)
        self.closing = closing

    def close(self) -> None:
        if self.closing is not None:
            raise self.closing


def fails_behind_the_end(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A large body, and a fault when all of it was given: `by` says whose."""
    size = int(asked(environ, "bytes"))
    fields = [TEXT, ("Content-Length", str(size))] if asked(environ, "length") else [TEXT]
    start_response("200 OK", fields)
    blocks = (LINE * 1024 for _ in range(size // 65536))
    if asked(environ, "by") == "close":
        return Failing(*blocks, closing=ValueError("raised by close"))
    return Failing(*blocks, fault=ValueError("raised behind the end"))


def fails_twice(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Failing(b"one", fault=RuntimeError("raised at first"), closing=ValueError("raised by close"))


def fails_twice_the_same(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    error = RuntimeError("raised twice")
    return Failing(fault=error, closing=error)


def fails_in_a_circle(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Two exceptions, each of which says that it came of the other."""
    start_response("200 OK", [TEXT])
    first, second = RuntimeError("raised at first"), ValueError("raised by close")
    first.__context__, second.__context__ = second, first
    return Failing(fault=first, closing=second)


def fails_beside_text(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Failing("text", closing=ValueError("raised by close"))  # type: ignore[arg-type]


def fails_when_nobody_listens(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Blocks without end; whoever reads them has to go away."""

    class Forever(Failing):
        """An iterator that never ends by itself."""

        def __next__(self) -> bytes:
            return LINE * 1024

    start_response("200 OK", [TEXT])
    return Forever(closing=ValueError("raised by close"))


def interrupts_in_close(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Failing(b"body", closing=KeyboardInterrupt())


def unprintable(environ: Environ, start_response: Start) -> Iterable[bytes]:
    raise ValueError("a lone surrogate: \udcff")
