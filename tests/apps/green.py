"""What waits by a hub: the standard library as it is patched, and the libraries' own means."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection
from typing import Any

from tests.apps import gate
from tests.apps.common import TEXT, Environ, Start

arrived: list[threading.Event] = []
held = threading.Lock()
boxes: queue.Queue[str] = queue.Queue()


def answer(start_response: Start, text: object) -> list[bytes]:
    body = str(text).encode()
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def library() -> str:
    """The library whose hub has the worker."""
    monkey = sys.modules.get("gevent.monkey")
    return "gevent" if monkey is not None and monkey.is_module_patched("socket") else "eventlet"


def nothing(environ: Environ) -> str:
    return "here"


def sleep(environ: Environ) -> str:
    time.sleep(float(environ["QUERY_STRING"] or "0.01"))
    return "slept"


def stop(environ: Environ) -> str:
    """At the gate, by a socket."""
    return gate.stop("in the application")


def block(environ: Environ) -> str:
    """At the gate, burning the processor: nobody else runs."""
    return gate.spin("in the application")


def lock(environ: Environ) -> str:
    with held:
        return gate.stop("with the lock")


def wait_for_event(environ: Environ) -> str:
    event = threading.Event()
    arrived.append(event)
    gate.report("waiting for the event")
    return str(event.wait(30))


def set_events(environ: Environ) -> str:
    for event in arrived:
        event.set()
    return str(len(arrived))


def get(environ: Environ) -> str:
    gate.report("waiting for the queue")
    return boxes.get(timeout=30)


def put(environ: Environ) -> str:
    boxes.put(environ["QUERY_STRING"])
    return "put"


def run(environ: Environ) -> str:
    """A child process, which itself stops at the gate."""
    done = subprocess.run(
        [sys.executable, "-c", "from tests.apps import gate; print(gate.stop('in the child'))"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def resolve(environ: Environ) -> str:
    return str(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4][0] in ("127.0.0.1", "::1"))


def thread(environ: Environ) -> str:
    """A thread of the application's is a greenlet, which runs while this one waits for it."""
    words: list[str] = []
    one = threading.Thread(target=lambda: words.append(gate.stop("in a thread")))
    one.start()
    one.join()
    return words[0]


def fetch(environ: Environ) -> str:
    """Ask this very worker, which can answer only if asking waits by the hub."""
    connection = HTTPConnection(environ["SERVER_NAME"], int(environ["SERVER_PORT"]), timeout=30)
    try:
        connection.request("GET", "/nothing")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def requested(environ: Environ) -> str:
    """The same by requests and urllib3, which are imported behind the patch."""
    import requests

    return requests.get(f"http://{environ['SERVER_NAME']}:{environ['SERVER_PORT']}/nothing", timeout=30).text


def asynchronous(environ: Environ) -> str:
    import gevent
    from gevent.event import AsyncResult

    result: Any = AsyncResult()
    gevent.spawn(lambda: result.set(gate.stop("in a greenlet")))
    return str(result.get())


def timed_out(environ: Environ) -> str:
    import gevent

    try:
        with gevent.Timeout(0.05):
            time.sleep(30)
    except gevent.Timeout:
        return "timed out"
    return "not timed out"


def left_behind(environ: Environ) -> str:
    """A timer that nobody cancels, and that would go off in whatever the greenlet does by then."""
    import gevent

    gevent.Timeout(float(environ["QUERY_STRING"])).start()
    time.sleep(0.001)
    return "left"


def identity(environ: Environ) -> str:
    if library() == "gevent":
        import gevent

        return f"{gevent.__name__} {type(gevent.getcurrent()).__name__} {environ['wsgi.multithread']}"
    import eventlet

    return f"{eventlet.__name__} {type(eventlet.getcurrent()).__name__} {environ['wsgi.multithread']}"


def multiprocess(environ: Environ) -> str:
    return str(environ["wsgi.multiprocess"])


def own(environ: Environ) -> str:
    """What belongs to a greenlet stays with it, over a switch too."""
    mine = threading.local()
    mine.query = environ["QUERY_STRING"]
    time.sleep(0.001)
    body = environ["wsgi.input"].read().decode()
    return f"{mine.query} {environ['QUERY_STRING']} {body}"


def fail(environ: Environ) -> str:
    time.sleep(0.001)
    raise ValueError("not today")


def leave(environ: Environ) -> str:
    time.sleep(0.001)
    sys.exit(3)


def clear_up(environ: Environ) -> str:
    """Say so when it is ended."""
    try:
        return gate.stop("in the application")
    finally:
        gate.report("cleared up")


def spawn_failing(environ: Environ) -> str:
    """What fails in a greenlet of the application's own is the hub's to tell of."""
    threading.Thread(target=lambda: 1 / 0).start()
    time.sleep(0.01)
    return "spawned"


CALLS: dict[str, Callable[[Environ], str]] = {
    f"/{function.__name__}": function
    for function in (
        nothing, sleep, stop, block, lock, wait_for_event, set_events, get, put, run, resolve, thread, fetch, requested,
        asynchronous, timed_out, left_behind, identity, multiprocess, own, fail, leave, clear_up, spawn_failing,
    )
}  # fmt: skip


def stream(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """Server-sent events, each behind a wait: what is yielded is to be on the wire meanwhile."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    for index in range(int(environ["QUERY_STRING"] or "3")):
        yield b"data: %d\n\n" % index
        gate.stop(f"after {index}")


def broadcast(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """Server-sent events to as many as listen: one when it is there, one for what the others say."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    event = threading.Event()
    arrived.append(event)
    yield b"data: there\n\n"
    event.wait()
    yield b"data: told\n\n"


def endless(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """More than anybody wants to keep."""
    start_response("200 OK", [TEXT])
    block = b"x" * (8 << 20)
    while True:
        yield block


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/stream":
        return stream(environ, start_response)
    if path == "/broadcast":
        return broadcast(environ, start_response)
    if path == "/endless":
        return endless(environ, start_response)
    if path == "/pid":
        return answer(start_response, os.getpid())
    return answer(start_response, CALLS[path](environ))
