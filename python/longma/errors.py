"""What can go wrong outside of a request, as types.

The type says who is at fault and which status the process exits with; facts are fields; the words are made here, once.
Errors that belong to a request (a refused head, a broken body) live in the core and never reach this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Problem(NamedTuple):
    """One mistake in the settings: what is wrong, and where the operator wrote it (empty when nowhere)."""

    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class Interrupted(KeyboardInterrupt):
    """The operator has pressed Ctrl-C while the settings were read; what a file raises by itself is never this."""


class LongmaError(Exception):
    """Any failure that ends a process, or keeps one from starting, with a message for a person."""

    exit_status: ClassVar[int] = 1


class OperatorError(LongmaError):
    """The command line, the settings or the machine must change."""


class UsageError(OperatorError):
    """The command line, or a variable that holds one, cannot be read."""

    exit_status: ClassVar[int] = 2


class ConfigError(OperatorError):
    """One or more settings are wrong; every mistake that could be found is in `problems`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class AddressError(OperatorError):
    """An address cannot be read or listened on; `cure` says what the operator can do about it."""

    def __init__(self, address: str, reason: str, cure: str = "") -> None:
        self.address = address
        self.reason = reason
        self.cure = cure
        super().__init__(f"{address or 'empty address'}: {reason}" + (f"; {cure}" if cure else ""))


class ApplicationError(LongmaError):
    """The application, not the server, must change."""

    exit_status: ClassVar[int] = 3


class BootError(ApplicationError):
    """A worker cannot start: the application's module is missing, or raised while it was imported.

    What the application raised, with its own traceback, is `__cause__`; there is none when the module was not found.
    """


class ApplicationLoadError(ApplicationError):
    """The module was imported, but does not hold the application that was asked for."""

    exit_status: ClassVar[int] = 4
