"""Requests of HTTP/2, many at once on each connection, by h2load."""

from __future__ import annotations

import re

from .process import run_load
from .workloads import Workload

AT_ONCE = 32  # requests under way on each connection
FINISHED = re.compile(r"^finished in ([\d.]+)(m?s),", re.MULTILINE)
COUNTED = re.compile(
    r"^requests: \d+ total, .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$", re.MULTILINE
)


def run_h2load(workload: Workload, port: int, seconds: int) -> dict[str, float]:
    """Run h2load, and return what it counted, in the words of wrk's account.

    Raises:
        ServerFailed: it found no server.
        ValueError: it was not spoken with in HTTP/2, or says nothing that is understood.
    """
    url = f"{workload.scheme}://127.0.0.1:{port}{workload.path}"
    command = ["h2load", f"-D{seconds}", f"-c{workload.connections}", f"-m{AT_ONCE}", "-t1", url]
    output = run_load(command, {}, timeout=seconds + 30)
    counted, finished = COUNTED.search(output), FINISHED.search(output)
    if counted is None or finished is None or "Application protocol: h2" not in output:
        raise ValueError(f"h2load spoke no HTTP/2: {output[-300:]}")
    answered, failed, errored, late = map(int, counted.groups())
    return {"requests": answered, "seconds": seconds, "p99_ms": 0.0, "status": failed, "read": errored, "timeout": late}
