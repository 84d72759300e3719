"""eventlet's hub, and its patches."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from longma.workers.hubs.early import HubError, imported_early

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        self.later = library().spawn_n
        self.exit: type[BaseException] = library("greenlet").GreenletExit
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


def patch() -> list[str]:
    """Have the standard library wait by the hub, in a worker; returns what may go wrong with it."""
    return patched({})


def patch_master() -> list[str]:
    """The same for the sake of a preloaded application: a master reads and reaps as ever."""
    return patched({"os": False})


def patched(parts: Mapping[str, bool]) -> list[str]:
    early = [] if is_patched() else imported_early()
    # Once imported it warns of each fork: in the master no greenlet runs, and in a worker somebody has chosen both.
    warnings.filterwarnings("ignore", "Using fork", DeprecationWarning)
    require_hub()
    library().monkey_patch(**parts)
    return early


def require_hub() -> None:
    """Make sure that there is a hub.

    Raises:
        HubError: EVENTLET_HUB names one that this machine has not.
    """
    hubs = library("eventlet.hubs")
    try:
        hubs.get_hub()
    except Exception as error:  # whatever a hub is kept from working by
        raise HubError(f"eventlet has no hub as EVENTLET_HUB asks for it: {error}") from None


def is_patched() -> bool:
    """Whether somebody has patched already."""
    return bool(library("eventlet.patcher").is_monkey_patched("socket"))


def after_fork() -> None:
    """Let the parent have its hub to itself, where it has one."""
    library("eventlet.hubs").use_hub()
