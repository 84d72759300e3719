"""What a server writes: lines collected as they come, and error log records made of them."""

from __future__ import annotations

import re
import threading
from typing import IO, NamedTuple

from tests.support.deadlines import Deadline

RECORD = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[(\d+)\] \[([A-Z]+)\] (.*)$")


class Record(NamedTuple):
    """One record of the error log; `text` holds the lines that followed it too, a traceback for example."""

    pid: int
    level: str
    text: str


def records(lines: list[str]) -> tuple[list[Record], list[str]]:
    """The records that lines make, and the lines that stand before any record and so belong to none."""
    found: list[Record] = []
    strays: list[str] = []
    for line in lines:
        if start := RECORD.match(line):
            found.append(Record(int(start[1]), start[2], start[3]))
        elif found:
            found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line}")
        else:
            strays.append(line)
    return found, strays


class Lines:
    """The lines of a pipe, read by a thread as they come, so that the writer never waits for the test."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lines: list[str] = []
        self._ended = False
        self._abandoned = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._pipe:
            with self._changed:
                self._lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
                if self._abandoned:
                    break
        self._pipe.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Read no more, and close the pipe once the next line has come."""
        with self._changed:
            self._abandoned = True

    def so_far(self) -> list[str]:
        """The lines that have come until now."""
        with self._changed:
            return list(self._lines)

    def wait(self, pattern: str, *, count: int = 1) -> list[str]:
        """Wait until `count` lines have matched the pattern; returns all that match."""
        deadline = Deadline()
        with self._changed:
            while True:
                matching = [line for line in self._lines if re.search(pattern, line)]
                if len(matching) >= count:
                    return matching
                awaited = f"{count} lines matching {pattern!r}, have {len(matching)} in:\n" + "\n".join(self._lines)
                if self._ended:
                    raise AssertionError(f"the log ended without {awaited}")
                self._changed.wait(deadline.left(awaited))

    def finish(self) -> list[str]:
        """Wait for the end of the pipe; returns every line."""
        deadline = Deadline()
        with self._changed:
            while not self._ended:
                self._changed.wait(deadline.left("the end of the log: something still holds it open"))
        self._thread.join()
        return self._lines
