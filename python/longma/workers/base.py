"""`Worker`: what a worker class of one's own derives from, with the contract of `gunicorn.workers.base.Worker`.

A subclass serves its sockets itself, by any protocol; all it must have is `run`. What is the server's, and done before
`init_process` is called: the process, its privileges and environment, hooks, timeouts, `--reload`, the logs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

from longma.workers.engine import requests_allowed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_NAMES = ("ABRT", "HUP", "QUIT", "INT", "TERM", "USR1", "USR2", "WINCH", "CHLD")


class Heartbeat:
    """What `worker.tmp` is: the signs of life that the master waits for."""

    def __init__(self) -> None:
        self._updated_at = time.monotonic()

    def notify(self) -> None:
        self._updated_at = time.monotonic()

    def last_update(self) -> float:
        """When the worker last showed that it is alive, on the monotonic clock."""
        return self._updated_at

    def close(self) -> None:
        """Do nothing: there is no file."""


class Worker:
    """One worker; `run` is a subclass's own.

    Args:
        age: which of this master's workers it is, counted from 1.
        ppid: the master's process number.
        sockets: the listening sockets, as `socket.socket` objects that do not block.
        app: what `load_wsgi` asks for the application.
        timeout: half of the setting, in seconds: how often `notify` must be called at the least.
        cfg: the settings.
        log: the error log, with the methods of Gunicorn's logger.

    Attributes:
        pid: its process number.
        wsgi: the application, once it is loaded. It need not be a WSGI one.
        booted: whether the application is loaded and `post_worker_init` done.
        aborted: whether it was ended for its timeout.
        reloader: what watches the files for `--reload`, None otherwise.
        nr: how many requests it has answered; a subclass counts them here.
        max_requests: after how many of them it should end, its jitter included; `sys.maxsize` for never.
        alive: whether it is to go on; `run` returns when it is not.
        tmp: where `notify` shows that it is alive.
        wait_fds: the sockets, and the end of PIPE that becomes readable with each signal.
    """

    SIGNALS: ClassVar[Sequence[signal.Signals]] = tuple(getattr(signal, f"SIG{name}") for name in _NAMES)
    PIPE: Sequence[int] = ()

    def __init__(
        self, age: int, ppid: int, sockets: Sequence[Any], app: Any, timeout: float, cfg: Any, log: Any
    ) -> None:
        self.age = age
        self.pid: int | str = os.getpid()
        self.ppid = ppid
        self.sockets = list(sockets)
        self.app = app
        self.timeout = timeout
        self.cfg = cfg
        self.log = log
        self.wsgi: Any = None
        self.booted = False
        self.aborted = False
        self.reloader: object = None
        self.nr = 0
        self.max_requests = requests_allowed(cfg)
        self.alive = True
        self.tmp: Any = Heartbeat()
        self.wait_fds: list[Any] = []

    @classmethod
    def setup(cls) -> None:
        """Prepare what all workers of the class need, before one is made."""

    def init_process(self) -> None:
        """Load the application and run. Who overrides it calls this one last."""
        self.PIPE = os.pipe()
        for descriptor in self.PIPE:
            os.set_blocking(descriptor, False)
        self.wait_fds = [*self.sockets, self.PIPE[0]]
        self.init_signals()
        self.load_wsgi()
        self.cfg.post_worker_init(self)
        self.booted = True
        self.run()

    def load_wsgi(self) -> None:
        self.wsgi = self.app.wsgi()

    def run(self) -> None:
        """Serve until `alive` is false, and call `notify` meanwhile; to be written by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} has no run()")

    def notify(self) -> None:
        """Show that the worker is alive. The first time in `run` says that it serves."""
        self.tmp.notify()

    def recycle(self) -> None:
        """Ask to be replaced, as after `max_requests`: another one is started, and this one goes on until TERM comes.

        Gunicorn's workers cannot; they end by themselves, and leave a gap.
        """
        self.alive = False

    def init_signals(self) -> None:
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGWINCH, self.handle_winch)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)
        if self.PIPE:
            signal.set_wakeup_fd(self.PIPE[1], warn_on_full_buffer=False)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully: `run` returns once what was begun is done."""
        self.alive = False

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop now.

        Raises:
            SystemExit: always.
        """
        self.alive = False
        self.cfg.worker_int(self)
        sys.exit(0)

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """Stop because the master has had no sign of life for too long.

        Raises:
            SystemExit: always.
        """
        self.alive = False
        self.aborted = True
        self.cfg.worker_abort(self)
        sys.exit(1)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """Open the log files again by their names."""
        self.log.reopen_files()

    def handle_winch(self, sig: int, frame: FrameType | None) -> None:
        """Do nothing: terminals send it."""

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"
