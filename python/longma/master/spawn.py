"""Forking workers, and the master's ends of the ties to them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from longma import hooks
from longma.gateway.loader import enter
from longma.gateway.search_path import extend
from longma.master.events import Spawned, SpawnFailed
from longma.process.forking import disown_children, fork_blocked
from longma.process.tether import Tether
from longma.workers.handle import Worker
from longma.workers.model import Assignment

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from longma.master.actions import Spawn
    from longma.master.generations import Generations
    from longma.master.premises import Premises
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
        workers: What hooks know of them, likewise.
    """

    def __init__(self, signals: SignalPipe, premises: Premises) -> None:
        self._signals = signals
        self._premises = premises
        self.tethers: dict[int, MasterEnd] = {}
        self.workers: dict[int, Worker] = {}

    def spawn(self, order: Spawn, generations: Generations) -> Spawned | SpawnFailed:
        """Fork a worker.

        Raises:
            InWorker: this is the child.
            HookError: `pre_fork` failed.
        """
        common = generations.common(order.generation)
        common.board.prepare(order.slot)
        worker = Worker(
            order.age, os.getpid(), common.listeners, common.settings.timeout / 2, common.cfg, common.log.logger
        )
        worker.device = order.device
        worker.app.callable = common.application
        common.server.worker_age = order.age
        hooks.run(common.settings.pre_fork, "pre_fork", common.log, common.server, worker)
        tether = None
        try:
            tether = Tether()
            pid, mask = fork_blocked()
        except OSError as error:
            if tether is not None:
                tether.close()
            return SpawnFailed(order.age, error.strerror or str(error))
        worker.pid = pid or os.getpid()
        if pid == 0:
            generations.leave_to(order.generation)
            raise InWorker(self._assign(common, order, worker, tether, mask))
        self.tethers[pid] = tether.master_end()
        self.workers[pid] = worker
        return Spawned(order.age, pid)

    def note_signal(self, pid: int, number: int) -> None:
        """Let hooks know of a worker that the master has ended it, as it does by ABRT where one takes too long."""
        if number == signal.SIGABRT and pid in self.workers:
            self.workers[pid].aborted = True

    def release(self, pid: int) -> None:
        """Let go of the tie to a worker that is gone."""
        tether = self.tethers.pop(pid, None)
        if tether is not None:
            tether.close()

    def forget(self, pid: int) -> Worker | None:
        """Let go of what hooks know of a worker that is gone, and return it."""
        return self.workers.pop(pid, None)

    def _assign(
        self, common: Common, order: Spawn, worker: Worker, tether: Tether, mask: AbstractSet[int]
    ) -> Assignment:
        """In the child: close what is the master's, above all its ends of the siblings' ties, and enter the settings.

        A sibling would not notice that the master is gone while this child holds them.
        """
        for pid in tuple(self.tethers):
            self.release(pid)
        self._signals.close()
        disown_children()
        self._premises.leave_to_worker()
        common.server.adopt(common.cfg, common.log, common.listeners)
        common.server.app = worker.app
        # A reload may want others than the master still has, or has kept because the reload is on trial.
        common.variables.apply(common.settings.raw_env)
        enter(common.settings.chdir)
        extend(common.settings.pythonpath)
        return Assignment(common, order.slot, order.age, tether.worker_end(), mask, worker, order.device)
