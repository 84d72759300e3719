"""Small applications that show what a worker has made of its process."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.apps.common import TEXT, Environ, Start


def draws(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What `random` gives in this process."""
    start_response("200 OK", [TEXT])
    return [str(random.random()).encode()]


def complains(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Write to wsgi.errors, and answer."""
    environ["wsgi.errors"].write("the application complains\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [TEXT])
    return [b"done"]
