"""What programs do with a WSGIServer, each run in a process of its own: `python -m tests.apps.wsgi_server NAME`."""

# ruff: noqa: E402, PT017 (what is imported before the patches keeps what they replace)
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import gc
import io
import logging
import os
import signal
import socket
import sys
from typing import Any

import gevent
import gevent.pool
from gevent.event import Event

from longma import WSGIServer
from longma.errors import ConfigError
from tests.apps.common import TEXT, Environ, Start
from tests.support.http import Client

HERE = ("127.0.0.1", 0)


def hello(environ: Environ, start: Start) -> list[bytes]:
    start("200 OK", [TEXT])
    return [b"hello"]


def ask(server: WSGIServer, target: str = "/") -> str:
    with Client(server.address) as client:
        return client.ask("GET", target).text


class Held:
    """An application that says when it is called, and waits until it is told to go on."""

    def __init__(self) -> None:
        self.called = Event()
        self.go_on = Event()

    def __call__(self, environ: Environ, start: Start) -> list[bytes]:
        self.called.set()
        self.go_on.wait()
        return hello(environ, start)


def descriptors() -> list[str]:
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))


def tells_what_it_is() -> None:
    server = WSGIServer(("127.0.0.1", 0), hello, log=None)
    assert (server.started, server.closed, server.address) == (False, True, HERE)
    server.start()
    assert (server.started, server.closed) == (True, False)
    assert server.server_host == "127.0.0.1"
    assert server.server_port == server.address[1] > 0
    assert server.full_address == f"127.0.0.1:{server.server_port}"
    assert str(server.server_port) in repr(server)
    assert ask(server) == "hello"
    server.stop()
    assert (server.started, server.closed) == (False, True)


def listens_where_it_is_told_to() -> None:
    for listener in ("127.0.0.1:0", ":0", 0, "0", ("", 0), "[::1]:0"):
        if not socket.has_dualstack_ipv6() and "::" in str(listener):
            continue
        with WSGIServer(listener, hello, log=None) as server:
            server.start()
            host = "::1" if listener == "[::1]:0" else "127.0.0.1"
            with Client((host, server.server_port or 0)) as client:
                assert client.ask("GET", "/").text == "hello"
    listening = socket.create_server(HERE)
    with WSGIServer(listening, hello, log=None) as server:
        server.start()
        assert server.address == listening.getsockname()
        assert ask(server) == "hello"
    assert listening.fileno() == -1


def leaves_nothing_behind_and_starts_again() -> None:
    server = WSGIServer(HERE, hello, log=None)
    server.start()
    assert ask(server) == "hello"
    server.stop()
    before = descriptors()
    threads = os.listdir("/proc/self/task")
    address = server.address
    for _ in range(5):
        server.start()
        assert server.address == address
        with Client(server.address) as client:
            assert client.ask("GET", "/").text == "hello"
            server.stop()
            client.expect_end()
        try:
            ask(server)
        except ConnectionRefusedError:
            pass
        else:
            raise AssertionError("somebody listens")
    assert descriptors() == before, [os.readlink(f"/proc/self/fd/{one}") for one in descriptors()[:-1]]
    assert os.listdir("/proc/self/task") == threads
    with WSGIServer(HERE, hello, log=None) as never_served:
        never_served.start()
    assert descriptors() == before


def accepts_when_it_is_told_to() -> None:
    with WSGIServer(HERE, hello, log=None) as server:
        server.start()
        with Client(server.address) as connected:
            assert connected.ask("GET", "/").text == "hello"
            server.stop_accepting()
            server.stop_accepting()
            with Client(server.address) as waiting:
                waiting.request("GET", "/")
                assert connected.ask("GET", "/").text == "hello"
                assert waiting.is_silent()
                server.start_accepting()
                assert waiting.read_response().text == "hello"


def serves_what_was_accepted_when_it_stops() -> None:
    held = Held()
    server = WSGIServer(HERE, held, log=None)
    server.start()
    with Client(server.address) as client:
        client.request("GET", "/")
        held.called.wait()
        stopping = gevent.spawn(server.stop, 30)
        while server.started:
            gevent.sleep(0)
        assert not stopping.dead
        held.go_on.set()
        assert client.read_response().text == "hello"
        stopping.join()


def lets_requests_go_on_or_kills_them() -> None:
    for spawn, is_killed in (("default", False), (gevent.pool.Pool(5), True)):
        held = Held()
        server = WSGIServer(HERE, held, log=None, error_log=None, spawn=spawn)
        server.start()
        with Client(server.address) as client:
            client.request("GET", "/")
            held.called.wait()
            server.stop(timeout=0.01)
            if is_killed:
                assert b" 200 " not in client.ended()
            else:
                held.go_on.set()
                assert client.read_response().text == "hello"


def serves_many_at_once_in_greenlets() -> None:
    meeting: list[Environ] = []
    all_there = Event()

    def meet(environ: Environ, start: Start) -> list[bytes]:
        meeting.append(environ)
        if len(meeting) == 50:
            all_there.set()
        all_there.wait()
        return hello(environ, start)

    with WSGIServer(HERE, meet, log=None) as server:
        server.start()
        asking = [gevent.spawn(ask, server) for _ in range(50)]
        assert [one.get() for one in asking] == ["hello"] * 50


def bounds_connections() -> None:
    for bound in (1, gevent.pool.Pool(1)):
        held = Held()
        with WSGIServer(HERE, held, log=None, spawn=bound) as server:
            server.start()
            with Client(server.address) as first, Client(server.address) as second:
                first.request("GET", "/")
                held.called.wait()
                second.request("GET", "/")
                assert second.is_silent()
                held.go_on.set()
                assert first.read_response().text == "hello"
                assert second.read_response().text == "hello"


def refuses_what_it_does_not_honour() -> None:
    for name in ("handler_class", "ssl_context", "keyfile", "workers", "kepalive"):
        try:
            WSGIServer(HERE, hello, **{name: object()})
        except TypeError as error:
            assert name in str(error)
        else:
            raise AssertionError(name)
    WSGIServer(HERE, hello, handler_class=None)
    try:
        type("Handling", (WSGIServer,), {"handle": print})(HERE, hello)
    except TypeError as error:
        assert "'handle' of Handling" in str(error)
    else:
        raise AssertionError("handle")
    for spawn in (None, gevent.spawn_raw, "others", True):
        try:
            WSGIServer(HERE, hello, spawn=spawn)
        except TypeError as error:
            assert "spawn" in str(error)
        else:
            raise AssertionError(spawn)
    try:
        WSGIServer(HERE, hello, keepalive="long")
    except ConfigError as error:
        assert "keepalive" in str(error)
    for listener in ("nowhere", "127.0.0.1:http", ("127.0.0.1", "x")):
        try:
            WSGIServer(listener, hello)
        except ValueError:
            continue
        raise AssertionError(listener)
    try:
        WSGIServer(HERE).start()
    except TypeError:
        return
    raise AssertionError("there is no application")


def refuses_a_socket_that_does_not_listen() -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as one:
            one.bind(HERE)
            try:
                WSGIServer(one, hello, log=None).start()
            except ValueError as error:
                assert "a socket that listens" in str(error)
            else:
                raise AssertionError(kind)


def honours_settings() -> None:
    with WSGIServer(HERE, hello, log=None, error_log=None, limit_request_line=100) as server:
        server.start()
        with Client(server.address) as client:
            assert client.ask("GET", "/" + "x" * 200).status == 414


def writes_where_it_is_told_to() -> None:
    lines, words = io.StringIO(), io.StringIO()

    def application(environ: Environ, start: Start) -> list[bytes]:
        environ["wsgi.errors"].write("said\n")
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("broken")
        return hello(environ, start)

    with WSGIServer(HERE, application, log=lines, error_log=words) as server:
        server.start()
        ask(server, "/a?b")
        with Client(server.address) as client:
            assert client.ask("GET", "/broken").status == 500
    first, second = lines.getvalue().splitlines()
    assert first.startswith("127.0.0.1 - - [")
    assert '] "GET /a?b HTTP/1.1" 200 5 0.0' in first
    assert '"GET /broken HTTP/1.1" 500 ' in second
    said = words.getvalue()
    assert said.startswith("said\n")
    assert "RuntimeError: broken" in said
    records: list[tuple[int, str]] = []
    logger = logging.Logger("requests")
    handler = logging.Handler()
    handler.emit = lambda record: records.append((record.levelno, record.getMessage()))  # type: ignore[method-assign]
    logger.addHandler(handler)
    with WSGIServer(HERE, application, log=logger, error_log=logger) as server:
        server.start()
        ask(server)
    assert records[0] == (logging.ERROR, "said")
    assert records[1][0] == logging.INFO
    assert '"GET / HTTP/1.1" 200 5' in records[1][1]


def adds_to_the_environ() -> None:
    def application(environ: Environ, start: Start) -> list[bytes]:
        start("200 OK", [TEXT])
        return [f"{environ['shop.name']} {environ['SERVER_NAME']} {environ['wsgi.multiprocess']}".encode()]

    with WSGIServer(
        HERE, application, log=None, environ={"shop.name": "tea", "SERVER_NAME": "shop", "wsgi.multiprocess": True}
    ) as server:
        assert server.get_environ()["shop.name"] == "tea"
        server.start()
        assert ask(server) == "tea shop True"


def changes_its_application() -> None:
    def other(environ: Environ, start: Start) -> list[bytes]:
        start("200 OK", [TEXT])
        return [b"other"]

    with WSGIServer(HERE, hello, log=None) as server:
        server.start()
        with Client(server.address) as client:
            assert client.ask("GET", "/").text == "hello"
            server.application = other
            assert client.ask("GET", "/").text == "other"


def two_serve_side_by_side() -> None:
    with WSGIServer(HERE, hello, log=None) as one, WSGIServer(HERE, hello, log=None) as other:
        one.start()
        other.start()
        assert (ask(one), ask(other)) == ("hello", "hello")
        one.stop()
        assert ask(other) == "hello"


def serves_for_ever_until_somebody_stops_it() -> None:
    server = WSGIServer(HERE, hello, log=None)
    server.start()
    gevent.spawn(lambda: (ask(server), server.stop()))
    server.serve_forever()
    assert server.closed
    gevent.signal_handler(signal.SIGUSR1, server.stop)
    gevent.spawn(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    server.serve_forever()
    assert server.closed


def may_be_stopped_by_its_own_application() -> None:
    def application(environ: Environ, start: Start) -> list[bytes]:
        server.stop(timeout=0.01)
        return hello(environ, start)

    server = WSGIServer(HERE, application, log=None)
    server.start()
    assert ask(server) == "hello"
    assert server.closed


def says_which_address_is_taken() -> None:
    with socket.create_server(HERE) as taken:
        server = WSGIServer(taken.getsockname(), hello)
        try:
            server.start()
        except OSError as error:
            assert str(taken.getsockname()[1]) in str(error)
        else:
            raise AssertionError("two listen")
        assert (server.started, server.closed) == (False, True)


def a_process_that_is_forked_leaves_it_alone() -> None:
    held = Held()
    with WSGIServer(HERE, held, log=None) as server:
        server.start()
        with Client(server.address) as client:
            client.request("GET", "/")
            held.called.wait()
            pid = os.fork()
            if pid == 0:
                gevent.sleep(0.05)
                os._exit(0 if server.started else 1)
            assert os.waitpid(pid, 0)[1] == 0
            held.go_on.set()
            assert client.read_response().text == "hello"
            assert client.ask("GET", "/").text == "hello"
            assert client.is_silent()


def main(name: str) -> None:
    checks: dict[str, Any] = {one.__name__: one for one in CHECKS}
    with gevent.Timeout(25):
        checks[name]()


CHECKS = (
    tells_what_it_is, listens_where_it_is_told_to, leaves_nothing_behind_and_starts_again, accepts_when_it_is_told_to,
    serves_what_was_accepted_when_it_stops, lets_requests_go_on_or_kills_them, serves_many_at_once_in_greenlets,
    bounds_connections, refuses_what_it_does_not_honour, honours_settings, writes_where_it_is_told_to,
    adds_to_the_environ, changes_its_application, two_serve_side_by_side, serves_for_ever_until_somebody_stops_it,
    may_be_stopped_by_its_own_application, says_which_address_is_taken, a_process_that_is_forked_leaves_it_alone,
    refuses_a_socket_that_does_not_listen,
)  # fmt: skip
if __name__ == "__main__":
    main(sys.argv[1])
