"""Taking back the children that are gone."""

from __future__ import annotations

import os
import posix

from longma.master.events import Reaped


def reap_one() -> Reaped | None:
    """Return one child that is gone, or None when there is no more for now.

    One at a time: when two are reaped together, the second one's number may belong to a stranger by the time the
    first one's death makes us send a signal to it.
    """
    try:
        pid, status = posix.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return Reaped(pid, os.waitstatus_to_exitcode(status)) if pid else None
