"""Gunicorn's settings that longma does not have: their names, flags, values that ask for nothing, and why.

What asks for something that longma cannot do is refused with the reason, rather than ignored. What only says how that
would be done asks for nothing by itself, and is worth a notice. A row leaves this list when it enters the table in
`sections/`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Later(NamedTuple):
    """A setting that longma does not have. A flag takes no argument when the default is a boolean.

    Attributes:
        why: completes "NAME is not supported: " or, for a detail, "NAME has no effect: ".
        is_detail: it means nothing without another one of these.
    """

    name: str
    why: str
    flags: tuple[str, ...] = ()
    default: object = None
    repeat: bool = False
    is_detail: bool = False

    def changes_nothing(self, value: object) -> bool:
        """Whether this value, read from a file or as text from the command line, is the default."""
        if isinstance(value, str):
            value = value.strip()
        if isinstance(value, (list, tuple, dict)):
            return tuple(value) == (self.default or ())
        return value == self.default or (isinstance(value, str) and value == str(self.default))


_DIRTY: Final = "longma has no pool for long tasks; use a task queue"

LATER: Final = (
    Later("dirty_apps", _DIRTY, ("--dirty-app",), repeat=True),
    Later("dirty_workers", _DIRTY, ("--dirty-workers",), 0, is_detail=True),
    Later("dirty_timeout", _DIRTY, ("--dirty-timeout",), 300, is_detail=True),
    Later("dirty_threads", _DIRTY, ("--dirty-threads",), 1, is_detail=True),
    Later("dirty_graceful_timeout", _DIRTY, ("--dirty-graceful-timeout",), 30, is_detail=True),
    Later("on_dirty_starting", _DIRTY, is_detail=True),
    Later("dirty_post_fork", _DIRTY, is_detail=True),
    Later("dirty_worker_init", _DIRTY, is_detail=True),
    Later("dirty_worker_exit", _DIRTY, is_detail=True),
)
