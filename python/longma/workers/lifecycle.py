"""A worker's signals, from the fork to the exit: what each one means before, while and after the model runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from longma.process.signals import handle, noted

if TYPE_CHECKING:
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
        model: What is stopped; None until it is made.
        stopping: Whether a stop was asked for.
        exit_code: What the process is to exit with when nothing else goes wrong.
    """

    def __init__(self, log: ErrorLog) -> None:
        self._log = log
        self.model: Model | None = None
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
        """Stop the model; while it is not made, leave the boot wherever it is.

        Raises:
            SystemExit: the application is still being loaded.
        """
        self.stopping = True
        if self.model is None:
            raise SystemExit(self.exit_code)
        self.model.stop(graceful)

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
        self._log.error("Worker aborted: the application took longer than the timeout.")
        self.exit_code = ABORTED
        self.stop(graceful=False)
        raise SystemExit(ABORTED)
