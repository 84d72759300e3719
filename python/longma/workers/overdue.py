"""Requests that take longer than `timeout` where several run at once: none can be ended without the others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from longma.process.tether import Report
from longma.workers import stack

if TYPE_CHECKING:
    from types import FrameType

    from longma.workers.model import Assignment

OVERDUE = "timeout"


class Overdue:
    """Tells of each once, and asks for the worker to be replaced: it goes when all of its requests are answered."""

    def __init__(self, assignment: Assignment) -> None:
        self._timeout = assignment.common.settings.timeout
        self._log = assignment.common.log
        self._tether = assignment.tether
        self._told: tuple[object, float] | None = None

    def is_new(self, call: tuple[object, float] | None) -> bool:
        """Whether a call, known by who makes it and when it began, takes too long, and has not been told of."""
        if call is None or self._timeout == 0 or call == self._told or time.monotonic() - call[1] < self._timeout:
            return False
        self._told = call
        return True

    def tell(self, request: tuple[str, str, float] | None, frame: FrameType | None) -> None:
        """Log the request with its stack."""
        self._log.error(stack.describe(request, True, frame))
        self._log.info("Autorestarting worker: a request has taken longer than timeout.")
        self._tether.send(Report.RECYCLE, OVERDUE)
