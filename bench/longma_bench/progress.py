"""What the person at the terminal sees meanwhile: short lines, coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO


class Progress:
    """Writes progress to a stream."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self.colour = stream.isatty() and "NO_COLOR" not in os.environ
        self.started_at = time.monotonic()
        self.total_seconds = 0.0
        self.done_seconds = 0.0

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _write(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def plan(self, seconds: float) -> None:
        """Say how long the whole will take, about."""
        self.total_seconds = seconds
        self.note(f"about {seconds / 60:.0f} minutes of measuring")

    def note(self, text: str) -> None:
        self._write(self._paint("2", f"· {text}"))

    def warn(self, text: str) -> None:
        self._write(self._paint("33", f"! {text}"))

    def heading(self, text: str) -> None:
        self._write(self._paint("1;36", text))

    def result(self, name: str, text: str, *, good: bool = True, cost_seconds: float = 0.0) -> None:
        """Show what one measurement gave, and how much of the plan is done."""
        self.done_seconds += cost_seconds
        share = f"{min(1.0, self.done_seconds / self.total_seconds):4.0%}" if self.total_seconds else ""
        painted = self._paint("32" if good else "31", f"{name:<21}")
        self._write(f"  {self._paint('2', share)} {painted} {text}")

    def elapsed(self) -> float:
        return time.monotonic() - self.started_at
