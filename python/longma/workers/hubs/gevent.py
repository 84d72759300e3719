"""gevent's hub, and its patches."""

from __future__ import annotations

import os
import warnings
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
import gevent.monkey
from gevent import GreenletExit, get_hub, getcurrent

from longma.workers.hubs.early import HubError, imported_early

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from longma.workers.hubs.serving import Event

READ = 1
IMPORTED_LATE = ("format_context", "resolver", "threadpool")
# What `patch_all` patches of itself, by its arguments.
PARTS = MappingProxyType(
    {name: name for name in ("os", "socket", "time", "select", "ssl", "subprocess", "signal", "queue")}
    | {"dns": "socket", "thread": "threading"}
)


class GeventHub:
    """The hub of this thread.

    Raises:
        HubError: its loop is none that can be served by.
    """

    def __init__(self) -> None:
        require_loop()
        self._hub = get_hub()
        self.switch = self._hub.switch
        self.current = getcurrent
        self.sleep = gevent.sleep
        self.later = gevent.spawn
        self.exit: type[BaseException] = GreenletExit
        self._watchers: list[Any] = []
        if self._hub.loop.default:
            heed_children(self._hub.loop)

    def spawn(self, function: Callable[[], None]) -> object:
        return gevent.Greenlet(function).switch()

    def event(self) -> Event:
        event: Event = gevent.event.Event()
        return event

    def watch(
        self, descriptor: int, readable: Callable[[], None], rests: Callable[[], None], wakes: Callable[[], None]
    ) -> None:
        loop = self._hub.loop
        # gevent, too, runs what it has put off when it is about to wait: ours comes behind that, and first afterwards.
        watchers = (
            (loop.prepare(ref=False, priority=loop.MINPRI), rests),
            (loop.check(ref=False, priority=loop.MAXPRI), wakes),
            (loop.io(descriptor, READ), readable),
        )
        for watcher, callback in watchers:
            watcher.start(callback)
            self._watchers.append(watcher)

    def forget(self) -> None:
        for watcher in self._watchers:
            watcher.stop()
            watcher.close()
        self._watchers.clear()

    def kill(self, greenlets: list[Any], seconds: float) -> None:
        gevent.killall(greenlets, timeout=seconds)


@cache
def heed_children(loop: Any) -> None:
    """Miss no child that is forked from now on.

    gevent's `os.fork` has its loop heed SIGCHLD behind the fork only, when the first child may have ended already.
    """

    def before() -> None:
        if gevent.monkey.is_module_patched("os"):
            loop.install_sigchld()

    os.register_at_fork(before=before)


def patch() -> list[str]:
    """Have the standard library wait by the hub, in a worker; returns what may go wrong with it."""
    require_loop()
    early = patched(PARTS)
    # What a hub imports when it is made, or first used: by then the worker has another user, who may read less.
    for name in IMPORTED_LATE:
        getattr(gevent.config, name)
    return early


def require_loop() -> None:
    """Make sure that gevent has a loop that tells when it is about to wait, as libev's does.

    Raises:
        HubError: it has none, or libuv's.
    """
    try:
        loop = gevent.config.loop
    except (ImportError, ValueError) as error:
        raise HubError(f"gevent has no loop as GEVENT_LOOP asks for it: {error}") from None
    if loop.__module__.startswith("gevent.libuv"):
        raise HubError("gevent's loop must be libev's, and GEVENT_LOOP asks for libuv's, which has no prepare watchers")


def patch_master() -> list[str]:
    """The same for the sake of a preloaded application: a master forks, reaps and has its signals as ever."""
    return patched(tuple(name for name in PARTS if name not in ("os", "signal")))


def patched(names: Iterable[str]) -> list[str]:
    """Patch what is not yet. What is patched twice does twice what it does at a fork."""
    early = [] if is_patched() else imported_early()
    has_been = gevent.monkey.is_module_patched
    parts = {name: name in names and not has_been(PARTS[name]) for name in PARTS}
    with warnings.catch_warnings():
        # It looks for the same as we do, among objects that the collector still looks at: not in a worker of ours.
        warnings.simplefilter("ignore")
        gevent.monkey.patch_all(**parts)
    return early


def is_patched() -> bool:
    """Whether somebody has patched already."""
    return bool(gevent.monkey.is_module_patched("socket"))


def after_fork() -> None:
    """Let the parent have its hub to itself, where it has one."""
    gevent.reinit()
