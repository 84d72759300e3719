"""What keeps a hub from serving well: it is none that we can serve by, or comes too late.

What was imported too early for a monkey patch has taken names from modules that are patched only afterwards.
"""

from __future__ import annotations

import sys

from longma.errors import OperatorError

# What is taken most often, and blocks the hub where it is not the patched one.
NAMES = (("ssl", "SSLContext"), ("socket", "socket"), ("socket", "create_connection"), ("time", "sleep"))
# These know what they do.
OWN = frozenset({"longma", "gevent", "eventlet", "greenlet", "__main__"}) | sys.stdlib_module_names


class HubError(OperatorError):
    """The operator asks for a hub that there is not, or that cannot be served by."""


def imported_early() -> list[str]:
    """Return what may go wrong when the standard library is patched now: at most one line."""
    taken = {id(getattr(sys.modules.get(module), name, NAMES)) for module, name in NAMES} - {id(NAMES)}
    early = sorted(name for name in tuple(sys.modules) if name.partition(".")[0] not in OWN and holds(name, taken))
    if not early:
        return []
    listed = ", ".join(early[:5]) + ", ..." * (len(early) > 5)
    return [f"imported before the standard library was patched, and so may block the hub: {listed}"]


def holds(name: str, taken: set[int]) -> bool:
    """Whether a module has one of these objects by a name of its own."""
    try:
        return any(id(value) in taken for value in tuple(vars(sys.modules[name]).values()))
    except (KeyError, TypeError):  # no module any more, or something else in its place
        return False
