"""A worker's signals, from the fork to the exit: what each one means before, while and after the model runs."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longma.process.signals import handle, noted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from longma.logs.error_log import ErrorLog
    from longma.workers.model import Model

ABORTED = 1
GRACEFUL = (signal.SIGTERM, signal.SIGHUP)
QUICK = (signal.SIGINT, signal.SIGQUIT)
# Meant for the master, and stray here. Not SIG_IGN, which the application's own child processes would inherit.
WITHOUT_MEANING = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)


class Lifecycle:
    """Turns signals into a stop of the model, or of the boot while there is no model yet.

    Attributes:
        stopping: Whether a stop was asked for.
        exit_code: What the process is to exit with when nothing else goes wrong.
    """

    def __init__(self, log: ErrorLog) -> None:
        self._log = log
        self._model: Model | None = None
        self._is_interruptible = False
        self.stopping = False
        self.exit_code = 0

    def install(self) -> None:
        """Take the signals over from the master, whose handlers the child has inherited."""
        handle(GRACEFUL, self._stop_gracefully)
        handle(QUICK, self._stop_quickly)
        handle((signal.SIGABRT,), self._abort)
        handle(WITHOUT_MEANING, noted)
        handle((signal.SIGWINCH, signal.SIGCHLD), signal.SIG_DFL)

    def stop(self, graceful: bool) -> None:
        """Stop the model; while it is not made, interrupt the boot, where that can be interrupted.

        Raises:
            SystemExit: the application is being loaded. Once only: another signal must not break into the clearing up.
        """
        self.stopping = True
        if self._model is not None:
            self._model.stop(graceful)
        elif self._is_interruptible:
            self._is_interruptible = False
            raise SystemExit(self.exit_code)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop break into what is done in this context: it may take long, and nothing is lost by it.

        Raises:
            SystemExit: a stop was or is asked for.
        """
        self._is_interruptible = True
        try:
            if self.stopping:
                raise SystemExit(self.exit_code)
            yield
        finally:
            self._is_interruptible = False

    def adopt(self, model: Model) -> None:
        """Have this model stopped from now on; at once when the application caught the exception meant for the boot."""
        self._model = model
        if self.stopping:
            model.stop(graceful=False)

    def master_is_gone(self) -> None:
        """Stop as gracefully as on TERM: there is nobody left to kill this worker, nor to replace it."""
        if not self.stopping:
            self._log.info("Parent changed, shutting down.")
            self.stop(graceful=True)

    def _stop_gracefully(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop(graceful=True)

    def _stop_quickly(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop(graceful=False)

    def _abort(self, _signal: int, _frame: FrameType | None) -> None:
        """End the call that takes too long, by an exception in it; the master's KILL follows where that fails.

        Raises:
            SystemExit: always, so that the application's own cleaning up is done.
        """
        self._log.error("Worker aborted: the application call that is being made ends here.")
        self.exit_code = ABORTED
        self.stop(graceful=False)
        raise SystemExit(ABORTED)
