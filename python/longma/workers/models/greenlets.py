"""The greenlets model: many calls of the application on one thread, each in a greenlet that a hub switches to."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

from longma.errors import BootError, OperatorError
from longma.workers.engine import make_engine
from longma.workers.hubs.serving import Serving
from longma.workers.overdue import Overdue

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.logs.error_log import ErrorLog
    from longma.typing import WSGIApplication
    from longma.workers.hubs.serving import Adapter
    from longma.workers.model import Assignment

# How often it is seen to that no request takes too long.
LOOK_SECONDS = 1.0


class Library(Protocol):
    """What a library of greenlets does to a process."""

    def patch(self) -> list[str]:
        """Have the standard library wait by the hub, in a worker; returns what may go wrong with it."""

    def patch_master(self) -> list[str]:
        """The same in a master, which goes on without a hub."""

    def is_patched(self) -> bool:
        """Whether somebody has patched already."""

    def after_fork(self) -> None:
        """Let the parent have its hub to itself."""


class Greenlets:
    """The engine, and the greenlets that serve on it."""

    def __init__(self, application: WSGIApplication, assignment: Assignment, adapter: Adapter) -> None:
        self._engine = make_engine(application, assignment, greenlets=True)
        self._serving = Serving(self._engine, adapter)
        self._overdue = Overdue(assignment)
        # What may wait must not be called by the hub, which is where a signal's handler runs as a rule.
        self.aside = adapter.later

    @property
    def requests(self) -> int:
        return self._engine.requests

    def current(self) -> tuple[str, str, float] | None:
        return self._serving.request_here()

    def reopen(self) -> None:
        self._engine.reopen()

    def stop(self, graceful: bool) -> None:
        self._engine.stop(graceful)

    def run(self) -> None:
        """Serve until stopped, and until the last call is over; the master's KILL ends a wait that is too long."""
        before = signal.set_wakeup_fd(self._engine.wakeup_fd, warn_on_full_buffer=False)
        try:
            self._serving.start()
            while not self._serving.wait(LOOK_SECONDS):
                self._look()
        finally:
            signal.set_wakeup_fd(before)
            self._engine.stop(graceful=False)
            self._serving.finish()

    def _look(self) -> None:
        """Tell of a request that takes longer than `timeout`, and ask to be replaced: it may be all but done."""
        call = self._serving.longest_call()
        if call is not None and self._overdue.is_new(call):
            self._overdue.tell(self._serving.request_of(call[0]), call[0].gr_frame)


class GreenletModel:
    """Makes the model of a library's greenlets.

    Args:
        library: what patches.
        adapter: the library's hub.
    """

    def __init__(self, library: Library, adapter: Callable[[], Adapter]) -> None:
        self._library = library
        self._adapter = adapter

    def prepare(self, log: ErrorLog, has_application: bool) -> None:
        """Settle in a worker that has just been forked, before anything of the application's is imported.

        Args:
            log: is told what may go wrong.
            has_application: the program that has longma in it has imported the application by itself, or the master
                has preloaded it.

        Raises:
            BootError: the library cannot be had, or cannot serve as it is set up.
        """
        is_late = has_application and not self._library.is_patched()
        try:
            warnings = self._library.patch()
        except OperatorError as error:
            raise BootError(str(error)) from None
        except ImportError as error:
            raise BootError(f"the library of the worker class cannot be imported: {error}") from error
        if is_late:
            warnings.append(
                "the application was imported before the standard library was patched, and may block the hub: "
                "have the program patch first"
            )
        warn(log, warnings)
        self._library.after_fork()

    def prepare_master(self, log: ErrorLog) -> None:
        """Settle in a master that is about to preload an application."""
        warn(log, self._library.patch_master())

    def __call__(self, application: WSGIApplication, assignment: Assignment) -> Greenlets:
        return Greenlets(application, assignment, self._adapter())


def warn(log: ErrorLog, warnings: list[str]) -> None:
    for warning in warnings:
        log.warning(f"Monkey patch: {warning}")


def gevent_model() -> GreenletModel:
    """Return the model of gevent's greenlets, which has to be installed."""
    from longma.workers.hubs import gevent

    return GreenletModel(gevent, gevent.GeventHub)


def eventlet_model() -> GreenletModel:
    """Return the model of eventlet's greenlets, which has to be installed.

    It is not imported before the fork, unlike other models: from then on it warns of each.
    """
    from longma.workers.hubs import eventlet

    return GreenletModel(eventlet, eventlet.EventletHub)
