"""Forking workers, and the master's ends of the ties to them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma.master.events import Spawned, SpawnFailed
from longma.process.forking import fork_blocked
from longma.process.tether import Tether
from longma.workers.handle import Worker
from longma.workers.model import Assignment

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from longma.process.signals import SignalPipe
    from longma.process.tether import MasterEnd
    from longma.workers.model import Common


class InWorker(BaseException):
    """Raised in a child right after its fork: it takes the child out of the master's loop, with all it is given."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        super().__init__()


class Spawner:
    """Forks workers.

    Attributes:
        tethers: The master's end for each worker that has not been reaped, by pid.
    """

    def __init__(self, common: Common, signals: SignalPipe) -> None:
        self._common = common
        self._signals = signals
        self.tethers: dict[int, MasterEnd] = {}

    def spawn(self, slot: int, age: int) -> Spawned | SpawnFailed:
        """Fork a worker into a slot.

        Raises:
            InWorker: this is the child.
        """
        common = self._common
        common.board.zero(slot)
        worker = Worker(age, os.getpid(), common.listeners, common.settings.timeout / 2, common.cfg, common.log)
        tether = None
        try:
            tether = Tether()
            pid, mask = fork_blocked()
        except OSError as error:
            if tether is not None:
                tether.close()
            return SpawnFailed(age, error.strerror or str(error))
        if pid == 0:
            raise InWorker(self._assign(slot, age, worker, tether, mask))
        self.tethers[pid] = tether.master_end()
        return Spawned(age, pid)

    def release(self, pid: int) -> None:
        """Let go of the tie to a worker that is gone."""
        tether = self.tethers.pop(pid, None)
        if tether is not None:
            tether.close()

    def _assign(self, slot: int, age: int, worker: Worker, tether: Tether, mask: AbstractSet[int]) -> Assignment:
        """In the child: close what is the master's, above all its ends of the siblings' ties.

        A sibling would not notice that the master is gone while this child holds them.
        """
        for pid in tuple(self.tethers):
            self.release(pid)
        self._signals.close()
        return Assignment(self._common, slot, age, tether.worker_end(), mask, worker)
