"""The setting `reload`: the master learns of each change of the application's files, and a broken one is shown.

The watcher is in the worker, which alone knows what the application has imported; the replacing is the master's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma.gateway import failure
from longma.process.imports import forget_compiled
from longma.process.tether import Report
from longma.process.watch import Watcher
from longma.unpatched import has_green_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longma.typing import WSGIApplication
    from longma.workers.lifecycle import Lifecycle
    from longma.workers.model import Assignment

SECTION_MARK = "#"


class Reloading:
    """Watches for one worker."""

    def __init__(self, assignment: Assignment, lifecycle: Lifecycle) -> None:
        self._settings = assignment.common.settings
        self._log = assignment.common.log
        self._tether = assignment.tether
        self._worker = assignment.worker
        self._lifecycle = lifecycle
        extra = list(self._settings.reload_extra_files)
        if self._settings.paste is not None:
            extra.append(os.path.abspath(self._settings.paste.partition(SECTION_MARK)[0]))
        # What waits in the kernel on a thread of its own would, as a greenlet, keep all others from running.
        engine = "poll" if has_green_threads() else self._settings.reload_engine
        if engine != self._settings.reload_engine:
            self._log.info("reload_engine: files are looked at once a second, since greenlets are to go on meanwhile.")
        self._watcher = Watcher(engine, extra, self._changed)

    def start(self) -> None:
        """Watch from now on.

        Raises:
            OperatorError: what the setting `reload_engine` asks for is not installed.
        """
        self._worker.reloader = self._watcher
        self._watcher.start()

    def watch_what_was_imported(self) -> None:
        """Watch the files of the application, now that it is loaded."""
        self._watcher.watch_also()

    def stand_in(self, error: BaseException, words: str) -> WSGIApplication:
        """Return what to serve in place of an application that does not load; its files are watched all the same."""
        self._log.error(words)
        self._watcher.watch_also(sorted(set(suspects(error, self._settings.wsgi_app or ""))))
        return failure.page(words)

    def _changed(self, path: str) -> None:
        """Called on the watcher's own thread."""
        forget_compiled(path)
        self._log.info(f"Worker reloading: {path} modified")
        self._lifecycle.call(self._settings.worker_int, "worker_int")
        self._tether.send(Report.CHANGED, path)


def suspects(error: BaseException, spec: str) -> Iterator[str]:
    """Yield the files whose change may cure the failure: those in its traceback, and those that are missing."""
    yield from places_of(spec.partition(":")[0])
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, SyntaxError) and cause.filename:
            yield os.path.abspath(cause.filename)
        if isinstance(cause, ImportError):
            yield from places_of(cause.name or "")
        traceback = cause.__traceback__
        while traceback is not None:
            path = traceback.tb_frame.f_code.co_filename
            if os.path.exists(path):
                yield os.path.abspath(path)
            traceback = traceback.tb_next
        cause = cause.__cause__ or cause.__context__


def places_of(module: str) -> Iterator[str]:
    """Yield where a module of this name would be in the directory of the application."""
    if module and all(part.isidentifier() for part in module.split(".")):
        path = os.path.join(os.getcwd(), *module.split("."))
        yield f"{path}.py"
        yield os.path.join(path, "__init__.py")
