"""Applications that take the connection over: with flask-sock, with simple-websocket, and by hand."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import report, stop

site = Flask(__name__)
site.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25}
sock = Sock(site)

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n"


@sock.route("/flask/echo")
def echo(ws: Any) -> None:
    """Say everything again, until told to stop."""
    while (said := ws.receive()) != "enough":
        ws.send(said)


@site.route("/flask/plain")
def plain() -> str:
    return "plain"


def simple(environ: Environ, start: Start) -> list[bytes]:
    """An echo without a framework, whose answer behind it must not be seen."""
    ws = Server.accept(environ, subprotocols=["echo"])
    try:
        while True:
            ws.send(ws.receive())
    except ConnectionClosed as closed:
        report(f"closed {closed.reason}")
    start("200 OK", [TEXT])
    return [b"not to be seen"]


def by_hand(environ: Environ, start: Start) -> list[bytes]:
    """Lines in capitals, until the client sends no more."""
    connection = environ["gunicorn.socket"]
    body = environ["wsgi.input"].read()
    connection.sendall(SWITCHING + body.upper())
    while read := connection.recv(4096):
        connection.sendall(read.upper())
    return []


def selected(environ: Environ, start: Start) -> list[bytes]:
    """The same for whoever waits for the descriptor, and never says how it ends."""
    connection = environ["werkzeug.socket"]
    select.select([connection], [], [])
    connection.sendall(SWITCHING + connection.recv(4096).upper())
    raise StopIteration


def looked_at(environ: Environ, start: Start) -> list[bytes]:
    """Whatever can be asked of a connection without taking it."""
    connection = environ["gunicorn.socket"]
    assert isinstance(connection, socket.socket)
    assert connection.type == socket.SOCK_STREAM
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert connection.fileno() >= 0
    address, port = connection.getpeername()[:2]
    assert (address, str(port)) == (environ["REMOTE_ADDR"], environ["REMOTE_PORT"])
    assert str(connection.getsockname()[1]) == environ["SERVER_PORT"]
    start("200 OK", [TEXT])
    return [f"{connection!r:.20} {connection.family == socket.AF_INET}".encode()]


def asked_when_taken(environ: Environ, start: Start) -> list[bytes]:
    """The same of one that is taken."""
    connection = environ["gunicorn.socket"]
    connection.sendall(SWITCHING)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        said = f"{connection.getpeername()[1] == int(environ['REMOTE_PORT'])} {connection.recv(4096).decode()}"
        connection.sendall(said.encode())
    report(f"closed {connection.fileno()}")
    return []


def kept(environ: Environ, start: Start) -> list[bytes]:
    """Nothing of an earlier request's connection is left to take."""
    earlier = EARLIER.pop() if EARLIER else None
    EARLIER.append(environ["gunicorn.socket"])
    said = b"first"
    if earlier is not None:
        try:
            earlier.send(b"nobody should see this")
        except OSError as error:
            said = str(error.errno).encode()
    start("200 OK", [TEXT])
    return [said]


EARLIER: list[Any] = []


def failing(environ: Environ, start: Start) -> list[bytes]:
    environ["gunicorn.socket"].sendall(SWITCHING)
    raise RuntimeError("taken, and then this")


def idle(environ: Environ, start: Start) -> list[bytes]:
    """Takes the connection, says what it is told to by the test, and leaves it open."""
    environ["gunicorn.socket"].sendall(SWITCHING)
    stop("taken")
    start("200 OK", [TEXT])
    return [b"not to be seen"]


def iterating(environ: Environ, start: Start) -> Iterator[bytes]:
    """Takes it while its answer is asked for."""
    environ["gunicorn.socket"].sendall(SWITCHING)
    yield b"not to be seen"
    report("asked for more")


def too_late(environ: Environ, start: Start) -> Iterator[bytes]:
    """Tries to take it in the middle of an answer."""
    start("200 OK", [TEXT])
    yield b"begun, "
    try:
        environ["gunicorn.socket"].send(b"nobody should see this")
    except RuntimeError as error:
        yield str(error).encode()


def descriptor(environ: Environ, start: Start) -> list[bytes]:
    """Deals with the connection by its number, as Gunicorn lets it."""
    os.write(environ["gunicorn.socket"].fileno(), SWITCHING)
    raise StopIteration


def detached(environ: Environ, start: Start) -> list[bytes]:
    """The connection outlives the call."""
    connection = socket.socket(fileno=environ["gunicorn.socket"].detach())
    KEPT.append(connection)
    return []


KEPT: list[socket.socket] = []


def farewell(environ: Environ, start: Start) -> list[bytes]:
    for connection in KEPT:
        connection.sendall(b"farewell")
        connection.close()
    KEPT.clear()
    start("200 OK", [TEXT])
    return [b"said"]


def held(environ: Environ, start: Start) -> list[bytes]:
    start("200 OK", [TEXT])
    return [stop("held").encode()]


def has_keys(environ: Environ, start: Start) -> list[bytes]:
    start("200 OK", [TEXT])
    return [",".join(key for key in ("gunicorn.socket", "werkzeug.socket") if key in environ).encode()]


PATHS: dict[str, Callable[[Environ, Start], Any]] = {
    f"/{one.__name__}": one
    for one in (
        simple, by_hand, selected, looked_at, asked_when_taken, kept, failing, idle, iterating, too_late, descriptor,
        detached, farewell, held, has_keys,
    )
}  # fmt: skip


def application(environ: Environ, start: Start) -> Any:
    return PATHS.get(environ["PATH_INFO"], site)(environ, start)
