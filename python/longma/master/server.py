"""What hooks get as `server`: Gunicorn's attributes of its arbiter, over what this master really is."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from longma.workers.handle import Application

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longma.config.compatible import Config
    from longma.logs.error_log import ErrorLog
    from longma.net.listeners import Listener
    from longma.workers.handle import Worker


class Server:
    """The master. Any further attribute may be set by hooks, and is kept; workers get a copy by the fork.

    Attributes:
        pid: its process number.
        master_pid: that of the master which started this one by USR2, 0 when there is none.
        master_name: "Master", or "Master.2" for the one that USR2 has started.
        reexec_pid: the process number of the master that this one has started by USR2, 0 when there is none.
        cfg: the settings; while a reload is on trial those that it tries.
        app: the application; `app.callable` is None but where `preload_app` has loaded it, and in a worker.
        log: the error log, with the methods of Gunicorn's logger.
        num_workers: how many workers are wanted.
        worker_age: how many have been spawned.
        WORKERS: the workers that have been forked and not been reaped, by process number.
        LISTENERS: the listening sockets.
        systemd: whether systemd gave them.
    """

    def __init__(self, cfg: Config, log: ErrorLog, workers: Mapping[int, Worker], *, master_pid: int = 0) -> None:
        self.pid = os.getpid()
        self.master_pid = master_pid
        self.master_name = "Master.2" if master_pid else "Master"
        self.reexec_pid = 0
        self.worker_age = 0
        self.num_workers = cfg.workers
        self.WORKERS = workers
        self.LISTENERS: Sequence[Listener] = ()
        self.systemd = False
        self.cfg = cfg
        self.app = Application(cfg)
        self.log = log.logger

    @property
    def timeout(self) -> float:
        return self.cfg.timeout

    @property
    def address(self) -> object:
        """The addresses that are listened on."""
        return self.cfg.address

    @property
    def proc_name(self) -> str:
        return self.cfg.proc_name + (".2" if self.master_pid else "")

    def adopt(self, cfg: Config, log: ErrorLog, listeners: Sequence[Listener]) -> None:
        """Show these settings from now on."""
        self.cfg = self.app.cfg = cfg
        self.log = log.logger
        self.LISTENERS = listeners

    # What a hook may ask for is done when the master comes to it, as if the operator had sent the signal.

    def reload(self) -> None:
        """Read the settings anew and replace the workers."""
        os.kill(self.pid, signal.SIGHUP)

    def reexec(self) -> None:
        """Start another master on the same listeners."""
        os.kill(self.pid, signal.SIGUSR2)

    def stop(self, graceful: bool = True) -> None:
        """End the server."""
        os.kill(self.pid, signal.SIGTERM if graceful else signal.SIGQUIT)

    def kill_worker(self, pid: int, number: int) -> None:
        """Send a worker a signal.

        Raises:
            KeyError: there is no such worker.
        """
        os.kill(self.WORKERS[pid].pid, number)  # type: ignore[arg-type]

    def kill_workers(self, number: int) -> None:
        """Send all workers a signal."""
        for pid in tuple(self.WORKERS):
            self.kill_worker(pid, number)
