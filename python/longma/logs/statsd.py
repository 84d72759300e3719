"""Counters and gauges to a StatsD daemon, under the names that Gunicorn gives them. One datagram each."""

from __future__ import annotations

import socket
from types import MappingProxyType
from typing import TYPE_CHECKING

from longma.logs.network import Datagrams, Peer, Remote, resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_PORT = 8125
UNIX = "unix://"
FORMS = MappingProxyType(
    {
        "counter": "{name}:{value}|c|@1.0",
        "gauge": "{name}:{value}|g",
        "histogram": "{name}:{value}|h",
        "timer": "{name}:{value}|ms",
    }
)


class Statsd:
    """Sends metrics to one daemon.

    Args:
        host: `statsd_host`: `HOST:PORT` or `unix://PATH`.
        prefix: `statsd_prefix`, with or without a dot at its end.
        tags: `dogstatsd_tags`.
        complain: takes words for the operator, when the daemon is gone.
    """

    def __init__(self, host: str, prefix: str, tags: str, complain: Callable[[str], None]) -> None:
        stem = prefix.rstrip(".")
        self._prefix = f"{stem}." if stem else ""
        self._tags = f"|#{tags}" if tags else ""
        try:
            self._sender: Datagrams | None = Datagrams(remote(host), Peer(complain, f"statsd: {host}"))
        except OSError as error:
            complain(f"statsd: {host}: {error.strerror or error}; nothing is sent there until a reload")
            self._sender = None

    def count(self, name: str) -> None:
        self.metric(name, 1, "counter")

    def metric(self, name: str, value: object, kind: str) -> None:
        """Send one metric; `kind` is counter, gauge, histogram or timer, and no other is sent."""
        form = FORMS.get(kind)
        if form is not None and self._sender is not None:
            text = self._prefix + form.format(name=name, value=value) + self._tags
            self._sender.send(text.replace("\n", " ").encode("utf-8", "backslashreplace"))

    def measure(self, extra: Mapping[str, object] | None) -> bool:
        """Send the metric that a call of the log brings along in `extra`; return whether there is one."""
        if not extra or extra.get("metric") is None:
            return False
        if extra.get("value") is not None and extra.get("mtype") is not None:
            self.metric(str(extra["metric"]), extra["value"], str(extra["mtype"]))
        return True

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()


def remote(host: str) -> Remote:
    """Look the daemon up.

    Raises:
        OSError: the host has no address.
    """
    if host.startswith(UNIX):
        return Remote(socket.AF_UNIX, socket.SOCK_DGRAM, host.removeprefix(UNIX))
    name, _, port = host.rpartition(":")
    return resolved(name.strip("[]"), int(port), socket.SOCK_DGRAM)
