"""A worker of a class with Gunicorn's contract, from its first line to its exit status.

Such a class serves its sockets itself and knows nothing of us. It is made and run here as Gunicorn would do it, and
what it does is translated: its first `notify` in `run` is the report that it serves, each one a beat on the board.
Signals are ours while it boots, and the class's own once it runs.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from longma import hooks
from longma.config.compatible import Config
from longma.errors import ApplicationError, BootError
from longma.exitcodes import OK
from longma.process.signals import handle, noted
from longma.process.tether import Report
from longma.workers import stack
from longma.workers.base import Worker
from longma.workers.boot import describe, enter_service, find_application, settle, start_reloading
from longma.workers.engine import RECYCLED
from longma.workers.handle import Application
from longma.workers.lifecycle import ABORTED, Lifecycle
from longma.workers.listening import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from longma.config.settings import Settings
    from longma.workers.contract import ForeignClass
    from longma.workers.listening import ListeningSocket
    from longma.workers.model import Assignment
    from longma.workers.reloading import Reloading

CRASHED = 255
STOPPING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# The signals that a class may have its own handlers for. Not CHLD: children are the application's.
SIGNALS = (*STOPPING, signal.SIGABRT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


def run(assignment: Assignment, chosen: ForeignClass) -> int:
    """Serve until told to stop, and return the exit status, as `workers/main.py` does for our own models."""
    foreign = Foreign(assignment, chosen)
    exit_code = CRASHED
    try:
        exit_code = foreign.live()
    except SystemExit as leaving:
        exit_code = status_of(leaving)
    finally:
        foreign.end(exit_code)
    return exit_code


class Foreign:
    """One worker of such a class. To the lifecycle it is the model.

    Attributes:
        worker: What hooks get as `worker`: the class's own object, once there is one.
    """

    requests = 0

    def __init__(self, assignment: Assignment, chosen: ForeignClass) -> None:
        settings = assignment.common.settings
        self._assignment = assignment
        self._common = assignment.common
        self._kind = chosen.kind
        self.worker: Any = assignment.worker
        self._lifecycle = Lifecycle(
            self._common.log, assignment.worker, self._shown(settings.worker_int), self._shown(settings.worker_abort)
        )
        self._sockets: list[ListeningSocket] = []
        self._reloading: Reloading | None = None
        self._own: dict[int, Any] = {}
        self._ours: dict[int, Any] = {}
        self._is_running = False
        self._serves = False

    # Its life

    def live(self) -> int:
        """Boot and serve; say why where that fails.

        Raises:
            SystemExit: the class, a hook or a signal ends the process.
        """
        try:
            settle(self._assignment, self._lifecycle)
            self.worker = self._made()
            enter_service(self._assignment._replace(worker=self.worker))
            self._reloading = start_reloading(self._assignment, self._lifecycle)
            self.worker.reloader = self._assignment.worker.reloader
            self.worker.init_process()
        except ApplicationError as error:
            return self._failed(error)
        except hooks.HookError as error:
            return self._failed(BootError(str(error)))
        except Exception as error:
            if not self._serves:
                failure = BootError("Exception in worker process")
                failure.__cause__ = error
                return self._failed(failure)
            self._common.log.error(f"Exception in worker process\n{stack.traceback_of(error)}")
            return CRASHED
        return self._lifecycle.exit_code

    def end(self, exit_code: int) -> None:
        """Leave the process in order, whatever happened in it."""
        # The class may have given the signals back, and a second TERM would now break in.
        handle(STOPPING, noted)
        common = self._common
        if self._serves and exit_code == OK:
            # By itself and in good order, as for `max_requests`: not one that dies as soon as it is started.
            common.board.beat(self._assignment.slot, time.monotonic_ns(), max(1, self._answered()))
        for sock in self._sockets:
            sock.close()
        common.close_sockets()
        common.log.info(f"Worker exiting (pid: {os.getpid()})")
        with suppress(hooks.HookError):  # it is in the log, and the worker has nothing left to do
            worker_exit = common.settings.worker_exit
            hooks.run(worker_exit, "worker_exit", common.log, common.server, self.worker)
        self._assignment.tether.close()

    def _failed(self, error: ApplicationError) -> int:
        if self._lifecycle.stopping:
            return self._lifecycle.exit_code
        failure = describe(error)
        if not self._assignment.tether.send(Report.FAILED, failure):
            self._common.log.error(failure)
        return error.exit_status

    # Its making

    def _made(self) -> Any:
        """Return an object of the class, connected to what is ours.

        Gunicorn makes it in the master. Here no foreign code runs there, save the import of the class.
        """
        handle_, common = self._assignment.worker, self._common
        cfg = ForeignConfig(common.settings, self._call_boot_hook, self._lifecycle.call)
        self._sockets = opened(common.listeners, common.cfg)
        common.close_sockets()
        setup = getattr(self._kind, "setup", None)
        if callable(setup):
            setup()
        application = LoadedOnDemand(cfg, self._load)
        worker = self._kind(
            handle_.age, handle_.ppid, list(self._sockets), application, handle_.timeout, cfg, common.log.logger
        )
        worker.pid = os.getpid()
        for name, value in vars(handle_).items():
            # What `pre_fork` has left on the master's copy, and what Gunicorn's workers do not have.
            if not name.startswith("_") and not hasattr(worker, name):
                setattr(worker, name, value)
        worker.tmp = Beats(self._beat, getattr(worker, "tmp", None))
        if isinstance(worker, Worker):
            recycle = partial(self._assignment.tether.send, Report.RECYCLE, RECYCLED)
            worker.recycle = recycle  # type: ignore[method-assign,assignment]
        self._own_run, self._init_signals = worker.run, worker.init_signals
        worker.run, worker.init_signals = self.run, self._begin_signals
        return worker

    def _load(self) -> Any:
        """Return the application, which a stop may break into."""
        # Only a WSGI application can show what is wrong with the one that is to be reloaded.
        shown = self._reloading if getattr(self._kind, "serves_wsgi", False) else None
        with self._lifecycle.interruptible():
            application = find_application(self._assignment, self._lifecycle, shown)
        if self._reloading is not None:
            self._reloading.watch_what_was_imported()
        return application

    def _shown(self, hook: Callable[..., object] | None) -> Callable[..., object] | None:
        """Return a hook that gets the class's own object, whatever it is called with."""
        return None if hook is None else lambda _: hook(self.worker)

    def _call_boot_hook(self, hook: Callable[..., object] | None, name: str) -> None:
        hooks.run(hook, name, self._common.log, self.worker)

    # Its signs of life

    def _beat(self) -> None:
        self._common.board.beat(self._assignment.slot, time.monotonic_ns(), self._answered())
        if self._is_running and not self._serves and self.worker.booted:
            self._serves = self._assignment.worker.booted = True
            self._assignment.tether.send(Report.READY)

    def _answered(self) -> int:
        answered = getattr(self.worker, "nr", 0)
        return answered if isinstance(answered, int) else 0

    # Its signals

    def _begin_signals(self) -> None:
        """Let the class set its signals up, and take them over until it runs."""
        self._init_signals()
        self._own = {number: signal.getsignal(number) for number in SIGNALS}
        self._lifecycle.install()
        self._ours = {number: signal.getsignal(number) for number in SIGNALS}

    def run(self) -> None:
        """Run, with the signals as the class has set them up; those that it has left alone stay ours."""
        self._lifecycle.adopt(self)
        for number, own in self._own.items():
            was_changed = signal.getsignal(number) != self._ours[number]
            if number == signal.SIGABRT:
                signal.signal(number, self._abort)
            elif own not in (signal.SIG_DFL, None) and not was_changed:
                signal.signal(number, own)
        self._is_running = True
        self._own_run()

    def _abort(self, number: int, frame: FrameType | None) -> None:
        """Show what the worker is stuck in, then do what the class does about it."""
        self._lifecycle.exit_code = ABORTED
        self._common.log.error(f"no sign of life within the timeout; stack:\n{stack.stack_of(frame)}")
        own = self._own.get(signal.SIGABRT)
        if callable(own):
            own(number, frame)
            return
        # By default the process ends on the spot. An exception would not do that: it may be caught on its way.
        self._lifecycle.call(self._shown(self._common.settings.worker_abort), "worker_abort")
        self.end(ABORTED)
        os._exit(ABORTED)

    def stop(self, graceful: bool) -> None:
        """Have the class stop as on a signal; leave at once where it has no handler of its own.

        Raises:
            SystemExit: it has none.
        """
        number = signal.SIGTERM if graceful else signal.SIGQUIT
        if signal.getsignal(number) == self._ours.get(number):
            raise SystemExit(self._lifecycle.exit_code)
        os.kill(os.getpid(), number)

    def current(self) -> None:
        """Know of no request: they are the class's."""

    def reopen(self) -> None:
        """Do nothing: the access log is the class's, by the logger that it has."""


class ForeignConfig(Config):
    """The settings as such a class gets them: without what is done for it, and with hooks that name themselves."""

    __slots__ = ("_call_boot_hook", "_call_late_hook")

    _call_boot_hook: Callable[[Any, str], None]
    _call_late_hook: Callable[[Any, str], None]

    def __init__(
        self, settings: Settings, boot_hook: Callable[[Any, str], None], late_hook: Callable[[Any, str], None]
    ) -> None:
        super().__init__(settings)
        object.__setattr__(self, "_call_boot_hook", boot_hook)
        object.__setattr__(self, "_call_late_hook", late_hook)

    @property
    def reload(self) -> bool:
        """False: the files are watched already."""
        return False

    @property
    def initgroups(self) -> bool:
        """False: the process has given up its privileges already, and could not."""
        return False

    def post_worker_init(self, _worker: object) -> None:
        self._call_boot_hook(self._settings.post_worker_init, "post_worker_init")

    def worker_int(self, _worker: object) -> None:
        self._call_late_hook(self._settings.worker_int, "worker_int")

    def worker_abort(self, _worker: object) -> None:
        self._call_late_hook(self._settings.worker_abort, "worker_abort")


class LoadedOnDemand(Application):
    """What such a class has as `app`."""

    def __init__(self, cfg: Config, load: Callable[[], Any]) -> None:
        super().__init__(cfg)
        self._load = load

    def wsgi(self) -> Any:
        """Return the application, of whatever kind; loaded by the first call."""
        if self.callable is None:
            self.callable = self._load()
        return self.callable


class Beats:
    """What such a class has as `tmp`: beats on the board, and the file that Gunicorn's workers beat with."""

    def __init__(self, beat: Callable[[], None], file: Any) -> None:
        self._beat = beat
        self._file = file
        self._updated_at = time.monotonic()

    def notify(self) -> None:
        self._updated_at = time.monotonic()
        self._beat()

    def last_update(self) -> float:
        """When `notify` was called last, on the monotonic clock."""
        return self._updated_at

    def fileno(self) -> int:
        """The descriptor of Gunicorn's file, which nobody reads here."""
        descriptor: int = self._file.fileno()
        return descriptor

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def status_of(leaving: SystemExit) -> int:
    """The exit status that an exception asks for, as the interpreter reads it."""
    if leaving.code is None:
        return OK
    return leaving.code if isinstance(leaving.code, int) else ABORTED
