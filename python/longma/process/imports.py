"""Sources on their way into the interpreter, while somebody edits them; for development only.

Python reads a source some time before its module can be seen, and tells whether the compiled form belongs to it by the
second it was changed in and its size. Both are too coarse where files change while they are loaded.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from importlib.util import cache_from_source
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDING: Final = ".py"
# As long as a source is no older, another one of the same second and size may still take its place.
_FRESH_SECONDS: Final = 3.0


class Witness:
    """A finder before all others, which finds what they find, and tells of each source before it is read.

    Nothing compiled is read of a source that has just been changed, nor written.

    Args:
        tell: Called with the path, on the thread that imports.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._keeps_nothing = sys.dont_write_bytecode

    def start(self) -> None:
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self)
            sys.dont_write_bytecode = self._keeps_nothing

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return what the first of the other finders that knows the module says of it, None where none does."""
        for finder in sys.meta_path.copy():
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._look_at(spec.origin)
                return spec
        return None

    def _look_at(self, origin: object) -> None:
        is_fresh = False
        if isinstance(origin, str) and origin.endswith(_ENDING):
            self._tell(origin)
            is_fresh = _is_fresh(origin)
            if is_fresh:
                forget_compiled(origin)
        sys.dont_write_bytecode = self._keeps_nothing or is_fresh


def _is_fresh(path: str) -> bool:
    with suppress(OSError):
        return time.time() - os.stat(path).st_mtime < _FRESH_SECONDS
    return False


def forget_compiled(path: str) -> None:
    """Remove the compiled form of a source, which would be taken for that of one changed within the same second."""
    if not path.endswith(_ENDING):
        return
    # Not implemented where Python keeps no compiled forms; not allowed where they are somebody else's.
    with suppress(NotImplementedError, OSError):
        os.unlink(cache_from_source(path))
