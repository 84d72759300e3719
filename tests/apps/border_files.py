"""`wsgi.file_wrapper` around everything that can be wrapped: real files, files in memory, files that read otherwise."""

# ruff: noqa: SIM115 - the server closes what it is given

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

from tests.apps.common import TEXT, Environ, Start, asked


class Passing:
    """A file that passes everything on to the real one it keeps as `file`."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class Otherwise(Passing):
    """A file that has the descriptor of the real one, and reads otherwise."""

    def read(self, size: int = -1) -> bytes:
        block: bytes = self.file.read(size)
        return block.swapcase()


class Proxy:
    """A file whose methods are the real one's, as Django's files are."""

    def __init__(self, file: Any) -> None:
        self.file = file

    read = property(lambda self: self.file.read)
    close = property(lambda self: self.file.close)


class Part(io.RawIOBase):
    """A raw file that shows less than lies behind its descriptor."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int | None:
        return self.file.readinto(memoryview(room)[: max(0, 1000 - self.file.tell())])

    def tell(self) -> int:
        return self.file.tell()

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        self.file.close()
        super().close()


class Partial(io.BytesIO):
    """A file that gives less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 1, 7))


class BadNumber(io.BytesIO):
    """A file whose descriptor is none."""

    def fileno(self) -> int:
        return 1 << 20


def half_read(path: str) -> Any:
    """A real file of which some was read, so that its buffer is ahead of it."""
    file = open(path, "rb")
    file.read(10)
    return file


def half_written(path: str) -> Any:
    """A real file of which some was written and lies in its buffer."""
    file = open(path, "r+b")
    file.write(b"ABCDE")
    return file


def filled(file: Any, path: str) -> Any:
    """The temporary file, with the content of the real one."""
    with open(path, "rb") as content:
        file.write(content.read())
    file.seek(0)
    return file


def in_memory(kind: type[io.BytesIO], path: str) -> io.BytesIO:
    with open(path, "rb") as content:
        return kind(content.read())


def closed(path: str) -> Any:
    file = open(path, "rb")
    file.close()
    return file


# All with the content of the file at `path`, where they say nothing else.
MAKERS: dict[str, Callable[[str], Any]] = {
    "plain": lambda path: open(path, "rb"),
    "random": lambda path: open(path, "r+b"),
    "unbuffered": lambda path: open(path, "rb", buffering=0),
    "half-read": half_read,
    "half-written": half_written,
    "unnamed": lambda path: filled(tempfile.TemporaryFile(), path),
    "named": lambda path: filled(tempfile.NamedTemporaryFile(), path),
    "spooled": lambda path: filled(tempfile.SpooledTemporaryFile(1 << 20), path),
    "rolled": lambda path: filled(tempfile.SpooledTemporaryFile(10), path),
    "memory": lambda path: in_memory(io.BytesIO, path),
    "gzip": lambda path: gzip.open(f"{path}.gz"),
    "buffered-gzip": lambda path: io.BufferedReader(gzip.open(f"{path}.gz")),  # type: ignore[arg-type]
    "buffered-part": lambda path: io.BufferedReader(Part(path)),
    "bzip": lambda path: bz2.open(f"{path}.bz2"),
    "xz": lambda path: lzma.open(f"{path}.xz"),
    "zip": lambda path: zipfile.ZipFile(f"{path}.zip").open("content"),
    "passing": lambda path: Passing(open(path, "rb")),
    "proxy": lambda path: Proxy(open(path, "rb")),
    "otherwise": lambda path: Otherwise(open(path, "rb")),
    "partial": lambda path: in_memory(Partial, path),
    "bad-number": lambda path: in_memory(BadNumber, path),
    "text": lambda path: open(path, encoding="ascii"),
    "closed": closed,
    "nothing": lambda path: None,
}


def wrapped(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The file that `kind` names, in a wrapper; `length` cuts it."""
    length = asked(environ, "length")
    start_response("200 OK", [TEXT, *([("Content-Length", length)] if length else [])])
    file = MAKERS[asked(environ, "kind")](asked(environ, "path"))
    answer: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return answer
