"""Children of a test: what a function does in a fork of this process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from tests.support.deadlines import until

FAILED = 99


def fork(run: Callable[[], object]) -> int:
    """Run the function in a child, which ends after it; returns the child's pid."""
    pid = os.fork()
    if pid == 0:
        end_with(run)
    return pid


def end_with(run: Callable[[], object]) -> None:
    """In a child: run the function and end the process, with status 0 unless it raises."""
    status = FAILED
    try:
        run()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def exit_code(pid: int) -> int:
    """Wait for a child to end."""
    ended: list[int] = []

    def is_over() -> bool:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended.append(os.waitstatus_to_exitcode(status))
        return bool(done)

    until(is_over, f"the end of process {pid}")
    return ended[0]
