"""What the master does as time passes: it times workers, weighs them, and gives those who wait a sign of life."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import Condemn, Kill, Log, LookAtCertificates, Measure, News, Notify
from longma.master.policies import (
    ABORT_GRACE,
    LOOK_EVERY,
    MASTER_LATE_AFTER,
    SECOND_CHANCE,
    STACK_BEFORE_KILL,
    boot_overdue_at,
    earliest,
    in_mebibytes,
    looks_regularly,
    overdue_at,
)
from longma.master.state import Phase, Stage, State, WorkerRecord
from longma.process.signals import STACK_SIGNAL

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action
    from longma.master.events import Reading

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


def watch(state: State, readings: tuple[Reading, ...], now: float) -> Decision:
    """Take over what is seen of the workers, and act on those that take too long or too much."""
    earliest_heartbeat = float("-inf")
    if state.wake_at is not None and now - state.wake_at > MASTER_LATE_AFTER:
        earliest_heartbeat = now - state.wanted.timeout + min(SECOND_CHANCE, state.wanted.timeout)
    by_worker = {(reading.slot, reading.pid): reading for reading in readings}
    actions: tuple[Action, ...] = ()
    watched = []
    for record in state.workers:
        worker = record
        reading = by_worker.get((worker.slot, worker.pid))
        if reading is not None:
            heartbeat_at = max(worker.heartbeat_at, reading.heartbeat_at)
            worker = worker._replace(heartbeat_at=heartbeat_at, in_call=reading.in_call)
        worker = worker._replace(heartbeat_at=max(worker.heartbeat_at, earliest_heartbeat))
        worker, more = time_worker(state, worker, reading.call if reading else "", now)
        if reading is not None and not more:
            worker, more = weigh_worker(state, worker, reading.memory, now)
        watched.append(worker)
        actions += more
    return state._replace(workers=tuple(watched)), actions


def time_worker(state: State, worker: WorkerRecord, call: str, now: float) -> tuple[WorkerRecord, tuple[Action, ...]]:
    """Abort a worker whose heart has stood still for `timeout` seconds, or that has not booted within its time."""
    overdue = overdue_at(worker, state.wanted)
    boot_overdue = boot_overdue_at(worker, state.wanted)
    kill_at = earliest(worker.kill_at, now + ABORT_GRACE)
    if overdue is not None and now >= overdue:
        doing = f" while it served {call}" if call else ""
        log = Log(Level.CRITICAL, f"WORKER TIMEOUT (pid:{worker.pid}){doing}")
        stack_at = now + ABORT_GRACE - STACK_BEFORE_KILL
        worker = worker._replace(stage=Stage.ABORTED, ended_for="timeout", kill_at=kill_at, stack_at=stack_at)
        return worker, (log, Condemn(worker.slot), Kill(worker.pid, signal.SIGABRT))
    if boot_overdue is not None and now >= boot_overdue:
        limit = f"boot_timeout ({state.wanted.boot_timeout:g} s)"
        log = Log(Level.CRITICAL, f"WORKER TIMEOUT (pid:{worker.pid}): it has not booted within {limit}")
        worker = worker._replace(stage=Stage.ABORTED, ended_for="boot_timeout", kill_at=kill_at)
        return worker, (log, Kill(worker.pid, signal.SIGABRT))
    return worker, ()


def weigh_worker(
    state: State, worker: WorkerRecord, memory: int, now: float
) -> tuple[WorkerRecord, tuple[Action, ...]]:
    """Replace a worker that has more memory than it should, and kill one that has far more."""
    soft, hard = state.wanted.memory, state.wanted.memory_hard
    uses = f"Worker (pid:{worker.pid}) uses {in_mebibytes(memory)}"
    if hard and memory > hard and worker.stage is not Stage.KILLED:
        log = Log(Level.ERROR, f"{uses}, more than max_worker_memory_hard ({in_mebibytes(hard)}): killing it.")
        killed = worker._replace(
            stage=Stage.KILLED, ended_for="max_worker_memory_hard", kill_at=None, stack_at=None, killed_at=now
        )
        return killed, (log, Kill(worker.pid, signal.SIGKILL))
    if soft and memory > soft and worker.stage is Stage.READY and not worker.recycle:
        log = Log(Level.INFO, f"{uses}, more than max_worker_memory ({in_mebibytes(soft)}): replacing it.")
        return worker._replace(recycle="memory"), (log,)
    return worker, ()


def kill_overstayers(state: State, now: float) -> Decision:
    """Kill each worker that is past its deadline, once; ask one that is stuck for its stack before."""
    actions: tuple[Action, ...] = ()
    for worker in state.workers:
        if worker.kill_at is not None and now >= worker.kill_at:
            why = worker.ended_for or "did not stop in time"
            killed = worker._replace(stage=Stage.KILLED, ended_for=why, kill_at=None, stack_at=None, killed_at=now)
            state = state.with_worker(killed)
            actions += (
                Log(Level.WARNING, f"Killing worker (pid:{worker.pid}): it did not stop in time."),
                Kill(worker.pid, signal.SIGKILL),
            )
        elif worker.stack_at is not None and now >= worker.stack_at:
            state = state.with_worker(worker._replace(stack_at=None))
            actions += (Kill(worker.pid, STACK_SIGNAL),)
    return state, actions


def give_signs_of_life(state: State, now: float) -> Decision:
    """Tell the supervisor that the master is well, and do what is done again and again."""
    actions: tuple[Action, ...] = ()
    if state.watchdog and now >= state.watchdog_at:
        state = state._replace(watchdog_at=now + state.watchdog)
        actions += (Notify(News.ALIVE),)
    if looks_regularly(state) and now >= state.measure_at:
        state = state._replace(measure_at=now + LOOK_EVERY)
        if state.wanted.measures_backlog and state.phase is Phase.SERVING:
            actions += (Measure(),)
        if state.wanted.watches_certificates:
            actions += (LookAtCertificates(),)
    return state, actions
