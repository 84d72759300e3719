"""Files and standard streams that logs are written to, and the error of a log that cannot be opened."""

from __future__ import annotations

import os
import select

from longma.errors import OperatorError

STDERR = 2
STANDARD_STREAM = "-"
FILE_MODE = 0o644
# How long a record waits for a full pipe or terminal before it is dropped: a log must never stop the server.
WRITE_TIMEOUT_MS = 1000


class LogFileError(OperatorError):
    """A log file cannot be opened for appending."""

    def __init__(self, setting: str, path: str, reason: str) -> None:
        self.setting = setting
        self.path = path
        self.reason = reason
        super().__init__(f"{setting}: cannot write to {path}: {reason}")


def open_for_appending(setting: str, path: str) -> int:
    """Open a log file, made if need be, and return its descriptor.

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise LogFileError(setting, path, error.strerror or str(error)) from error


def write_whole(descriptor: int, data: bytes) -> None:
    """Write the data by one call, so that threads and processes that share a log never mix their records.

    Only where the system takes a part (a full pipe) do more calls follow. There is no lock on purpose: a signal handler
    that logs, or a fork while another thread does, would find it held. What cannot be written is dropped.
    """
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            if not writable(descriptor):
                return
        except OSError:
            return


def writable(descriptor: int) -> bool:
    """Wait until the descriptor takes data, for a second at most."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    return bool(waiting.poll(WRITE_TIMEOUT_MS))
