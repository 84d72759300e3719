"""The control socket in the master: who may come, who is there, what they ask. What is answered is not decided here.

Everything is polled by the master's own loop, and nothing waits: neither for a client nor for a turn.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final, NamedTuple

from longma.control.commands import command_of
from longma.control.messages import Refused, answer, refusal
from longma.control.visitor import Visitor
from longma.net.meeting import MeetingPoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.control.commands import Command
    from longma.control.messages import Data, Request

MAX_VISITORS: Final = 32
# How many are let in before the master looks after its workers again.
ACCEPTS_A_TURN: Final = 64
# When there are too many descriptors in the master, it asks again after so long.
SHORTAGE_SECONDS: Final = 1.0


class Giver(NamedTuple):
    """Who gave a command, in which words: a process, 0 where that is unknown, and its user, -1 likewise."""

    words: str
    pid: int
    uid: int


class Control:
    """Listens at a path, and has the commands of those who come obeyed.

    Attributes:
        path: where that is.
    """

    def __init__(self, path: str, mode: int) -> None:
        """Listen.

        Raises:
            AddressError: a socket cannot be had there.
        """
        self._place = MeetingPoint(path, mode)
        self._mode = mode
        self._visitors: list[Visitor] = []
        self._short_until = float("-inf")

    @property
    def path(self) -> str:
        return self._place.path

    # Where it is

    def settle(self, path: str, mode: int) -> bool:
        """Listen at that path, with that mode, from now on; those who are there stay. Return whether it is another one.

        Raises:
            AddressError: it cannot be had; all stays as it is.
        """
        if path == self.path and self._place.is_found():
            if mode != self._mode:
                self._place.permit(mode)
                self._mode = mode
            return False
        place = MeetingPoint(path, mode)
        self._place.give_up()
        self._place, self._mode = place, mode
        return True

    def move(self, path: str) -> None:
        """Be found at another path.

        Raises:
            AddressError: it cannot be had; all stays as it is.
        """
        if path != self.path:
            self._place.move(path)

    def close(self) -> None:
        """End it."""
        self._let_all_go()
        self._place.give_up()

    def leave(self) -> None:
        """In a child that was forked: let go of all of it, and leave the master's as it is."""
        self._let_all_go()
        self._place.close()

    # Who comes, and what they ask

    def register(self, waiting: select.poll, now: float) -> None:
        """Say what is to be polled for."""
        if now >= self._short_until:
            waiting.register(self._place.fileno(), select.POLLIN)
        for visitor in self._visitors:
            waiting.register(visitor.fileno(), visitor.events)

    def wake_at(self, now: float) -> float | None:
        """When it is to be attended to though nothing comes; None for never."""
        moments = [now if visitor.has_request else visitor.deadline for visitor in self._visitors]
        if self._short_until > now:
            moments.append(self._short_until)
        return min(moments, default=None)

    def attend(self, ready: frozenset[int], now: float, obey: Callable[[Command, Giver], Data]) -> None:
        """Do all that can be done at once: hear one command of each client at most, and answer it.

        Args:
            ready: the descriptors that something has happened to.
            now: the moment.
            obey: obeys a command and returns what is answered, or raises `Refused`.
        """
        for visitor in tuple(self._visitors):
            if visitor.fileno() in ready:
                visitor.attend(now)
            request = visitor.take(now)
            if request is not None:
                visitor.answer(_answered(request, visitor, obey), now)
            if visitor.is_over or now >= visitor.deadline:
                self._let_go(visitor)
        if self._place.fileno() in ready:
            self._admit(now)

    def _admit(self, now: float) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                client = self._place.accept()
            except OSError:
                self._short_until = now + SHORTAGE_SECONDS
                return
            if client is None:
                return
            if len(self._visitors) >= MAX_VISITORS:
                # Whoever opens many must not keep the operator out.
                self._let_go(min(self._visitors, key=lambda visitor: visitor.at))
            self._visitors.append(Visitor(client, now))

    def _let_go(self, visitor: Visitor) -> None:
        visitor.close()
        if visitor in self._visitors:
            self._visitors.remove(visitor)

    def _let_all_go(self) -> None:
        for visitor in tuple(self._visitors):
            self._let_go(visitor)


def _answered(request: Request, visitor: Visitor, obey: Callable[[Command, Giver], Data]) -> bytes:
    try:
        data = obey(command_of(request.words), Giver(" ".join(request.words), visitor.pid, visitor.uid))
    except Refused as error:
        return refusal(request.id, str(error))
    return answer(request.id, data)
