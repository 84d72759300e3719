"""States and workers as the tests write them down: with what matters, the rest being usual."""

from __future__ import annotations

from longma.logs.levels import Level
from longma.master import decide as decisions
from longma.master.actions import Action, BuryWorker, CountWorkers, Log, Notify
from longma.master.events import Event
from longma.master.state import Phase, Stage, State, Wanted, WorkerRecord

# What only tells others what has happened; tests of its own look at it.
TOLD = (BuryWorker, CountWorkers, Notify)


def decide(state: State, event: Event, now: float) -> tuple[State, tuple[Action, ...]]:
    """The decision, with what it does and without what it only tells."""
    state, actions = decisions.decide(state, event, now)
    return state, tuple(action for action in actions if not (isinstance(action, TOLD) or is_debug(action)))


def is_debug(action: Action) -> bool:
    return isinstance(action, Log) and action.level == Level.DEBUG


def wanted(workers: int = 1, *, timeout: float = 30.0, graceful_timeout: float = 30.0, slots: int = 8) -> Wanted:
    return Wanted(workers, timeout, graceful_timeout, slots)


def worker(pid: int = 7, *, slot: int = 0, heartbeat_at: float = 0.0, in_call: bool = False) -> WorkerRecord:
    """A worker that has been ready since moment 0."""
    ready = WorkerRecord(pid, slot, slot + 1, stage=Stage.READY, ready_at=0.0)
    return ready._replace(heartbeat_at=heartbeat_at, in_call=in_call)


def booting(pid: int = 7, *, slot: int = 0) -> WorkerRecord:
    return WorkerRecord(pid, slot, slot + 1)


def running(*workers: WorkerRecord, timeout: float = 30.0, graceful_timeout: float = 30.0) -> State:
    """A master that has all the workers it wants, and one of them was ready once."""
    return State(
        wanted(len(workers), timeout=timeout, graceful_timeout=graceful_timeout),
        workers=workers,
        last_age=len(workers),
        counted=len(workers),
        ever_ready=any(worker.ready_at is not None for worker in workers),
    )


def draining(*workers: WorkerRecord, kill_at: float) -> State:
    """A master that was told to stop gracefully; its workers have until `kill_at`."""
    retiring = (worker._replace(stage=Stage.RETIRING, kill_at=kill_at) for worker in workers)
    return running(*retiring)._replace(phase=Phase.DRAINING)
