"""The greenlets model: many calls of the application on one thread, each in a greenlet that a hub switches to."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

from longma.workers.engine import make_engine
from longma.workers.hubs.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.typing import WSGIApplication
    from longma.workers.hubs.serving import Adapter
    from longma.workers.model import Assignment

# How often it is seen to that no request takes too long.
LOOK_SECONDS = 1.0


class Library(Protocol):
    """What a library of greenlets does to a process."""

    def patch(self) -> None:
        """Have the standard library wait by the hub."""

    def after_fork(self) -> None:
        """Let the parent have its hub to itself."""


class Greenlets:
    """The engine, and the greenlets that serve on it."""

    def __init__(self, application: WSGIApplication, assignment: Assignment, adapter: Adapter) -> None:
        self._engine = make_engine(application, assignment, greenlets=True)
        self._serving = Serving(self._engine, adapter)

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
                pass
        finally:
            signal.set_wakeup_fd(before)
            self._engine.stop(graceful=False)
            self._serving.finish()


class GreenletModel:
    """Makes the model of a library's greenlets.

    Args:
        library: what has the library's `patch` and `after_fork`.
        adapter: the library's hub.
    """

    def __init__(self, library: Library, adapter: Callable[[], Adapter]) -> None:
        self._library = library
        self._adapter = adapter

    def prepare(self) -> None:
        """Settle in a worker that has just been forked, before anything of the application's is imported."""
        self._library.patch()
        self._library.after_fork()

    def __call__(self, application: WSGIApplication, assignment: Assignment) -> Greenlets:
        return Greenlets(application, assignment, self._adapter())


def gevent_model() -> GreenletModel:
    """Return the model of gevent's greenlets, which has to be installed."""
    from longma.workers.hubs import gevent

    return GreenletModel(gevent, gevent.GeventHub)


def eventlet_model() -> GreenletModel:
    """Return the model of eventlet's greenlets, which has to be installed."""
    from longma.workers.hubs import eventlet

    eventlet.library()
    return GreenletModel(eventlet, eventlet.EventletHub)
