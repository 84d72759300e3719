"""The setting `spew`: every line that the main thread runs is printed, for whoever debugs with nothing better."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

NO_FILE = "[unknown]"


class Spew:
    """A trace function that prints `MODULE:LINE: SOURCE` for each line, as Gunicorn does."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        if event == "line":
            self._output.write(self._line(frame))
        return self

    @staticmethod
    def _line(frame: FrameType) -> str:
        number = frame.f_lineno
        name = frame.f_globals.get("__name__", NO_FILE) if "__file__" in frame.f_globals else NO_FILE
        source = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).rstrip()
        return f"{name}:{number}: {source}\n"


def spew() -> None:
    """Print from now on, to standard output."""
    sys.settrace(Spew(sys.stdout))
