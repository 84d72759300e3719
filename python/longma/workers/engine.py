"""The engine of a worker, as every model that it serves has it made: with its sockets, logs, hooks and limits."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from longma._core import Engine
from longma.net.protocols import url
from longma.process.tether import Report
from longma.workers.connection import ConnectionSocket
from longma.workers.observer import Observer

if TYPE_CHECKING:
    from longma.config.settings import Settings
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment

RECYCLED = "max_requests"


def make_engine(
    application: WSGIApplication, assignment: Assignment, *, threads: int = 0, greenlets: bool = False
) -> Engine:
    """Return an engine that calls this application, and counts on the worker's handle.

    It closes the descriptors it is given, and so is given copies: ours close with their own objects. With `threads` it
    is called from so many, which run its `serve`; with `greenlets` by those that a hub switches between.
    """
    common = assignment.common
    worker = assignment.worker
    receiver, sender = common.handover.filenos()
    engine = Engine(
        application,
        listeners=[(os.dup(listener.fileno()), url(listener, common.settings)) for listener in common.listeners],
        settings={**common.settings.as_mapping(), **common.log.engine_settings},
        board=common.board.memory,
        slot=assignment.slot,
        slots=common.board.slots,
        handover=(os.dup(receiver), os.dup(sender)),
        errors=common.log.errors,
        log=common.log.log,
        multiprocess=common.settings.workers > 1,
        threads=threads,
        greenlets=greenlets,
        # A socket of its own would see records of TLS.
        socket_of=ConnectionSocket,
        tls=None if common.tls is None else common.tls.core,
        recycle_after=0 if worker.max_requests == sys.maxsize else worker.max_requests,
        on_recycle=Recycling(assignment),
        observer=observer_of(assignment),
    )
    worker.counts(lambda: engine.requests)
    return engine


def observer_of(assignment: Assignment) -> Observer | None:
    """Return who is to be told about each request; None where nobody wants to know."""
    common = assignment.common
    settings = common.settings
    access = common.log.access_observer
    if settings.pre_request is None and settings.post_request is None and access is None:
        return None
    return Observer(assignment.worker, common.log, settings.pre_request, settings.post_request, access)


def requests_allowed(settings: Settings) -> int:
    """Return after how many requests the worker is replaced, `sys.maxsize` for never.

    The jitter is drawn from the system: the state of `random`, if it was imported before the fork, is every worker's.
    """
    if not settings.max_requests:
        return sys.maxsize
    drawn = int.from_bytes(os.urandom(8), "little") % (settings.max_requests_jitter + 1)
    return settings.max_requests + drawn


class Recycling:
    """Called by the engine when the worker has answered as many requests as it may: its master is asked for another.

    It goes on serving until the other one is there and the master says TERM.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._log = assignment.common.log
        self._tether = assignment.tether

    def __call__(self) -> None:
        self._log.info("Autorestarting worker after current request.")
        self._tether.send(Report.RECYCLE, RECYCLED)
