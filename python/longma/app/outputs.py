"""Where a `WSGIServer` writes: a line for each request and what goes wrong, to what gevent would have taken for it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.typing import Environ

INFO = 20
ERROR = 40


class Output(Protocol):
    """What can be written to."""

    def write(self, text: str, /) -> object: ...


class Nowhere:
    """Forgets what is written to it."""

    def write(self, text: str) -> None: ...

    def writelines(self, lines: Iterable[str]) -> None: ...

    def flush(self) -> None: ...


class LoggerOutput:
    """Makes records of lines, for what has `log(level, message)`, as loggers do."""

    def __init__(self, logger: Any, level: int) -> None:
        self._logger = logger
        self._level = level

    def write(self, text: str) -> None:
        self._logger.log(self._level, text.rstrip("\n"))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None: ...


def output(given: Any, name: str, level: int) -> Any:
    """Return what to write to.

    Args:
        given: `"default"` for standard error, None for nowhere, something with `write` or something with `log`.
        name: the argument's, for the error.
        level: of records, where they are made.

    Raises:
        TypeError: it is nothing of that.
    """
    if given == "default":
        return sys.stderr
    if given is None:
        return Nowhere()
    if hasattr(given, "write"):
        return given
    if hasattr(given, "log"):
        return LoggerOutput(given, level)
    raise TypeError(f"{name}: it takes something with write() or log(), not {given!r}")


class Asked(NamedTuple):
    """A request, as its line tells it."""

    peer: str
    line: str


class RequestLines:
    """Writes a line for each request, in the form that gevent has, as the engine's observer.

    Args:
        output: takes the lines.
    """

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(
        self,
        environ: Environ,
        method: str,
        target: str,
        version: tuple[int, int],
        fields: list[tuple[str, str]],
        peer: tuple[str, int] | str,
        number: int,
        trailers: list[tuple[str, str]],
        /,
    ) -> Asked:
        return Asked(address(peer), f"{method} {target} HTTP/{version[0]}.{version[1]}")

    def end(
        self,
        request: Asked | None,
        environ: Environ,
        status: str | None,
        fields: list[tuple[str, str]] | None,
        sent: int,
        seconds: float,
        /,
    ) -> None:
        if request is not None:
            self._write(request, status[:3] if status else "-", sent, seconds)

    def refused(self, peer: tuple[str, int] | str, line: str, status: int, seconds: float, /) -> None:
        self._write(Asked(address(peer), line), str(status), 0, seconds)

    def _write(self, asked: Asked, status: str, sent: int, seconds: float) -> None:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        self._output.write(f'{asked.peer} - - [{now}] "{asked.line}" {status} {sent or "-"} {seconds:.6f}\n')


def address(peer: tuple[str, int] | str) -> str:
    """Return what a line tells of the client."""
    return (peer[0] if isinstance(peer, tuple) else peer) or "-"
