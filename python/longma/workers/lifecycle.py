"""A worker's signals, from the fork to the exit: what each one means before, while and after the model runs."""

from __future__ import annotations

import faulthandler
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from longma import hooks
from longma.process.signals import STACK_SIGNAL, handle, noted
from longma.workers import stack
from longma.workers.interrupt import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from longma.logs.error_log import ErrorLog
    from longma.workers.handle import Worker
    from longma.workers.model import Model

ABORTED = 1
GRACEFUL = (signal.SIGTERM, signal.SIGHUP)
QUICK = (signal.SIGINT, signal.SIGQUIT)
# Meant for the master, and stray here. Not SIG_IGN, which the application's own child processes would inherit.
WITHOUT_MEANING = (signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH)


class Aborted(SystemExit):
    """Ends the call that takes too long.

    Attributes:
        is_logged: True: the engine need not tell it again as the failure of its request.
    """

    is_logged = True


class Lifecycle:
    """Turns signals into a stop of the model, or of the boot while there is no model yet.

    Args:
        log: the error log.
        worker: the worker as hooks see it.
        worker_int: the hook for INT and QUIT.
        worker_abort: the hook for ABRT.

    Attributes:
        stopping: Whether a stop was asked for.
        exit_code: What the process is to exit with when nothing else goes wrong.
    """

    def __init__(
        self,
        log: ErrorLog,
        worker: Worker,
        worker_int: Callable[..., object] | None = None,
        worker_abort: Callable[..., object] | None = None,
    ) -> None:
        self._log = log
        self._worker = worker
        self._worker_int = worker_int
        self._worker_abort = worker_abort
        self._model: Model | None = None
        self._aside: Callable[[Callable[[], None]], object] = at_once
        self._breaker = Breaker()
        self._is_interruptible = False
        self.stopping = False
        self.exit_code = 0

    def install(self) -> None:
        """Take the signals over from the master, whose handlers the child has inherited."""
        handle(GRACEFUL, self._stop_gracefully)
        handle(QUICK, self._stop_quickly)
        handle((signal.SIGABRT,), self._abort)
        handle((signal.SIGUSR1,), self._reopen)
        handle(WITHOUT_MEANING, noted)
        handle((signal.SIGCHLD,), signal.SIG_DFL)
        self._register_stack_signal()

    def stop(self, graceful: bool) -> None:
        """Stop the model; while it is not made, interrupt the boot, where that can be interrupted. On the main thread.

        Raises:
            SystemExit: the application is being loaded. Once only: another signal must not break into the clearing up.
        """
        self.stopping = True
        self._worker.stopped()
        if self._model is not None:
            self._model.stop(graceful)
        elif self._is_interruptible:
            self._is_interruptible = False
            self._breaker.break_in(self.exit_code)

    def stop_from_anywhere(self) -> None:
        """Stop gracefully, asked by any thread."""
        os.kill(os.getpid(), signal.SIGTERM)

    def interruptible(self) -> Interruptible:
        """Let a stop break into what is done in this context: it may take long, and nothing is lost by it.

        Raises:
            SystemExit: a stop was or is asked for.
        """
        return Interruptible(self)

    def begin_loading(self) -> None:
        self._is_interruptible = True
        if self.stopping:
            self._is_interruptible = False
            raise SystemExit(self.exit_code)

    def end_loading(self) -> None:
        self._is_interruptible = False
        self._breaker.disarm()

    def adopt(self, model: Model) -> None:
        """Have this model stopped from now on; at once when the application caught the exception meant for the boot."""
        self._model = model
        self._aside = getattr(model, "aside", at_once)
        if self.stopping:
            model.stop(graceful=False)

    def master_is_gone(self) -> None:
        """Stop as gracefully as on TERM: there is nobody left to kill this worker, nor to replace it."""
        if not self.stopping:
            self._log.info(f"Parent changed, shutting down: {self._worker}")
            self.stop(graceful=True)

    def _stop_gracefully(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop(graceful=True)

    def _stop_quickly(self, _signal: int, _frame: FrameType | None) -> None:
        self._aside(self._interrupt)

    def _interrupt(self) -> None:
        self._worker.stopped()  # as hooks know it of Gunicorn
        try:
            self.call(self._worker_int, "worker_int")
        finally:  # a hook may leave by SystemExit, which the application's call would swallow
            self.stop(graceful=False)

    def _abort(self, _signal: int, frame: FrameType | None) -> None:
        """End the call that takes too long, by an exception in it; the master's KILL follows where that fails.

        Raises:
            SystemExit: now or soon, so that the application's own cleaning up is done.
        """
        self._worker.aborted = True
        self._worker.stopped()
        self.exit_code = ABORTED
        try:
            request = self._model.current() if self._model is not None else None
            self._log.error(stack.describe(request, self._worker.booted, frame))
            self.call(self._worker_abort, "worker_abort")
        finally:
            self.stop(graceful=False)
        if not self._breaker.is_armed:
            raise Aborted(ABORTED)

    def _reopen(self, _signal: int, _frame: FrameType | None) -> None:
        self._log.reopen()
        self._register_stack_signal()
        if self._model is not None:
            self._model.reopen()

    def call(self, hook: Callable[..., object] | None, name: str) -> None:
        """Run a hook whose failure changes nothing: it is in the log, and what was to happen happens."""
        with suppress(hooks.HookError):
            hooks.run(hook, name, self._log, self._worker)

    def _register_stack_signal(self) -> None:
        """Answer the master's last question before its KILL even where the interpreter is stuck."""
        faulthandler.register(STACK_SIGNAL, file=self._log.descriptor, all_threads=False)


def at_once(function: Callable[[], None]) -> None:
    """Call a function, as whoever may wait in a signal's handler does."""
    function()


class Interruptible:
    """The context of a loading. Not made by contextlib, whose frames an interruption could hit."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def __enter__(self) -> None:
        self._lifecycle.begin_loading()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lifecycle.end_loading()
