"""From the fork to the first request: the child settles in, loads the application, and says that it is ready."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma import hooks
from longma.errors import ApplicationError, BootError, OperatorError
from longma.gateway.loader import application_of
from longma.process.forking import freeze_heap, unblock
from longma.process.privileges import drop
from longma.process.tether import Report
from longma.process.title import set_title
from longma.workers.engine import requests_allowed
from longma.workers.stack import traceback_of

if TYPE_CHECKING:
    from types import TracebackType

    from longma.typing import WSGIApplication
    from longma.workers.lifecycle import Lifecycle
    from longma.workers.model import Assignment, Model
    from longma.workers.reloading import Reloading

NANOSECONDS = 1_000_000_000


def boot(assignment: Assignment, lifecycle: Lifecycle) -> Model:
    """Return the model, ready to run.

    Raises:
        ApplicationError: the application cannot be served, or a hook or the system keeps it from being; its
            `exit_status` is the worker's.
        SystemExit: a signal asked to stop meanwhile, or a hook did.
    """
    common = assignment.common
    settle(assignment, lifecycle)
    enter_service(assignment)
    application = load(assignment, lifecycle)
    assignment.worker.max_requests = requests_allowed(common.settings)
    call(assignment, "post_worker_init", assignment.worker)
    # After the hook: what it sets on the loggers and on the worker holds from the first request on.
    model = make_model(application, assignment, lifecycle)
    lifecycle.adopt(model)
    assignment.worker.booted = True
    # What is left of them here would keep the port open after the model has closed it.
    common.close_sockets()
    freeze_heap()
    assignment.tether.send(Report.READY)
    return model


def settle(assignment: Assignment, lifecycle: Lifecycle) -> None:
    """Become a process of one's own: with signals, the tie to the master, and a place on the board."""
    common, slot = assignment.common, assignment.slot
    prepare = getattr(common.model, "prepare", None)
    if prepare is not None:
        prepare(common.log, common.application is not None)
    assignment.worker.forked(lambda: common.board.page(slot).heartbeat_ns / NANOSECONDS, lifecycle.stop_from_anywhere)
    lifecycle.install()
    unblock(assignment.signal_mask)
    assignment.tether.watch(lifecycle.master_is_gone)
    common.board.announce(slot, os.getpid())
    set_title(f"longma: worker [{common.server.proc_name}]")
    if assignment.device:
        from longma.process.devices import environment  # only where devices are leased

        os.environ.update(environment(assignment.device))
    common.log.info(f"Booting worker with pid: {os.getpid()}")


def enter_service(assignment: Assignment) -> None:
    """Let the operator's hook prepare the process, then give up privileges.

    Raises:
        BootError: one of them failed.
    """
    settings = assignment.common.settings
    call(assignment, "post_fork", assignment.common.server, assignment.worker)
    try:
        drop(settings.user, settings.group, settings.initgroups)
    except OperatorError as error:
        raise BootError(str(error)) from None


def call(assignment: Assignment, name: str, *arguments: object) -> None:
    """Call one of the hooks without which a worker cannot serve.

    Raises:
        BootError: it raised; that is in the log already.
    """
    common = assignment.common
    try:
        hooks.run(getattr(common.settings, name), name, common.log, *arguments)
    except hooks.HookError as error:
        raise BootError(str(error)) from None


def load(assignment: Assignment, lifecycle: Lifecycle) -> WSGIApplication:
    """Load the application, which a stop may break into.

    Raises:
        BootError: as the loader says, and for anything else that ends the boot; the cause is `__cause__`.
        SystemExit: a stop was asked for meanwhile.
    """
    reloading = start_reloading(assignment, lifecycle)
    with Translated(lifecycle), lifecycle.interruptible():
        application = find_application(assignment, lifecycle, reloading)
    assignment.worker.loaded(application)
    return application


def make_model(application: WSGIApplication, assignment: Assignment, lifecycle: Lifecycle) -> Model:
    """Make the model around the application.

    Raises:
        BootError: that fails; the cause is `__cause__`.
        SystemExit: a stop was asked for meanwhile.
    """
    with Translated(lifecycle), lifecycle.interruptible():
        return assignment.common.model(application, assignment)


class Translated:
    """The context of a step of the boot: what ends it becomes the reason why there is no worker."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        if self._lifecycle.stopping:
            raise SystemExit(self._lifecycle.exit_code) from error
        if isinstance(error, ApplicationError):
            return
        if isinstance(error, OperatorError):
            raise BootError(str(error)) from None
        if isinstance(error, SystemExit):
            raise BootError(f"The application called sys.exit({error.code!r}) while it was loaded") from error
        raise BootError("Exception in worker process") from error


def start_reloading(assignment: Assignment, lifecycle: Lifecycle) -> Reloading | None:
    """Watch the application's files from now on, where the settings ask for it.

    Raises:
        BootError: they cannot be watched in the way that was asked for.
    """
    if not assignment.common.settings.reload:
        return None
    from longma.workers.reloading import Reloading  # only for development

    reloading = Reloading(assignment, lifecycle)
    try:
        reloading.start()
    except OperatorError as error:
        raise BootError(str(error)) from None
    return reloading


def find_application(assignment: Assignment, lifecycle: Lifecycle, reloading: Reloading | None) -> WSGIApplication:
    """Return the application: the one that the master has loaded, or one that is loaded here.

    Raises:
        ApplicationError: as the loader says; while files are watched, a page that tells it takes its place instead.
    """
    common = assignment.common
    if common.settings.spew:
        from longma.workers.spew import spew  # only for development

        spew()
    if common.application is not None:
        return common.application
    try:
        application = common.load() if common.load is not None else application_of(common.settings)
    except ApplicationError as error:
        if reloading is None or lifecycle.stopping:
            raise
        return reloading.stand_in(error, describe(error))
    if reloading is not None:
        reloading.watch_what_was_imported()
    return application


def describe(error: ApplicationError) -> str:
    """The words for the log: the error's own, with the application's traceback where it raised one."""
    if error.__cause__ is None:
        return str(error)
    return f"{error}\n{traceback_of(error.__cause__)}"
