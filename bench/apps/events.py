"""A stream of events by WSGI, one a second."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return ticks()


def ticks() -> Iterator[bytes]:
    while True:
        yield b"data: tick\n\n"
        time.sleep(1)
