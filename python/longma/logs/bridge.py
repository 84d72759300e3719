"""Connects the standard library's logging to our logs at the moment an application imports it, and not before.

Under Gunicorn the loggers `gunicorn.error` and `gunicorn.access` have handlers, and applications take them for their
own. Here nothing else of the server needs that package, so that a worker whose application does not import it is a
megabyte smaller. A finder waits for the import; its cost until then is a comparison for each module that is imported.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from longma.logs.record import ACCESS_LOG, ERROR_LOG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from logging import Logger
    from types import ModuleType

    from longma.logs.access import AccessLog
    from longma.logs.error_log import ErrorLog

AWAITED = "logging"


def install(log: ErrorLog, access_log: AccessLog) -> None:
    """Have the standard library's loggers write to these logs: now if it is there, else as soon as it is imported."""
    uninstall()
    bridge = Bridge(log, access_log)
    if AWAITED in sys.modules:
        bridge.connect()
    else:
        # Before the others: they would find it first.
        sys.meta_path = [bridge, *sys.meta_path]


def uninstall() -> None:
    """Wait for the import no more, and disconnect what was connected."""
    # Another list, not another length of this one: a thread may be walking through it.
    sys.meta_path = [finder for finder in sys.meta_path if not isinstance(finder, Bridge)]
    if AWAITED in sys.modules:
        import logging

        from longma.logs.handlers import BridgeHandler

        for name in (ERROR_LOG, ACCESS_LOG):
            logger = logging.getLogger(name)
            for handler in list(logger.handlers):
                if isinstance(handler, BridgeHandler):
                    logger.removeHandler(handler)


def site_logger(name: str, level: int) -> Logger | None:
    """Return the logger of this name if the site has changed what becomes of its records: then ours must go through it.

    Filters that leave health checks out, handlers and formatters of a site's own: under Gunicorn they apply to what the
    server says as well.

    Args:
        name: of a logger that was connected.
        level: what it was given then.
    """
    if AWAITED not in sys.modules:
        return None
    import logging

    from longma.logs.handlers import is_as_made

    logger = logging.getLogger(name)
    return None if is_as_made(logger, level) else logger


class Bridge:
    """A finder on `sys.meta_path` that finds nothing, but sees `logging` being looked for, once."""

    def __init__(self, log: ErrorLog, access_log: AccessLog) -> None:
        self._log = log
        self._access_log = access_log

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != AWAITED:
            return None
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in sys.meta_path)), None)
        if spec is not None and spec.loader is not None:
            connecting: Any = ConnectingLoader(spec.loader, self)
            spec.loader = connecting
        return spec

    def connect(self) -> None:
        """Give the two loggers a handler each, and Gunicorn's levels."""
        import logging

        from longma.logs.handlers import ACCESS_FORMAT, ERROR_FORMAT, BridgeHandler

        error_log, access_log = logging.getLogger(ERROR_LOG), logging.getLogger(ACCESS_LOG)
        for logger in (error_log, access_log):
            # Those of a logger that was in use, or tried, before this log took over.
            for handler in [one for one in logger.handlers if getattr(one, "_gunicorn", False)]:
                logger.removeHandler(handler)
                handler.close()
        error_log.propagate = access_log.propagate = False
        error_log.setLevel(self._log.threshold)
        access_log.setLevel(logging.INFO)
        error_log.addHandler(BridgeHandler(self._log.write, ERROR_FORMAT, stream=self._log.errors))
        if self._access_log.is_enabled:
            access_log.addHandler(BridgeHandler(self._access_log.emit, ACCESS_FORMAT))


class ConnectingLoader:
    """Loads a module by its own loader, and connects the logs before anybody else sees the module."""

    def __init__(self, loader: Any, bridge: Bridge) -> None:
        self._loader = loader
        self._bridge = bridge

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # From here on only the true loader is seen: by whoever asks for the source, reloads, or looks for files.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._bridge.connect()
