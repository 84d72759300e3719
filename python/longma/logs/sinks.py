"""Where a log's records go. Each sink writes them down in its own way, escapes what it must, and never raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from longma.logs.levels import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longma.logs.record import Record
    from longma.logs.targets import Target


class Sink(Protocol):
    """One of the places a log's records go to."""

    def write(self, record: Record) -> None: ...

    def reopen(self) -> None:
        """Open its file again by name.

        Raises:
            LogFileError: that cannot be done; the sink goes on with the file it has.
        """

    def close(self) -> None: ...


class Metrics(Protocol):
    """Where the numbers go that a log counts and is told."""

    def count(self, name: str) -> None: ...

    def metric(self, name: str, value: object, kind: str) -> None: ...

    def measure(self, extra: Mapping[str, object] | None) -> bool: ...

    def close(self) -> None: ...


class FileSink:
    """A file or a standard stream, with a line of bytes for each record."""

    def __init__(self, target: Target, line: Callable[[Record], bytes]) -> None:
        self._target = target
        self._line = line

    def write(self, record: Record) -> None:
        lost = self._target.lost
        if self._target.write(self._line(record)) and lost:
            words = f"{lost} records before this one were lost: they could not be written"
            self._target.write(
                self._line(record._replace(level=Level.WARNING, message=words, exception="", text="", members=None))
            )

    def reopen(self) -> None:
        self._target.reopen()

    def close(self) -> None:
        self._target.close()
