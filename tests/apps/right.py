"""Right answers, in every form PEP 3333 allows."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from tests.apps.common import LINE, TEXT, Environ, Start, asked
from tests.apps.gate import report


def hello(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "14")])
    return [b"Hello, World!\n"]


def echo(environ: Environ, start_response: Start) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def count(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The length of the body and the sum of its bytes, read in blocks."""
    length = total = 0
    while block := environ["wsgi.input"].read(65536):
        length += len(block)
        total += sum(block)
    start_response("200 OK", [TEXT])
    return [f"{length} {total}".encode()]


def ignore_body(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "7")])
    return [b"ignored"]


def status(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Any status, with a body of three bytes; `length=` adds a Content-Length."""
    length = asked(environ, "length")
    start_response(asked(environ, "is"), [TEXT, *([("Content-Length", length)] if length else [])])
    return [b"abc"]


def empty(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return []


def one_block(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"one block"]


def two_blocks(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return (b"two ", b"blocks")


def generator(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    for index in range(int(asked(environ, "blocks", "10"))):
        yield b"block %d\n" % index


def late_start(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A generator that calls start_response only when it is first asked for a block."""
    start_response("200 OK", [TEXT])
    yield b""
    yield b"late"


def empty_blocks(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"", b"not ", b"", b"empty", b""]


def big(environ: Environ, start_response: Start) -> Iterable[bytes]:
    size = int(asked(environ, "bytes"))
    start_response("200 OK", [TEXT, ("Content-Length", str(size))])
    return [LINE * (size // 64) + LINE[: size % 64]]


def big_in_blocks(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    for _ in range(int(asked(environ, "blocks"))):
        yield LINE * 1024


def write(environ: Environ, start_response: Start) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"written, ")
    write(b"")
    write(b"then ")
    return [b"returned"]


def file(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A real file by wsgi.file_wrapper; `from`, `length`, `bytes` say which part of how much."""
    size, start, length = int(asked(environ, "bytes")), int(asked(environ, "from", "0")), asked(environ, "length")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(LINE * (size // 64) + LINE[: size % 64])
    file.seek(start)
    start_response("200 OK", [TEXT, *([("Content-Length", length)] if length else [])])
    return environ["wsgi.file_wrapper"](file, 8192)  # type: ignore[no-any-return]


def named_file(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The file at `path`, whose close() is reported."""
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](Reported(asked(environ, "path")))  # type: ignore[no-any-return]


def plain_file(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The file at `path`, with its size as the length where it has one."""
    path = asked(environ, "path")
    size = os.stat(path).st_size
    start_response("200 OK", [TEXT, *([("Content-Length", str(size))] if size else [])])
    return environ["wsgi.file_wrapper"](open(path, "rb"))  # type: ignore[no-any-return]


class Reported:
    """A file that reports its close(), and where it stood then; everything else is the file's own."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "rb")  # noqa: SIM115 - the server closes it

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def close(self) -> None:
        report("file closed")
        self.file.close()


def pretended_file(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A file_wrapper around something without a descriptor is read by blocks."""
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](BytesIO(LINE * 3000), 1000)  # type: ignore[no-any-return]


def iterated_file(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A file_wrapper iterated by middleware rather than handed to the server."""
    start_response("200 OK", [TEXT])
    wrapper = environ["wsgi.file_wrapper"](BytesIO(b"abcdefghij"), 4)
    return [b"|".join(wrapper)]


def replaced(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """start_response again with exc_info, before anything was sent: the second one counts."""
    start_response("200 OK", [TEXT, ("X-First", "1")])
    try:
        raise RuntimeError("something went wrong halfway")
    except RuntimeError:
        start_response("503 Service Unavailable", [TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"sorry"]


def fields(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """One more field, given by `name` and `value`."""
    start_response("200 OK", [TEXT, (asked(environ, "name"), asked(environ, "value")), ("Content-Length", "2")])
    return [b"ok"]


def cookies(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Length", "2")])
    return [b"ok"]
