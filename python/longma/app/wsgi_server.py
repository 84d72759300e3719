"""`longma.WSGIServer`: for programs that have gevent, in the place of `gevent.pywsgi.WSGIServer`.

The program goes on being what it is: it has its processes, its signals and its hub to itself, and there is no master.
The engine is driven from the hub of the thread that starts the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from longma.app import endpoint
from longma.app.engagement import Engagement, Parts, checked
from longma.app.outputs import ERROR, INFO, RequestLines, output

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from types import TracebackType

    from longma.typing import Environ, StartResponse, WSGIApplication

DEFAULT = "default"
# What subclasses of gevent's server put their own in the place of.
NOT_HONOURED = ("handler_class", "handle", "do_handle", "wrap_socket_and_handle", "update_environ")


class WSGIServer:
    """Serves an application to whoever connects.

    Args:
        listener: `(host, port)`, `"host:port"`, `":port"`, a port, or a socket that listens.
        application: may also be set later, as the attribute of this name, and changed at any time.
        backlog: how many connections may wait to be accepted; not together with a socket.
        spawn: how many connections there may be at once: a number, or a `gevent.pool.Pool`, of which the size is taken;
            10,000 where it is not given.
        log: takes a line for each request: something with `write`, or a logger; None for none, which is quickest.
        error_log: takes what goes wrong, and is `wsgi.errors`.
        environ: what the environ of each request has besides.
        settings: limits and timeouts of the engine, by their names in docs/settings.md.

    Raises:
        TypeError: an argument that this server does not honour, such as `handler_class`, or a method or attribute of a
            subclass that nobody would ask.
        ConfigError: a setting is wrong.

    Attributes:
        address: where it listens, as `getsockname()` has it once it does.
        socket: the listening socket, where there is one.
    """

    backlog = 2048
    reuse_addr: int | None = 1
    # How long `stop` waits for requests, in seconds.
    stop_timeout: float = 1
    application: WSGIApplication

    def __init__(
        self,
        listener: Any,
        application: WSGIApplication | None = None,
        backlog: int | None = None,
        spawn: Any = DEFAULT,
        log: Any = DEFAULT,
        error_log: Any = DEFAULT,
        environ: Environ | None = None,
        **settings: Any,
    ) -> None:
        self._stop_event = Event()
        self._stop_event.set()
        self._engagement: Engagement | None = None
        self._ending: Engagement | None = None
        for name in NOT_HONOURED:
            if hasattr(self, name):
                raise TypeError(f"WSGIServer() of longma does not honour {name!r} of {type(self).__name__}")
        if settings.get("handler_class", self) is None:  # what gevent's has unless it is given
            del settings["handler_class"]
        self.settings = checked(spawn, settings)
        self.pool = spawn if hasattr(spawn, "spawn") else None
        self.log = output(log, "log", INFO)
        self.error_log = output(error_log, "error_log", ERROR)
        self._lines = None if log is None else RequestLines(self.log)
        self.environ: Environ = {**(environ or {})}
        if application is not None:
            self.application = application
        self.socket: socket.socket | None = None
        self.address: endpoint.Address
        if hasattr(listener, "accept"):
            if backlog is not None:
                raise TypeError("backlog must be None where a socket is given, which listens already")
            if hasattr(listener, "do_handshake"):
                raise TypeError(f"an ordinary socket is wanted, not {listener!r}")
            self.family, self.address, self.socket = listener.family, listener.getsockname(), listener
        else:
            self.family, self.address = endpoint.parse(listener)
        if backlog is not None:
            self.backlog = backlog

    def __enter__(self) -> WSGIServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self.address}>"

    @property
    def started(self) -> bool:
        return not self._stop_event.is_set()

    @property
    def closed(self) -> bool:
        """Whether there is no listening socket."""
        return self.socket is None

    @property
    def server_host(self) -> str | None:
        """The IP address it listens on, None for a Unix socket."""
        return str(self.address[0]) if isinstance(self.address, tuple) else None

    @property
    def server_port(self) -> int | None:
        """The port it listens on, None for a Unix socket."""
        return int(self.address[1]) if isinstance(self.address, tuple) else None

    @property
    def full_address(self) -> str:
        """Host and port in one text."""
        if not isinstance(self.address, tuple):
            return str(self.address)
        host, port = self.address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def get_environ(self) -> Environ:
        """Return what each environ has besides; a copy."""
        return dict(self.environ)

    def init_socket(self) -> None:
        """Listen. `start` does so; alone it is for the parent of processes that serve.

        Raises:
            OSError: the address cannot be had.
        """
        if self.socket is None:
            self.socket = endpoint.listen(self.family, self.address, self.backlog, self.reuse_addr)
            self.address = self.socket.getsockname()

    def start(self) -> None:
        """Listen, and serve from now on, whenever the hub runs.

        Raises:
            OSError: the address cannot be had.
            TypeError: there is no application.
            ValueError: the socket that was given does not listen.
        """
        if getattr(self, "application", None) is None:
            raise TypeError("there is no application to serve")
        self.init_socket()
        self._stop_event.clear()
        try:
            self.start_accepting()
        except BaseException:
            self.close()
            raise

    def start_accepting(self) -> None:
        """Accept connections, again or for the first time; also in a process that was forked with the server in it."""
        self.init_socket()
        engagement = self._engagement
        if engagement is None or not engagement.is_ours:
            assert self.socket is not None
            endpoint.check(self.socket)
            parts = Parts(self.settings, self.error_log, self._lines, self.get_environ())
            engagement = self._engagement = Engagement(self._call, self.socket, parts)
        engagement.accept(True)

    def stop_accepting(self) -> None:
        """Accept no connections for the time being; whoever is connected is served on."""
        if self._engagement is not None and self._engagement.is_ours:
            self._engagement.accept(False)

    def close(self) -> None:
        """Close the listening socket, and have what was accepted served to the end in the background."""
        self._stop_event.set()
        engagement, self._engagement = self._engagement, None
        listening, self.socket = self.socket, None
        if engagement is not None and engagement.is_ours:
            engagement.end()
            self._ending = engagement
        if listening is not None:
            listening.close()

    def stop(self, timeout: float | None = None) -> None:
        """Close the server, and wait until what was accepted has been served.

        Args:
            timeout: for how many seconds at most; None for `stop_timeout`. Where a pool bounds the server requests are
                killed then, otherwise they go on in the background. In the hub, as in a signal handler that has hit
                it, there is no waiting.
        """
        self.close()
        ending = self._ending
        if ending is None or gevent.getcurrent() is gevent.get_hub():
            return
        if not ending.over.wait(self.stop_timeout if timeout is None else timeout) and self.pool is not None:
            ending.cut()
            ending.over.wait(self.stop_timeout)
        self._ending = None

    def serve_forever(self, stop_timeout: float | None = None) -> None:
        """Serve until somebody stops the server."""
        if not self.started:
            self.start()
        elif self._engagement is not None and not self._engagement.is_ours:
            self.start_accepting()
        try:
            self._stop_event.wait()
        finally:
            gevent.spawn(self.stop, stop_timeout).join()

    def _call(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self.application(environ, start_response)
