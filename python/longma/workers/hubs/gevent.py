"""gevent's hub, and its patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
import gevent.monkey
from gevent import GreenletExit, get_hub, getcurrent

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.workers.hubs.serving import Event

READ = 1


class GeventHub:
    """The hub of this thread."""

    def __init__(self) -> None:
        self._hub = get_hub()
        self.switch = self._hub.switch
        self.current = getcurrent
        self.sleep = gevent.sleep
        self._watchers: list[Any] = []

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
        gevent.killall(greenlets, GreenletExit, timeout=seconds)


def patch() -> None:
    gevent.monkey.patch_all()


def after_fork() -> None:
    gevent.reinit()
