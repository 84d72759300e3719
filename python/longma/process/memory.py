"""How much memory a process has."""

from __future__ import annotations

import os


def resident_bytes(pid: int) -> int | None:
    """Return the bytes of a process that are in memory, pages shared with others included.

    None when the process is gone, or the system has no /proc to tell.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as statm:
            pages = statm.read(256).split()
    except OSError:
        return None
    # A zombie still has a file, which says 0.
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None
