"""The rules behind the master's decisions, each a pure function: delays, deadlines, slots, and words for the log."""

from __future__ import annotations

import signal
from types import MappingProxyType
from typing import TYPE_CHECKING

from longma.exitcodes import APPLICATION, BOOT
from longma.logs.levels import Level
from longma.master.state import Phase, Stage

if TYPE_CHECKING:
    from longma.master.events import Reaped
    from longma.master.state import State, Wanted, WorkerRecord

# A worker that dies within this many seconds of being ready, without having answered anything, died "right after it was
# started": it would do so again and again.
SETTLED_AFTER = 1.0
FIRST_RESPAWN_DELAY = 0.25
LONGEST_RESPAWN_DELAY = 10.0
# From ABRT to KILL: time for the worker to say that it was aborted, and for the application's cleaning up.
ABORT_GRACE = 1.0
# Before KILL comes, a worker that did not react to ABRT is asked for the stack of what it is stuck in.
STACK_BEFORE_KILL = 0.25
# How long a quick stop waits for the calls that are being made.
QUICK_TIMEOUT = 2.0
# A killed process goes away at once unless it hangs in the kernel; the master does not wait for such a one forever.
KILL_PATIENCE = 5.0
# A worker without work beats once a second, however short the timeout.
IDLE_PATIENCE = 2.5
# Called this much later than it asked for, the master stood still itself (Ctrl-Z, a paused machine), and so may have
# the workers: they get a moment to beat before they are judged.
MASTER_LATE_AFTER = 1.0
SECOND_CHANCE = 1.0
# So many are forked at most before signals and reports are looked at again: a fork takes milliseconds, and a master
# that was asked for a thousand would be deaf for seconds.
FORKS_A_TURN = 16
# Slots beyond the wanted workers: for those that are on their way out while their successors serve.
SPARE_SLOTS = 32
# How often memory, queues and the master that started this one are looked at, where anybody wants to know.
LOOK_EVERY = 1.0
# A new generation's worker that dies without a word may have been killed by somebody: it gets this many chances.
RELOAD_CHANCES = 3
# A reload starts at most a quarter of the workers beside those that are there, and the first one alone.
SURGE_DIVISOR = 4

# How many workers' ends are remembered.
DEATHS_KEPT = 20

BOOT_FAILURES = MappingProxyType({BOOT: "Worker failed to boot.", APPLICATION: "App failed to load."})


def slots_for(workers: int) -> int:
    """How many pages the board gets: each worker may be replaced by another one before it is gone."""
    return 2 * workers + SPARE_SLOTS


def earliest(*moments: float | None) -> float | None:
    """The first of these moments; None stands for never."""
    return min((moment for moment in moments if moment is not None), default=None)


def free_slot(state: State) -> int | None:
    """The lowest slot that no worker has and no pending spawn is to get."""
    taken = {worker.slot for worker in state.workers} | {spawn.slot for spawn in state.pending}
    return next((slot for slot in range(state.wanted.slots) if slot not in taken), None)


def is_present(worker: WorkerRecord) -> bool:
    """Whether a worker counts as one of the wanted. One that was sent KILL no longer does.

    It may hang in the kernel, and its place must not stay empty for that.
    """
    return worker.stage in (Stage.BOOTING, Stage.READY, Stage.ABORTED)


def is_outdated(state: State, worker: WorkerRecord) -> bool:
    """Whether a worker is to be replaced: by one of the current generation, or by one that begins anew."""
    return worker.generation != state.generation or bool(worker.recycle)


def least_used_device(state: State) -> str:
    """The device that the fewest workers have who stay; of several the one that fewest have who are on their way out.

    Counting both alike, a reload would leave the new workers where the old ones happened to make room.
    """
    staying = [worker.device for worker in state.workers if is_present(worker) and not is_outdated(state, worker)]
    staying += [spawn.device for spawn in state.pending]
    leases = [worker.device for worker in state.workers]
    return min(state.wanted.devices, key=lambda device: (staying.count(device), leases.count(device)), default="")


def surge(state: State) -> int:
    """How many more workers than wanted there may be, so that a successor serves before its predecessor goes."""
    if not any(is_present(worker) and is_outdated(state, worker) for worker in state.workers):
        return 0
    # Nobody knows yet whether the new generation can serve at all.
    return 1 if state.reload else max(1, state.wanted.workers // SURGE_DIVISOR)


def kept_workers(state: State) -> int:
    """How many workers there are to be beside successors: as many as wanted, and as before while a reload is on trial.

    Where the new generation cannot serve, those who do are needed; of no workers there is none to show whether it can.
    """
    wanted = state.wanted.workers
    return max(wanted, state.reload.before.workers) if state.reload is not None and wanted else wanted


def missing_workers(state: State) -> int:
    """How many workers have to be spawned, were there no delay."""
    if state.phase is not Phase.SERVING:
        return 0
    present = [worker for worker in state.workers if is_present(worker)]
    current = sum(not is_outdated(state, worker) for worker in present)
    current += sum(spawn.generation == state.generation for spawn in state.pending)
    room = kept_workers(state) + surge(state) - len(present) - len(state.pending)
    return max(0, min(state.wanted.workers - current, room))


def next_to_retire(state: State) -> WorkerRecord | None:
    """The worker that can be told to stop without one being missed; None while all are needed.

    An outdated one goes when a current one has taken its place, and first of all one that does not serve yet. Until
    then, where fewer are wanted than before, a successor that has not come to serve goes, the youngest first. Of too
    many current ones the oldest goes, or of those with the device that the most have the oldest, as long as those that
    serve suffice without those that boot.
    """
    if state.phase is not Phase.SERVING:
        return None
    present = [worker for worker in state.workers if worker.stage in (Stage.BOOTING, Stage.READY)]
    outdated = [worker for worker in present if is_outdated(state, worker)]
    current = [worker for worker in present if not is_outdated(state, worker)]
    serving = [worker for worker in current if worker.stage is Stage.READY]
    starting = [worker for worker in current if worker.stage is Stage.BOOTING]
    if outdated:
        if len(serving) + len(outdated) > kept_workers(state):
            return next((worker for worker in outdated if worker.stage is Stage.BOOTING), outdated[0])
        return starting[-1] if starting and len(present) > kept_workers(state) + surge(state) else None
    if len(current) <= state.wanted.workers:
        return None
    return crowded(current, serving if len(serving) > state.wanted.workers else starting[::-1])


def crowded(workers: list[WorkerRecord], candidates: list[WorkerRecord]) -> WorkerRecord:
    """The first candidate with the device that the most workers have: the others keep the balance without it."""
    devices = [worker.device for worker in workers]
    return max(candidates, key=lambda candidate: devices.count(candidate.device))


def respawn_delay(early_deaths: int) -> float:
    """Seconds to wait after this many early deaths in a row: none after one, then doubled by each."""
    if early_deaths < 2:
        return 0.0
    return min(FIRST_RESPAWN_DELAY * 2.0 ** min(early_deaths - 2, 16), LONGEST_RESPAWN_DELAY)


def died_early(worker: WorkerRecord, requests: int, now: float) -> bool:
    if worker.stage is Stage.RETIRING:
        return False  # it was told to
    return worker.ready_at is None or (requests == 0 and now - worker.ready_at < SETTLED_AFTER)


def has_settled_since(state: State, age: int, now: float) -> bool:
    """Whether a worker younger than this one lives on: then an early death is not the next of a row."""
    return any(
        worker.age > age and worker.ready_at is not None and now - worker.ready_at >= SETTLED_AFTER
        for worker in state.workers
    )


def fails_the_server(state: State, worker: WorkerRecord, exit_code: int) -> bool:
    """Whether this death means that the application cannot be served at all: none ever was, and this one says so.

    One of an earlier generation says nothing of the one that is being tried, which may be there to mend it.
    """
    is_current = worker.generation == state.generation and worker.stage is Stage.BOOTING
    is_first = not state.ever_ready and state.phase is Phase.SERVING and is_current
    return exit_code in BOOT_FAILURES and is_first


def fails_the_reload(state: State, worker: WorkerRecord) -> bool:
    """Whether this worker's death says something about the generation that is being tried."""
    is_candidate = state.reload is not None and worker.generation == state.generation
    return is_candidate and worker.ready_at is None and worker.stage is not Stage.RETIRING


def overdue_at(worker: WorkerRecord, wanted: Wanted) -> float | None:
    """When this worker is to be aborted if its heart does not beat again; None when it is not timed."""
    if wanted.timeout == 0 or worker.ready_at is None or worker.stage not in (Stage.READY, Stage.RETIRING):
        return None
    return worker.heartbeat_at + (wanted.timeout if worker.in_call else max(wanted.timeout, IDLE_PATIENCE))


def boot_overdue_at(worker: WorkerRecord, wanted: Wanted) -> float | None:
    """When this worker is to be aborted if it has not loaded the application by then; None when it is not timed."""
    is_timed = wanted.boot_timeout > 0 and worker.stage is Stage.BOOTING
    return worker.spawned_at + wanted.boot_timeout if is_timed else None


def looks_regularly(state: State) -> bool:
    """Whether something has to be looked at again and again, because nothing tells when it changes."""
    wanted = state.wanted
    is_measured = wanted.memory or wanted.memory_hard or wanted.measures_backlog
    return bool(is_measured or wanted.watches_certificates or state.has_parent)


def is_alone(state: State) -> bool:
    """Whether no other master serves the same listeners."""
    return not state.upgrade and not state.has_parent


def abandon_at(state: State) -> float | None:
    """When a stopping master leaves without its last workers: all were sent KILL, and none goes away."""
    if state.phase not in (Phase.DRAINING, Phase.QUITTING) or not state.workers or state.pending:
        return None
    latest = float("-inf")
    for worker in state.workers:
        if worker.killed_at is None:
            return None
        latest = max(latest, worker.killed_at)
    return latest + KILL_PATIENCE


def next_wake(state: State) -> float | None:
    """The earliest moment at which something is to be done though nothing happens."""
    if state.phase is Phase.STOPPED:
        return None
    moments = [worker.kill_at for worker in state.workers]
    moments += [worker.stack_at for worker in state.workers]
    moments += [overdue_at(worker, state.wanted) for worker in state.workers]
    moments += [boot_overdue_at(worker, state.wanted) for worker in state.workers]
    moments.append(abandon_at(state))
    if missing_workers(state) and free_slot(state) is not None:
        moments.append(state.respawn_at)
    if looks_regularly(state):
        moments.append(state.measure_at)
    if state.watchdog:
        moments.append(state.watchdog_at)
    if state.phase is Phase.SERVING:
        moments.append(state.stop_at)
    return earliest(*moments)


def cause_of_death(worker: WorkerRecord, exit_code: int, out_of_memory: bool) -> tuple[Level, str] | None:
    """The record for a worker that is gone: how grave, and why; None when it went as it should."""
    if exit_code == 0 or worker.stage is Stage.KILLED:
        return None  # an orderly end, or one that was logged when we made it
    if exit_code > 0:
        return Level.ERROR, f"Worker (pid:{worker.pid}) exited with code {exit_code}."
    if exit_code == -signal.SIGKILL and out_of_memory:
        return Level.ERROR, f"Worker (pid:{worker.pid}) was sent SIGKILL by the kernel: out of memory."
    if exit_code == -signal.SIGKILL:
        who = "It was not longma, and no limit of its control group was reached."
        return Level.ERROR, f"Worker (pid:{worker.pid}) was sent SIGKILL! Perhaps out of memory? {who}"
    told_to = worker.stage is Stage.RETIRING and -exit_code in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
    return None if told_to else (Level.ERROR, f"Worker (pid:{worker.pid}) was sent {signal_name(-exit_code)}!")


def manner_of_death(worker: WorkerRecord, gone: Reaped) -> tuple[str, bool]:
    """How a worker has ended, in a few words, and whether that was as it should be."""
    if worker.ended_for:
        return worker.ended_for, False
    if gone.exit_code == -signal.SIGKILL and gone.out_of_memory:
        return "out of memory", False
    if gone.exit_code > 0:
        return f"exit status {gone.exit_code}", False
    if worker.stage is not Stage.RETIRING:
        return (signal_name(-gone.exit_code), False) if gone.exit_code else ("left by itself", True)
    if -gone.exit_code not in (0, signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        return signal_name(-gone.exit_code), False
    return f"replaced: {worker.recycle}" if worker.recycle else "stopped", True


def in_mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"


def signal_name(number: int) -> str:
    """SIGSEGV for 11; real-time signals have no names of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
