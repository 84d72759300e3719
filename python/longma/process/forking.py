"""Forking a child that no signal reaches before it is ready for it."""

from __future__ import annotations

import gc
import posix
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


def fork_blocked() -> tuple[int, AbstractSet[int]]:
    """Fork, and return the pid (0 in the child) with the signal mask that stood before.

    In the child every signal stays blocked until it calls `unblock` with that mask. Otherwise one that comes right
    after the fork would run the parent's handler in the child: a TERM meant for the child would wake the parent's
    loop instead, and be lost to both.

    Raises:
        OSError: the system has no room for another process.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = posix.fork()
    except OSError:
        unblock(mask)
        raise
    if pid:
        unblock(mask)
    return pid, mask


def unblock(mask: AbstractSet[int]) -> None:
    """Let signals through again, as the mask says."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def disown_children() -> None:
    """In a child: let the parent's processes of `multiprocessing` (a hook's Manager, say) be the parent's alone.

    Otherwise the child ends them when it exits, or fails to. There is no public way to say so: this is what
    `multiprocessing` does in the processes that it forks itself (`BaseProcess._bootstrap`).
    """
    processes, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if processes is not None and hasattr(processes, "_children"):
        vars(processes)["_children"] = set()
    registry = getattr(util, "_finalizer_registry", None)
    if registry is not None:
        registry.clear()


def freeze_heap() -> None:
    """Collect garbage once and leave what lives out of every later collection.

    A collection writes to the header of each object it looks at, and so makes a copy of every page that is shared
    with the parent or the siblings; frozen objects are not looked at, and their pages stay shared.
    """
    gc.collect()
    gc.freeze()
