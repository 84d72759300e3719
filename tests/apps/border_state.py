"""What an application can see of what the server holds on to: references, objects, blocks of memory."""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import json
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.apps.common import Environ, Start, asked
from tests.apps.gate import stop


class Shared:
    """Objects that every answer of `lend` is made of, so that a reference too many or too few shows."""

    def __init__(self) -> None:
        # Joined, so that they are no constants, whose references nobody counts.
        self.status = "".join(["200", " OK"])
        self.name = "".join(["X-", "Shared"])
        self.value = "".join(["shared ", "value"])
        self.pair = (self.name, self.value)
        self.fields = [self.pair, [self.name, self.value]]
        self.block = b"".join([b"shared", b" block"])
        self.blocks = [self.block, self.block]
        self.large = bytes(100_000)
        self.file = io.BytesIO(self.large)
        self.error = RuntimeError("shared")


@functools.cache
def shared() -> Shared:
    """The shared objects."""
    return Shared()


def counts(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The reference counts of what is shared, and how many objects and blocks of memory there are."""
    gc.collect()
    said = {name: sys.getrefcount(value) for name, value in vars(shared()).items()}
    for name in ("wsgi.input", "wsgi.early_hints", "wsgi.errors", "wsgi.file_wrapper"):
        said[name] = sys.getrefcount(environ[name])
    said["start_response"] = sys.getrefcount(start_response)
    said["objects"] = len(gc.get_objects())
    said["blocks of memory"] = sys.getallocatedblocks()
    body = json.dumps(said).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def lend(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """An answer made of the shared objects, in the form that `how` names."""
    ours = shared()
    write = start_response(ours.status, ours.fields)
    forms: dict[str, Callable[[], Any]] = {
        "list": lambda: ours.blocks,
        "tuple": lambda: (ours.block, ours.block),
        "large": lambda: [ours.large, ours.block],
        "generator": lambda: (block for block in ours.blocks),
        "large-generator": lambda: iter([ours.large] * 3),
        "write": lambda: [write(ours.block), ours.blocks][1],
        "file": lambda: wrapped(environ),
        "again": lambda: again(start_response),
        "late": lambda: [write(ours.block), again(start_response)],
        "text": lambda: [ours.block, ours.status],
        "nothing": lambda: None,
        "number": lambda: 5,
        "raise": raising,
        "raise-later": raising_later,
        "bad-fields": lambda: again(start_response, [ours.pair, (ours.name,)]),
        "bad-value": lambda: again(start_response, [(ours.name, "\r\n")]),
        "bad-status": lambda: again(start_response, ours.fields, "2 OK"),
        "twice": lambda: start_response(ours.status, ours.fields),
        "hints": lambda: [environ["wsgi.early_hints"]([ours.pair]), ours.blocks][1],
        "bad-hints": lambda: environ["wsgi.early_hints"]([(ours.name,)]),
        "bad-close": lambda: Unclosable(ours.blocks),
        "gone": lambda: iter(lambda: ours.large, None),
        "refused": lambda: refused(start_response),
        "changed": lambda: [environ.update(ours=environ), ours.blocks][1],
        "input": lambda: [environ["wsgi.input"].read()],
        "lines": lambda: [environ["wsgi.input"].readline(), *environ["wsgi.input"].readlines()],
    }
    answer: Iterable[bytes] = forms[asked(environ, "how")]()
    return answer


def wrapped(environ: Environ) -> Iterable[bytes]:
    shared().file.seek(0)
    answer: Iterable[bytes] = environ["wsgi.file_wrapper"](Unclosed(shared().file))
    return answer


def again(start_response: Start, fields: Any = None, status: str = "") -> Iterable[bytes]:
    """start_response once more, with exc_info."""
    ours = shared()
    try:
        raise ours.error
    except RuntimeError:
        start_response(status or ours.status, fields or ours.fields, sys.exc_info())
    finally:
        ours.error.__traceback__ = None
    return ours.blocks


def refused(start_response: Start) -> Iterable[bytes]:
    """start_response once more, which is refused."""
    with contextlib.suppress(AssertionError):
        start_response(shared().status, shared().fields)
    return shared().blocks


def read_together(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The body, read by several threads at once; each part of it by one of them."""
    stream = environ["wsgi.input"]
    parts: list[bytes] = []

    def work(read: Callable[[], bytes]) -> None:
        while part := read():
            parts.append(part)

    ways = (
        lambda: stream.read(5000),
        stream.readline,
        lambda: stream.readline(10),
        lambda: b"".join(stream.readlines(999)),
    )
    threads = [threading.Thread(target=work, args=(way,)) for way in ways for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    start_response("200 OK", [])
    return [str(sum(map(len, parts))).encode()]


def raising() -> None:
    raise RuntimeError(shared().block)


def raising_later() -> Iterable[bytes]:
    yield shared().block
    raise RuntimeError(shared().block)


class Unclosable:
    """An iterable that cannot be closed."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.blocks)

    def close(self) -> None:
        raise RuntimeError(shared().block)


class Unclosed:
    """A file that the server cannot close."""

    def __init__(self, file: io.BytesIO) -> None:
        self.read = file.read


class Circle:
    """A file that keeps its own wrapper."""

    def __init__(self, wrapper: Callable[[Any], Any]) -> None:
        self.wrapper = wrapper(self)

    def read(self, size: int) -> bytes:
        return b""


def circles(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """How many files that keep their wrappers are left when the collector has run."""
    made = [weakref.ref(Circle(environ["wsgi.file_wrapper"])) for _ in range(10)]
    gc.collect()
    start_response("200 OK", [])
    return [str(sum(circle() is not None for circle in made)).encode()]


class Grave:
    """An object that stops at the gate when it goes."""

    def __del__(self) -> None:
        stop("going")


def buried(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Leaves something in its environ."""
    environ["tests.grave"] = Grave()
    start_response("200 OK", [])
    return [b"buried"]
