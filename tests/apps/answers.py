"""One application whose every path is a way to answer: its name is that of a function in one of four modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.apps import closing, right, waiting, wrong
from tests.apps.common import Environ, Start

MODULES = (right, wrong, closing, waiting)


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer as the function that the path names does; any other path is a 404."""
    name = environ["PATH_INFO"].strip("/").replace("-", "_") or "hello"
    for module in MODULES:
        behaviour: Callable[[Environ, Start], Iterable[bytes]] | None = vars(module).get(name)
        if behaviour is not None:
            return behaviour(environ, start_response)
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []
