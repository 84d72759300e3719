"""The application's side of a gate: say where you are, and where the test wants it, wait for its leave.

When the test is over the gate stands open: nobody is held, and nobody fails for it.
"""

from __future__ import annotations

import contextlib
import os
import socket


def _arrive(label: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.suppress(ConnectionError, FileNotFoundError):
        connection.connect(os.environ["LONGMA_TEST_GATE"])
        connection.send(f"{os.getpid()} {label}".encode())
    return connection


def report(label: str) -> None:
    """Tell the test, and go on."""
    _arrive(label).close()


def stop(label: str) -> str:
    """Tell the test, and wait until it says to go on; returns its word, "" when the test is over."""
    with _arrive(label) as connection:
        try:
            return connection.recv(4096).decode()
        except OSError:
            return ""


def spin(label: str) -> str:
    """As `stop`, but burning the processor and never leaving the interpreter for long."""
    with _arrive(label) as connection:
        connection.setblocking(False)
        while True:
            try:
                return connection.recv(4096).decode()
            except BlockingIOError:
                continue
            except OSError:
                return ""
