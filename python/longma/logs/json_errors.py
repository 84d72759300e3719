"""`wsgi.errors` where the error log holds JSON: `log_format = "json"`. Imported only where that is asked for."""

from __future__ import annotations

import _thread
import os
import time
from typing import Final

from longma.logs.error_log import ErrorStream
from longma.logs.json_lines import json_line
from longma.logs.levels import Level
from longma.logs.record import Record
from longma.logs.targets import write_whole

# The name that records have: it is not our log that speaks.
NAME: Final = "wsgi.errors"
# The longest line that is waited for.
MAX_LINE_CHARACTERS = 64 * 1024


class JsonErrorStream(ErrorStream):
    """Makes a record, an error, of what is written up to the end of a line; one of several lines is one, too."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        # What has come of a line, by thread, or by greenlet where these are threads: print() writes it in two parts.
        self._begun: dict[int, str] = {}

    def write(self, text: str) -> int:
        writer = _thread.get_ident()
        whole = self._begun.pop(writer, "") + text
        if whole.endswith("\n") or len(whole) > MAX_LINE_CHARACTERS:
            self._emit(whole)
        elif whole:
            self._begun[writer] = whole
        return len(text)

    def flush(self) -> None:
        """Write what has come of a line."""
        self._emit(self._begun.pop(_thread.get_ident(), ""))

    def _emit(self, text: str) -> None:
        if words := text.removesuffix("\n"):
            write_whole(self.descriptor, json_line(Record(Level.ERROR, NAME, os.getpid(), words, time.time())))
