"""Requests as hooks and Python's access logs see them: Gunicorn's `req` and `resp`, and when they are shown.

All of this costs time in every request, so a worker has an observer only where somebody looks: with `pre_request` or
`post_request` set, or with a logger of the operator's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from longma import hooks
from longma.workers import altered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from longma.hooks import FailureLog
    from longma.typing import Environ, Fields
    from longma.workers.handle import Worker

    Peer: TypeAlias = "tuple[str, int] | str"
    AccessLog: TypeAlias = "Callable[[Response, Request, Environ, timedelta], object]"

SOFTWARE = "longma"
HTTP_1_0 = (1, 0)


class Request:
    """What hooks get as `req`. What `pre_request` changes of it, the application finds changed in its environ.

    Attributes:
        method: as the client sent it.
        uri: the request-target, as sent.
        path: its path, still percent-encoded.
        query: what follows the question mark, "" without one.
        fragment: what follows the hash, "" as a rule.
        version: of HTTP, (1, 1).
        headers: (NAME, value) of each field, the names in upper case, in the order sent.
        trailers: (NAME, value) of each field behind a chunked body, as in `headers`; there from the start, since the
            body was read whole before anybody sees the request.
        body: `wsgi.input`: what a hook reads of it is gone for the application.
        scheme: `wsgi.url_scheme`.
        peer_addr: address and port of whoever is at the other end of the connection, or "" on a Unix socket.
        remote_addr: those of the client, which differ where a proxy that is believed tells them; the port is 0 where
            nobody does.
        req_number: which request of its connection it is, from 1.
        proxy_protocol_info: what a PROXY header has said, by Gunicorn's names; None where there was none.
        must_close: whether `force_close` was called.
    """

    def __init__(
        self,
        environ: Environ,
        method: str,
        target: str,
        version: tuple[int, int],
        fields: Fields,
        peer: Peer,
        number: int = 1,
        trailers: Fields | None = None,
    ) -> None:
        self.method = method
        self.uri = target
        self.path, self.query, self.fragment = split_target(target)
        self.version = version
        self.headers = fields
        self.trailers = trailers or []
        self.body = environ.get("wsgi.input")
        self.scheme = environ.get("wsgi.url_scheme", "http")
        self.peer_addr = peer
        self.remote_addr = remote_address(environ, peer)
        self.req_number = number
        self.proxy_protocol_info = proxy_information(environ)
        self.must_close = False

    def force_close(self) -> None:
        """Have `should_close` say so. The connection is the engine's and is not concerned."""
        self.must_close = True

    def should_close(self) -> bool:
        """Whether the client wants the connection closed behind the answer (RFC 9112 §9.3)."""
        if self.must_close:
            return True
        options = {
            option.strip().lower()
            for name, value in self.headers
            if name == "CONNECTION"
            for option in value.split(",")
        }
        return "close" in options or (self.version <= HTTP_1_0 and "keep-alive" not in options)


class Response:
    """What hooks get as `resp`.

    Attributes:
        req: the request it answers.
        status: `200 OK`, as the application gave it.
        status_code: 200.
        headers: (name, value) of each field that the application gave.
        headers_sent: whether the head went out.
        sent: how many bytes of the body were handed over for sending.
        response_length: the Content-Length that the application gave, else None.
        version: what the field Server says.
        chunked: whether the body had no length and the client could take it in chunks.
        must_close: whether `force_close` was called.
    """

    def __init__(self, req: Request, status: str, fields: Fields, sent: int) -> None:
        self.req = req
        self.status = status
        code = status[:3]
        self.status_code = int(code) if code.isdecimal() else None
        self.headers = fields
        self.headers_sent = True
        self.sent = sent
        lengths = [value for name, value in fields if name.lower() == "content-length"]
        self.response_length = int(lengths[0]) if lengths and lengths[0].isdecimal() else None
        self.version = SOFTWARE
        self.chunked = self.response_length is None and req.version > HTTP_1_0 and self._has_body()
        self.must_close = False

    def _has_body(self) -> bool:
        return self.req.method != "HEAD" and self.status[:1] != "1" and self.status_code not in (204, 304)

    def force_close(self) -> None:
        """Have `should_close` say so. The connection is the engine's and is not concerned."""
        self.must_close = True

    def should_close(self) -> bool:
        return self.must_close or self.req.should_close()


def remote_address(environ: Environ, peer: Peer) -> Peer:
    """Return address and port of the client as the environ has them; the peer's where it has none."""
    address = environ.get("REMOTE_ADDR", peer)
    return (address, remote_port(environ)) if address and isinstance(address, str) else address


def remote_port(environ: Environ) -> int:
    """Return the client's port; 0 where nobody tells it, as web servers do of clients on their Unix sockets."""
    port = environ.get("REMOTE_PORT", "")
    return int(port) if port.isascii() and port.isdecimal() else 0


def proxy_information(environ: Environ) -> dict[str, object] | None:
    """Return what a PROXY header has said, by Gunicorn's names; None where there was none."""
    protocol = environ.get("PROXY_PROTOCOL")
    if protocol is None:
        return None
    named = "PROXY_ADDR" in environ
    return {
        "proxy_protocol": protocol,
        "client_addr": environ["REMOTE_ADDR"] if named else None,
        "client_port": remote_port(environ) if named else None,
        "proxy_addr": environ.get("PROXY_ADDR"),
        "proxy_port": int(environ["PROXY_PORT"]) if named else None,
    }


class Observer:
    """Told by the engine about every request, before and after the application is called, with nothing locked."""

    def __init__(
        self,
        worker: Worker,
        log: FailureLog,
        pre_request: Callable[..., object] | None = None,
        post_request: Callable[..., object] | None = None,
        access: AccessLog | None = None,
    ) -> None:
        self._worker = worker
        self._log = log
        self._pre_request = pre_request
        self._post_request = post_request
        self._access = access
        # Those that a hook has refused: the engine was given nothing to hand back when they end.
        self._refused: dict[int, Request] = {}

    def begin(
        self,
        environ: Environ,
        method: str,
        target: str,
        version: tuple[int, int],
        fields: Fields,
        peer: Peer,
        number: int = 1,
        trailers: Fields | None = None,
    ) -> Request:
        """Return what `end` is to be given back.

        Raises:
            HookError: pre_request did; the client gets 500, and the application is not called.
            ValueError: what it has made of the request cannot be served; likewise.
        """
        request = Request(environ, method, target, version, fields, peer, number, trailers)
        if self._pre_request is None:
            return request
        before = altered.remember(request)
        try:
            hooks.run(self._pre_request, "pre_request", self._log, self._worker, request)
            altered.carry_over(environ, request, before)
        except BaseException as error:
            self._refused[id(environ)] = request
            self._worker.alive = self._worker.alive and not isinstance(error, SystemExit)
            raise
        return request

    def end(
        self,
        request: Request | None,
        environ: Environ,
        status: str | None,
        fields: Fields | None,
        sent: int,
        seconds: float,
    ) -> None:
        """The answer was handed over; without a status there was none."""
        request = request or self._refused.pop(id(environ), None)
        if request is None:
            return
        response = Response(request, status, fields or [], sent) if status is not None else None
        if self._access is not None:
            self._write(response or Response(request, "-", [], sent), request, environ, seconds)
        try:
            hooks.run(self._post_request, "post_request", self._log, self._worker, request, environ, response)
        except hooks.HookError:
            return  # it is in the log; the answer is out
        except SystemExit:
            self._worker.alive = False

    def refused(self, peer: Peer, line: str, status: int, seconds: float) -> None:
        """A request was refused, or ended before it was whole: only the access log learns of it."""
        if self._access is None:
            return
        method, target, protocol = (*line.split(" ", 2), "-", "-", "-")[:3]
        path, query, _ = split_target(target)
        environ: dict[str, Any] = {
            "REMOTE_ADDR": peer if isinstance(peer, str) else peer[0],
            "REMOTE_PORT": "0" if isinstance(peer, str) else str(peer[1]),
            "REQUEST_METHOD": method or "-",
            "RAW_URI": target,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": protocol,
        }
        request = Request(environ, method, target, HTTP_1_0, [], peer)
        self._write(Response(request, str(status), [], 0), request, environ, seconds)

    def _write(self, response: Response, request: Request, environ: Environ, seconds: float) -> None:
        from datetime import timedelta  # only where accesses are logged in Python

        assert self._access is not None
        try:
            self._access(response, request, environ, timedelta(seconds=seconds))
        except Exception:
            self._log.exception("Exception in the access log")


def split_target(target: str) -> tuple[str, str, str]:
    """Return path, query and fragment of a request-target, none of them decoded; "" for what is not there."""
    rest, _, fragment = target.partition("#")
    path, _, query = rest.partition("?")
    scheme, has_authority, rest = path.partition("://")
    if has_authority and "/" not in scheme:  # absolute-form (RFC 9112 §3.2.2)
        path = "/" + rest.partition("/")[2]
    return path, query, fragment
