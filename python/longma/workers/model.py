"""What a worker is given by its master, and what a model of calling the application looks like to the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from longma.config.settings import Settings
    from longma.logs.error_log import ErrorLog
    from longma.net.listeners import Listener
    from longma.process.board import Board
    from longma.process.handover import Handover
    from longma.process.tether import WorkerEnd
    from longma.typing import WSGIApplication


class Common(NamedTuple):
    """What all workers of a master share."""

    settings: Settings
    listeners: tuple[Listener, ...]
    handover: Handover
    board: Board
    log: ErrorLog
    model: ModelFactory

    def close_sockets(self) -> None:
        """Let go of this process's own hold on the shared sockets."""
        for listener in self.listeners:
            listener.close()
        self.handover.close()


class Assignment(NamedTuple):
    """One worker's own: its slot, its age among the workers, its tie to the master, and the signals to let through."""

    common: Common
    slot: int
    age: int
    tether: WorkerEnd
    signal_mask: AbstractSet[int]


class Model(Protocol):
    """How the application is called. All I/O is the engine's, whatever the model."""

    def run(self) -> None:
        """Serve until stopped; return when nothing is left to do."""

    def stop(self, graceful: bool) -> None:
        """Have `run` return: with what was accepted served, or as soon as the current call ends.

        May be called from a signal handler, again, and before `run`.
        """


ModelFactory: TypeAlias = "Callable[[WSGIApplication, Assignment], Model]"
