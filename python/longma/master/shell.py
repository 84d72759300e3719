"""Performs the master's actions; what comes of them is told as events."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma import hooks
from longma.logs.setup import reopen_logs
from longma.master.actions import (
    Abandon,
    BuryWorker,
    CloseListeners,
    Commit,
    Condemn,
    CountWorkers,
    Exit,
    FreeSlot,
    Kill,
    LoadSettings,
    Log,
    LookAtCertificates,
    Measure,
    NoteWorkers,
    Notify,
    Promote,
    Renew,
    ReopenLogs,
    SayLeaving,
    Spawn,
    Upgrade,
)
from longma.master.events import UpgradeStarted, Vanished
from longma.master.upgrade import start_master

if TYPE_CHECKING:
    from longma.control.server import Control
    from longma.logs.error_log import ErrorLog
    from longma.master.actions import Action
    from longma.master.events import Event, UpgradeFailed
    from longma.master.generations import Generations
    from longma.master.premises import Premises
    from longma.master.spawn import Spawner
    from longma.workers.model import Common


class Shell:
    """The hands of the master.

    Attributes:
        exit_code: What the master is to exit with, once it is to exit.
    """

    def __init__(self, generations: Generations, spawner: Spawner, premises: Premises) -> None:
        self._generations = generations
        self._spawner = spawner
        self._premises = premises
        self.exit_code: int | None = None

    @property
    def control(self) -> Control | None:
        """The control socket, if there is one."""
        return self._premises.control

    @property
    def current(self) -> Common:
        """What is in force."""
        return self._generations.current

    @property
    def _log(self) -> ErrorLog:
        return self._generations.current.log

    def perform(self, action: Action) -> Event | None:
        """Do it, and return what there is to tell about it.

        Raises:
            InWorker: this is a child that was just forked.
            HookError: a hook failed that ends the master with it.
        """
        match action:
            case Spawn():
                return self._spawner.spawn(action, self._generations)
            case Kill(pid, number):
                self._spawner.note_signal(pid, number)
                return send_signal(pid, number)
            case FreeSlot(slot):
                self._generations.current.board.zero(slot)
            case Condemn(slot):
                self._generations.current.board.condemn(slot)
            case BuryWorker(pid, hook):
                self._bury(pid, hook)
            case LoadSettings(generation):
                return self._generations.load(generation)
            case Renew(generation):
                self._generations.renew(generation)
            case Commit(generation):
                self._commit(generation)
            case Abandon(generation):
                self._generations.abandon(generation)
            case NoteWorkers(new, old):
                self._note_workers(new, old)
            case ReopenLogs():
                reopen_logs(self._generations.current.settings, self._log)
            case Upgrade():
                return self._upgrade()
            case Promote():
                self._promote()
            case Notify(news):
                self._premises.notify(news, self._generations.current.server.reexec_pid)
            case Measure():
                self._premises.measure(self._generations.current)
            case LookAtCertificates():
                self._look_at_certificates()
            case CountWorkers(number):
                self._log.metric("gunicorn.workers", number, "gauge")
            case SayLeaving():
                self._generations.current.board.say_leaving()
            case CloseListeners(unlink, is_quick):
                self._generations.close_listeners(unlink=unlink, is_quick=is_quick)
            case Log(level, message, pid):
                self._log.log(level, message, pid)
            case Exit(code):
                self.exit_code = code
        return None

    def _bury(self, pid: int, hook: str) -> None:
        worker = self._spawner.forget(pid)
        current = self._generations.current
        if hook and worker is not None:
            hooks.run(getattr(current.settings, hook), hook, current.log, current.server, worker)

    def _commit(self, generation: int) -> None:
        before, settings = self._generations.commit(generation)
        current = self._generations.current
        current.server.adopt(current.cfg, current.log, current.listeners)
        current.variables.apply(settings.raw_env)
        self._premises.settle(before, settings, current)

    def _note_workers(self, new: int, old: int) -> None:
        current = self._generations.current
        current.server.num_workers = new
        hooks.run(current.settings.nworkers_changed, "nworkers_changed", current.log, current.server, new, old)

    def _look_at_certificates(self) -> None:
        current = self._generations.current
        if current.tls is not None:
            current.tls.look(current.log.log)

    def _upgrade(self) -> UpgradeStarted | UpgradeFailed:
        current = self._generations.current
        outcome = start_master(current, self._generations.resolved.invocation)
        if isinstance(outcome, UpgradeStarted):
            current.server.reexec_pid = outcome.pid
        return outcome

    def _promote(self) -> None:
        current = self._generations.current
        current.server.master_pid = 0
        current.server.master_name = "Master"
        for listener in current.listeners:
            listener.adopt()
        self._premises.take_over(current)


def send_signal(pid: int, number: int) -> Vanished | None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return Vanished(pid)
    return None
