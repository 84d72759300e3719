"""Starts the master: opens everything that is shared, runs the loop, and lets a forked child become a worker."""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

from longma import __version__, hooks
from longma.clock import Clock
from longma.config.compatible import Config
from longma.errors import ApplicationError, LongmaError, OperatorError
from longma.exitcodes import OK
from longma.gateway.loader import application_of, enter
from longma.gateway.search_path import extend
from longma.logs.levels import Level
from longma.logs.setup import check_access_log, open_error_log
from longma.master.actions import News
from longma.master.generations import Generations, discover, secrecy_of, wanted_by, warnings_of
from longma.master.loop import SIGNALS, Loop
from longma.master.policies import slots_for
from longma.master.premises import Premises
from longma.master.server import Server
from longma.master.shell import Shell
from longma.master.spawn import InWorker, Spawner
from longma.master.state import State
from longma.master.upgrade import take_parent
from longma.net.inherit import inherited
from longma.net.listeners import open_listeners
from longma.net.protocols import url
from longma.process.board import Board
from longma.process.forking import freeze_heap
from longma.process.handover import open_handover
from longma.process.notify import Notifier
from longma.process.signals import SignalPipe
from longma.process.standard import fill_standard_descriptors
from longma.process.variables import Variables
from longma.unpatched import original
from longma.workers import main as worker
from longma.workers.model import Common
from longma.workers.registry import model_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.config.resolve import Resolved
    from longma.config.settings import Settings
    from longma.logs.error_log import ErrorLog
    from longma.process.daemon import Started
    from longma.typing import WSGIApplication

CRASHED = 255
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Stopped(Exception):
    """The master was told to stop before it had begun."""


class Source(NamedTuple):
    """Where the application comes from when it is not what the settings name."""

    application: WSGIApplication | None
    load: Callable[[], WSGIApplication] | None


class Waiting(Clock):
    """Waits for an address that is taken, and not a moment longer than the operator does."""

    def __init__(self, signals: SignalPipe) -> None:
        self._signals = signals

    def sleep(self, seconds: float) -> None:
        """Wait that long.

        Raises:
            Stopped: a signal asks the master to stop.
        """
        deadline = self.now() + seconds
        while (left := deadline - self.now()) > 0:
            waiting = original("select", "poll")()
            waiting.register(self._signals.fileno(), select.POLLIN)
            waiting.poll(left * 1000)
            if any(number in ENDING for number in self._signals.drain()):
                raise Stopped


def run(
    resolved: Resolved,
    application: WSGIApplication | None = None,
    load: Callable[[], WSGIApplication] | None = None,
) -> int:
    """Serve as the settings say, and return the exit status: of the master, or, in a forked child, of the worker.

    Args:
        resolved: the settings.
        application: what to serve, where the program has it already; it stays over every reload.
        load: what each worker gets it by instead; None for what the settings name.

    Raises:
        LongmaError: something that the settings ask for cannot be had; nothing was forked.
    """
    settings = resolved.settings
    fill_standard_descriptors()
    parent = take_parent(os.environ)
    # A worker class of the operator's is found where the application is.
    enter(settings.chdir)
    extend(settings.pythonpath)
    model_for(settings)
    if settings.paste:
        from longma.gateway import paste  # only servers with one need it

        paste.require()
    started: Started | None = None
    # A second master is a daemon already if the first one is.
    if settings.daemon and not parent:
        from longma.process.daemon import daemonize

        started = daemonize(settings.enable_stdio_inheritance)
    premises = Premises(Notifier(os.environ), started, is_second=bool(parent))
    try:
        return serve(resolved, premises, parent, Source(application, load))
    except LongmaError as error:
        if started is None:
            raise
        # The command that the operator gave waits for this process, and ends when it is told how it went.
        sys.stderr.write("".join(f"longma: error: {line}\n" for line in str(error).splitlines()))
        premises.fail(error.exit_status)
        return error.exit_status


def serve(resolved: Resolved, premises: Premises, parent: int, source: Source) -> int:
    """Be the master, and return its exit status; or, in a forked child, be a worker, and return the worker's."""
    try:
        return master(resolved, premises, parent, source)
    except InWorker as leaving:
        assignment = leaving.assignment
    # Here, and not in the handler above, the master's own objects are gone from the child.
    exit_code = worker.run(assignment)
    # As it ends the interpreter takes its handlers away; what comes then must not look like the cause of its death.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return exit_code


def master(resolved: Resolved, premises: Premises, parent: int, source: Source) -> int:
    """Run the master until its end, and return its exit status.

    Raises:
        InWorker: this is a child that was just forked.
        LongmaError: something that the settings ask for cannot be had.
    """
    settings = resolved.settings
    variables = Variables()
    variables.apply(settings.raw_env)
    log = open_error_log(settings)
    check_access_log(settings)
    devices = discover(settings)
    signals = SignalPipe()
    # What has a meaning for a server that runs must not end one that still loads its application; INT and TERM may.
    signals.install(number for number in SIGNALS if number not in ENDING)
    source = preload(settings, log, source)
    # Before the first line of the log, for whoever reads it may answer with a signal. All of them: the application may
    # have had its own way with some.
    signals.install((*SIGNALS, signal.SIGCHLD))
    spawner = Spawner(signals, premises)
    cfg = Config(settings)
    server = Server(cfg, log, spawner.workers, master_pid=parent)
    server.app.callable = source.application
    log.info(f"Starting longma {__version__}")
    hooks.run(settings.nworkers_changed, "nworkers_changed", log, server, settings.workers, None)
    premises.move_in(settings, log)
    try:
        hooks.run(settings.on_starting, "on_starting", log, server)
        common = open_common(resolved, cfg, log, server, variables, source, Waiting(signals))
        introduce(resolved, common)
        hooks.run(settings.when_ready, "when_ready", log, server)
        generations = Generations(common, resolved, devices)
        exit_code = tend(generations, devices, spawner, premises, signals, parent)
    except LongmaError:
        for listener in server.LISTENERS:
            listener.unlink()
            listener.close()
        premises.move_out()
        raise
    except Stopped:
        premises.move_out()
        return OK
    premises.fail(exit_code)
    premises.move_out()
    hooks.run(settings.on_exit, "on_exit", log, server)
    signals.close()
    return exit_code


def preload(settings: Settings, log: ErrorLog, source: Source) -> Source:
    """Load the application in the master, where the settings ask for it.

    Raises:
        OperatorError: it cannot be loaded. The exit status is Gunicorn's, 1, not that of a worker that fails to.
    """
    if not settings.preload_app or source.application is not None:
        return source
    prepare = getattr(model_for(settings), "prepare_master", None)
    if prepare is not None:
        prepare(log)
    try:
        return source._replace(application=source.load() if source.load is not None else application_of(settings))
    except ApplicationError as error:
        if error.__cause__ is not None:
            log.log(Level.ERROR, "The application cannot be preloaded", error=error.__cause__)
        raise OperatorError(str(error)) from error


def open_common(
    resolved: Resolved,
    cfg: Config,
    log: ErrorLog,
    server: Server,
    variables: Variables,
    source: Source,
    clock: Clock,
) -> Common:
    """Open what all workers share.

    Raises:
        AddressError: an address cannot be listened on.
        OperatorError: TLS cannot be spoken as asked.
        Stopped: the operator did not want to wait for it.
    """
    settings = resolved.settings
    tls = secrecy_of(settings)
    descriptors, server.systemd = inherited(os.environ, os.getpid(), log=log.log)
    listeners = open_listeners(settings, log=log.log, clock=clock, inherited=descriptors, by_systemd=server.systemd)
    server.LISTENERS = listeners
    return Common(
        settings=settings,
        cfg=cfg,
        listeners=listeners,
        handover=open_handover(),
        board=Board(slots_for(settings.workers)),
        log=log,
        model=model_for(settings),
        variables=variables,
        application=source.application,
        server=server,
        load=source.load,
        tls=tls,
    )


def tend(
    generations: Generations,
    devices: tuple[str, ...],
    spawner: Spawner,
    premises: Premises,
    signals: SignalPipe,
    parent: int,
) -> int:
    """Run the loop, and return the exit status that it ends with.

    Raises:
        InWorker: this is a child that was just forked.
    """
    common = generations.current
    shell = Shell(generations, spawner, premises)
    state = State(
        wanted_by(common.settings, devices),
        honours_winch=common.settings.daemon or not has_terminal(),
        has_parent=bool(parent),
        watchdog=premises.watchdog,
        began_at=Clock().now(),
    )
    if not common.settings.workers:
        premises.notify(News.READY)  # no worker will ever say so
    freeze_heap()
    try:
        exit_code = Loop(state, shell, spawner, common.board, signals, Clock(), parent).run()
    except Exception as error:
        # The workers notice that their master is gone, and stop by themselves.
        if not isinstance(error, hooks.HookError):  # which is in the log already
            generations.current.log.exception("Exception in the master")
        exit_code = CRASHED
    generations.current.handover.close()
    return exit_code


def has_terminal() -> bool:
    """Whether this process belongs to a terminal, which sends WINCH on its own account."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def introduce(resolved: Resolved, common: Common) -> None:
    """Write the first lines of the log, which tools look for."""
    urls = ",".join(url(listener, common.settings) for listener in common.listeners)
    if common.tls is not None:
        urls = urls.replace("http://", "https://")
    common.log.info(f"Listening at: {urls} ({os.getpid()})")
    common.log.info(f"Using worker: {common.settings.worker_class}")
    for notice in (*resolved.notices, *warnings_of(common)):
        common.log.warning(notice)
