"""Signals as data: a handler only leaves the signal's number in a pipe, and the loop reads them in order.

No work is done in a handler, so a signal can never meet the master half-way through a decision.
"""

from __future__ import annotations

import os
import posix
import signal
from typing import TYPE_CHECKING

from longma.unpatched import original

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

READ_BYTES = 4096
# Makes a worker whose interpreter is stuck write its stack to the log: faulthandler answers it without the interpreter.
STACK_SIGNAL = signal.SIGRTMIN + 4


def noted(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing: the interpreter has already put the number into the wake-up pipe."""


class SignalPipe:
    """The pipe that the interpreter writes each arriving signal's number to, one byte a signal."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, object] = {}

    def fileno(self) -> int:
        return self._read

    def install(self, signals: Iterable[int]) -> None:
        """Have these signals noted from now on, also where whoever started us had them ignored or blocked."""
        signals = tuple(signals)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in signals:
            before = original("signal", "signal")(number, noted)
            self._before.setdefault(number, before)
        os.register_at_fork(after_in_child=self._leave_in_child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)

    def drain(self) -> tuple[int, ...]:
        """Return the signals that have come since the last call, in the order they came."""
        numbers = b""
        while True:
            try:
                numbers += posix.read(self._read, READ_BYTES)
            except BlockingIOError:
                return tuple(numbers)

    def _leave_in_child(self) -> None:
        """Let a child have its signals to itself: a hook may fork one, and what it is sent is not meant for the master.

        It has this pipe until it executes something else, and would write each signal's number into it.
        """
        if self._before:
            signal.set_wakeup_fd(-1)
            for number, action in self._before.items():
                original("signal", "signal")(number, action)
            self._before.clear()

    def close(self) -> None:
        """Note no more signals. The handlers stay, so that one which comes late does nothing instead of killing."""
        signal.set_wakeup_fd(-1)
        self._before.clear()
        os.close(self._read)
        os.close(self._write)


def handle(signals: Iterable[int], action: object) -> None:
    """Give several signals the same handler, or SIG_DFL or SIG_IGN."""
    for number in signals:
        original("signal", "signal")(number, action)
