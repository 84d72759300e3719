"""How many workers there are, of which model, and when they are replaced or given up on."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import Final

from longma.config.nearest import nearest
from longma.config.option import Kind, Section, option
from longma.config.parsers import BYTES, COUNT, SECONDS, shown, whole_number, words
from longma.errors import Interrupted

_OWN: Final = MappingProxyType(
    {
        "sync": "sync",
        "gunicorn.workers.sync.SyncWorker": "sync",
        "gthread": "gthread",
        "gunicorn.workers.gthread.ThreadWorker": "gthread",
        "gevent": "gevent",
        "gevent_wsgi": "gevent",
        "gevent_pywsgi": "gevent",
        "gunicorn.workers.ggevent.GeventWorker": "gevent",
        "gunicorn.workers.ggevent.GeventPyWSGIWorker": "gevent",
        "eventlet": "eventlet",
        "gunicorn.workers.geventlet.EventletWorker": "eventlet",
        "tornado": "tornado",
        "gunicorn.workers.gtornado.TornadoWorker": "tornado",
    }
)
WORKER_CLASSES: Final = ("sync", "gthread", "gevent", "eventlet", "tornado")
WORKER_CLASSES_LATER: Final = ("asgi",)
# The models that the engine serves: it speaks HTTP with the client, and WSGI with the application.
_BY_THE_ENGINE: Final = ("sync", "gthread", "gevent", "eventlet")
_ENTRY_POINT: Final = "egg:"
_AUTO: Final = "auto"


def worker_class_name(value: object) -> str:
    """Return the model's alias, or where another class is: `PACKAGE.MODULE.CLASS` or `egg:DISTRIBUTION#NAME`.

    A class itself is taken for its path, and a function for what it returns.
    """
    if callable(value) and not isinstance(value, type):
        try:
            value = value()
        except Interrupted:
            raise
        except BaseException as error:
            raise ValueError(f"be a class or what returns one, not {shown(value)}: {error!r}") from None
    name = _path_of(value) if isinstance(value, type) else value
    if not isinstance(name, str):
        raise ValueError(f"be a class, its path or a name, not {shown(value)}")
    name = name.strip()
    if name in _OWN:
        return _OWN[name]
    if name.startswith(_ENTRY_POINT) or ("." in name and all(part.isidentifier() for part in name.split("."))):
        return name
    near = "" if name in WORKER_CLASSES_LATER else nearest(name, (*WORKER_CLASSES, *WORKER_CLASSES_LATER))
    hint = f" (did you mean {near!r}?)" if near else ""
    later = "is not supported yet" if name in WORKER_CLASSES_LATER else "is not known"
    raise ValueError(
        f"be 'sync', 'gthread', 'gevent', 'eventlet', 'tornado' or PACKAGE.MODULE.CLASS: {shown(name)} {later}{hint}"
    )


def _path_of(kind: type[object]) -> str:
    """Return where a class can be found again, by every later reading of the settings too."""
    module, name = kind.__module__, kind.__qualname__
    if getattr(sys.modules.get(module), name, None) is not kind:
        raise ValueError(f"be a class of a module, which a reload finds again; {name} is defined in the file itself")
    return f"{module}.{name}"


def brings_its_own_http(worker_class: str) -> bool:
    """Whether such a worker serves its sockets itself: then the application is whatever the class can serve."""
    return worker_class not in _BY_THE_ENGINE


def worker_count(value: object) -> int:
    """Return a number of workers; `auto` is one for each processor that may be used."""
    if isinstance(value, str) and value.strip().lower() == _AUTO:
        from longma.config import cpus  # for those who ask for it

        return cpus.available()
    return whole_number(value, "be a whole number, 0 or more, or 'auto'")


def int_or_auto(word: str) -> object:
    """Return what `worker_count` understands."""
    return word if word.strip().lower() == _AUTO else int(word)


def device_names(value: object) -> tuple[str, ...]:
    """Return the devices to share out, or `("auto",)` for all there are."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value,)
    if isinstance(value, (list, tuple)):
        value = [str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in value]
    names = words(value)
    if len(set(names)) < len(names):
        raise ValueError(f"name each device once, not {shown(value)}")
    if any("," in name for name in names):
        raise ValueError(f"hold no name with a comma in it: {shown(value)}")
    if _AUTO in names and len(names) > 1:
        raise ValueError(f"be 'auto' alone or the devices' names, not {shown(value)}")
    return names


def _show_devices(value: tuple[str, ...]) -> str:
    return repr(",".join(value))


WORKER_CLASS: Final = Kind("string", parse=worker_class_name, metavar="NAME")
WORKERS: Final = Kind("whole number or 'auto'", parse=worker_count, text=int_or_auto, metavar="INT|auto")
DEVICES: Final = Kind("string or list of strings", parse=device_names, metavar="DEVICES", show=_show_devices)


class WorkerProcesses(Section):
    """How many workers there are, of which model, and when they are replaced or given up on."""

    __slots__ = ()
    title = "Worker processes"

    workers: int = option(
        1,
        kind=WORKERS,
        cli=("-w", "--workers"),
        env="WEB_CONCURRENCY",
        doc="How many worker processes serve requests. `auto` is one for each processor that this process may use: "
        "the machine's, less what affinity and the quota of a container or control group take away.",
    )
    worker_class: str = option(
        "sync",
        kind=WORKER_CLASS,
        cli=("-k", "--worker-class"),
        doc="How the application is called. `sync`: one request at a time, on the worker's main thread. `gthread`: as "
        "many at once as there are `threads`. `gevent`, `eventlet`: each request in a greenlet, so that thousands may "
        "wait at once; the standard library is patched to wait by the library's hub before the application is loaded. "
        "`tornado`: by Tornado's own server and loop. Or a class with the "
        "contract of Gunicorn's workers, which brings its own HTTP: `PACKAGE.MODULE.CLASS`, such as "
        "`aiohttp.GunicornWebWorker`, or `egg:DISTRIBUTION#NAME`.",
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
        doc="A worker whose application call lasts longer is killed and replaced. Where several calls run at once the "
        "one that takes too long is logged with its stack, and its worker is replaced once all are answered; greenlets "
        "that keep the others from running are ended as a single call is. For greenlets an answer that has begun may "
        "last. 0 switches this off.",
    )
    graceful_timeout: float = option(
        30.0,
        kind=SECONDS,
        cli=("--graceful-timeout",),
        unit="seconds",
        doc="How long a worker that was told to stop may take to finish the requests it has accepted.",
    )
    boot_timeout: float = option(
        300.0,
        kind=SECONDS,
        cli=("--boot-timeout",),
        unit="seconds",
        doc="How long a worker may take to load the application. 0 means no limit.",
    )
    max_requests: int = option(
        0,
        kind=COUNT,
        cli=("--max-requests",),
        unit="requests",
        doc="After how many requests a worker is replaced. 0 means never.",
    )
    max_requests_jitter: int = option(
        0,
        kind=COUNT,
        cli=("--max-requests-jitter",),
        unit="requests",
        doc="The most that is added by chance to `max_requests`, for each worker anew, so that they are not all "
        "replaced at the same time.",
    )
    max_worker_memory: int = option(
        0,
        kind=BYTES,
        cli=("--max-worker-memory",),
        unit="bytes",
        doc="A worker that holds more memory than this is replaced once it has answered its request. 0 means no limit.",
    )
    max_worker_memory_hard: int = option(
        0,
        kind=BYTES,
        cli=("--max-worker-memory-hard",),
        unit="bytes",
        doc="A worker that holds more memory than this is killed at once and replaced. 0 means no limit.",
    )
    devices: tuple[str, ...] = option(
        (),
        kind=DEVICES,
        cli=("--devices",),
        doc="The GPUs to share out among the workers, such as `0,1,2,3`; `auto` for all there are. Each worker is "
        "leased the one with the fewest workers before it loads the application, and sees it alone, by "
        "`CUDA_VISIBLE_DEVICES`.",
    )
