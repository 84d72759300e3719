"""Loggers that sites bring: by Gunicorn's contract, by ours, well and badly made."""

from __future__ import annotations

import logging
from typing import Any

from longma.logs import Logger


class Reporter(logging.Handler):
    """A handler that tells a service of exceptions, as Sentry's does: of records that bring one along."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            with open(self.path, "a") as file:
                print(record.levelname, repr(record.exc_info[1]), record.getMessage(), file=file)


class Bare:
    """Gunicorn's contract, written from nothing, as a class that forwards to a service of the site's would be."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        self.path = cfg.proc_name

    def _write(self, *parts: object) -> None:
        with open(self.path, "a") as file:
            print(*parts, file=file)

    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._write("critical", msg % args if args else msg, *kwargs)

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._write("error", msg % args if args else msg, *kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._write("warning", msg % args if args else msg, *kwargs)

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._write("info", msg % args if args else msg, *kwargs)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        extra = kwargs.pop("extra", {})
        self._write("debug", msg % args if args else msg, *kwargs, *extra.values())

    def exception(self, msg: str, *args: Any) -> None:
        self._write("exception", msg % args if args else msg)

    def log(self, lvl: int, msg: str, *args: Any, **kwargs: Any) -> None:
        self._write(lvl, msg % args)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        self._write("access", environ["REQUEST_METHOD"], resp.status, request_time.total_seconds())

    def reopen_files(self) -> None:
        self._write("reopen_files")

    def close_on_exec(self) -> None:
        self._write("close_on_exec")


class Counting(Bare):
    """One that sends its own metrics, as Gunicorn's for StatsD does."""

    def increment(self, name: str, value: int, sampling_rate: float = 1.0) -> None:
        self._write("increment", name)


class Broken(Bare):
    """One that raises whenever it is used."""

    def _write(self, *parts: object) -> None:
        raise OSError("the service is gone")


class Unborn(Bare):
    """One that cannot be made."""

    def setup(self, cfg: Any) -> None:
        raise ValueError("two\nlines")


class Ours(Logger):
    """A class that changes nothing: what it is derived from writes everything."""


class Derived(Logger):
    """What tutorials show: Gunicorn's class with another formatter, another atom and a filter for health checks."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self._set_handler(self.error_log, cfg.errorlog, logging.Formatter("derived %(levelname)s %(message)s"))

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        found = super().atoms(resp, req, environ, request_time)
        found["{site}x"] = 'quoted "\n'
        return found

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        if environ["PATH_INFO"] != "/health":
            super().access(resp, req, environ, request_time)
