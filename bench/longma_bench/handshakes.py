"""Full handshakes of TLS, each on a connection of its own that asks for the greeting.

wrk is of no use for them: on a new connection it resumes the session of the one before.
"""

from __future__ import annotations

import re

from .process import run_load
from .workloads import Workload

CLIENTS = 4
COUNT = re.compile(r"^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection$", re.MULTILINE)


def run_s_time(workload: Workload, port: int, seconds: int) -> dict[str, float]:
    """Run some of OpenSSL's clients, and return what they counted, in the words of wrk's account.

    Raises:
        ServerFailed: they found no server, or no TLS.
    """
    one = f"openssl s_time -new -tls1_3 -connect 127.0.0.1:{port} -www {workload.path} -time {seconds}"
    command = "; ".join([*[f'{one} & pids="$pids $!"'] * CLIENTS, "for pid in $pids", "do wait $pid || exit 1", "done"])
    counted = [
        (int(found[1]), int(found[2])) for found in COUNT.finditer(run_load(["sh", "-c", command], {}, seconds + 30))
    ]
    whole = sum(count for count, length in counted if length > workload.body_length)
    missing = CLIENTS - sum(1 for _, length in counted if length > workload.body_length)
    # They look at the time in whole seconds, and go on until the last one is over.
    return {"requests": whole, "seconds": seconds, "p99_ms": 0.0, "read": missing}
