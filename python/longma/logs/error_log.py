"""The error log: what the server says of itself, in Gunicorn's form, and `wsgi.errors`, what the application says.

Not the standard library's logging: it costs a megabyte a worker, takes a lock that a signal handler can meet held, and
is for the application to set up as it likes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from longma.logs.escape import escaped
from longma.logs.levels import Level, name_of
from longma.logs.record import ERROR_LOG, Record, divided, plain, traceback_of
from longma.logs.sinks import FileSink
from longma.logs.targets import LogFileError, Target, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from longma.logs.access import AccessLog
    from longma.logs.sinks import Metrics, Sink


class ErrorLog:
    """Hands records at or above a threshold to its sinks. It never raises, and may be used in a signal handler.

    Args:
        descriptor: the file or stream that it writes to, and that `wsgi.errors` is to write to.
        threshold: the least level that is written.
        sinks: where records go; without any they are written to the descriptor, in Gunicorn's form.
        metrics: what counts records, and takes `metric`.

    Attributes:
        logger: What hooks know as `server.log` and `worker.log`; has the methods of Gunicorn's logger.
        errors: `wsgi.errors`.
        access_log: What writes access lines that Python makes; None where a logger of the site's own does.
        observer: Returns what `access_observer` is to be.
        settings_instead: Returns what `engine_settings` is to be.
        site_sink: Returns where records go instead, once the application has made a logger of ours its own.
        take_over: Has what a process has but once go to this log: its standard streams, where they are captured, and
            the standard library's logging. Called by whoever opens the log, and again after another one was tried.
    """

    def __init__(
        self, descriptor: int, threshold: Level, *, sinks: Sequence[Sink] = (), metrics: Metrics | None = None
    ) -> None:
        self.descriptor = descriptor
        self.threshold = threshold
        self._sinks = tuple(sinks) or (FileSink(Target(descriptor), plain),)
        self._metrics = metrics
        self.errors = ErrorStream(descriptor)
        self.logger: Any = self
        self.access_log: AccessLog | None = None
        self.observer: Callable[[], Callable[..., None] | None] = nothing
        self.settings_instead: Callable[[], Mapping[str, object]] = dict
        self.site_sink: Callable[[], Sink | None] = nothing
        self.take_over: Callable[[], None] = nothing

    def log(self, level: int, message: str, pid: int | None = None, error: BaseException | None = None) -> None:
        """Write a record of this process, or of another one that it stands for.

        Args:
            level: a number of `Level`.
            message: the words; a traceback may follow them.
            pid: whose record it is, where it is not ours.
            error: an exception whose traceback is to follow, where the message does not end with it.
        """
        words, traceback = divided(message)
        if error is not None and not traceback:
            traceback = traceback_of(error)
        if self._metrics is not None and level >= Level.WARNING:
            self._metrics.count(f"{ERROR_LOG.removesuffix('error')}log.{counted_as(level, traceback)}")
        site = self.site_sink()
        if level >= self.threshold or site is not None:
            record = Record(level, ERROR_LOG, pid or os.getpid(), words, time.time(), traceback, error)
            (site or self).write(record)

    def write(self, record: Record) -> None:
        """Hand a record to the sinks, whatever its level."""
        for sink in self._sinks:
            sink.write(record)

    @property
    def access_observer(self) -> Callable[..., None] | None:
        """What takes (resp, req, environ, timedelta) of each request, where Python has to write the access log.

        None where the engine does. It never raises. To be asked once the application is loaded, which may have a say.
        """
        return self.observer()

    @property
    def engine_settings(self) -> Mapping[str, object]:
        """What the engine must be told instead of the settings, so that nothing is logged twice."""
        return self.settings_instead()

    def debug(self, message: object, *args: object, **details: Any) -> None:
        self.say(Level.DEBUG, message, args, **details)

    def info(self, message: object, *args: object, **details: Any) -> None:
        self.say(Level.INFO, message, args, **details)

    def warning(self, message: object, *args: object, **details: Any) -> None:
        self.say(Level.WARNING, message, args, **details)

    def error(self, message: object, *args: object, **details: Any) -> None:
        self.say(Level.ERROR, message, args, **details)

    def critical(self, message: object, *args: object, **details: Any) -> None:
        self.say(Level.CRITICAL, message, args, **details)

    def exception(self, message: object, *args: object, **details: Any) -> None:
        """Write an error with the traceback of the exception that is being handled."""
        self.say(Level.ERROR, message, args, **{"exc_info": True, **details})

    def metric(self, name: str, value: object, kind: str) -> None:
        """Tell StatsD a number: `kind` is counter, gauge, histogram or timer."""
        if self._metrics is not None:
            self._metrics.metric(name, value, kind)

    def reopen(self) -> None:
        """Open files again by their names, after somebody has moved them away. The descriptors stay the same."""
        for log in (*self._sinks, *((self.access_log,) if self.access_log else ())):
            try:
                log.reopen()
            except LogFileError as error:
                self.error(str(error))

    def close(self) -> None:
        """End what this process holds open for the log, as when another takes its place."""
        for one in (*self._sinks, self._metrics, self.access_log):
            if one is not None:
                one.close()

    def say(
        self,
        level: int,
        message: object,
        args: tuple[object, ...],
        *,
        exc_info: object = None,
        extra: Mapping[str, object] | None = None,
        **_of_logging: object,
    ) -> None:
        """Do what the methods of the standard library's loggers do with the same arguments."""
        if extra and extra.get("metric") is not None:
            if self._metrics is not None:
                self._metrics.measure(extra)
            if not message:
                return
        if level >= min(self.threshold, Level.WARNING) or self.site_sink() is not None:
            self.log(level, worded(message, args), error=exception_of(exc_info))


def nothing() -> None:
    """Do nothing: this log has nothing to take over."""


def worded(message: object, args: tuple[object, ...]) -> str:
    """Return the message with its arguments in it, as the standard library's loggers put them there."""
    try:
        text = str(message)
        if not args:
            return text
        return text % (args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args)
    except Exception as error:  # arguments that do not fit, or that cannot be shown, must not cost the record
        return f"{message!r} (with {len(args)} arguments that cannot be shown: {type(error).__name__})"


def exception_of(exc_info: object) -> BaseException | None:
    """Return the exception that an `exc_info` argument means."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if len(exc_info) == 3 else None
    return sys.exc_info()[1] if exc_info else None


def counted_as(level: int, traceback: str) -> str:
    """The name under which StatsD knows such records."""
    return "exception" if traceback and level < Level.CRITICAL else name_of(level).lower()


class ErrorStream:
    """`wsgi.errors` (PEP 3333, "Input and Error Streams"): the application's own text, whole, at once.

    What is written at once may hold what a client has sent, as what Flask says of an exception holds the path. It is
    shown as in a record: no control reaches a terminal, and no line behind the first can pass for a record.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, text: str) -> int:
        write_whole(self.descriptor, escaped(text).encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """Do nothing: each write has already gone out."""
