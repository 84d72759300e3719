"""A worker from its first line to its exit status."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from longma import hooks
from longma.errors import ApplicationError
from longma.process.tether import Report
from longma.workers.boot import boot, describe
from longma.workers.contract import foreign
from longma.workers.lifecycle import ABORTED, Lifecycle
from longma.workers.stack import traceback_of

if TYPE_CHECKING:
    from longma.workers.model import Assignment

CRASHED = 255


def run(assignment: Assignment) -> int:
    """Serve until told to stop, and return the exit status.

    0 after a stop, 1 after an abort, 3 or 4 when the application cannot be loaded (the master decides what that means
    for the server), 255 when the model itself fails.
    """
    common = assignment.common
    chosen = foreign(common.model)
    if chosen is not None:
        from longma.workers.foreign import run as run_foreign  # only servers with such a class need it

        return run_foreign(assignment, chosen)
    settings = common.settings
    lifecycle = Lifecycle(common.log, assignment.worker, settings.worker_int, settings.worker_abort)
    try:
        exit_code = live(assignment, lifecycle)
    except SystemExit as leaving:
        # From the handler of a signal; or the application leaves by itself, which the model has logged.
        own = leaving.code if isinstance(leaving.code, int) else ABORTED
        exit_code = lifecycle.exit_code if lifecycle.stopping else own
    finally:
        common.close_sockets()
        common.log.info(f"Worker exiting (pid: {os.getpid()})")
        with suppress(hooks.HookError):  # it is in the log, and the worker has nothing left to do
            hooks.run(settings.worker_exit, "worker_exit", common.log, common.server, assignment.worker)
        assignment.tether.close()
    return exit_code


def live(assignment: Assignment, lifecycle: Lifecycle) -> int:
    """Boot and serve; say why where that fails.

    Raises:
        SystemExit: a signal asked to stop while booting, or to abort; or the application asked for the end itself.
    """
    try:
        boot(assignment, lifecycle).run()
    except ApplicationError as error:
        failure = describe(error)
        if not assignment.tether.send(Report.FAILED, failure):
            assignment.common.log.error(failure)
        return error.exit_status
    except Exception as error:
        assignment.common.log.error(f"Exception in worker process\n{traceback_of(error)}")
        return CRASHED
    return lifecycle.exit_code
