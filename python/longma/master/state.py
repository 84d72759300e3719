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
        generation: Which reading of the settings and the application it was started with.
        device: What is leased to it, "" for none.
        spawned_at: When it was forked.
        heartbeat_at: When it was last seen alive; it counts from `ready_at` on, so loading is not timed by it.
        in_call: Whether it was in an application call when it was last looked at.
        recycle: Why it is to be replaced though its generation is the current one; "" when it is not.
        ended_for: Why the master ends it though it was not asked to stop, "" where it does not.
        stack_at: When it is asked for the stack of what it is stuck in.
        kill_at: The deadline after which it is killed, if there is one.
        killed_at: When it was sent KILL.
    """

    pid: int
    slot: int
    age: int
    generation: int = 0
    device: str = ""
    stage: Stage = Stage.BOOTING
    spawned_at: float = 0.0
    ready_at: float | None = None
    heartbeat_at: float = 0.0
    in_call: bool = False
    recycle: str = ""
    ended_for: str = ""
    stack_at: float | None = None
    kill_at: float | None = None
    killed_at: float | None = None


class Death(NamedTuple):
    """How a worker has ended.

    Attributes:
        at: When.
        cause: In a few words.
        requests: How many requests it had answered.
    """

    pid: int
    age: int
    at: float
    cause: str
    requests: int = 0


class PendingSpawn(NamedTuple):
    """A spawn that has been asked for and not been answered yet."""

    slot: int
    age: int
    generation: int = 0
    device: str = ""


class Wanted(NamedTuple):
    """What the operator wants. Times are in seconds, memory in bytes; 0 switches a limit off.

    Attributes:
        slots: How many pages of the board there are for workers.
        memory: A worker that uses more is replaced; by `memory_hard` it is killed.
        devices: What is leased to the workers, evenly.
        measures_backlog: Whether the length of the listeners' queues is to be reported each second.
        drain_delay: How long the server says that it is about to stop before it does, when it is told to by TERM.
        watches_certificates: Whether the files of TLS are looked at each second.
    """

    workers: int
    timeout: float
    graceful_timeout: float
    slots: int
    boot_timeout: float = 0.0
    memory: int = 0
    memory_hard: int = 0
    devices: tuple[str, ...] = ()
    measures_backlog: bool = False
    drain_delay: float = 0.0
    watches_certificates: bool = False


class Reload(NamedTuple):
    """A reload whose outcome is open: no worker of its generation has served yet.

    Attributes:
        before: What was wanted before, which is wanted again if it fails.
        generation_before: The generation to fall back to.
        deaths: How many of its workers died without a word of why.
        winched_before: `State.winched` from before.
    """

    before: Wanted
    generation_before: int
    deaths: int = 0
    winched_before: int = 0


class State(NamedTuple):
    """Everything a decision depends on, save the event and the moment.

    Attributes:
        workers: In the order they were spawned.
        pending: Spawns that the shell has not answered yet.
        last_age: The age of the youngest worker so far.
        forked: How many workers were asked for since the last tick; the rest wait for the next one.
        generation: What new workers are started with; workers of another one are replaced.
        last_generation: The highest number that a generation ever had.
        reload: The reload that is under way, until its first worker serves.
        is_rolling: Whether workers are being replaced after a reload.
        ever_ready: Whether any worker has ever served. Until one has, a failure to boot ends the server.
        early_deaths: How many times in a row workers died right after they were started, or could not be started.
        last_early_age: The age of the last one of them.
        respawn_at: No worker is spawned before.
        failure: What the last worker that failed to boot reported, so that its siblings' same words are left out.
        refusal: Why the last reload has changed nothing, "" when it has.
        deaths: How the workers ended that were the last to, the latest behind the others.
        gone: How many workers have ended.
        failed: How many of them did not end as they should.
        began_at: When the master began.
        reason: Why the master stops by itself, for its last record.
        honours_winch: Whether WINCH can only mean the operator, because there is no terminal to send it.
        winched: How many workers were wanted before WINCH let all of them go; 0 unless it did.
        stop_at: When a master that says it is about to stop begins to; None unless it was told to.
        upgrade: The pid of the master that USR2 has started, 0 when there is none.
        has_parent: Whether this master was started by the USR2 of another one that is still there.
        watchdog: The supervisor expects a sign of life this often, in seconds; 0 for never.
        watchdog_at: When the next one is due.
        measure_at: When memory and queues are looked at again.
        counted: The number of workers that was reported last.
        wake_at: When the master wants to be called again though nothing happens; None for never.
    """

    wanted: Wanted
    phase: Phase = Phase.SERVING
    workers: tuple[WorkerRecord, ...] = ()
    pending: tuple[PendingSpawn, ...] = ()
    last_age: int = 0
    forked: int = 0
    generation: int = 0
    last_generation: int = 0
    reload: Reload | None = None
    is_rolling: bool = False
    ever_ready: bool = False
    early_deaths: int = 0
    last_early_age: int = 0
    respawn_at: float = float("-inf")
    failure: str = ""
    refusal: str = ""
    deaths: tuple[Death, ...] = ()
    gone: int = 0
    failed: int = 0
    began_at: float = 0.0
    reason: str = ""
    exit_code: int = 0
    honours_winch: bool = False
    winched: int = 0
    stop_at: float | None = None
    upgrade: int = 0
    has_parent: bool = False
    watchdog: float = 0.0
    watchdog_at: float = float("-inf")
    measure_at: float = float("-inf")
    counted: int = 0
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
