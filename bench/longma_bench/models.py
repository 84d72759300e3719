"""The worker classes of longma, each beside the same class of Gunicorn's."""

from __future__ import annotations

from .servers import Kind, Server, gunicorn, longma

UVICORN = "uvicorn_worker.UvicornWorker"
AIOHTTP = "aiohttp.GunicornWebWorker"


def both(name: str, kind: str, *workloads: str, needs: tuple[str, ...]) -> tuple[Server, Server]:
    """Return longma and Gunicorn with the same class."""
    flags, needs = ("-k", kind), ("gunicorn", *needs)
    return (
        Server(f"longma-{name}", Kind.VARIANT, longma(*flags), only=workloads, needs=needs),
        Server(f"gunicorn-{name}", Kind.RIVAL, gunicorn(*flags), only=workloads, needs=needs),
    )


MODELS = (
    Server("longma-gthread-8", Kind.VARIANT, longma("--threads", "8"), only=("sleep",)),
    Server("gunicorn-gthread-8", Kind.RIVAL, gunicorn("--threads", "8"), "gunicorn", only=("sleep",)),
    *both("gevent", "gevent", "hello", "flask", needs=("gevent", "packaging")),
    # This version of Gunicorn has no such class any more.
    Server("longma-eventlet", Kind.VARIANT, longma("-k", "eventlet"), only=("hello", "flask"), needs=("eventlet",)),
    *both("tornado", "tornado", "tornado", needs=("tornado",)),
    *both("aiohttp", AIOHTTP, "aiohttp", needs=("aiohttp",)),
    *both("uvicorn", UVICORN, "asgi", needs=("uvicorn-worker", "uvicorn", "uvloop", "httptools")),
)
