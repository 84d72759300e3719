"""Performs the master's actions; what comes of them is told as events."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma.master.actions import CloseListeners, Exit, FreeSlot, Kill, Log, Spawn
from longma.master.events import Vanished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.logs.error_log import ErrorLog
    from longma.master.actions import Action
    from longma.master.events import Event
    from longma.master.spawn import Spawner
    from longma.net.listeners import Listener
    from longma.process.board import Board


class Shell:
    """The hands of the master.

    Attributes:
        exit_code: What the master is to exit with, once it is to exit.
    """

    def __init__(self, spawner: Spawner, board: Board, listeners: Sequence[Listener], log: ErrorLog) -> None:
        self._spawner = spawner
        self._board = board
        self._listeners = listeners
        self._log = log
        self.exit_code: int | None = None

    def perform(self, action: Action) -> Event | None:
        """Do it, and return what there is to tell about it."""
        match action:
            case Spawn(slot, age):
                return self._spawner.spawn(slot, age)
            case Kill(pid, number):
                return send_signal(pid, number)
            case FreeSlot(slot):
                self._board.zero(slot)
            case CloseListeners():
                for listener in self._listeners:
                    listener.close()
                    listener.unlink()
            case Log(level, message, pid):
                self._log.log(level, message, pid)
            case Exit(code):
                self.exit_code = code
        return None


def send_signal(pid: int, number: int) -> Vanished | None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return Vanished(pid)
    return None
