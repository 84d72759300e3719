"""Listeners across an exec: from the service manager to us (sd_listen_fds(3)), and from a master to its successor.

What was inherited is taken out of the environment, so that no process of the application's takes it for its own.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

    from longma.net.listeners import Listener

_WARNING: Final = 30  # the standard library's number, as every log here takes it
FIRST_OF_SYSTEMD: Final = 3
SUCCESSOR_VARIABLE: Final = "GUNICORN_FD"  # Gunicorn's name: either server can take over from the other
_PID: Final = "LISTEN_PID"
_COUNT: Final = "LISTEN_FDS"
_NAMES: Final = "LISTEN_FDNAMES"


class Inherited(NamedTuple):
    """The descriptors of listening sockets that somebody opened for us, and whether the service manager did."""

    descriptors: tuple[int, ...]
    by_systemd: bool


def inherited(
    environ: MutableMapping[str, str], pid: int, *, log: Callable[[int, str], None] | None = None
) -> Inherited:
    """Return what this process, `pid`, was given, and take the variables that say so out of the environment.

    Args:
        environ: Where the variables are.
        pid: Who we are to the service manager.
        log: Takes a level and a line: what was given to the process that started us instead, a wrapper perhaps.

    Raises:
        OperatorError: a variable cannot be read.
    """
    meant, count, numbers = (environ.pop(name, "") for name in (_PID, _COUNT, SUCCESSOR_VARIABLE))
    environ.pop(_NAMES, "")
    if log is not None and count and meant == str(os.getppid()) != str(pid):
        log(
            _WARNING,
            f"The service manager gave its sockets to process {meant}, which started this one: they are not used. "
            "Let ExecStart= name longma itself, or end the script it names with `exec longma ...`",
        )
    if meant == str(pid) and count not in ("", "0"):
        return Inherited(tuple(range(FIRST_OF_SYSTEMD, FIRST_OF_SYSTEMD + _number(_COUNT, count, count))), True)
    return Inherited(tuple(_number(SUCCESSOR_VARIABLE, numbers, part) for part in numbers.split(",") if part), False)


def exec_environment(listeners: Sequence[Listener], environ: Mapping[str, str], by_systemd: bool) -> dict[str, str]:
    """Return the environment in which our successor finds the listeners.

    Call it in the process that will execute the successor: what systemd's protocol says is meant for one process.
    """
    passed = {name: value for name, value in environ.items() if name not in (_PID, _COUNT, _NAMES, SUCCESSOR_VARIABLE)}
    if by_systemd:
        return {**passed, _PID: str(os.getpid()), _COUNT: str(len(listeners))}
    return {**passed, SUCCESSOR_VARIABLE: ",".join(str(listener.fileno()) for listener in listeners)}


def leave_open(listeners: Sequence[Listener], by_systemd: bool) -> None:
    """Let the listeners through the exec that follows, systemd's at the numbers it gives them.

    Whatever else had these numbers is closed. Call it in the process that will execute the successor.
    """
    descriptors = [listener.fileno() for listener in listeners]
    wanted = list(range(FIRST_OF_SYSTEMD, FIRST_OF_SYSTEMD + len(descriptors))) if by_systemd else descriptors
    if descriptors == wanted:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        return
    # Out of the way first: one of them may have the number that another one is to get.
    above = wanted[-1] + 1
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in descriptors]
    for descriptor, number in zip(aside, wanted, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _number(variable: str, value: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise OperatorError(f"{variable}={value} in the environment: {text!r} is no number; remove the variable")
    return int(text)
