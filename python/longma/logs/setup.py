"""Opens the logs that the settings name, before anything is forked, so that a bad path is told at once."""

from __future__ import annotations

import os

from longma.logs.error_log import ErrorLog
from longma.logs.levels import level_named
from longma.logs.targets import STANDARD_STREAM, STDERR, open_for_appending


def open_error_log(path: str, loglevel: str) -> ErrorLog:
    """Return the error log that writes to `path`, or to standard error for "-".

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    descriptor = STDERR if path == STANDARD_STREAM else open_for_appending("errorlog", path)
    return ErrorLog(descriptor, level_named(loglevel))


def check_access_log(path: str | None) -> None:
    """See that the access log can be written; each worker's engine opens it for itself.

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    if path is not None and path != STANDARD_STREAM:
        os.close(open_for_appending("accesslog", path))
