"""The table of workloads: what is asked, of which application, what answer is right, which ratio is the goal.

The rows are those of the milestone's table of targets, and two more with requests that differ from one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

BROWSER_FIELDS = (
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    ),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
)

GREETING_BYTES = 14
MEGABYTE = 1_048_576


class Measure(Enum):
    """What of a workload is compared with the goal."""

    CPU = "µs of server CPU per request, as a ratio to the best peer"
    HANDSHAKES = "µs of server CPU per full handshake, the request behind it included"
    MULTIPLEXED = "µs of server CPU per request, many at once on each connection of HTTP/2"
    FAST_P99 = "ms, 99th percentile of the fast requests"


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    name: str
    title: str
    application: str
    goal: float | None
    body_length: int
    connections: int = 64
    fields: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    path: str = "/"
    request_body_bytes: int = 0
    differing_field: str | None = None
    floor: bool = False
    measure: Measure = Measure.CPU
    workers: int = 1
    scheme: str = "http"
    # Only servers that name it take it.
    private: bool = False

    @property
    def closing(self) -> bool:
        """Whether every request has a connection of its own."""
        return ("Connection", "close") in self.fields

    def right_answer(self, body: bytes) -> bool:
        """Whether `body` is what the application answers (for an echo, what was sent)."""
        if self.application == "wsgi:upload":
            return body == b"%d\n" % self.request_body_bytes
        return len(body) == self.body_length


COMPARED = (
    Workload("hello", "hello (14 bytes)", "wsgi:hello", 0.87, GREETING_BYTES, floor=True),
    Workload(
        "headers",
        "hello with a browser's 13 headers",
        "wsgi:hello",
        0.78,
        GREETING_BYTES,
        fields=BROWSER_FIELDS,
        floor=True,
    ),
    Workload(
        "close",
        "a new connection per request",
        "wsgi:hello",
        0.62,
        GREETING_BYTES,
        fields=(("Connection", "close"),),
        floor=True,
    ),
    Workload("c1000", "-c1000 keep-alive", "wsgi:hello", 0.80, GREETING_BYTES, connections=1000, floor=True),
    Workload("10k", "10 KB body", "large:body_10k", 0.90, 10_240, floor=True),
    Workload("1m", "1 MB body, -c16", "large:body_1m", 1.03, MEGABYTE, connections=16, floor=True),
    Workload("echo", "POST 4 KB, echoed", "wsgi:echo", 0.84, 4096, method="POST", request_body_bytes=4096),
    Workload("upload", "POST 1 MB, read whole", "wsgi:upload", 0.85, 8, method="POST", request_body_bytes=MEGABYTE),
    Workload("stream", "generator of 10 small chunks", "wsgi:stream", 0.93, 160),
    Workload("flask", "Flask JSON", "flask_json:app", 0.97, 56, path="/json"),
    Workload(
        "hello-differ",
        "hello, requests that differ",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        differing_field="X-Request-Id",
        floor=True,
    ),
    Workload(
        "headers-differ",
        "13 headers and a cookie, requests that differ",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        fields=BROWSER_FIELDS,
        differing_field="Cookie",
        floor=True,
    ),
    Workload(
        "mixed",
        "4 workers, keep-alive, 1 % of requests take 200 ms",
        "wsgi:mixed",
        5.0,
        GREETING_BYTES,
        measure=Measure.FAST_P99,
        workers=4,
    ),
)

# For one or two servers each, which pairs.py compares.
PAIRED = (
    Workload("c1", "hello, one client", "wsgi:hello", None, GREETING_BYTES, connections=1, private=True),
    Workload("sleep", "20 ms in the application, 8 threads", "wsgi:nap", None, GREETING_BYTES, private=True),
    Workload("tornado", "hello by Tornado", "tornado_hello:app", None, GREETING_BYTES, private=True),
    Workload("aiohttp", "hello by aiohttp", "aiohttp_hello:app", None, GREETING_BYTES, private=True),
    Workload("asgi", "hello by a bare ASGI application", "asgi_hello:app", None, GREETING_BYTES, private=True),
    Workload("tls", "hello over TLS, kept alive", "wsgi:hello", None, GREETING_BYTES, scheme="https", private=True),
    Workload(
        "tls-resumed",
        "a new TLS connection per request, resumed",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        fields=(("Connection", "close"),),
        scheme="https",
        private=True,
    ),
    Workload(
        "tls-full",
        "a full TLS handshake per request",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        scheme="https",
        private=True,
        measure=Measure.HANDSHAKES,
    ),
    Workload(
        "h2c",
        "hello by HTTP/2, 32 at once on each of 8 connections",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        connections=8,
        private=True,
        measure=Measure.MULTIPLEXED,
    ),
    Workload(
        "h2",
        "the same over TLS",
        "wsgi:hello",
        None,
        GREETING_BYTES,
        connections=8,
        scheme="https",
        private=True,
        measure=Measure.MULTIPLEXED,
    ),
    Workload("static", "a static file of 10 KB", "wsgi:hello", None, 10_240, path="/static/10k.bin", private=True),
    Workload("behind-nginx", "hello behind nginx", "wsgi:hello", None, GREETING_BYTES, private=True),
)
WORKLOADS = (*COMPARED, *PAIRED)

NAP_THREADS = 8
NAP_SECONDS = 0.02

# The mixed workload's load: `RATE` requests a second in the mean over `CONNECTIONS` connections.
MIXED_RATE = 300
MIXED_SECONDS = 12
MIXED_CONNECTIONS = 32
MIXED_SLOW_SHARE = 0.01

# Idle memory, MB of PSS: workers -> the most it may be.
MEMORY_GOALS = ((1, 14.0), (4, 22.0))

ACCESS_LOG_GOAL_US = 1.5
