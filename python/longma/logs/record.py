"""A record: what is said, how grave it is, by which process, when. How it is written down is each sink's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from longma.logs.escape import escaped
from longma.logs.levels import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"
# The names by which Gunicorn's users and tools know the two logs.
ERROR_LOG, ACCESS_LOG = "gunicorn.error", "gunicorn.access"
TRACEBACK = "\nTraceback (most recent call last):\n"


class Record(NamedTuple):
    """One record of a log.

    Attributes:
        level: A number of `Level`, or one between.
        logger: The name of the log, or of the application's logger that wrote it.
        pid: Of the process that it is about.
        message: The words, as they are: nothing is escaped yet.
        moment: Seconds since the epoch.
        exception: The traceback as text; empty without one.
        error: The exception itself, where there is one.
        text: The whole as a formatter of the application's own has made it; empty where none has.
        members: What stands in JSON instead of the message, by name; None for the message.
    """

    level: int
    logger: str
    pid: int
    message: str
    moment: float
    exception: str = ""
    error: BaseException | None = None
    text: str = ""
    members: Mapping[str, object] | None = None

    @property
    def whole(self) -> str:
        """The message with the traceback below it."""
        return f"{self.message}\n{self.exception}" if self.exception else self.message


def plain(record: Record) -> bytes:
    """Return one whole record in Gunicorn's form: `[date] [pid] [LEVEL] message`, ended by a line feed."""
    date = time.strftime(DATE_FORMAT, time.localtime(record.moment))
    line = record.text or f"{date} [{record.pid}] [{name_of(record.level)}] {escaped(record.whole)}"
    return f"{line}\n".encode("utf-8", "backslashreplace")


def bare(record: Record) -> bytes:
    """Return the words alone, on one line, as the access log has them."""
    line = record.text or escaped(record.message).replace("\n", "\\x0a")
    return f"{line}\n".encode("utf-8", "backslashreplace")


def divided(message: str) -> tuple[str, str]:
    """Return the words of a message and the traceback that ends it; the latter is empty where there is none."""
    before, found, after = message.partition(TRACEBACK)
    return (before, f"{TRACEBACK}{after}".strip()) if found else (message, "")


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception, and at least its own words.

    A worker that has given up root may not be allowed to read the modules of Python itself.
    """
    try:
        import traceback  # only what has failed needs it
    except ImportError as missing:
        return f"{type(error).__name__}: {error} (its traceback cannot be shown: {missing})"
    return "".join(traceback.format_exception(error)).rstrip()
