"""Applications that do what none should: keep what was lent to them, raise what cannot be told, outlive a request."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from tests.apps.common import TEXT, Environ, Start, asked
from tests.apps.gate import report


class Kept:
    """What an application keeps of earlier requests."""

    environs: tuple[Environ, ...] = ()
    starts: tuple[Start, ...] = ()
    writes: tuple[Callable[[bytes], object], ...] = ()


def answer(start_response: Start, body: bytes) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def keep(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer without reading the body, and keep everything."""
    Kept.environs += (environ,)
    Kept.starts += (start_response,)
    Kept.writes += (start_response("200 OK", [TEXT, ("Content-Length", "4")]),)
    return [b"kept"]


def use_kept(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Use what was kept, in the middle of somebody else's request; says what that gave."""
    found = []
    for old in Kept.environs:
        found.append(b"host=" + old["HTTP_HOST"].encode())
        found.append(b"read=" + attempt(old["wsgi.input"].read))
        old.update({"PATH_INFO": "/spoiled", "HTTP_HOST": "spoiled", "wsgi.url_scheme": "spoiled"})
    found.extend(b"start=" + attempt(start, "500 Spoiled", [("X-Spoiled", "1")]) for start in Kept.starts)
    found.extend(b"write=" + attempt(write, b"spoiled") for write in Kept.writes)
    found.append(b"own=" + environ["HTTP_HOST"].encode() + environ["PATH_INFO"].encode())
    return answer(start_response, b"\n".join(found))


def attempt(call: Callable[..., Any], *arguments: object) -> bytes:
    """What the call returns, where it returns bytes, or that it raised."""
    try:
        result = call(*arguments)
    except Exception as error:
        return f"raised {type(error).__name__}".encode()
    return result if isinstance(result, bytes) else b"returned"


def unprintable(environ: Environ, start_response: Start) -> Iterable[bytes]:
    raise ValueError("a lone surrogate \udcff, a nul \0 and a new line\nforged")


def nameless(environ: Environ, start_response: Start) -> Iterable[bytes]:
    class Nameless(Exception):
        """An exception that cannot say what it is."""

        def __str__(self) -> str:
            raise RuntimeError("no words")

    raise Nameless


def bottomless(environ: Environ, start_response: Start) -> Iterable[bytes]:
    return bottomless(environ, start_response)


def complain(environ: Environ, start_response: Start) -> Iterable[bytes]:
    environ["wsgi.errors"].write("a lone surrogate \udcff\n")
    return answer(start_response, b"complained")


def interrupt(environ: Environ, start_response: Start) -> Iterable[bytes]:
    raise KeyboardInterrupt


def lists(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Fields as a tuple of lists, their texts of a subclass of str."""

    class Text(str):
        """Text, and more."""

        __slots__ = ()

    start_response(Text("200 OK"), (["Content-Type", Text("text/plain")], [Text("X-List"), "1"]))
    return [b"lists"]


def later(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A thread of the application goes on when the answer is out and no request comes."""

    def work() -> None:
        total = 0
        for number in range(3_000_000):
            total += number
        report(f"counted to {total}")

    threading.Thread(target=work).start()
    return answer(start_response, b"later")


def alarm(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A signal handler of the application's own."""
    signal.signal(signal.SIGALRM, lambda *_: report("the handler ran"))
    return answer(start_response, str(os.getpid()).encode())


def fork(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A child made by fork alone, which ends by itself, while the parent answers."""
    child = os.fork()
    if child == 0:
        os._exit(3)
    _, status = os.waitpid(child, 0)
    return answer(start_response, str(os.waitstatus_to_exitcode(status)).encode())


def fork_at_leisure(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The same where the child has ended before the parent goes on. To be asked for once."""
    os.register_at_fork(after_in_parent=lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT))
    return fork(environ, start_response)


def pipe(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A file_wrapper around a pipe, which no sendfile can take."""
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    start_response("200 OK", [TEXT])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](os.fdopen(reading, "rb"))
    return wrapped


def leave(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The process goes at once, as when C code crashes."""
    os._exit(int(asked(environ, "status", "139")))


def endless_head(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """A head of two megabytes."""
    start_response("200 OK", [TEXT, *((f"X-{number}", "v" * 1000) for number in range(2000)), ("Content-Length", "2")])
    return [b"ok"]


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer as the function that the path names does."""
    view: Callable[[Environ, Start], Iterable[bytes]] = globals()[environ["PATH_INFO"].strip("/").replace("-", "_")]
    return view(environ, start_response)
