"""An application that leaves a process behind, as those do that start programs which start programs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import stop


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Leave a grandchild that stops at the gate."""
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            stop("orphaned")
        os._exit(0)
    os.waitpid(child, 0)
    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return [b"left"]
