"""How long and how large a client's requests and connections may be: deadlines, buffers, caches."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import BOOLEAN, BYTES, SECONDS


class Clients(Section):
    """How long a connection may take, and how much is buffered for it.

    The application is called when a request is complete and is let go when its answer is buffered, so that a slow
    client never holds it.
    """

    __slots__ = ()
    title = "Connections"

    keepalive: float = option(
        75.0,
        kind=SECONDS,
        cli=("--keep-alive",),
        unit="seconds",
        doc="How long an idle connection is kept for another request. 0 closes it after each answer. Keep it above the "
        "idle time of a load balancer in front (60 s for most).",
    )
    header_timeout: float = option(
        15.0,
        kind=SECONDS,
        cli=("--header-timeout",),
        unit="seconds",
        doc="How long a request line and its fields may take to arrive, together. 0 means no limit.",
    )
    body_timeout: float = option(
        30.0,
        kind=SECONDS,
        cli=("--body-timeout",),
        unit="seconds",
        doc="How long a client that sends a body may pause. 0 means no limit.",
    )
    write_timeout: float = option(
        60.0,
        kind=SECONDS,
        cli=("--write-timeout",),
        unit="seconds",
        doc="How long a client may take no byte of its answer. 0 means no limit.",
    )
    min_transfer_rate: int = option(
        240,
        kind=BYTES,
        cli=("--min-transfer-rate",),
        unit="bytes per second",
        doc="The least average rate at which a body must arrive and an answer be taken, after the first 5 seconds. "
        "0 switches this off.",
    )
    body_buffer_size: int = option(
        1 << 20,
        kind=BYTES,
        cli=("--body-buffer-size",),
        unit="bytes",
        doc="A request body up to this size is held in memory, a larger one in an unlinked temporary file.",
    )
    response_buffer_size: int = option(
        1 << 20,
        kind=BYTES,
        cli=("--response-buffer-size",),
        unit="bytes",
        doc="How much of an answer may wait for the client before the application has to.",
    )
    head_cache: bool = option(
        True,
        kind=BOOLEAN,
        cli=("--no-head-cache",),
        constant=False,
        doc="Recognise a connection that repeats its field block, and reuse what was made of it.",
    )
