"""`-k tornado`: Tornado's own loop and HTTP server, for its applications and, one request at a time, for WSGI ones.

It is made with the contract that any class may have, and so has nothing of the engine: what Tornado does not limit is
not limited, and a WSGI application that waits keeps all other clients waiting, as Tornado's documentation says.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate
from tornado.web import Application
from tornado.wsgi import WSGIContainer

from longma.config.settings import Settings
from longma.net.tls import sources_of
from longma.workers.base import Worker

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable

    from tornado.httputil import HTTPConnection, HTTPHeaders, RequestStartLine, ResponseStartLine

    from longma.config.compatible import Config

BEAT_SECONDS = 1.0
# A client that has just had an answer may have sent its next request before it can learn that we stop.
PARTING_SECONDS = 0.5


class TornadoWorker(Worker):
    """Serves by Tornado."""

    serves_wsgi = True
    _stopping: asyncio.Event

    def run(self) -> None:
        self._share_logs()
        asyncio.run(self._serve())

    def count(self) -> None:
        """Take note of a request, and ask for a successor after as many as this worker may answer."""
        self.nr += 1
        if self.nr == self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.recycle()

    async def _serve(self) -> None:
        """Serve until told to stop, and then until every request that has come is answered."""
        self._stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        is_native = isinstance(self.wsgi, (Application, WSGIContainer))
        server = DrainingServer(
            self.wsgi if is_native else WSGIContainer(self.wsgi),
            no_keep_alive=self.cfg.keepalive <= 0,
            idle_connection_timeout=self.cfg.keepalive or None,
            max_body_size=self.cfg.limit_request_body or None,
            ssl_options=secured(self.cfg) if self.cfg.is_ssl else None,
        )
        server.worker = self
        server.add_sockets(self.sockets)
        beating = asyncio.ensure_future(self._beat())
        if not self.alive:
            self._stop()
        await self._stopping.wait()
        await server.drain()
        beating.cancel()

    async def _beat(self) -> None:
        while True:
            self.notify()
            await asyncio.sleep(BEAT_SECONDS)

    def _stop(self) -> None:
        self.alive = False
        self._stopping.set()

    def _share_logs(self) -> None:
        """Have Tornado's loggers write to the server's logs, unless the application has set them up."""
        for name in ("tornado.application", "tornado.general", "tornado.access"):
            logger = logging.getLogger(name)
            if logger.hasHandlers():
                continue
            ours = self.log.access_log if name == "tornado.access" else self.log.error_log
            logger.handlers = list(ours.handlers) or [logging.NullHandler()]
            logger.setLevel(ours.level)
            logger.propagate = False


def secured(cfg: Config) -> ssl.SSLContext:
    """Return how TLS is spoken, by Python's means; the files are read as the worker's own user."""
    from longma.net.ssl_context import asked, context_of  # only servers that speak TLS need it

    names = ("keyfile_password", "keyfile_password_file", "ca_certs", "cert_reqs", "ciphers", "tls_min_version")
    values = {name: getattr(cfg, name) for name in (*names, "ssl_version", "ssl_context")}
    files = {name: (path,) for name in ("certfile", "keyfile") if (path := getattr(cfg, name))}
    settings = Settings({**values, **files})
    return context_of(asked(settings, sources_of(settings)))


class DrainingServer(HTTPServer):
    """Tornado's server, which knows which of its connections are in a request."""

    worker: TornadoWorker

    def initialize(self, *arguments: Any, **keywords: Any) -> None:
        """Set up, as Tornado has it instead of `__init__`."""
        super().initialize(*arguments, **keywords)
        self._busy: set[object] = set()
        self._empty = asyncio.Event()

    async def drain(self) -> None:
        """Accept nothing more, answer what has come, and close every connection behind its answer."""
        self.stop()
        self.conn_params.no_keep_alive = True
        try:
            await asyncio.wait_for(self._emptied(), PARTING_SECONDS)
        except asyncio.TimeoutError:
            for connection in self._connections - self._busy:
                await connection.close()
            await self._emptied()

    async def _emptied(self) -> None:
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return who is told of the next request of a connection; the one before is answered."""
        self._busy.discard(server_conn)
        return Noticing(super().start_request(server_conn, request_conn), self, server_conn)

    def begin(self, server_conn: object) -> None:
        self._busy.add(server_conn)
        self.worker.count()

    def on_close(self, server_conn: object) -> None:
        """Forget a connection that is closed, or that has become something else, such as a WebSocket."""
        super().on_close(server_conn)
        self._busy.discard(server_conn)
        self._empty.set()


class Noticing(HTTPMessageDelegate):
    """Passes a request on, and takes note that it has begun."""

    def __init__(self, delegate: HTTPMessageDelegate, server: DrainingServer, connection: object) -> None:
        self._delegate = delegate
        self._server = server
        self._connection = connection

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._server.begin(self._connection)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
