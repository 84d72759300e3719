"""The rules behind the master's decisions, each a pure function: delays, deadlines, slots, and words for the log."""

from __future__ import annotations

import signal
from types import MappingProxyType
from typing import TYPE_CHECKING

from longma.exitcodes import APPLICATION, BOOT
from longma.logs.levels import Level
from longma.master.state import Phase, Stage

if TYPE_CHECKING:
    from longma.master.state import State, Wanted, WorkerRecord

# A worker that dies within this many seconds of being ready, without having answered anything, died "right after it was
# started": it would do so again and again.
SETTLED_AFTER = 1.0
FIRST_RESPAWN_DELAY = 0.25
LONGEST_RESPAWN_DELAY = 10.0
# From ABRT to KILL: time for the worker to say that it was aborted, and for the application's cleaning up.
ABORT_GRACE = 1.0
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
# Slots beyond the wanted workers: for those that are on their way out while their successors serve.
SPARE_SLOTS = 32

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


def missing_workers(state: State) -> int:
    """How many workers have to be spawned, were there no delay.

    One that was sent KILL no longer counts: it may hang in the kernel, and its place must not stay empty for that.
    """
    if state.phase is not Phase.SERVING:
        return 0
    present = sum(worker.stage in (Stage.BOOTING, Stage.READY, Stage.ABORTED) for worker in state.workers)
    return max(0, state.wanted.workers - present - len(state.pending))


def respawn_delay(early_deaths: int) -> float:
    """Seconds to wait after this many early deaths in a row: none after one, then doubled by each."""
    if early_deaths < 2:
        return 0.0
    return min(FIRST_RESPAWN_DELAY * 2.0 ** min(early_deaths - 2, 16), LONGEST_RESPAWN_DELAY)


def died_early(worker: WorkerRecord, requests: int, now: float) -> bool:
    return worker.ready_at is None or (requests == 0 and now - worker.ready_at < SETTLED_AFTER)


def has_settled_since(state: State, age: int, now: float) -> bool:
    """Whether a worker younger than this one lives on: then an early death is not the next of a row."""
    return any(
        worker.age > age and worker.ready_at is not None and now - worker.ready_at >= SETTLED_AFTER
        for worker in state.workers
    )


def fails_the_server(state: State, worker: WorkerRecord, exit_code: int) -> bool:
    """Whether this death means that the application cannot be served at all: none ever was, and this one says so."""
    return (
        exit_code in BOOT_FAILURES and worker.ready_at is None and not state.ever_ready and state.phase is Phase.SERVING
    )


def overdue_at(worker: WorkerRecord, wanted: Wanted) -> float | None:
    """When this worker is to be aborted if its heart does not beat again; None when it is not timed."""
    if wanted.timeout == 0 or worker.ready_at is None or worker.stage not in (Stage.READY, Stage.RETIRING):
        return None
    return worker.heartbeat_at + (wanted.timeout if worker.in_call else max(wanted.timeout, IDLE_PATIENCE))


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
    moments = [worker.kill_at for worker in state.workers]
    moments += [overdue_at(worker, state.wanted) for worker in state.workers]
    moments.append(abandon_at(state))
    if missing_workers(state) and free_slot(state) is not None:
        moments.append(state.respawn_at)
    return earliest(*moments)


def cause_of_death(worker: WorkerRecord, exit_code: int) -> tuple[Level, str] | None:
    """The record for a worker that is gone: how grave, and why; None when it went as it should."""
    if exit_code == 0 or worker.stage is Stage.KILLED:
        return None  # an orderly end, or one that was logged when we made it
    if exit_code > 0:
        return Level.ERROR, f"Worker (pid:{worker.pid}) exited with code {exit_code}."
    if exit_code == -signal.SIGKILL:
        return Level.ERROR, f"Worker (pid:{worker.pid}) was sent SIGKILL! Perhaps out of memory?"
    told_to = worker.stage is Stage.RETIRING and -exit_code in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
    return None if told_to else (Level.ERROR, f"Worker (pid:{worker.pid}) was sent {signal_name(-exit_code)}!")


def signal_name(number: int) -> str:
    """SIGSEGV for 11; real-time signals have no names of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
