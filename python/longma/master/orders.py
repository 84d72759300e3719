"""What the commands of the control socket mean to the master: an event to decide about, and what is answered then.

Pure, save what is looked at for an answer.
"""

from __future__ import annotations

import signal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from longma.control.commands import HELP, Help, KillWorker, Reload, Reopen, Resize, Show, Shutdown, View
from longma.control.messages import Refused
from longma.master import figures
from longma.master.events import Dismissed, Resized, Signalled
from longma.master.state import Phase, Stage

if TYPE_CHECKING:
    from longma.control.commands import Command
    from longma.master.events import Event
    from longma.master.figures import Sight
    from longma.master.state import State

VIEWS: Final = MappingProxyType(
    {
        View.ALL: figures.everything,
        View.WORKERS: figures.workers,
        View.DIRTY: figures.dirty,
        View.CONFIG: figures.config,
        View.STATS: figures.stats,
        View.LISTENERS: figures.listeners,
    }
)


def event_of(command: Command, state: State) -> Event | None:
    """Return what happens to the master by a command, None where it only wants to know something.

    Raises:
        Refused: it cannot be obeyed now.
    """
    match command:
        case Show() | Help():
            return None
        case Shutdown(is_quick):
            return Signalled(signal.SIGINT if is_quick else signal.SIGTERM)
        case Reopen() if state.phase is Phase.SERVING:
            return Signalled(signal.SIGUSR1)
    if state.phase is not Phase.SERVING or state.stop_at is not None:
        raise Refused("The server is stopping")
    match command:
        case Reload():
            return Signalled(signal.SIGHUP)
        case Resize(by):
            total = state.wanted.workers + by
            if total >= state.wanted.slots:  # a page of the board is left for a successor
                raise Refused(f"There is no room for {total} workers before the next reload")
            return Resized(by)
        case KillWorker(pid):
            worker = state.worker(pid)
            if worker is None or worker.stage is Stage.KILLED:
                raise Refused(f"Worker {pid} not found")
            return Dismissed(pid)
    raise Refused("The server is stopping")


def answer_to(command: Command, before: State, sight: Sight) -> dict[str, Any]:
    """Return what is answered to a command that was obeyed.

    Raises:
        Refused: it has come to nothing.
    """
    after = sight.state
    match command:
        case Show(view):
            return VIEWS[view](sight)
        case Help():
            return {"commands": dict(HELP)}
        case Shutdown(is_quick):
            return {"status": "shutting_down", "mode": "quick" if is_quick else "graceful"}
        case Reopen():
            return {"status": "reopening"}
        case KillWorker(pid):
            return {"success": True, "killed": pid}
        case Reload():
            if after.generation == before.generation:
                raise Refused(f"Nothing was changed: {after.refusal}")
            return {"status": "reloading", "generation": after.generation}
        case Resize(by):
            change = after.wanted.workers - before.wanted.workers
            numbers = {"previous": before.wanted.workers, "total": after.wanted.workers}
            return {"added": change, **numbers} if by > 0 else {"removed": -change, **numbers}
