"""What a `WSGIServer` serves by in one process: an engine, and the greenlets of the hub that it was started in."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from longma._core import BOARD_PAGE_BYTES, Engine
from longma.app import endpoint
from longma.app.embed import settled
from longma.config.given import Given
from longma.workers.connection import ConnectionSocket
from longma.workers.hubs.gevent import GeventHub
from longma.workers.hubs.serving import Serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from longma.app.outputs import Output, RequestLines
    from longma.typing import Environ, WSGIApplication

# What the engine does with connections and requests. Everything else is about processes, and these are the program's.
HONOURED = frozenset(
    {"body_buffer_size", "body_timeout", "forwarded_allow_ips", "forwarder_headers", "header_map", "header_timeout"}
    | {"keepalive", "limit_request_body", "limit_request_field_size", "limit_request_fields", "limit_request_line"}
    | {"min_transfer_rate", "response_buffer_size", "secure_scheme_headers", "sendfile", "write_timeout"}
)
MOST_CONNECTIONS = 10_000
# How long those that are killed have to end, in seconds.
KILL_SECONDS = 1.0
LOOK_SECONDS = 3600.0
DEFAULT = "default"


def checked(spawn: object, settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return the engine's settings.

    Raises:
        TypeError: one of them is not honoured, or `spawn` is nothing that bounds connections.
        ConfigError: a value is wrong.
    """
    for name in settings:
        if name not in HONOURED:
            raise TypeError(f"WSGIServer() of longma does not honour {name!r}")
    variables = {name: value for name, value in os.environ.items() if name == "FORWARDED_ALLOW_IPS"}
    values = {**settings, "worker_connections": bound_of(spawn)}
    return settled(Given(values, alone=True), environ=variables).settings.as_mapping()


def bound_of(spawn: object) -> int:
    """Return how many connections there may be at once.

    Raises:
        TypeError: it is neither a number nor a pool, nor "default".
    """
    if spawn == DEFAULT:
        return MOST_CONNECTIONS
    size = getattr(spawn, "size", spawn)
    if size is None and hasattr(spawn, "spawn"):
        return MOST_CONNECTIONS
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"spawn: it takes a number or a gevent.pool.Pool, not {spawn!r}")
    return size


class Parts:
    """What an engine is made of, besides the application.

    Args:
        settings: from `checked`.
        errors: `wsgi.errors`, and where the engine's own words go.
        lines: who is told about each request, if anybody.
        environ: what each environ has besides.
    """

    def __init__(
        self, settings: Mapping[str, object], errors: Output, lines: RequestLines | None, environ: Environ
    ) -> None:
        self.settings = settings
        self.errors = errors
        self.lines = lines
        self.environ = environ

    def engine(self, application: WSGIApplication, listening: socket.socket) -> Engine:
        """Return an engine that listens on a copy of the socket, and does not accept yet.

        Raises:
            OSError: the system is short of something.
        """
        engine = Engine(
            application,
            listeners=[(os.dup(listening.fileno()), endpoint.url(listening))],
            settings=self.settings,
            board=mmap.mmap(-1, BOARD_PAGE_BYTES),
            slot=0,
            slots=1,
            handover=None,
            errors=self.errors,
            log=self._tell,
            multiprocess=bool(self.environ.get("wsgi.multiprocess")),
            greenlets=True,
            observer=self.lines,
            socket_of=ConnectionSocket,
            environ=self.environ,
        )
        engine.accept(False)
        return engine

    def _tell(self, _level: int, message: str, *_about: object) -> None:
        self.errors.write(f"{message}\n")


class Calls(GeventHub):
    """The hub, which remembers whom it has spawned."""

    def __init__(self) -> None:
        super().__init__()
        self._spawned: weakref.WeakSet[Any] = weakref.WeakSet()

    def spawn(self, function: Callable[[], None]) -> object:
        one = gevent.Greenlet(function)
        self._spawned.add(one)
        return one.switch()

    def kill_all(self, seconds: float) -> None:
        """Kill all of them but the one that runs, and wait for so long at most."""
        self.kill([one for one in self._spawned if one is not gevent.getcurrent()], seconds)


class Engagement:
    """Serves in this process, from when its hub runs next until it is ended.

    Args:
        application: what is called.
        listening: where clients come from.
        parts: what the engine is made of.

    Raises:
        OSError: the system is short of something.
    """

    def __init__(self, application: WSGIApplication, listening: socket.socket, parts: Parts) -> None:
        self._pid = os.getpid()
        self._engine: Engine | None = parts.engine(application, listening)
        self._adapter: Calls | None = None
        self._serving: Serving | None = None
        self._is_ending = False
        self.over = Event()
        # The engine has a thread, and processes that are forked before it is there have less to leave behind.
        gevent.get_hub().loop.run_callback(self._begin)

    @property
    def is_ours(self) -> bool:
        """Whether it serves in this process, and not in one that this was forked from."""
        return self._pid == os.getpid()

    def accept(self, is_wanted: bool) -> None:
        """Accept connections, or do not."""
        if self._engine is not None:
            self._engine.accept(is_wanted)

    def end(self) -> None:
        """Accept nothing more, and serve what was accepted. `over` happens when that is done."""
        self._is_ending = True
        if self._engine is None:
            return
        self._engine.stop(graceful=True)
        if self._serving is None:
            self._let_go()
        else:
            gevent.spawn(self._see_off, self._serving)

    def cut(self) -> None:
        """End what has not ended by now: requests are killed."""
        if self._adapter is not None and self._engine is not None:
            self._adapter.kill_all(KILL_SECONDS)
        if self._engine is not None:
            self._engine.stop(graceful=False)

    def _begin(self) -> None:
        if not self.is_ours or self._is_ending or self._engine is None:
            return
        self._adapter = Calls()
        self._serving = Serving(self._engine, self._adapter)
        os.register_at_fork(after_in_child=forgetting(weakref.ref(self)))
        self._serving.start()

    def _see_off(self, serving: Serving) -> None:
        try:
            while not serving.wait(LOOK_SECONDS):
                pass
        finally:
            serving.finish()
            if self._adapter is not None:
                # Those that wait for a turn which will not come.
                self._adapter.kill_all(KILL_SECONDS)
            self._let_go()

    def _let_go(self) -> None:
        self._engine = self._serving = self._adapter = None
        self.over.set()

    def forget(self) -> None:
        """Have nothing to do with it any more: this process was forked from the one that serves."""
        if self._adapter is not None:
            self._adapter.forget()
        self._engine = self._serving = self._adapter = None


def forgetting(reference: weakref.ref[Engagement]) -> Callable[[], None]:
    """Return what forgets an engagement, if there still is one. It does not keep it."""

    def forget() -> None:
        engagement = reference()
        if engagement is not None:
            engagement.forget()

    return forget
