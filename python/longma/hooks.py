"""Calling the operator's hooks: the functions of the configuration file that run at set moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable


class FailureLog(Protocol):
    """What is needed of a log to write down why a hook failed."""

    def exception(self, message: object, /, *args: object) -> None: ...


class HookError(OperatorError):
    """A hook raised. What it raised is `__cause__`, and is in the log already, with the hook's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the hook {name} failed; its traceback is in the error log")


def run(hook: Callable[..., object] | None, name: str, log: FailureLog, *arguments: Any) -> None:
    """Call a hook if there is one.

    Raises:
        HookError: it raised. A SystemExit goes through: a hook may end its process.
    """
    if hook is None:
        return
    try:
        hook(*arguments)
    except Exception as error:
        log.exception(f"Exception in hook {name}")
        raise HookError(name) from error
