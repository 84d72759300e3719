"""Opens the logs that the settings name, before anything is forked, so that a bad path is told at once."""

from __future__ import annotations

import os
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from longma.errors import OperatorError
from longma.logs import bridge
from longma.logs.access import AccessLog
from longma.logs.error_log import ErrorLog, ErrorStream
from longma.logs.levels import Level, level_named
from longma.logs.light import LightLogger
from longma.logs.record import ERROR_LOG, Record, bare, plain
from longma.logs.sinks import FileSink
from longma.logs.targets import STANDARD_STREAM, STDERR, STDOUT, Owner, open_for_appending, open_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.config.settings import Settings
    from longma.logs.sinks import Metrics, Sink
    from longma.logs.statsd import Statsd


# For an engine whose worker writes the access log in Python.
NO_ACCESS_LOG: Final = MappingProxyType({"accesslog": None, "syslog": False})


class LoggerClassError(OperatorError):
    """The class of `logger_class` cannot be found, or made into a logger."""

    def __init__(self, name: str, error: BaseException) -> None:
        words = f"logger_class: {name}: {type(error).__name__}: {' '.join(str(error).split())}"
        is_gunicorns = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "gunicorn"
        super().__init__(f"{words}; install it, or derive from longma.logs.Logger" if is_gunicorns else words)


def open_error_log(settings: Settings) -> ErrorLog:
    """Return the error log that the settings ask for; what the application imports as `logging` is connected to it.

    Raises:
        OperatorError: a file cannot be written to, or a logger or a configuration of logging cannot be used. Whatever
            was in use before still is.
    """
    target = open_target("errorlog", settings.errorlog, STDERR, owner(settings))
    file = FileSink(target, json_or(settings, plain))
    try:
        log = own_log(settings, file, target.descriptor) or light_log(settings, file, target.descriptor)
    except OperatorError:
        target.close()
        raise
    log.errors = errors_of(settings, target.descriptor)
    connect = log.take_over

    def take_over() -> None:
        connect()
        if settings.capture_output:
            target.capture()

    log.take_over = take_over
    log.take_over()
    return log


def check_access_log(settings: Settings) -> None:
    """See that the access log can be written, and make its file for its owner; each worker's engine opens it itself.

    Raises:
        LogFileError: the file cannot be made or written to.
    """
    path = settings.accesslog
    if path is not None and path != STANDARD_STREAM:
        os.close(open_for_appending("accesslog", path, owner(settings)))


def reopen_logs(settings: Settings, log: ErrorLog) -> None:
    """Open the files of the logs again by their names, in the master: before the workers, which may not make them."""
    log.reopen()
    try:
        check_access_log(settings)
    except OperatorError as error:
        log.error(str(error))


def light_log(settings: Settings, file: FileSink, descriptor: int) -> ErrorLog:
    """The log without the standard library's logging."""
    complain = complaints(file)
    sinks = (file, *syslog_sinks(settings, "error", complain))
    metrics = statsd(settings, complain)
    log = ErrorLog(descriptor, level_named(settings.loglevel), sinks=sinks, metrics=metrics)
    to_syslog = settings.syslog and not settings.disable_redirect_access_to_syslog
    is_enabled = settings.accesslog is not None or to_syslog
    log.access_log = AccessLog(is_enabled, lambda: access_sinks(settings, complain), complain)
    log.logger = logger = LightLogger(log, log.access_log, settings)
    log.observer = lambda: logger.access if logger.site_access_log() else None
    log.settings_instead = lambda: NO_ACCESS_LOG if logger.site_access_log() else {}
    log.site_sink = partial(site_sink, level_named(settings.loglevel), file)
    log.take_over = partial(bridge.install, log, log.access_log)
    return log


def site_sink(level: Level, fallback: FileSink) -> Sink | None:
    """Where our records go once the application has changed the logger `gunicorn.error`; None until then."""
    logger = bridge.site_logger(ERROR_LOG, level)
    if logger is None:
        return None
    from longma.logs.delegate import LoggerSink

    return LoggerSink(logger, fallback)


def own_log(settings: Settings, file: FileSink, descriptor: int) -> ErrorLog | None:
    """The log whose records a logger of the site's own writes; None where the settings ask for none.

    Raises:
        OperatorError: the class or the configuration of logging cannot be used.
    """
    if settings.logger_class is None and not (settings.logconfig_dict or settings.logconfig_json or settings.logconfig):
        return None
    # The standard library's logging comes with these.
    from longma.logs.delegate import LoggerMetrics, LoggerSink

    logger = own_logger(settings)
    sink = LoggerSink(logger, file)
    # A logger that counts by itself has Gunicorn's names for it.
    counts_itself = hasattr(logger, "increment")
    metrics: Metrics | None = None if counts_itself else statsd(settings, complaints(file))
    log = ErrorLog(descriptor, Level.DEBUG, sinks=(sink,), metrics=metrics or LoggerMetrics(logger, sink))
    log.logger = logger
    if settings.logger_class is not None or getattr(logger, "access_log_enabled", True):
        log.observer = lambda: sink.observe
    log.settings_instead = lambda: {**NO_ACCESS_LOG, **({"statsd_host": None} if counts_itself else {})}
    log.take_over = sink.take_over
    return log


def own_logger(settings: Settings) -> Any:
    """Make the logger.

    Raises:
        OperatorError: that fails.
    """
    from longma.config.compatible import Config
    from longma.logs.log_config import restored_on_failure

    given = settings.logger_class or "longma.logs.Logger"
    try:
        cls = imported(given) if isinstance(given, str) else given
        with restored_on_failure():
            return with_safe_atoms(cls(Config(settings)))
    except OperatorError:
        raise
    except Exception as error:  # foreign code, which ends the start here
        name = given if isinstance(given, str) else f"{given.__module__}.{given.__qualname__}"
        raise LoggerClassError(name, error) from error


def with_safe_atoms(logger: Any) -> Any:
    """Have a logger that wraps atoms by Gunicorn's class do so by ours, which escapes more than quotes."""
    if getattr(getattr(logger, "atoms_wrapper_class", None), "__module__", "") == "gunicorn.glogging":
        from longma.logs.atoms import SafeAtoms

        logger.atoms_wrapper_class = SafeAtoms
    return logger


def imported(dotted: str) -> Any:
    """Import a class by its dotted name."""
    from importlib import import_module

    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module), name)


def owner(settings: Settings) -> Owner:
    return Owner(settings.user, settings.group)


def json_or(settings: Settings, line: Callable[[Record], bytes]) -> Callable[[Record], bytes]:
    """How records become lines of a file."""
    if settings.log_format != "json":
        return line
    from longma.logs.json_lines import json_line

    return json_line


def errors_of(settings: Settings, descriptor: int) -> ErrorStream:
    """What `wsgi.errors` is."""
    if settings.log_format != "json":
        return ErrorStream(descriptor)
    from longma.logs.json_errors import JsonErrorStream

    return JsonErrorStream(descriptor)


def complaints(file: FileSink) -> Callable[[str], None]:
    """Return what takes words about the other sinks, and writes them to this one."""

    def complain(words: str) -> None:
        file.write(Record(Level.WARNING, ERROR_LOG, os.getpid(), words, time.time()))

    return complain


def syslog_sinks(settings: Settings, log: str, complain: Callable[[str], None]) -> tuple[Sink, ...]:
    """One for "error" or "access", or none.

    Raises:
        OperatorError: the address or the facility is none.
    """
    if not settings.syslog:
        return ()
    from longma.logs.syslog import SyslogSink, address, facility, numbered, numbered_json, tag

    words = numbered_json if settings.log_format == "json" else numbered
    where, code = address(settings.syslog_addr), facility(settings.syslog_facility)
    return (SyslogSink(where, code, tag(settings, log), words, complain),)


def access_sinks(settings: Settings, complain: Callable[[str], None]) -> tuple[Sink, ...]:
    """Open what the settings name for access lines.

    Raises:
        OperatorError: that cannot be done.
    """
    sinks: tuple[Sink, ...] = ()
    if settings.accesslog is not None:
        target = open_target("accesslog", settings.accesslog, STDOUT, owner(settings))
        sinks = (FileSink(target, json_or(settings, bare)),)
    if not settings.disable_redirect_access_to_syslog:
        sinks += syslog_sinks(settings, "access", complain)
    return sinks


def statsd(settings: Settings, complain: Callable[[str], None]) -> Statsd | None:
    if settings.statsd_host is None:
        return None
    from longma.logs.statsd import Statsd

    return Statsd(settings.statsd_host, settings.statsd_prefix, settings.dogstatsd_tags, complain)
