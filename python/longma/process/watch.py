"""Noticing that a file of the application has changed (the setting `reload`); for development only.

What a file was is compared with what it is, once a second. Where the package watchfiles is installed the kernel says
when to compare besides, so that a change is noticed at once; a filesystem that does not tell costs a second at most.
"""

from __future__ import annotations

import atexit
import glob
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.errors import OperatorError
from longma.process.imports import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

INTERVAL_SECONDS: Final = 1.0
_SETTLING_SECONDS: Final = 0.05
_MAX_SETTLING: Final = 40  # looks; a file that is written to all the time is a change too
_STOP_SECONDS: Final = 2.0
_DEBOUNCE_MS: Final = 200
_STEP_MS: Final = 50
_CACHE: Final = "__pycache__"


class Signature(NamedTuple):
    """What differs when a file has been written again."""

    modified_ns: int
    size_bytes: int


class Watcher:
    """A thread that looks after the files of all imported modules, and after others.

    Args:
        engine: "poll", "inotify" (watchfiles must be there) or "auto" (watchfiles where it is there).
        extra: Paths and patterns; patterns are expanded at each look, so that new files are seen too.
        on_change: Called on the thread with the path of a file that changed. Files that change together are one
            change, reported by one of them when they have come to rest. Watching goes on afterwards.
        interval: The seconds between two looks that nothing has called for.
    """

    def __init__(
        self,
        engine: str,
        extra: Sequence[str],
        on_change: Callable[[str], None],
        *,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._engine = engine
        self._interval = interval
        self._files = Files(extra)
        self._on_change = on_change
        self._looked_at = 0.0
        self._stopping = threading.Event()
        self._witness = Witness(self._files.note)
        self._thread = threading.Thread(target=self._run, name="longma-reload", daemon=True)
        self._watch: Callable[..., Iterator[Any]] | None = None

    def start(self) -> None:
        """Watch from now on: what has been imported by now and changes later is reported.

        Raises:
            OperatorError: watchfiles is asked for and not there.
        """
        self._watch = _watch_of(self._engine)
        self._files.look()
        self._witness.start()
        # A thread inside watchfiles that the interpreter ends by force would take the process down with it.
        atexit.register(self.stop)
        # The thread inherits the mask: signals are the main thread's, whose waits they interrupt.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def stop(self) -> None:
        """Watch no longer; when this returns nothing is reported any more."""
        atexit.unregister(self.stop)
        self._witness.stop()
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)

    def watch_also(self, paths: Iterable[str] = ()) -> None:
        """Watch these paths too, missing ones included: that such a file comes into being is a change.

        Besides, all modules that have been imported by now are watched from this moment, not from the next look; call
        it once the application is loaded.
        """
        self._files.add(paths)

    def _run(self) -> None:
        if self._watch is not None:
            self._follow(self._watch)
        while not self._stopping.wait(self._interval):
            self._look()

    def _follow(self, watch: Callable[..., Iterator[Any]]) -> None:
        """Look when the kernel says that there is something to see, and once a second."""
        while not self._stopping.is_set():
            folders = self._files.folders()
            try:
                for changes in watch(
                    *folders,
                    watch_filter=None,
                    debounce=_DEBOUNCE_MS,
                    step=_STEP_MS,
                    stop_event=self._stopping,
                    rust_timeout=int(self._interval * 1000),
                    yield_on_timeout=True,
                    raise_interrupt=False,
                    recursive=False,
                    ignore_permission_denied=True,
                ):
                    # The log that a site writes beside its modules is nothing to look for each time.
                    if time.monotonic() - self._looked_at >= self._interval or self._files.concern(changes):
                        self._look()
                    if self._files.folders() != folders:
                        break
            except OSError:
                # A folder went away under our hands, or the kernel gives us no more watches: go by the clock.
                if not self._stopping.wait(self._interval):
                    self._look()

    def _look(self) -> None:
        changed = self._files.look()
        self._looked_at = time.monotonic()
        if changed is None:
            return
        # An editor writes a file in several steps, a checkout writes many: nobody should load half of it.
        for _ in range(_MAX_SETTLING):
            if self._stopping.wait(_SETTLING_SECONDS) or self._files.look() is None:
                break
        if not self._stopping.is_set():
            self._on_change(changed)


class Files:
    """What the watched files were when they were last looked at."""

    def __init__(self, extra: Sequence[str]) -> None:
        self._patterns = tuple(os.path.abspath(path) for path in extra if glob.has_magic(path))
        # None stands for a file that was not there. One that vanishes keeps what it was, and is compared when it is
        # back: that is how many editors save.
        self._seen: dict[str, Signature | None] = {}
        self._matches_are_new = False
        self._folders: set[str] = set()
        self._counted = -1
        self.add(path for path in extra if not glob.has_magic(path))

    def add(self, paths: Iterable[str]) -> None:
        """Watch these files, and those of all modules, from what they are now; may be called from any thread."""
        for path in (*map(os.path.abspath, paths), *_module_files()):
            self._note(path)

    def note(self, path: str) -> None:
        """Watch this file from what it is now; may be called from any thread."""
        self._note(os.path.abspath(path))

    def _note(self, path: str) -> None:
        if path not in self._seen:
            self._seen[path] = _signature(path)

    def look(self) -> str | None:
        """Return the path of a file that is not what it was at the last look, None when all are."""
        self.add(())
        changed = []
        for pattern in self._patterns:
            for path in glob.iglob(pattern, recursive=True):
                if path not in self._seen:
                    # The first look finds what there is, later ones what came.
                    self._seen[path] = None if self._matches_are_new else _signature(path)
        self._matches_are_new = True
        for path, before in self._seen.copy().items():
            now = _signature(path)
            if now is not None and now != before:
                self._seen[path] = now
                changed.append(path)
        return min(changed, default=None)

    def folders(self) -> tuple[str, ...]:
        """Return the directories that the watched files are in, or would be."""
        if self._counted != len(self._seen):  # nothing is ever taken out
            seen = self._seen.copy()
            self._counted = len(seen)
            self._folders = {*map(os.path.dirname, seen), *map(_fixed_part, self._patterns)}
        return tuple(sorted(filter(os.path.isdir, self._folders)))

    def concern(self, changes: Iterable[tuple[object, str]]) -> bool:
        """Whether one of these changes may be that of a watched file."""
        parts = tuple(_fixed_part(pattern) + os.sep for pattern in self._patterns)
        return any(path in self._seen or path.startswith(parts) for _, path in changes)


def _watch_of(engine: str) -> Callable[..., Iterator[Any]] | None:
    """Return what waits for changes; None where the clock alone does."""
    if engine == "poll":
        return None
    try:
        from watchfiles import watch
    except ImportError as error:
        if engine == "auto":
            return None
        raise OperatorError(
            f'reload_engine = "{engine}" needs the package watchfiles: pip install "longma[reload]"'
        ) from error
    return watch


def _module_files() -> Iterator[str]:
    """Yield the source of every imported module that has one, else what it was loaded from."""
    for module in sys.modules.copy().values():
        try:
            # A lazy module would be loaded by asking it for an attribute; anything at all may stand for a module.
            path = object.__getattribute__(module, "__dict__").get("__file__")
        except AttributeError:
            continue
        if isinstance(path, str):
            source = _source_of(path)
            yield source if source.startswith("/") else os.path.abspath(source)


def _source_of(path: str) -> str:
    """Return the source of compiled code: `a/b.py` for `a/b.pyc` and `a/__pycache__/b.cpython-313.pyc`."""
    if not path.endswith((".pyc", ".pyo")):
        return path
    folder, name = os.path.split(path)
    if os.path.basename(folder) == _CACHE:
        folder = os.path.dirname(folder)
    source = os.path.join(folder, name.partition(".")[0] + ".py")
    return source if os.path.exists(source) else path


def _signature(path: str) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Signature(status.st_mtime_ns, status.st_size)


def _fixed_part(pattern: str) -> str:
    """Return the directory that a pattern leads into before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder
