"""What hooks get as `worker`: Gunicorn's attributes, over what this worker really is.

The master makes one before `pre_fork`; the child gets its copy by the fork, and what hooks set on the one is not seen
by the other. Any further attribute may be set by hooks, and is kept.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longma.config.compatible import Config
    from longma.net.listeners import Listener
    from longma.typing import WSGIApplication

NOT_FORKED = "[booting]"


class Application:
    """What hooks get as `worker.app` and `server.app`: the application, once it is loaded.

    Attributes:
        cfg: the settings, as hooks see them.
        callable: the application, None until it is loaded.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.callable: WSGIApplication | None = None

    def wsgi(self) -> WSGIApplication | None:
        return self.callable


class Heartbeat:
    """What hooks get as `worker.tmp`. The heartbeat is on the board, where the engine writes it."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read

    def last_update(self) -> float:
        """When the worker last showed that it is alive, on the monotonic clock."""
        return self._read()

    def notify(self) -> None:
        """Do nothing: a beat of ours would say that a stuck application is well."""

    def close(self) -> None:
        """Do nothing: there is no file."""


class Worker:
    """One worker.

    Attributes:
        age: which of this master's workers it is, counted from 1.
        pid: its process number; "[booting]" until it is forked.
        ppid: the master's process number.
        sockets: the listeners.
        app: the application; `app.callable` is None until it is loaded.
        timeout: half of the setting, in seconds, as in Gunicorn.
        cfg: the settings.
        log: the error log, with the methods of Gunicorn's logger.
        device: what `--devices` leased to it, "" otherwise.
        wsgi: the application, None until it is loaded.
        booted: whether the application is loaded and `post_worker_init` done.
        aborted: whether the master ended it for its timeout.
        max_requests: after how many requests it is replaced, its jitter included; `sys.maxsize` for never.
        reloader: what watches the files for `--reload`, None otherwise.
    """

    def __init__(
        self, age: int, ppid: int, listeners: Sequence[Listener], timeout: float, cfg: Config, log: object
    ) -> None:
        self.age = age
        self.pid: int | str = NOT_FORKED
        self.ppid = ppid
        self.sockets = list(listeners)
        self.app = Application(cfg)
        self.timeout = timeout
        self.cfg = cfg
        self.log = log
        self.device = ""
        self.wsgi: WSGIApplication | None = None
        self.booted = False
        self.aborted = False
        self.max_requests = sys.maxsize
        self.reloader: object = None
        made_at = time.monotonic()
        self.tmp = Heartbeat(lambda: made_at)
        self._alive = True
        self._stop: Callable[[], object] | None = None
        self._count: Callable[[], int] | None = None

    @property
    def alive(self) -> bool:
        """Whether it goes on serving. Set to False by a hook, it stops gracefully and is replaced."""
        return self._alive

    @alive.setter
    def alive(self, value: bool) -> None:
        was_alive, self._alive = self._alive, value
        if was_alive and not value and self._stop is not None:
            self._stop()

    @property
    def nr(self) -> int:
        """How many requests it has answered."""
        return self._count() if self._count is not None else 0

    def forked(self, heartbeat: Callable[[], float], stop: Callable[[], object]) -> None:
        """Become the child's: with its number, its heartbeat, and the way to stop it, which is to be called once."""
        self.pid = os.getpid()
        self.tmp = Heartbeat(heartbeat)
        self._stop = stop

    def loaded(self, application: WSGIApplication) -> None:
        self.app.callable = self.wsgi = application

    def counts(self, requests: Callable[[], int]) -> None:
        """Take the number of requests from here."""
        self._count = requests

    def stopped(self) -> None:
        """Note that a stop was asked for, by whomever: `alive` is false from now on."""
        self._alive = False

    def notify(self) -> None:
        """Do nothing, as `tmp.notify`."""

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"
