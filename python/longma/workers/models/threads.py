"""The threads model: up to `threads` calls of the application at once, each on a thread of its own.

The main thread calls nothing: it has the signals, and watches how long the calls take.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from longma.workers.engine import make_engine
from longma.workers.overdue import Overdue

if TYPE_CHECKING:
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment


class Threads:
    """The engine, and the threads that serve on it."""

    def __init__(self, application: WSGIApplication, assignment: Assignment) -> None:
        settings = assignment.common.settings
        self._engine = make_engine(application, assignment, threads=settings.threads)
        self._overdue = Overdue(assignment)
        self._threads = [
            threading.Thread(target=self._engine.serve, args=(seat,), name=f"longma-{seat}")
            for seat in range(settings.threads)
        ]

    @property
    def requests(self) -> int:
        return self._engine.requests

    def current(self) -> tuple[str, str, float] | None:
        return self._engine.current()

    def reopen(self) -> None:
        self._engine.reopen()

    def stop(self, graceful: bool) -> None:
        self._engine.stop(graceful)

    def run(self) -> None:
        """Serve until stopped, and until the last call is over; the master's KILL ends a wait that is too long."""
        for thread in self._threads:
            thread.start()
        # A signal can reach any thread, but its handler runs on this one, which has to be woken for it.
        before = signal.set_wakeup_fd(self._engine.wakeup_fd, warn_on_full_buffer=False)
        try:
            self._engine.run(self._watch)
        finally:
            signal.set_wakeup_fd(before)
            self._engine.stop(graceful=False)
            for thread in self._threads:
                thread.join()

    def _watch(self) -> None:
        """Tell of a call that takes longer than `timeout`, and ask to be replaced: a thread cannot be interrupted."""
        call = self._engine.longest_call()
        if call is not None and self._overdue.is_new(call):
            frame = sys._current_frames().get(self._threads[call[0]].ident or 0)
            self._overdue.tell(self._engine.current(), frame)


def threads_model(application: WSGIApplication, assignment: Assignment) -> Threads:
    """Return the model."""
    return Threads(application, assignment)
