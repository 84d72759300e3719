"""The inline model: one request at a time, on the main thread, which drives the engine's loop itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma._core import Engine
from longma.logs.error_log import ErrorStream

if TYPE_CHECKING:
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment


def inline_model(application: WSGIApplication, assignment: Assignment) -> Engine:
    """Return the engine, which is this model: it calls the application from the thread that runs it."""
    common = assignment.common
    return Engine(
        application,
        listeners=[(listener.fileno(), listener.url) for listener in common.listeners],
        settings=common.settings.as_mapping(),
        board=common.board.memory,
        slot=assignment.slot,
        slots=common.board.slots,
        handover=common.handover.filenos(),
        errors=ErrorStream(common.log.descriptor),
        log=common.log.log,
        multiprocess=common.settings.workers > 1,
    )
