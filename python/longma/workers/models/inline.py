"""The inline model: one request at a time, on the main thread, which drives the engine's loop itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma._core import Engine
from longma.logs.error_log import ErrorStream

if TYPE_CHECKING:
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment


def inline_model(application: WSGIApplication, assignment: Assignment) -> Engine:
    """Return the engine, which is this model: it calls the application from the thread that runs it.

    The engine closes the descriptors it is given, and so is given copies: ours close with their own objects.
    """
    common = assignment.common
    receiver, sender = common.handover.filenos()
    return Engine(
        application,
        listeners=[(os.dup(listener.fileno()), listener.url) for listener in common.listeners],
        settings=common.settings.as_mapping(),
        board=common.board.memory,
        slot=assignment.slot,
        slots=common.board.slots,
        handover=(os.dup(receiver), os.dup(sender)),
        errors=ErrorStream(common.log.descriptor),
        log=common.log.log,
        multiprocess=common.settings.workers > 1,
    )
