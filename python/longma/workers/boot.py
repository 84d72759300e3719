"""From the fork to the first request: the child settles in, loads the application, and says that it is ready."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma.errors import ApplicationError, BootError
from longma.gateway.loader import load
from longma.process.forking import freeze_heap, unblock
from longma.process.tether import Report

if TYPE_CHECKING:
    from longma.workers.lifecycle import Lifecycle
    from longma.workers.model import Assignment, Model


def boot(assignment: Assignment, lifecycle: Lifecycle) -> Model:
    """Return the model, ready to run.

    Raises:
        ApplicationError: the application cannot be served; its `exit_status` is the worker's.
        SystemExit: a signal asked to stop meanwhile.
    """
    common = assignment.common
    lifecycle.install()
    unblock(assignment.signal_mask)
    assignment.tether.watch(lifecycle.master_is_gone)
    common.board.announce(assignment.slot, os.getpid())
    common.log.info(f"Booting worker with pid: {os.getpid()}")
    model = make_model(assignment, lifecycle)
    # What is left of them here would keep the port open after the model has closed it.
    common.close_sockets()
    freeze_heap()
    lifecycle.adopt(model)
    assignment.tether.send(Report.READY)
    return model


def make_model(assignment: Assignment, lifecycle: Lifecycle) -> Model:
    """Load the application, and make the model around it.

    Raises:
        BootError: as the loader says, and for anything else that ends the boot; the cause is `__cause__`.
    """
    common = assignment.common
    try:
        with lifecycle.interruptible():
            model = common.model(load(common.settings.wsgi_app or ""), assignment)
    except BaseException as error:
        if lifecycle.stopping:
            raise SystemExit(lifecycle.exit_code) from error
        if isinstance(error, ApplicationError):
            raise
        if isinstance(error, SystemExit):
            raise BootError(f"The application called sys.exit({error.code!r}) while it was loaded") from error
        raise BootError("Exception in worker process") from error
    return model


def describe(error: ApplicationError) -> str:
    """The words for the log: the error's own, with the application's traceback where it raised one."""
    if error.__cause__ is None:
        return str(error)
    import traceback  # only a worker that fails needs it

    return f"{error}\n{''.join(traceback.format_exception(error.__cause__)).rstrip()}"
