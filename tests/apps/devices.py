"""An application that says which device its process has."""

from __future__ import annotations

import os

from tests.apps.common import Environ, Start


def application(environ: Environ, start_response: Start) -> list[bytes]:
    body = f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', '(none)')}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
