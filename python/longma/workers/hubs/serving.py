"""Serving on an engine from the greenlets of one thread: which of them takes the next turn, and when it is all over.

The hub watches the engine's descriptor among those of the application. When it is readable one greenlet is switched to,
which takes requests as long as there are any. Where the application makes it wait, another one takes the next turn.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma._core import Engine


class After(IntEnum):
    """What a greenlet is to do behind its turn, as the engine says."""

    REST = 0
    LEAVE = 1
    END = 2


class Adapter(Protocol):
    """A library's hub, as far as the engine needs it. Made in the thread that serves, after the fork.

    Attributes:
        exit: What is raised in a greenlet that is to end.
    """

    exit: type[BaseException]

    def current(self) -> Any:
        """The greenlet that runs."""

    def spawn(self, function: Callable[[], None]) -> object:
        """Run a function in a greenlet of its own, at once. To be called by the hub."""

    def later(self, function: Callable[[], None]) -> object:
        """Run a function in a greenlet of its own, soon. May be called by the hub."""

    def switch(self) -> object:
        """Let the hub run until somebody switches back; returns what it was switched with."""

    def sleep(self, seconds: float) -> object:
        """Let others run for so long."""

    def event(self) -> Event:
        """What greenlets can wait for."""

    def watch(
        self, descriptor: int, readable: Callable[[], None], rests: Callable[[], None], wakes: Callable[[], None]
    ) -> None:
        """Call `readable` while the descriptor is, `rests` before each wait of the hub, and `wakes` behind it."""

    def forget(self) -> None:
        """Watch no more."""

    def kill(self, greenlets: list[Any], seconds: float) -> None:
        """Raise `exit` in these, and wait for them to end, but no longer than that."""


class Event(Protocol):
    """Something that happens once."""

    def set(self) -> object: ...
    def wait(self, timeout: float) -> object:
        """Wait until it has happened, or so many seconds; true if it has."""


# How long the application may take to clear up behind requests that are ended.
LAST_WORDS_SECONDS = 1.0
# What a greenlet that rests is switched to with: anything else comes from what the application has left in it.
TURN = object()


class Serving:
    """The greenlets that serve on an engine, in the hub of the thread that makes this.

    Args:
        engine: made with `greenlets=True`. It may be told to stop at any time, from anywhere.
        adapter: the hub.
    """

    def __init__(self, engine: Engine, adapter: Adapter) -> None:
        self._adapter = adapter
        self._hub = engine.hub(adapter.sleep, adapter.exit)
        self._turn = self._hub.turn
        self._has_more = self._hub.has_more
        self._resting: list[Any] = []
        self._over = adapter.event()
        self._error: BaseException | None = None

    def start(self) -> None:
        """Serve from now on, whenever the hub runs."""
        self._hub.start()
        self._adapter.watch(self._hub.fileno(), self._next, self._hub.rests, self._hub.wakes)
        # The hub may be just about to wait, and past the point where it would say so.
        self._hub.rests()

    def wait(self, seconds: float) -> bool:
        """Wait until the engine has been stopped and nothing is left to do, or so long; true if so.

        Raises:
            BaseException: why nobody can serve any more, where that is so.
        """
        is_over = bool(self._over.wait(seconds))
        if self._error is not None:
            raise self._error
        return is_over

    def finish(self) -> None:
        """Serve no more; requests that have no answer yet are ended, so that the application can clear up."""
        self._adapter.kill(self._hub.greenlets(), LAST_WORDS_SECONDS)
        self._adapter.forget()
        self._hub.finish()

    def request_here(self) -> tuple[str, str, float] | None:
        """The request that the running greenlet has, as `Model.current` gives it."""
        return self._hub.request_of(self._adapter.current())

    def longest_call(self) -> tuple[Any, float] | None:
        """The greenlet that has had its request for longest without answering, and since when by `time.monotonic()`."""
        return self._hub.longest_call()

    def request_of(self, greenlet: Any) -> tuple[str, str, float] | None:
        """The request that a greenlet has, as `Model.current` gives it."""
        return self._hub.request_of(greenlet)

    def _next(self) -> None:
        """Have somebody take a turn, and others what is left of it where a request waits. Called by the hub."""
        while True:
            if self._resting:
                self._resting.pop().switch(TURN)
            else:
                self._adapter.spawn(self._work)
            # Whoever rests already has ended its turn for the others' sake.
            if self._resting or not self._has_more():
                return

    def _work(self) -> None:
        me = self._adapter.current()
        try:
            while (after := self._turn(me)) == After.REST:
                if not self._rest(me):
                    return
        except BaseException as error:
            self._error = error
            after = After.END
        if after == After.END:
            self._over.set()

    def _rest(self, me: Any) -> bool:
        """Wait for the next turn; false where there will be none, since somebody has raised something in here."""
        self._resting.append(me)
        try:
            while self._adapter.switch() is not TURN:
                pass
        except BaseException:  # meant for a request that has been served: a Timeout that was not cancelled, a kill
            if me in self._resting:
                self._resting.remove(me)
            return False
        return True
