"""Telling the service manager how the server is (sd_notify(3), without its library)."""

from __future__ import annotations

import _socket
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEND_SECONDS: Final = 1.0
_MICROSECONDS: Final = 1_000_000


class Notifier:
    """The way to the service manager; false where nobody listens.

    The variables stay in the environment: the application may have something to tell of its own.

    Attributes:
        watchdog_seconds: How often to send `WATCHDOG=1`, half of what the manager waits; None when it waits for none.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # "@name" stands for a name in the abstract namespace, which begins with a NUL.
        self._address = "\0" + path[1:] if path.startswith("@") else path if path.startswith("/") else ""
        self.watchdog_seconds = _watchdog_seconds(environ) if self._address else None

    def __bool__(self) -> bool:
        return bool(self._address)

    def send(self, state: str) -> None:
        """Send assignments such as READY=1, one a line. A manager that is gone is no error."""
        if not self._address:
            return
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        try:
            # A manager that is busy is waited for, since it would wait for our READY in vain; but not for ever.
            sock.settimeout(_SEND_SECONDS)
            with suppress(OSError):
                sock.sendto(state.encode("utf-8", "backslashreplace"), os.fsencode(self._address))
        finally:
            sock.close()


def watched(environ: Mapping[str, str], pid: int) -> dict[str, str]:
    """Return the environment in which the process `pid`, which succeeds this one by exec, is the one watched."""
    return {**environ, "WATCHDOG_PID": str(pid)} if "WATCHDOG_PID" in environ else dict(environ)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    text = environ.get("WATCHDOG_USEC", "")
    microseconds = int(text) if text.isascii() and text.isdecimal() else 0
    meant = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return microseconds / _MICROSECONDS / 2 if microseconds and meant else None
