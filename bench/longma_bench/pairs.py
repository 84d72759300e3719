"""The rows that compare a variant of longma with its own rivals, and their goals."""

from __future__ import annotations

from dataclasses import dataclass

from .summary import Quantity, Results
from .workloads import NAP_SECONDS, NAP_THREADS


@dataclass(frozen=True)
class Pair:
    """One row.

    Attributes:
        goal: of CPU time the most that the ratio to the best rival may be, of requests a second the least.
        base: the workload that the rivals are measured on, where that is another one.
    """

    title: str
    workload: str
    subject: str
    rivals: tuple[str, ...]
    goal: float | None = None
    quantity: Quantity = Quantity.CPU
    base: str = ""

    def ratio(self, results: Results) -> tuple[float, str, float, float] | None:
        """Return our figure, the best rival and its figure, and our ratio to it; None where one was not measured."""
        own = results.figure(self.workload, self.subject, self.quantity)
        measured = [(name, results.figure(self.base or self.workload, name, self.quantity)) for name in self.rivals]
        known = [(figure.best, name) for name, figure in measured if figure is not None]
        if own is None or not known:
            return None
        best, name = min(known) if self.quantity.less_is_better else max(known)
        return own.best, name, best, own.best / best

    def reached(self, ratio: float) -> bool | None:
        """Whether the ratio is as good as it was to be."""
        if self.goal is None:
            return None
        return round(ratio, 2) <= self.goal if self.quantity.less_is_better else round(ratio, 2) >= self.goal


# Those that can call an application in several threads at once, set to do so: granian does by itself.
THREADED_PEERS = ("granian", "peregrine-threads")

PAIRS = (
    Pair("gthread, hello", "hello", "longma-gthread", THREADED_PEERS, 0.70),
    Pair("gthread, hello, beside Gunicorn's", "hello", "longma-gthread", ("gunicorn-gthread",)),
    Pair("gthread, one client", "c1", "longma-gthread", THREADED_PEERS, 0.55),
    Pair("gevent, hello", "hello", "longma-gevent", ("gunicorn-gevent",), 0.25),
    Pair("gevent, Flask", "flask", "longma-gevent", ("gunicorn-gevent",)),
    Pair("eventlet, hello, beside Gunicorn's gevent", "hello", "longma-eventlet", ("gunicorn-gevent",)),
    Pair("tornado", "tornado", "longma-tornado", ("gunicorn-tornado",)),
    Pair("aiohttp", "aiohttp", "longma-aiohttp", ("gunicorn-aiohttp",)),
    Pair("uvicorn", "asgi", "longma-uvicorn", ("gunicorn-uvicorn",)),
    Pair("TLS, kept alive, beside plain", "tls", "longma-tls", ("longma",), 1.6, base="hello"),
    Pair("TLS, kept alive", "tls", "longma-tls", ("granian-tls", "gunicorn-tls")),
    Pair("TLS, sessions resumed", "tls-resumed", "longma-tls", ("granian-tls", "gunicorn-tls")),
    Pair("TLS, full handshakes", "tls-full", "longma-tls", ("granian-tls",), 1.0),
    Pair("HTTP/2 without TLS", "h2c", "longma-h2c", ("granian-h2c", "gunicorn-h2c")),
    Pair("HTTP/2 over TLS", "h2", "longma-h2", ("granian-h2", "gunicorn-h2")),
    Pair("static file of 10 KB, requests/s", "static", "longma-static", ("nginx-static",), 0.7, Quantity.RATE),
    Pair(
        "behind nginx by uwsgi",
        "behind-nginx",
        "nginx-longma-uwsgi",
        ("nginx-uwsgi", "nginx-gunicorn", "nginx-granian"),
    ),
    Pair("behind nginx by HTTP", "behind-nginx", "nginx-longma-http", ("nginx-gunicorn", "nginx-granian")),
)

# Of the requests a second that so many threads can answer when each takes so long.
NAPS_A_SECOND = NAP_THREADS / NAP_SECONDS
NAPS_GOAL = 0.97
NAPPERS = ("longma-gthread-8", "gunicorn-gthread-8")
