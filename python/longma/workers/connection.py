"""The client's connection as the application can have it: what libraries for WebSockets find in the environ.

Gunicorn has its socket there with every request. Here it is made when it is used, and on offer to requests that ask for
another protocol (RFC 9110 §7.8) only: so it costs the others nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from longma._core import Lease

T = TypeVar("T")


class ConnectionSocket:
    """Behaves as the `socket.socket` it becomes with the first thing that is done with it.

    From then on the connection is the application's: what it returns is thrown away, and the connection ends with the
    call. To ask for names, options or `fileno()` is nothing of the kind.
    """

    __slots__ = ("__weakref__", "_itself", "_lease", "_socket")

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        # The connection, where what is read and written goes through a relay.
        self._itself: socket.socket | None = None
        self._socket: socket.socket | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` is to see."""
        import socket

        return socket.socket

    def __del__(self) -> None:
        if self._itself is not None:
            self._itself.close()

    def __repr__(self) -> str:
        return f"<the connection of a request, fd={self._lease.fileno()}>"

    def __enter__(self) -> ConnectionSocket:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else that a socket has; it is taken for that."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._taken(), name)

    def fileno(self) -> int:
        """The connection's descriptor, -1 when it is closed.

        Before anything is done with the connection it is the server's own, which does not block.
        """
        return self._lease.fileno() if self._lease.is_whole() else self._taken().fileno()

    def send(self, data: Any, flags: int = 0) -> int:
        """Send; without a timeout all of it, as a blocking socket does.

        Libraries rely on it, and a cooperative one would send what there is room for.
        """
        taken = self._taken()
        if taken.gettimeout() is not None:
            return taken.send(data, flags)
        taken.sendall(data, flags)
        return memoryview(data).nbytes

    @property
    def family(self) -> int:
        """As `socket.socket` has it, like all that follows."""
        return self._ask(lambda itself: itself.family)

    @property
    def type(self) -> int:
        return self._ask(lambda itself: itself.type)

    @property
    def proto(self) -> int:
        return self._ask(lambda itself: itself.proto)

    def getpeername(self) -> Any:
        return self._ask(lambda itself: itself.getpeername())

    def getsockname(self) -> Any:
        return self._ask(lambda itself: itself.getsockname())

    def getsockopt(self, *option: Any) -> Any:
        return self._ask(lambda itself: itself.getsockopt(*option))

    def setsockopt(self, *option: Any) -> None:
        self._ask(lambda itself: itself.setsockopt(*option))

    def close(self) -> None:
        """Close the connection; when the request is over, that has been done."""
        if self._itself is not None:
            self._itself.close()
        if self._socket is not None or self._lease.fileno() >= 0:
            self._taken().close()

    def _ask(self, question: Callable[[socket.socket], T]) -> T:
        """Ask the connection itself, which is not taken for that."""
        if self._itself is not None:
            return question(self._itself)
        if self._lease.fileno() < 0:
            return question(self._taken())
        with self._view() as itself:
            return question(itself)

    def _view(self) -> socket.socket:
        return open_socket(os.dup(self._lease.fileno()))

    def _taken(self) -> socket.socket:
        if self._socket is None:
            if self._lease.fileno() >= 0 and not self._lease.is_whole():
                self._itself = self._view()
            self._socket = self._lease.take(open_socket)
        return self._socket


def open_socket(descriptor: int) -> socket.socket:
    """The socket of a descriptor, of the class that has been patched in, if one has."""
    import socket  # most workers never need it, and it weighs half a megabyte

    return socket.socket(fileno=descriptor)
