"""What each generation of workers is started with, and how a reload makes the next one.

A generation is on trial until one of its workers serves. Until then everything of the one before is kept as it was:
its settings, its listeners, its logs; a reload that fails leaves nothing behind.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma import hooks
from longma.clock import Clock
from longma.config.compatible import Config
from longma.config.diff import restart_needed
from longma.config.resolve import resolve
from longma.errors import LongmaError, OperatorError
from longma.logs.setup import check_access_log, open_error_log, reopen_logs
from longma.master.events import SettingsLoaded, SettingsRefused
from longma.master.policies import slots_for
from longma.master.premises import control_path
from longma.master.state import Wanted
from longma.net import half_open
from longma.net.listeners import open_listeners
from longma.net.protocols import url
from longma.net.tls import is_wanted
from longma.process.handover import open_handover
from longma.workers.registry import model_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longma.config.resolve import Resolved
    from longma.config.settings import Settings
    from longma.net.listeners import Listener
    from longma.workers.model import Common
    from longma.workers.tls import Secrecy

LOG_SETTINGS = (
    "errorlog", "loglevel", "log_format", "logger_class", "logconfig", "logconfig_dict", "logconfig_json", "syslog",
    "syslog_addr", "syslog_prefix", "syslog_facility", "statsd_host", "statsd_prefix", "dogstatsd_tags", "accesslog",
    "access_log_format", "disable_redirect_access_to_syslog", "capture_output",
)  # fmt: skip

LOG_SOURCES = ("logconfig", "logconfig_json", "logger_class")


class Generations:
    """The readings of the settings that workers are or may be started with, by number.

    Attributes:
        resolved: The settings in force, with their sources.
    """

    def __init__(self, common: Common, resolved: Resolved, devices: tuple[str, ...]) -> None:
        self.resolved = resolved
        self._devices = devices
        self._commons = {common.generation: common}
        self._readings = {common.generation: (resolved, devices)}
        self._current = common.generation

    @property
    def current(self) -> Common:
        """What is in force: of the last generation that served, or of the first one."""
        return self._commons[self._current]

    def common(self, generation: int) -> Common:
        """What workers of this generation are started with."""
        return self._commons[generation]

    def load(self, generation: int) -> SettingsLoaded | SettingsRefused:
        """Read the settings anew and open what they ask for, as a generation on trial."""
        before = self.current
        try:
            resolved = self._read()
            common, devices = self._prepare(before, resolved, generation)
        except LongmaError as error:
            return SettingsRefused(str(error))
        except BaseException as error:
            # Here a reload ends: whoever is at fault, and by whatever (Ctrl-C comes as a signal, never so), the server
            # that serves is none the worse for it.
            before.log.exception("Exception while the settings were read again")
            return SettingsRefused(f"{type(error).__name__}: {error}")
        try:
            self._call_hooks(common)
        except hooks.HookError as error:
            before.server.adopt(before.cfg, before.log, before.listeners)
            self._let_go_of(common)
            return SettingsRefused(str(error))
        for name in restart_needed(before.settings, common.settings):
            common.log.warning(f"{name} has changed: that takes effect when the server is started again.")
        if common.application is not None:
            common.log.warning(
                "preload_app: the application was loaded by the master, and stays until USR2 or a restart."
            )
        for notice in (*resolved.notices, *warnings_of(common)):
            common.log.warning(notice)
        self._commons[generation] = common
        self._readings[generation] = (resolved, devices)
        return SettingsLoaded(generation, wanted_by(common.settings, devices)._replace(slots=common.board.slots))

    def renew(self, generation: int) -> None:
        """Begin a generation with the settings in force, for workers that load the application anew."""
        self._commons[generation] = self.current._replace(generation=generation)
        self._readings[generation] = (self.resolved, self._devices)

    def commit(self, generation: int) -> tuple[Settings, Settings]:
        """Let this generation be the one in force, and close what only the earlier ones had.

        Returns the settings from before and the new ones.
        """
        before = self.current
        self._current = generation
        self.resolved, self._devices = self._readings[generation]
        for older in [number for number in self._commons if number != generation]:
            self._let_go_of(self._commons.pop(older))
            del self._readings[older]
        return before.settings, self.current.settings

    def abandon(self, generation: int) -> None:
        """Close what only this generation on trial had."""
        common = self._commons.pop(generation, None)
        self._readings.pop(generation, None)
        before = self.current
        before.server.adopt(before.cfg, before.log, before.listeners)
        if common is not None:
            self._let_go_of(common)

    def leave_to(self, generation: int) -> None:
        """In a worker that was just forked: let go of what the other generations have and its own has not.

        An address that is listened on no more would else stay open, with nobody to accept.
        """
        for other in [number for number in self._commons if number != generation]:
            common = self._commons.pop(other)
            for listener in self._only_of(common):
                listener.close()
            self._close_queue_of(common)
            if all(common.log is not kept.log for kept in self._commons.values()):
                common.log.close()

    def close_listeners(self, *, unlink: bool, is_quick: bool) -> None:
        """Let go of the listeners of every generation; they close with the last worker's."""
        listeners = {listener for common in self._commons.values() for listener in common.listeners}
        if unlink:
            refusing = [listener for listener in listeners if listener.turn_away()]
            for listener in listeners:
                listener.unlink()
            if not is_quick:
                # The workers serve meanwhile: they are told afterwards.
                half_open.wait(refusing, Clock())
        for listener in listeners:
            listener.close()

    def _read(self) -> Resolved:
        """Read everything again as it was read at the start: from the same directory, with the same environment.

        Raises:
            LongmaError: something is wrong with the settings.
        """
        variables = self.current.variables
        invocation = self.resolved.invocation
        directory = os.getcwd()
        variables.apply(())
        try:
            os.chdir(invocation.cwd)
            given = invocation.given
            if given is not None and given.again is not None:
                invocation = invocation._replace(given=given.again())
            return resolve(*invocation)
        except OSError as error:
            raise OperatorError(f"{invocation.cwd}: {error.strerror}") from error
        finally:
            variables.apply(self.current.settings.raw_env)
            os.chdir(directory)

    @staticmethod
    def _call_hooks(common: Common) -> None:
        """Run the hooks of a reload, with the new settings, in Gunicorn's order.

        Raises:
            HookError: one of them failed.
        """
        server, settings, log = common.server, common.settings, common.log
        before = server.num_workers
        server.adopt(common.cfg, log, common.listeners)
        hooks.run(settings.nworkers_changed, "nworkers_changed", log, server, settings.workers, before)
        server.num_workers = settings.workers
        try:
            hooks.run(settings.on_reload, "on_reload", log, server)
        except hooks.HookError:
            server.num_workers = before
            hooks.run(settings.nworkers_changed, "nworkers_changed", log, server, before, settings.workers)
            raise

    def _prepare(self, before: Common, resolved: Resolved, generation: int) -> tuple[Common, tuple[str, ...]]:
        """Open what the new settings ask for.

        Raises:
            LongmaError: something of it cannot be had; nothing is left open.
        """
        settings = resolved.settings
        slots = slots_for(settings.workers)
        if slots > before.board.capacity:
            raise OperatorError(f"workers: there is no room for {settings.workers} until the server is started again")
        # What the program has, or the master has loaded, goes on as it is; a module of the site's is read again.
        anew = before.application is None and before.load is None
        model = model_for(settings, site_directories(settings) if anew else ())
        devices = discover(settings)
        check_access_log(settings)
        check_pidfile(settings, before.settings)
        check_control(settings, before)
        tls = secrecy_of(settings, before.tls)
        has_new_logs = any(getattr(settings, name) != getattr(before.settings, name) for name in LOG_SETTINGS)
        # What stands in a file, or in a class of the site's, can have changed under the same name.
        has_new_logs = has_new_logs or any(getattr(settings, name) for name in LOG_SOURCES)
        log = open_error_log(settings) if has_new_logs else before.log
        try:
            listeners = open_listeners(settings, log=log.log, kept=before.listeners, patient=False)
        except LongmaError:
            if log is not before.log:
                log.close()
                before.log.take_over()
            raise
        reopen_logs(settings, log)
        is_same = meaning(listeners, settings, tls) == meaning(before.listeners, before.settings, before.tls)
        common = before._replace(
            settings=settings,
            cfg=Config(settings),
            listeners=listeners,
            # The workers that are there keep their pages until they are replaced.
            board=before.board.with_slots(max(slots, before.board.slots)),
            log=log,
            model=model,
            generation=generation,
            tls=tls,
        )
        if not is_same:
            try:
                common = common._replace(handover=open_handover())
            except OSError as error:
                self._let_go_of(common)
                raise OperatorError(f"workers: there is no queue to be had for them: {error.strerror}") from error
        return common, devices

    def _let_go_of(self, common: Common) -> None:
        """Close the listeners and logs of a generation that no other one has."""
        for listener in self._only_of(common):
            listener.unlink()
            listener.close()
        self._close_queue_of(common)
        if all(common.log is not other.log for other in self._commons.values()):
            common.log.close()
            # Standard output and the standard library's loggers lead to one log only: to the one in force again.
            self.current.log.take_over()

    def _close_queue_of(self, common: Common) -> None:
        if all(common.handover is not other.handover for other in self._commons.values()):
            common.handover.close()

    def _only_of(self, common: Common) -> list[Listener]:
        """The listeners of a generation that none of those which are kept has."""
        kept = [listener for other in self._commons.values() for listener in other.listeners]
        return [listener for listener in common.listeners if listener not in kept]


def site_directories(settings: Settings) -> tuple[str, ...]:
    """Where the modules are that are the site's own."""
    named = (part.strip() for part in (settings.pythonpath or "").split(","))
    return (settings.chdir, *(os.path.abspath(part) for part in named if part))


def check_pidfile(settings: Settings, before: Settings) -> None:
    """Find out whether another pidfile can be had; it is written once the new generation serves.

    Raises:
        OperatorError: it belongs to a server that runs, or cannot be written.
    """
    if settings.pidfile is not None and settings.pidfile != before.pidfile:
        from longma.process.pidfile import Pidfile  # only servers with one need it

        Pidfile(settings.pidfile).check(os.getpid())


def check_control(settings: Settings, before: Common) -> None:
    """Find out whether another control socket can be had; it is opened once the new generation serves.

    Raises:
        OperatorError: it belongs to a server that runs, or cannot be made.
    """
    path = control_path(settings, is_second=bool(before.server.master_pid))
    if path is not None and path != control_path(before.settings, is_second=bool(before.server.master_pid)):
        from longma.net import meeting  # only servers with one need it

        meeting.check(path)


def discover(settings: Settings) -> tuple[str, ...]:
    """The devices to lease.

    Raises:
        OperatorError: they cannot be found.
    """
    if not settings.devices:
        return ()
    from longma.process import devices  # only servers with devices need it

    return devices.discover(settings.devices)


def meaning(
    listeners: Iterable[Listener], settings: Settings, tls: Secrecy | None
) -> tuple[tuple[Listener, str, bool], ...]:
    """What a connection is to a worker that is told by number which listener it came from.

    Workers to whom the same number means something else must not hand connections to each other.
    """
    return tuple((listener, url(listener, settings), tls is not None) for listener in listeners)


def secrecy_of(settings: Settings, before: Secrecy | None = None) -> Secrecy | None:
    """How TLS is to be spoken.

    Raises:
        OperatorError: the files that the settings name do not allow it.
    """
    if not is_wanted(settings):
        return None
    from longma.workers.tls import Secrecy  # only servers that speak TLS need it

    return Secrecy(settings, before)


def warnings_of(common: Common) -> list[str]:
    """What the operator is to know of the certificates."""
    return [] if common.tls is None else common.tls.warnings


def wanted_by(settings: Settings, devices: tuple[str, ...]) -> Wanted:
    """What the settings ask of the master."""
    return Wanted(
        workers=settings.workers,
        timeout=settings.timeout,
        graceful_timeout=settings.graceful_timeout,
        slots=slots_for(settings.workers),
        boot_timeout=settings.boot_timeout,
        memory=settings.max_worker_memory,
        memory_hard=settings.max_worker_memory_hard,
        devices=devices,
        measures_backlog=settings.enable_backlog_metric,
        drain_delay=settings.drain_delay,
        watches_certificates=is_wanted(settings),
    )
