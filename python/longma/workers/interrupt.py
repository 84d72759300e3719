"""Breaking into the loading of an application, where Python lets an exception out.

A signal's handler may raise anywhere, and in two places that goes wrong. What is raised in a callback that the
interpreter makes on its own account (of a weak reference, in `__del__`) is written to standard error and dropped. And
in the import system itself it leaves files open and callbacks half done, which is written there too. So we raise at
once only outside of the import system, else as soon as its frames are left, and again where the interpreter dropped it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FROZEN = "<frozen "
OURS = "longma."


class Leaving(SystemExit):
    """The loading ends here; its code is the worker's exit status."""


class Breaker:
    """Raises `Leaving` in the main thread, once for each `break_in`."""

    def __init__(self) -> None:
        self._status = 0
        self._hook: Callable[[Any], object] | None = None

    @property
    def is_armed(self) -> bool:
        """Whether an exception is still to be raised, or has been, since the last `disarm`."""
        return self._hook is not None

    def break_in(self, status: int) -> None:
        """Called in a signal's handler: raise now, or have it raised soon.

        Raises:
            Leaving: the code that was interrupted lets it pass.
        """
        self._status = status
        if self._hook is None:
            self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped
            _excuse_what_stays_open()
        interrupted = sys._getframe(1)
        while interrupted.f_back is not None and _is_ours(interrupted):
            interrupted = interrupted.f_back
        if not _is_frozen(interrupted):
            raise Leaving(status)
        self._arm(interrupted)

    def disarm(self) -> None:
        """Raise no more: the loading is over."""
        if self._hook is not None:
            sys.settrace(None)
            sys.unraisablehook, self._hook = self._hook, None

    def _arm(self, frame: FrameType | None) -> None:
        """Have it raised by the next line that runs in one of these frames, or the next call that is made."""
        while frame is not None and not _is_ours(frame):
            frame.f_trace = self._trace
            frame = frame.f_back
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        if event in ("call", "line") and not _is_frozen(frame) and not _is_ours(frame):
            raise Leaving(self._status)
        return self._trace if frame.f_trace is not None else None

    def _dropped(self, unraisable: Any) -> None:
        """Stand in for `sys.unraisablehook`: what was dropped of ours is raised again behind the callback."""
        if isinstance(unraisable.exc_value, Leaving):
            self._arm(sys._getframe(1))
        elif self._hook is not None:
            self._hook(unraisable)


def _excuse_what_stays_open() -> None:
    """Have no file or socket complained about that the application had just opened: it could not know."""
    warnings = sys.modules.get("warnings")
    if warnings is not None:  # else nobody has asked for more than the defaults, and they do not tell
        warnings.simplefilter("ignore", ResourceWarning)


def _is_frozen(frame: FrameType) -> bool:
    """Whether the frame is one of the import system, or another that may run in its callbacks."""
    return frame.f_code.co_filename.startswith(FROZEN)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(OURS)
