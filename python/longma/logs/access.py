"""The access log where Python writes to it: hooks, and an application that uses the logger `gunicorn.access`.

The lines of requests are the engine's. What is opened here is opened late, because it is seldom needed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.logs.targets import LogFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longma.logs.record import Record
    from longma.logs.sinks import Sink


class AccessLog:
    """Hands lines to sinks that it opens for the first of them.

    Args:
        is_enabled: whether the settings ask for an access log.
        open_sinks: opens what the settings name; may raise LogFileError.
        complain: takes words for the operator.
    """

    def __init__(
        self, is_enabled: bool, open_sinks: Callable[[], Sequence[Sink]], complain: Callable[[str], None]
    ) -> None:
        self.is_enabled = is_enabled
        self._open_sinks = open_sinks
        self._complain = complain
        self._sinks: Sequence[Sink] | None = None

    def emit(self, record: Record) -> None:
        if self._sinks is None:
            try:
                self._sinks = self._open_sinks() if self.is_enabled else ()
            except LogFileError as error:
                self._complain(str(error))
                self._sinks = ()
        for sink in self._sinks:
            sink.write(record)

    def reopen(self) -> None:
        """Open the files again by their names.

        Raises:
            LogFileError: that cannot be done; the file that was open stays.
        """
        for sink in self._sinks or ():
            sink.reopen()

    def close(self) -> None:
        for sink in self._sinks or ():
            sink.close()
        self._sinks = ()
