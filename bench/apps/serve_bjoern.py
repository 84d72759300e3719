"""Run bjoern, which has no command line: serve_bjoern.py MODULE:CALLABLE PORT WORKERS.

Workers share one listener that is opened before they are forked, as bjoern's own documentation shows.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys


def main() -> None:
    import bjoern

    module, _, name = sys.argv[1].partition(":")
    port, workers = int(sys.argv[2]), int(sys.argv[3])
    application = getattr(importlib.import_module(module), name)
    bjoern.listen(application, "127.0.0.1", port)
    if workers == 1:
        bjoern.run()
        return
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            bjoern.run()
            os._exit(0)
        pids.append(pid)

    def stop(_signal: int, _frame: object) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
