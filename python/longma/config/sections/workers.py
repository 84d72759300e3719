"""How many workers there are, of which model, and when they are given up on."""

from __future__ import annotations

from typing import Final

from longma.config.nearest import nearest
from longma.config.option import Kind, Section, option
from longma.config.parsers import COUNT, SECONDS, shown

_SYNC: Final = ("sync", "gunicorn.workers.sync.SyncWorker")
_LATER: Final = ("gthread", "gevent", "gevent_wsgi", "gevent_pywsgi", "eventlet", "tornado", "asgi")


def worker_class_name(value: object) -> str:
    """Return the model's alias."""
    if not isinstance(value, str):
        raise ValueError(f"be 'sync', not {shown(value)}: other worker classes are not supported yet")
    name = value.strip()
    if name in _SYNC:
        return "sync"
    known = name in _LATER or "." in name or ":" in name
    near = "" if known else nearest(name, ("sync", *_LATER))
    hint = f" (did you mean {near!r}?)" if near else ""
    later = "is not supported yet" if known else "is not known"
    raise ValueError(f"be 'sync': {shown(name)} {later}{hint}")


WORKER_CLASS: Final = Kind("string", parse=worker_class_name, metavar="NAME")


class WorkerProcesses(Section):
    """How many workers there are, of which model, and when they are given up on."""

    __slots__ = ()
    title = "Worker processes"

    workers: int = option(
        1,
        kind=COUNT,
        cli=("-w", "--workers"),
        env="WEB_CONCURRENCY",
        doc="How many worker processes serve requests.",
    )
    worker_class: str = option(
        "sync",
        kind=WORKER_CLASS,
        cli=("-k", "--worker-class"),
        doc="How the application is called. `sync`: one request at a time, on the worker's main thread.",
    )
    worker_connections: int = option(
        1000,
        kind=COUNT,
        cli=("--worker-connections",),
        unit="connections",
        doc="How many clients a worker holds at once. For a further one the connection that has idled longest is "
        "closed; where none idles, it waits to be accepted.",
    )
    timeout: float = option(
        30.0,
        kind=SECONDS,
        cli=("-t", "--timeout"),
        unit="seconds",
        doc="A worker whose application call lasts longer is killed and replaced. 0 switches this off.",
    )
    graceful_timeout: float = option(
        30.0,
        kind=SECONDS,
        cli=("--graceful-timeout",),
        unit="seconds",
        doc="How long a worker that was told to stop may take to finish the requests it has accepted.",
    )
