"""How many calls of the application a worker makes at once, and what waits for them."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind, Section, option
from longma.config.parsers import COUNT, SECONDS, whole_number

_MOST_THREADS: Final = 1024


def thread_count(value: object) -> int:
    """Return how many threads; 0 means 1, as with Gunicorn."""
    number = whole_number(value)
    if number > _MOST_THREADS:
        raise ValueError(f"be at most {_MOST_THREADS}, not {number}")
    return number or 1


class Threads(Section):
    """How many calls of the application a worker makes at once, and what becomes of the requests that wait for one."""

    __slots__ = ()
    title = "Threads"

    threads: int = option(
        1,
        kind=Kind("whole number", parse=thread_count, text=int, metavar="INT"),
        cli=("--threads",),
        doc="How many threads of a worker call the application, each one request at a time. More than one makes a "
        "`sync` worker a `gthread` worker.",
    )
    queue_limit: int = option(
        0,
        kind=COUNT,
        cli=("--queue-limit",),
        unit="requests",
        doc="How many whole requests may wait in a worker for the application. A further one earns 503 with "
        "Retry-After. 0 means as many as there are connections.",
    )
    queue_timeout: float = option(
        0.0,
        kind=SECONDS,
        cli=("--queue-timeout",),
        unit="seconds",
        doc="How long a whole request may wait for the application before it earns 503. 0 means no limit.",
    )
