"""What an application binds by name as it is imported, which is patched by then or never."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from os import read
from socket import socket
from threading import Event
from time import sleep

from tests.apps import gate
from tests.apps.common import TEXT, Environ, Start

BOUND = (socket, sleep, Event, subprocess.Popen, read)


def is_patched(bound: object) -> bool:
    module = str(getattr(bound, "__module__", ""))
    return module.startswith(("gevent", "eventlet", "src.gevent"))


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/wait":
        body = gate.stop("in the application")
    elif path == "/child":
        code = "import time; time.sleep(0.05); print('from the child')"
        body = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    else:
        body = "patched" if is_patched(socket) and is_patched(sleep) else f"not patched: {BOUND}"
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body.encode()]
