"""Every way across the border between server and Python, the forbidden ones included: forms of answers and of calls."""

from __future__ import annotations

import functools
import gc
import sys
import threading
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.apps import border_faults, border_files, border_state
from tests.apps.common import LINE, TEXT, Block, Environ, Start, asked

Pair = namedtuple("Pair", ["name", "value"])


class Bytes(bytes):
    """Bytes that lie about their length."""

    def __len__(self) -> int:
        return 1 << 40


class Text(str):
    """A str that lies about its length and its text."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1 << 40

    def __str__(self) -> str:
        return "a lie"


class Fields(list[Any]):
    """A list that lies about its length and iterates over something else."""

    def __len__(self) -> int:
        return 1 << 40

    def __iter__(self) -> Iterator[Any]:
        return iter([("X-Lie", "1")])


class Liar:
    """An iterable whose length is a lie."""

    def __init__(self, length: int, *blocks: bytes) -> None:
        self.length = length
        self.blocks = blocks

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.blocks)


def one_list(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"one", b" ", b"list"]


def one_tuple(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", (TEXT,))
    return (b"one", b" ", b"tuple")


def no_block(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return ()


def large(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """More than is copied, in blocks of the application's own."""
    start_response("200 OK", [TEXT])
    return [LINE * 1000, b"", LINE * 1000]


def many_large(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """More blocks than one call can send."""
    start_response("200 OK", [TEXT])
    return [LINE * 100] * 200


def many_huge(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A hundred megabytes, each from the same object; `cut` makes it one byte less."""
    start_response("200 OK", [TEXT, ("Content-Length", str(100 * (1 << 20) - len(asked(environ, "cut"))))])
    return [LINE * (1 << 14)] * 100


def one_huge(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Ten megabytes in one block of a generator, and a long head."""
    start_response("200 OK", [TEXT, ("X-Huge", "v" * (1 << 20))])
    yield LINE * (10 << 14)


def large_cut(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "70000")])
    return [LINE * 1000, LINE * 1000]


def generated(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    yield b"one"
    yield b""
    yield b" generator"


def generated_nothing(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    yield from ()


def endless(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Blocks without end; `length` bounds what may be sent of them."""
    length = asked(environ, "length")
    start_response(asked(environ, "status", "200 OK"), [TEXT, *([("Content-Length", length)] if length else [])])
    return iter(lambda: b"0123456789", None)


def closed_iterator(environ: Environ, start_response: Start) -> Iterable[bytes]:
    class Closed(Block):
        """An iterator with a close() that tells nobody."""

        def close(self) -> None:
            self.blocks = iter(())

    start_response("200 OK", [TEXT])
    return Closed(b"one", b" iterator")


def subclasses(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Subclasses of everything, each of them a liar."""
    start_response(Text("200 OK"), Fields([TEXT, (Text("X-Text"), Text("true"))]))
    return [Bytes(b"sub"), Bytes(b"classes")]


def odd_pairs(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [Pair("X-Named", "1"), ["X-List", "2"], TEXT])
    return [b"pairs"]


def liar(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Liar(int(asked(environ, "length")), b"one", b" liar")


def latin(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 Caf\u00e9", [TEXT, ("X-Latin", "\u00e9\u00ff")])
    return [b"latin"]


def huge(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("X-Huge", "v" * 200_000), *((f"X-{number}", "v") for number in range(2000))])
    return [b"huge"]


def said(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response(asked(environ, "status"), [TEXT, ("Content-Length", "4")])
    return [b"said"]


def tunnel(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """An answer to CONNECT with a length that must not be told."""
    start_response("200 Connected", [("Content-Length", "3")])
    return [b"tunnelled"]


def written(environ: Environ, start_response: Start) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"written")
    write(Bytes(b", "))
    write(b"")
    return [b"returned"]


def written_within(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """write() between the blocks of a generator; `length` frames them by a Content-Length."""
    length = [("Content-Length", "12")] if asked(environ, "length") else []
    write = start_response("200 OK", [TEXT, *length])
    for number in range(3):
        write(b"w%d" % number)
        yield b"y%d" % number


def written_while_closing(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """An iterator whose close() writes on when the answer is complete."""
    write = start_response("200 OK", [TEXT, *([("Content-Length", "3")] if asked(environ, "length") else [])])

    class Writes(Block):
        """Writes in its close()."""

        def close(self) -> None:
            write(b"after the end")

    return Writes(*([b"one"] if asked(environ, "blocks", "1") == "1" else []))


def replaced(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("X-First", "1")])
    try:
        raise RuntimeError("halfway")
    except RuntimeError:
        start_response("503 Service Unavailable", [TEXT], exc_info=sys.exc_info())
    return [b"replaced"]


def reraised(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What start_response raises for exc_info when the head is out; `info` picks what it is given."""
    write = start_response("200 OK", [TEXT])
    write(b"out")
    try:
        raise RuntimeError("halfway")
    except RuntimeError as error:
        infos: dict[str, Any] = {
            "right": sys.exc_info(),
            "short": (RuntimeError, error),
            "list": list(sys.exc_info()),
            "class": (int, error, None),
            "nothing": (None, None, None),
            "traceback": (RuntimeError, error, "no traceback"),
            "value": (RuntimeError, "words", None),
        }
        try:
            start_response("500 Late", [TEXT], infos[asked(environ, "info")])
        except BaseException as raised:
            write(b" " + type(raised).__name__.encode())
    return []


def calls(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What start_response says to calls that nobody should make."""
    start: Any = start_response
    attempts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("nothing", start),
        ("iterated", lambda: next(iter(start, None))),
        ("partial", functools.partial(start)),
        ("unpacked", lambda: start(*[])),
        ("one", lambda: start("200 OK")),
        ("many", lambda: start(1, 2, 3, 4, 5)),
        ("unknown", lambda: start("200 OK", [], info=None)),
        ("twice", lambda: start("200 OK", [], status="200 OK")),
        ("half", lambda: start(status="200 OK", exc_info=None)),
        ("no names", lambda: start(*["200 OK"], **{"head\u20ac": []})),
        ("bytes", lambda: start(b"200 OK", [])),
        ("no list", lambda: start("200 OK", 5)),
        ("type", lambda: type(start)()("200 OK", [])),
        ("attribute", lambda: setattr(start, "status", "200 OK")),
        ("write", lambda: start(b"written too early")),
    )
    said = []
    for name, attempt in attempts:
        try:
            attempt()
            said.append(f"{name}: returned")
        except Exception as error:
            said.append(f"{name}: {type(error).__name__}")
    start("200 OK", [TEXT], None)
    return ["\n".join(said).encode()]


def refusals(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What start_response says to statuses and fields that cannot be sent, while something can be done about it."""
    attempts: tuple[tuple[Any, Any], ...] = (
        ("200 OK\r\nX: y", []),
        ("2000", []),
        ("200 \u20ac", []),
        ("200 OK", [("X", "\n")]),
        ("200 OK", [TEXT, ("X Y", "1")]),
        ("200 OK", [("Content-Length", "x")]),
        ("200 OK", [("Content-Length", "1"), ("Content-Length", "2")]),
        ("200 OK", [("X",)]),
        ("200 OK", [("X", "1", "2")]),
        ("200 OK", [("X", 1)]),
        ("200 OK", [("X", None)]),
        ("200 OK", [(b"X", b"1")]),
        ("200 OK", [("X", "\u20ac")]),
        ("200 OK", ["XY"]),
        ("200 OK", [None]),
        ("200 OK", "XY"),
        ("200 OK", None),
    )
    said = []
    for status, fields in attempts:
        try:
            start_response(status, fields)
            said.append("returned")
        except Exception as error:
            said.append(type(error).__name__)
    start_response("200 OK", [TEXT])
    return [" ".join(said).encode()]


def changed(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A list of fields that is changed when start_response has it."""
    fields: list[Any] = [TEXT, ["X-Kept", "1"]]
    start_response("200 OK", fields)
    fields[1][1] = "changed"
    fields.append(("X-Late", "1"))
    fields[0] = None
    yield b"changed"


def by_name(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response(headers=[TEXT, ("X-Named", "1")], status="200 OK")
    return [b"by name"]


def any_fields(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Fields as the view of a dictionary, or as they are made."""
    fields = {"Content-Type": "text/plain", "X-Any": "1"}
    start_response("200 OK", fields.items() if asked(environ, "form") == "view" else (pair for pair in fields.items()))
    return [b"any"]


def badly_made_fields(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Fields that call start_response while they are made, or fail to be made."""

    def fields() -> Iterator[tuple[str, str]]:
        start_response("201 Created", [("X-Inner", "1")])
        yield ("X-Outer", "1")

    said = []
    for odd in (fields(), (1 // zero for zero in [0]), 5):
        try:
            start_response("200 OK", odd)
        except Exception as error:
            said.append(type(error).__name__)
    return [" ".join(said).encode()]


def threaded(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """start_response and write() in another thread, which is waited for."""

    def work() -> None:
        write = start_response("200 OK", [TEXT])
        write(b"threaded")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return [b" answer"]


def hints(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Early hints before the head, and when the answer is complete."""
    hint = environ["wsgi.early_hints"]
    hint([("Link", "</a.css>; rel=preload"), ("X-Other", "1")])

    class Hints(Block):
        """Sends hints in its close()."""

        def close(self) -> None:
            hint([("Link", "</late.css>")])

    start_response("200 OK", [TEXT])
    return Hints(b"hinted")


def collected(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The collector runs while the answer is made, with cycles through everything the server has lent."""
    for _ in range(10):
        cycle: list[Any] = [environ, start_response, environ["wsgi.input"]]
        cycle.append(cycle)
        gc.collect()
    cycle = [start_response("200 OK", [TEXT])]
    cycle.append(cycle)
    yield b"collected"
    gc.collect()


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer as the function that the path names does."""
    name = environ["PATH_INFO"].strip("/").replace("-", "_") or "tunnel"
    for scope in (globals(), vars(border_faults), vars(border_files), vars(border_state)):
        if name in scope:
            view: Callable[[Environ, Start], Iterable[bytes]] = scope[name]
            return view(environ, start_response)
    raise LookupError(name)
