"""What the master knows. All of it is values: a new state is made, none is changed."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Phase(Enum):
    """How far the master is with its own life."""

    SERVING = "serving"
    DRAINING = "draining"  # workers finish what they have accepted
    QUITTING = "quitting"  # workers finish the call they are in
    STOPPED = "stopped"


class Stage(Enum):
    """How far a worker is with its life."""

    BOOTING = "booting"
    READY = "ready"
    RETIRING = "retiring"  # was told to stop
    ABORTED = "aborted"  # was sent ABRT
    KILLED = "killed"  # was sent KILL: its number may be a stranger's by now, and is never signalled again


class WorkerRecord(NamedTuple):
    """One worker process that has been forked and not been reaped.

    Attributes:
        slot: Its page on the board.
        age: How many workers had been spawned when it was, itself included.
        heartbeat_at: When it was last seen alive; it counts from `ready_at` on, so loading is not timed.
        in_call: Whether it was in an application call when it was last looked at.
        kill_at: The deadline after which it is killed, if there is one.
        killed_at: When it was sent KILL.
    """

    pid: int
    slot: int
    age: int
    stage: Stage = Stage.BOOTING
    ready_at: float | None = None
    heartbeat_at: float = 0.0
    in_call: bool = False
    kill_at: float | None = None
    killed_at: float | None = None


class PendingSpawn(NamedTuple):
    """A spawn that has been asked for and not been answered yet."""

    slot: int
    age: int


class Wanted(NamedTuple):
    """What the operator wants; timeouts are in seconds, a `timeout` of 0 is none."""

    workers: int
    timeout: float
    graceful_timeout: float
    slots: int


class State(NamedTuple):
    """Everything a decision depends on, save the event and the moment.

    Attributes:
        workers: In the order they were spawned.
        pending: Spawns that the shell has not answered yet.
        last_age: The age of the youngest worker so far.
        ever_ready: Whether any worker has ever served. Until one has, a failure to boot ends the server.
        early_deaths: How many times in a row workers died right after they were started, or could not be started.
        last_early_age: The age of the last one of them.
        respawn_at: No worker is spawned before.
        failure: What the last worker that failed to boot reported, so that its siblings' same words are left out.
        reason: Why the master stops by itself, for its last record.
        wake_at: When the master wants to be called again though nothing happens; None for never.
    """

    wanted: Wanted
    phase: Phase = Phase.SERVING
    workers: tuple[WorkerRecord, ...] = ()
    pending: tuple[PendingSpawn, ...] = ()
    last_age: int = 0
    ever_ready: bool = False
    early_deaths: int = 0
    last_early_age: int = 0
    respawn_at: float = float("-inf")
    failure: str = ""
    reason: str = ""
    exit_code: int = 0
    wake_at: float | None = None

    def worker(self, pid: int) -> WorkerRecord | None:
        return next((worker for worker in self.workers if worker.pid == pid), None)

    def with_worker(self, changed: WorkerRecord) -> State:
        """The state with this record in the place of the one with its pid, or behind the others."""
        if self.worker(changed.pid) is None:
            return self._replace(workers=(*self.workers, changed))
        return self._replace(workers=tuple(changed if old.pid == changed.pid else old for old in self.workers))

    def without_worker(self, pid: int) -> State:
        return self._replace(workers=tuple(worker for worker in self.workers if worker.pid != pid))

    def without_pending(self, age: int) -> State:
        return self._replace(pending=tuple(spawn for spawn in self.pending if spawn.age != age))
