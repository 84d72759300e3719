"""eventlet's hub, and its patches."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.workers.hubs.serving import Event


def library(name: str = "eventlet") -> Any:
    """Return a module of eventlet's, imported without its warning of its own end: the operator has chosen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        __import__(name)
    return sys.modules[name]


class EventletHub:
    """The hub of this thread."""

    def __init__(self) -> None:
        self._spawned = library("eventlet.greenthread").GreenThread
        self._event = library("eventlet.event").Event
        self._hub = library("eventlet.hubs").get_hub()
        self.switch = self._hub.switch
        self.current = library("greenlet").getcurrent
        self.sleep = library().sleep
        self._listener: Any = None
        self._waits: tuple[Any, str] | None = None

    def spawn(self, function: Callable[[], None]) -> object:
        return self._spawned(self._hub.greenlet).switch(function, (), {})

    def event(self) -> Event:
        return Happening(self._event())

    def watch(
        self, descriptor: int, readable: Callable[[], None], rests: Callable[[], None], wakes: Callable[[], None]
    ) -> None:
        self._listener = self._hub.add(self._hub.READ, descriptor, lambda _: readable(), _no_throw, _nothing)
        waiter, name = self._waits = where_it_waits(self._hub)
        wait = getattr(waiter, name)

        def waits(*seconds: float | None) -> object:
            rests()
            try:
                return wait(*seconds)
            finally:
                wakes()

        setattr(waiter, name, waits)

    def forget(self) -> None:
        if self._waits is not None:
            delattr(*self._waits)
            self._waits = None
        self._hub.remove(self._listener)

    def kill(self, greenlets: list[Any], seconds: float) -> None:
        for one in greenlets:
            library().kill(one)


class Happening:
    """Something that happens once, and that one can wait for with a bound."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def set(self) -> None:
        if not self._event.ready():
            self._event.send(True)

    def wait(self, timeout: float) -> bool:
        return bool(self._event.wait(timeout))


def where_it_waits(hub: Any) -> tuple[Any, str]:
    """Return the object and the name of its method in which a hub waits, and does nothing else if possible."""
    if hasattr(hub, "do_poll"):
        return hub, "do_poll"
    selector = getattr(getattr(hub, "loop", None), "_selector", None)
    return (selector, "select") if selector is not None else (hub, "wait")


def _no_throw(*_of_a_closed_descriptor: object) -> None:
    """Do nothing: nobody closes the engine's descriptor before it is forgotten."""


def _nothing(*_: object) -> None:
    """Do nothing."""


def patch() -> None:
    library().monkey_patch()


def after_fork() -> None:
    library("eventlet.hubs").use_hub()
