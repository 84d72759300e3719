"""Starts the master: opens everything that is shared, runs the loop, and lets a forked child become a worker."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from longma import __version__
from longma.clock import Clock
from longma.config.compatible import Config
from longma.gateway.loader import enter
from longma.logs.setup import check_access_log, open_error_log
from longma.master.loop import SIGNALS, Loop
from longma.master.policies import slots_for
from longma.master.shell import Shell
from longma.master.spawn import InWorker, Spawner
from longma.master.state import State, Wanted
from longma.net.listeners import open_listeners
from longma.process.board import Board
from longma.process.forking import freeze_heap
from longma.process.handover import open_handover
from longma.process.signals import SignalPipe
from longma.process.standard import fill_standard_descriptors
from longma.process.variables import Variables
from longma.workers import main as worker
from longma.workers.model import Common
from longma.workers.registry import model_named

if TYPE_CHECKING:
    from longma.config.resolve import Resolved
    from longma.logs.error_log import ErrorLog
    from longma.net.listeners import Listener
    from longma.workers.model import ModelFactory

CRASHED = 255


def run(resolved: Resolved) -> int:
    """Serve as the settings say, and return the exit status: of the master, or, in a forked child, of the worker.

    Raises:
        LongmaError: a log, an address or the worker class of the settings cannot be used; nothing was forked.
    """
    settings = resolved.settings
    fill_standard_descriptors()
    enter(settings.chdir)
    log = open_error_log(settings)
    check_access_log(settings)
    model = model_named(settings.worker_class)
    return serve(resolved, model, open_listeners(settings, log=log.log), log)


def serve(resolved: Resolved, model: ModelFactory, listeners: tuple[Listener, ...], log: ErrorLog) -> int:
    """Be the master, and return its exit status; or, in a forked child, be a worker, and return the worker's."""
    try:
        return master(resolved, model, listeners, log)
    except InWorker as leaving:
        assignment = leaving.assignment
    # Here, and not in the handler above, the master's own objects are gone from the child.
    return worker.run(assignment)


def master(resolved: Resolved, model: ModelFactory, listeners: tuple[Listener, ...], log: ErrorLog) -> int:
    """Run the master until its end, and return its exit status.

    Raises:
        InWorker: this is a child that was just forked.
    """
    settings = resolved.settings
    # Before the first line of the log, for whoever reads it may answer with a signal.
    signals = SignalPipe()
    signals.install((*SIGNALS, signal.SIGCHLD))
    introduce(resolved, listeners, log)
    board = Board(slots_for(settings.workers))
    handover = open_handover()
    common = Common(settings, Config(settings), listeners, handover, board, log, model, Variables())
    spawner = Spawner(common, signals)
    shell = Shell(spawner, board, listeners, log)
    wanted = Wanted(settings.workers, settings.timeout, settings.graceful_timeout, board.slots)
    loop = Loop(State(wanted), shell, spawner, board, signals, Clock())
    freeze_heap()
    try:
        exit_code = loop.run()
    except Exception:
        import traceback  # only a master that fails needs it

        # The workers notice that their master is gone, and stop by themselves.
        log.critical(f"Exception in the master\n{traceback.format_exc().rstrip()}")
        exit_code = CRASHED
    signals.close()
    handover.close()
    return exit_code


def introduce(resolved: Resolved, listeners: tuple[Listener, ...], log: ErrorLog) -> None:
    """Write the first lines of the log, which tools look for."""
    urls = ",".join(listener.url for listener in listeners)
    log.info(f"Starting longma {__version__}")
    log.info(f"Listening at: {urls} ({os.getpid()})")
    log.info(f"Using worker: {resolved.settings.worker_class}")
    for notice in resolved.notices:
        log.warning(notice)
