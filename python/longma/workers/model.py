"""What a worker is given by its master, and what a model of calling the application looks like to the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from longma.config.compatible import Config
    from longma.config.settings import Settings
    from longma.logs.error_log import ErrorLog
    from longma.net.listeners import Listener
    from longma.process.board import Board
    from longma.process.handover import Handover
    from longma.process.tether import WorkerEnd
    from longma.process.variables import Variables
    from longma.typing import WSGIApplication
    from longma.workers.handle import Worker
    from longma.workers.tls import Secrecy


class Common(NamedTuple):
    """What all workers of one generation share: a reload makes another.

    Attributes:
        cfg: The settings as hooks see them.
        variables: What `raw_env` has set.
        application: What `preload_app` has loaded in the master, or the program has given that has longma in it; None
            where each worker loads it for itself.
        tls: How TLS is spoken, None where it is not.
        load: How such a program loads it; None for what the settings name.
        server: The master as hooks see it.
        generation: How many reloads there were before.
    """

    settings: Settings
    cfg: Config
    listeners: tuple[Listener, ...]
    handover: Handover
    board: Board
    log: ErrorLog
    model: ModelFactory
    variables: Variables
    application: WSGIApplication | None = None
    server: Any = None
    generation: int = 0
    load: Callable[[], WSGIApplication] | None = None
    tls: Secrecy | None = None

    def close_sockets(self) -> None:
        """Let go of this process's own hold on the shared sockets."""
        for listener in self.listeners:
            listener.close()
        self.handover.close()


class Assignment(NamedTuple):
    """One worker's own.

    Attributes:
        slot: Its page on the board.
        age: How many workers had been spawned when it was, itself included.
        tether: Its tie to the master.
        signal_mask: The signals to block once it has settled in.
        worker: The worker as hooks see it: the child's copy of what `pre_fork` was given.
        device: The device that is leased to it, "" for none.
    """

    common: Common
    slot: int
    age: int
    tether: WorkerEnd
    signal_mask: AbstractSet[int]
    worker: Worker
    device: str = ""


class Model(Protocol):
    """How the application is called. All I/O is the engine's, whatever the model.

    Attributes:
        requests: How many have been answered.
    """

    @property
    def requests(self) -> int: ...

    def run(self) -> None:
        """Serve until stopped; return when nothing is left to do."""

    def stop(self, graceful: bool) -> None:
        """Have `run` return: with what was accepted served, or as soon as the current call ends.

        May be called from a signal handler, again, and before `run`.
        """

    def current(self) -> tuple[str, str, float] | None:
        """The method and the target of the call that has lasted longest, and for how many seconds; None outside of one.

        May be called from a signal handler.
        """

    def reopen(self) -> None:
        """Open the access log again by its name. May be called from a signal handler."""


ModelFactory: TypeAlias = "Callable[[WSGIApplication, Assignment], Model]"
