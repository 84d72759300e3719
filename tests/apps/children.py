"""Applications that start processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

from tests.apps.common import TEXT, Environ, Start

OPEN_DESCRIPTORS = """
import os
listed = []
for number in range(100):
    try:
        os.fstat(number)
        listed.append(str(number))
    except OSError:
        pass
print(" ".join(listed), end="")
"""


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The descriptors that a child finds open though nobody closed any for it."""
    child = subprocess.run(
        [sys.executable, "-c", OPEN_DESCRIPTORS], stdout=subprocess.PIPE, close_fds=False, check=True
    )
    start_response("200 OK", [TEXT])
    return [child.stdout]


def waits(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The exit status of a child, which the server must leave to the application to reap."""
    child = subprocess.run([sys.executable, "-c", "raise SystemExit(7)"], check=False)
    start_response("200 OK", [TEXT])
    return [str(child.returncode).encode()]
