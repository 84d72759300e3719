"""The listening sockets as Gunicorn's worker classes get them: real sockets, with the names that Gunicorn's have."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.config.compatible import Config
    from longma.net.listeners import Listener


class ListeningSocket(socket.socket):
    """A listening socket that does not block.

    Attributes:
        conf: the settings.
        cfg_addr: where it listens, as `bind` says it.
    """

    def __init__(self, listener: Listener, conf: Config) -> None:
        super().__init__(fileno=os.dup(listener.fileno()))
        self.setblocking(False)
        self._url = listener.url
        self.conf = conf
        self.cfg_addr: Any = self.getsockname()

    @property
    def sock(self) -> ListeningSocket:
        """The socket, which in Gunicorn another object is around."""
        return self

    @property
    def FAMILY(self) -> int:  # noqa: N802 - Gunicorn's name
        return self.family

    def __str__(self) -> str:
        return self._url


def opened(listeners: Iterable[Listener], conf: Config) -> list[ListeningSocket]:
    """Return sockets for these listeners, with descriptors of their own."""
    return [ListeningSocket(listener, conf) for listener in listeners]
