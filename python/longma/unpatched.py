"""What the standard library had before gevent or eventlet patched it, for code of ours that must not wait by a hub.

The master has none, even where a configuration file or a preloaded application has patched it; and what a worker does
for its hub, such as writing a log, cannot wait by it. Functions of `os` are taken from `posix`, which nobody patches.
"""

from __future__ import annotations

import sys
from typing import Any


def has_green_threads() -> bool:
    """Whether threads are greenlets by now."""
    monkey, patcher = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    by_gevent = monkey is not None and monkey.is_module_patched("threading")
    return bool(by_gevent or (patcher is not None and patcher.is_monkey_patched("thread")))


def original(module: str, name: str) -> Any:
    """Return `module.name` as the standard library has it, whatever stands there now."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_object_patched(module, name):
        return monkey.get_original(module, name)
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched(module):
        return getattr(patcher.original(module), name)
    return getattr(sys.modules[module], name)
