"""Hands our records and access lines to a logger of the site's own. Whatever that does, the server goes on."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from longma.logs import bridge
from longma.logs.escape import escaped
from longma.logs.handlers import EscapedTraceback
from longma.logs.levels import Level, name_of
from longma.logs.record import ERROR_LOG, Record, traceback_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.logs.sinks import FileSink


class LoggerSink:
    """The one sink of an error log whose records a logger with Gunicorn's methods writes.

    Args:
        logger: the site's; one of the library's own will do as well.
        fallback: where records go that it has failed to write, and the reason.
    """

    def __init__(self, logger: Any, fallback: FileSink) -> None:
        self._logger = logger
        self._fallback = fallback
        self._is_set_up = True
        error_log = getattr(logger, "error_log", logger)
        if isinstance(error_log, logging.Logger):
            is_there = any(isinstance(one, EscapedTraceback) for one in error_log.filters)
            if not is_there:
                error_log.addFilter(EscapedTraceback())

    def take_over(self) -> None:
        """Set the logger up again, after another log was tried; its constructor has done so for the first time."""
        bridge.uninstall()
        if not self._is_set_up:
            try:
                self._logger.setup(self._logger.cfg)
            except Exception as error:  # foreign code
                self.failed(error)
        self._is_set_up = False

    def write(self, record: Record) -> None:
        if isinstance(self._logger, logging.Logger) and not self._logger.isEnabledFor(record.level):
            return
        try:
            self._hand_over(record)
        except Exception as error:  # foreign code
            self._fallback.write(record)
            self.failed(error)

    def observe(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: Any) -> None:
        """Have the logger write the access line of a request."""
        try:
            self._logger.access(resp, req, environ, request_time)
        except Exception as error:  # foreign code
            self.failed(error)

    def reopen(self) -> None:
        """Have the logger open its files again, and do so with ours.

        Raises:
            LogFileError: ours cannot be opened.
        """
        try:
            self._logger.reopen_files()
        except Exception as error:  # foreign code
            self.failed(error)
        self._fallback.reopen()

    def close(self) -> None:
        self._fallback.close()

    def failed(self, error: Exception) -> None:
        """Say that the logger has raised."""
        words = f"The logger {type(self._logger).__qualname__} has failed"
        record = Record(Level.ERROR, ERROR_LOG, os.getpid(), words, time.time(), traceback_of(error))
        self._fallback.write(record)

    def _hand_over(self, record: Record) -> None:
        trace = (type(record.error), record.error, record.error.__traceback__) if record.error is not None else None
        if isinstance(self._logger, logging.Logger):
            self._logger.handle(self._made(self._logger, record, trace))
            return
        about = f"(pid:{record.pid}) " if record.pid != os.getpid() else ""
        method = getattr(self._logger, name_of(record.level).lower())
        if trace is None:
            method(about + escaped(record.whole))
        elif record.error is sys.exc_info()[1] and record.level == Level.ERROR:
            self._logger.exception(about + escaped(record.message))
        else:
            method(about + escaped(record.message), exc_info=trace)

    @staticmethod
    def _made(logger: logging.Logger, record: Record, trace: Any) -> logging.LogRecord:
        """The library's form of a record."""
        words = escaped(record.whole if trace is None else record.message)
        made = logger.makeRecord(logger.name, record.level, __file__, 0, words, (), trace)
        made.process = record.pid
        return made


class LoggerMetrics:
    """Numbers as Gunicorn brings them to its loggers: by the `extra` of a record."""

    def __init__(self, logger: Any, sink: LoggerSink) -> None:
        self._logger = logger
        self._sink = sink

    def count(self, name: str) -> None:
        """Do nothing: a logger that counts its records does so itself."""

    def metric(self, name: str, value: object, kind: str) -> None:
        try:
            self._logger.debug(f"{name}: {value}", extra={"metric": name, "value": value, "mtype": kind})
        except Exception as error:  # foreign code
            self._sink.failed(error)

    def measure(self, extra: Mapping[str, object] | None) -> bool:
        if not extra or extra.get("metric") is None:
            return False
        self.metric(str(extra["metric"]), extra.get("value"), str(extra.get("mtype")))
        return True

    def close(self) -> None:
        """Do nothing: nothing is ours."""
