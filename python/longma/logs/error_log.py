"""The error log: what the server says of itself, in Gunicorn's form, and `wsgi.errors`, what the application says.

Not the standard library's logging: it costs a megabyte a worker, takes a lock that a signal handler can meet held, and
is for the application to set up as it likes.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from longma.logs.escape import escaped
from longma.logs.levels import Level, name_of
from longma.logs.targets import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"


def record(level: int, message: str, pid: int, moment: time.struct_time) -> bytes:
    """Return one whole record: `[date] [pid] [LEVEL] message`, ended by a line feed."""
    line = f"{time.strftime(DATE_FORMAT, moment)} [{pid}] [{name_of(level)}] {escaped(message)}\n"
    return line.encode("utf-8", "backslashreplace")


class ErrorLog:
    """Writes records at or above a threshold to a descriptor, each by one call to the system."""

    def __init__(self, descriptor: int, threshold: Level) -> None:
        self.descriptor = descriptor
        self.threshold = threshold

    def log(self, level: int, message: str, pid: int | None = None) -> None:
        """Write a record of this process, or of another one that it stands for."""
        if level >= self.threshold:
            write_whole(self.descriptor, record(level, message, pid or os.getpid(), time.localtime()))

    def debug(self, message: str) -> None:
        self.log(Level.DEBUG, message)

    def info(self, message: str) -> None:
        self.log(Level.INFO, message)

    def warning(self, message: str) -> None:
        self.log(Level.WARNING, message)

    def error(self, message: str) -> None:
        self.log(Level.ERROR, message)

    def critical(self, message: str) -> None:
        self.log(Level.CRITICAL, message)


class ErrorStream:
    """`wsgi.errors` (PEP 3333, "Input and Error Streams"): the application's own text, whole and unchanged."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        write_whole(self._descriptor, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """Do nothing: each write has already gone out."""
