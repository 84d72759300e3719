"""What hooks know as `server.log` and `worker.log`: Gunicorn's logger by its names, over our own log.

The standard library's logging stays out of the process until somebody asks for one of its loggers here.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from longma.logs import atoms as atom
from longma.logs import bridge
from longma.logs.levels import Level
from longma.logs.record import ACCESS_LOG, ERROR_LOG, Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from logging import Logger

    from longma.config.settings import Settings
    from longma.logs.access import AccessLog
    from longma.logs.error_log import ErrorLog


class LightLogger:
    """Gunicorn's `Logger` for callers; who wants a subclass takes `longma.logs.Logger`.

    Args:
        log: where records go.
        access_log: where the lines of `access` go.
        settings: as `cfg` shows them.
    """

    atoms_wrapper_class = atom.SafeAtoms

    def __init__(self, log: ErrorLog, access_log: AccessLog, settings: Settings) -> None:
        self._log = log
        self._access_log = access_log
        self._settings = settings
        self.debug, self.info, self.warning = log.debug, log.info, log.warning
        self.error, self.critical, self.exception = log.error, log.critical, log.exception

    @property
    def cfg(self) -> Any:
        from longma.config.compatible import Config

        return Config(self._settings)

    @property
    def loglevel(self) -> int:
        return int(self._log.threshold)

    @property
    def error_log(self) -> Logger:
        """The standard library's `gunicorn.error`, whose handlers write here."""
        import logging  # what this connects is logs/bridge.py's

        return logging.getLogger(ERROR_LOG)

    @property
    def access_log(self) -> Logger:
        """The standard library's `gunicorn.access`."""
        import logging

        return logging.getLogger(ACCESS_LOG)

    @property
    def access_log_enabled(self) -> bool:
        return self._access_log.is_enabled

    def log(self, lvl: int | str, msg: object, *args: object, **kwargs: Any) -> None:
        """Write at a level, given by its number or its name; an unknown name means INFO."""
        self._log.say(level_of(lvl), msg, args, **kwargs)

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: atom.Duration) -> None:
        """Write an access line; what goes wrong with that becomes an error record."""
        if not self.access_log_enabled:
            return
        form = self._settings.access_log_format
        try:
            safe = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
            members = atom.members(resp, environ, request_time) if self._settings.log_format == "json" else None
            if logger := self.site_access_log():
                from longma.logs.handlers import MEMBERS

                logger.info(form, safe, extra={MEMBERS: members})
            else:
                self._write(form % safe, members)
        except Exception:  # a filter or a handler of the site's own, or a format that does not fit
            self.exception("An access line cannot be written")

    def site_access_log(self) -> Logger | None:
        """The logger `gunicorn.access`, where the site has made it its own and so wants the lines of requests by it."""
        return bridge.site_logger(ACCESS_LOG, Level.INFO) if self.access_log_enabled else None

    def _write(self, line: str, members: Mapping[str, object] | None) -> None:
        self._access_log.emit(Record(Level.INFO, ACCESS_LOG, os.getpid(), line, time.time(), members=members))

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: atom.Duration) -> dict[str, Any]:
        return atom.atoms(resp, req, environ, request_time)

    def now(self) -> str:
        return atom.now()

    def setup(self, cfg: Any) -> None:
        """Do nothing: what the settings ask for was opened with this object."""

    def reopen_files(self) -> None:
        self._log.reopen()

    def close_on_exec(self) -> None:
        """Do nothing: no descriptor of the log outlives an exec, but those that `capture_output` is about."""


def level_of(level: int | str) -> int:
    if isinstance(level, str):
        return Level.__members__.get(level.upper(), Level.INFO)
    return level
