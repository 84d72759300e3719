"""`longma.logs.Logger`: Gunicorn's logger on the standard library's logging, for sites that set it up or extend it.

It is used where `logger_class`, `logconfig`, `logconfig_dict` or `logconfig_json` is given. Names of methods and
attributes, also those with an underscore, are Gunicorn's: classes that sites derive from it use them.
"""

from __future__ import annotations

import logging
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from longma.logs import atoms as atom
from longma.logs.handlers import (
    ACCESS_FORMAT,
    ERROR_FORMAT,
    MEMBERS,
    SYSLOG_FORMAT,
    ChannelHandler,
    SafeFormatter,
    ShapedFormatter,
)
from longma.logs.log_config import configure, loggers
from longma.logs.record import ACCESS_LOG, DATE_FORMAT, ERROR_LOG
from longma.logs.syslog import SyslogSink, address, facility, numbered, tag
from longma.logs.targets import STANDARD_STREAM, LogFileError, Owner, open_for_appending

if TYPE_CHECKING:
    from collections.abc import Mapping


class Logger:
    """Writes to the loggers `gunicorn.error` and `gunicorn.access`.

    Args:
        cfg: the settings, as hooks see them.

    Raises:
        OperatorError: a file or a configuration of logging cannot be used.
    """

    LOG_LEVELS: ClassVar[Mapping[str, int]] = MappingProxyType(
        {
            "critical": logging.CRITICAL,
            "error": logging.ERROR,
            "warning": logging.WARNING,
            "info": logging.INFO,
            "debug": logging.DEBUG,
        }
    )
    loglevel = logging.INFO
    error_fmt = ERROR_FORMAT
    datefmt = DATE_FORMAT
    access_fmt = ACCESS_FORMAT
    syslog_fmt = SYSLOG_FORMAT
    atoms_wrapper_class: type[dict[str, Any]] = atom.SafeAtoms

    def __init__(self, cfg: Any) -> None:
        self.error_log = logging.getLogger(ERROR_LOG)
        self.access_log = logging.getLogger(ACCESS_LOG)
        self.error_log.propagate = False
        self.access_log.propagate = False
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        """Open what the settings name, then have the configuration of logging, if there is one, change it."""
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        for log in (self.error_log, self.access_log):
            for handler in [one for one in log.handlers if getattr(one, "_gunicorn", False)]:
                log.removeHandler(handler)
                handler.close()
        self._set_handler(self.error_log, cfg.errorlog, self._formatter(self.error_fmt))
        if cfg.accesslog is not None:
            self._set_handler(self.access_log, cfg.accesslog, self._formatter(self.access_fmt), stream=sys.stdout)
        if cfg.syslog:
            self._set_syslog_handler(self.error_log, cfg, self.syslog_fmt, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._set_syslog_handler(self.access_log, cfg, self.syslog_fmt, "access")
        configure(cfg)

    # Writing

    def critical(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl: int | str, msg: object, *args: Any, **kwargs: Any) -> None:
        """Write at a level, given by its number or its name; an unknown name means INFO."""
        level = self.LOG_LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self.error_log.log(level, msg, *args, **kwargs)

    # Requests

    @property
    def access_log_enabled(self) -> bool:
        """Whether the settings ask for access lines, in a file or by a configuration of logging."""
        cfg = self.cfg
        to_syslog = cfg.syslog and not cfg.disable_redirect_access_to_syslog
        return bool(cfg.accesslog or cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json or to_syslog)

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: atom.Duration) -> None:
        """Write an access line; a format that does not fit becomes an error record."""
        if not self.access_log_enabled:
            return
        safe_atoms = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        is_json = self.cfg.log_format == "json"
        extra = {MEMBERS: atom.members(resp, environ, request_time)} if is_json else None
        try:
            self.access_log.info(self.cfg.access_log_format, safe_atoms, extra=extra)
        except Exception:  # a formatter or handler of the site's own
            self.exception("An access line cannot be written")

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: atom.Duration) -> dict[str, Any]:
        return atom.atoms(resp, req, environ, request_time)

    def now(self) -> str:
        return atom.now()

    # Files

    def reopen_files(self) -> None:
        """Open the file of every handler in the process again by its name."""
        for handler in file_handlers():
            handler.acquire()
            try:
                previous = handler.setStream(handler._open())
                if previous is not None:
                    previous.close()
            except OSError as error:
                self.error("Cannot open %s again: %s", handler.baseFilename, error)
            finally:
                handler.release()

    def close_on_exec(self) -> None:
        for handler in file_handlers():
            if handler.stream is not None:
                os.set_inheritable(handler.stream.fileno(), False)

    # Handlers

    def _formatter(self, form: str) -> logging.Formatter:
        if self.cfg.log_format == "json":
            from longma.logs.json_lines import json_text

            return ShapedFormatter(json_text)
        return SafeFormatter(form, self.datefmt)

    def _set_handler(
        self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: TextIO | None = None
    ) -> None:
        """Replace the handler that was made here by one that writes to a file, or for "-" to a stream."""
        if previous := self._get_gunicorn_handler(log):
            log.removeHandler(previous)
            previous.close()
        if output is None:
            return
        handler: logging.Handler
        if output == STANDARD_STREAM:
            handler = logging.StreamHandler(stream)
        else:
            setting = "accesslog" if log is self.access_log else "errorlog"
            # Made by this, and given to the user that workers run as.
            os.close(open_for_appending(setting, output, Owner(self.cfg.user, self.cfg.group)))
            try:
                handler = logging.FileHandler(output, encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise LogFileError(setting, output, error.strerror or str(error)) from error
        self._add(log, handler, fmt)

    def _get_gunicorn_handler(self, log: logging.Logger) -> logging.Handler | None:
        """The handler that `_set_handler` has made."""
        made = (one for one in log.handlers if getattr(one, "_gunicorn", False) and not isinstance(one, ChannelHandler))
        return next(made, None)

    def _set_syslog_handler(self, log: logging.Logger, cfg: Any, fmt: str, name: str) -> None:
        where, code = address(cfg.syslog_addr), facility(cfg.syslog_facility)
        sink = SyslogSink(where, code, tag(cfg, name), numbered, self.error_log.warning)
        self._add(log, ChannelHandler(sink.write, fmt, end=sink.close), logging.Formatter(fmt))

    @staticmethod
    def _add(log: logging.Logger, handler: logging.Handler, formatter: logging.Formatter) -> None:
        handler.setFormatter(formatter)
        handler._gunicorn = True  # type: ignore[attr-defined]
        log.addHandler(handler)


def file_handlers() -> list[logging.FileHandler]:
    """Every handler of the process that has a file."""
    return [handler for logger in loggers() for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
