"""The applications whose answers are large; apart from the others, whose servers' memory is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

BODY_10K = b"x" * 10_240
BODY_1M = b"x" * 1_048_576


def body_10k(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10240")])
    return [BODY_10K]


def body_1m(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1048576")])
    return [BODY_1M]
