"""The master's one decision: given what it knows, what happened and when, what it does and knows now.

Pure: it reads no clock and touches no process. What happened is dealt with first, then the rules that always hold are
applied: whoever is past its deadline is killed, whoever is missing is spawned, and a stopping master without workers
leaves. A new signal is a row in `react_to_signal`, a new event a case in `react`.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import CloseListeners, Exit, FreeSlot, Kill, Log, Spawn
from longma.master.events import Reaped, Reported, Signalled, Spawned, SpawnFailed, Tick, Vanished
from longma.master.policies import (
    ABORT_GRACE,
    BOOT_FAILURES,
    MASTER_LATE_AFTER,
    QUICK_TIMEOUT,
    SECOND_CHANCE,
    abandon_at,
    cause_of_death,
    died_early,
    earliest,
    fails_the_server,
    free_slot,
    has_settled_since,
    missing_workers,
    next_wake,
    overdue_at,
    respawn_delay,
)
from longma.master.state import PendingSpawn, Phase, Stage, State, WorkerRecord
from longma.process.tether import Report

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action
    from longma.master.events import Event, Reading

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


def decide(state: State, event: Event, now: float) -> Decision:
    """Return the state after the event, and the actions to perform, in their order."""
    if state.phase is Phase.STOPPED:
        return state, ()
    state, reaction = react(state, event, now)
    state, kills = kill_overstayers(state, now)
    state, spawns = spawn_missing(state, now)
    state, ending = leave_when_alone(state, now)
    return state._replace(wake_at=next_wake(state)), (*reaction, *kills, *spawns, *ending)


def react(state: State, event: Event, now: float) -> Decision:
    match event:
        case Tick(readings):
            return watch(state, readings, now)
        case Signalled(number):
            return react_to_signal(state, number, now)
        case Spawned(age, pid):
            return welcome(state, age, pid, now)
        case SpawnFailed(age, reason):
            state = state.without_pending(age)
            state, delayed = delay_respawn(state, age, now, "No worker could be started")
            return state, (Log(Level.ERROR, f"Could not start a worker: {reason}"), *delayed)
        case Reported(pid, report, text):
            return take_report(state, pid, report, text, now)
        case Reaped():
            return bury(state, event, now)
        case Vanished(pid):
            return mourn(state, pid)


# Time.


def watch(state: State, readings: tuple[Reading, ...], now: float) -> Decision:
    """Take over the heartbeats, and abort each worker whose heart has stood still for `timeout` seconds."""
    earliest_heartbeat = float("-inf")
    if state.wake_at is not None and now - state.wake_at > MASTER_LATE_AFTER:
        earliest_heartbeat = now - state.wanted.timeout + min(SECOND_CHANCE, state.wanted.timeout)
    by_worker = {(reading.slot, reading.pid): reading for reading in readings}
    actions: tuple[Action, ...] = ()
    for record in state.workers:
        worker = record
        if reading := by_worker.get((worker.slot, worker.pid)):
            heartbeat_at = max(worker.heartbeat_at, reading.heartbeat_at)
            worker = worker._replace(heartbeat_at=heartbeat_at, in_call=reading.in_call)
        worker = worker._replace(heartbeat_at=max(worker.heartbeat_at, earliest_heartbeat))
        state = state.with_worker(worker)
        overdue = overdue_at(worker, state.wanted)
        if overdue is not None and now >= overdue:
            deadline = earliest(worker.kill_at, now + ABORT_GRACE)
            state = state.with_worker(worker._replace(stage=Stage.ABORTED, kill_at=deadline))
            actions += (
                Log(Level.CRITICAL, f"WORKER TIMEOUT (pid:{worker.pid})"),
                Kill(worker.pid, signal.SIGABRT),
            )
    return state, actions


def kill_overstayers(state: State, now: float) -> Decision:
    """Kill each worker that is past its deadline, once."""
    actions: tuple[Action, ...] = ()
    for worker in state.workers:
        if worker.kill_at is not None and now >= worker.kill_at:
            state = state.with_worker(worker._replace(stage=Stage.KILLED, kill_at=None, killed_at=now))
            actions += (
                Log(Level.WARNING, f"Killing worker (pid:{worker.pid}): it did not stop in time."),
                Kill(worker.pid, signal.SIGKILL),
            )
    return state, actions


# Signals.


def react_to_signal(state: State, number: int, now: float) -> Decision:
    name = signal.Signals(number).name.removeprefix("SIG").lower()
    match number:
        case signal.SIGTERM if state.phase is Phase.SERVING:
            state, actions = stop(state, Phase.DRAINING, now)
        case signal.SIGINT | signal.SIGQUIT if state.phase is not Phase.QUITTING:
            state, actions = stop(state, Phase.QUITTING, now)
        case signal.SIGTERM | signal.SIGINT | signal.SIGQUIT:
            return state, ()  # the master is stopping already, and not less quickly
        case _:
            # A terminal sends WINCH whenever its window changes; that is no news.
            level = Level.DEBUG if number == signal.SIGWINCH else Level.WARNING
            return state, (Log(level, f"Ignoring signal: {name} (not supported by this version)"),)
    return state, (Log(Level.INFO, f"Handling signal: {name}"), *actions)


def stop(state: State, phase: Phase, now: float) -> Decision:
    """Close the listeners and tell every worker to stop: by TERM to drain, by QUIT to finish its call only."""
    closing: tuple[Action, ...] = (CloseListeners(),) if state.phase is Phase.SERVING else ()
    state = state._replace(phase=phase)
    for worker in state.workers:
        state, told = tell_to_stop(state, worker, now)
        closing += told
    return state, closing


def tell_to_stop(state: State, worker: WorkerRecord, now: float) -> Decision:
    """Send a worker the signal of the master's phase. One that was sent ABRT or KILL is on its way out already."""
    draining = state.phase is Phase.DRAINING
    deadline = now + (state.wanted.graceful_timeout if draining else QUICK_TIMEOUT)
    if worker.stage is Stage.KILLED:
        return state, ()
    worker = worker._replace(kill_at=earliest(worker.kill_at, deadline))
    if worker.stage is Stage.ABORTED:
        return state.with_worker(worker), ()
    state = state.with_worker(worker._replace(stage=Stage.RETIRING))
    return state, (Kill(worker.pid, signal.SIGTERM if draining else signal.SIGQUIT),)


# Workers coming.


def spawn_missing(state: State, now: float) -> Decision:
    """Ask for the workers that are missing, unless recent deaths ask for patience or the board is full."""
    actions: tuple[Action, ...] = ()
    if now < state.respawn_at:
        return state, ()
    for _ in range(missing_workers(state)):
        slot = free_slot(state)
        if slot is None:
            break
        age = state.last_age + 1
        state = state._replace(last_age=age, pending=(*state.pending, PendingSpawn(slot, age)))
        actions += (Spawn(slot, age),)
    return state, actions


def welcome(state: State, age: int, pid: int, now: float) -> Decision:
    """Write a new worker down; one that comes after the master began to stop is told so at once."""
    slot = next(spawn.slot for spawn in state.pending if spawn.age == age)
    worker = WorkerRecord(pid, slot, age)
    state = state.without_pending(age).with_worker(worker)
    if state.phase is not Phase.SERVING:
        return tell_to_stop(state, worker, now)
    return state, ()


def take_report(state: State, pid: int, report: Report, text: str, now: float) -> Decision:
    """A ready worker's heart is watched from now on; why one failed is logged once, though all fail alike."""
    if report is Report.FAILED:
        repeated = text == state.failure
        return state._replace(failure=text), () if repeated else (Log(Level.ERROR, text, pid),)
    worker = state.worker(pid)
    if worker is None:
        return state, ()
    stage = Stage.READY if worker.stage is Stage.BOOTING else worker.stage
    state = state.with_worker(worker._replace(stage=stage, ready_at=now, heartbeat_at=now))
    return state._replace(ever_ready=True, failure=""), ()


# Workers going.


def bury(state: State, gone: Reaped, now: float) -> Decision:
    """Forget a worker that is gone, say why it went, and stop the server when it shows that none will ever boot.

    A child that is no worker (the master may be process 1 of a container) is passed over.
    """
    pid, exit_code, requests = gone
    worker = state.worker(pid)
    if worker is None:
        return state, ()
    state = state.without_worker(pid)
    actions: tuple[Action, ...] = (FreeSlot(worker.slot),)
    cause = cause_of_death(worker, exit_code)
    told_before = state.reason and exit_code in BOOT_FAILURES
    if cause is not None and not told_before:
        actions += (Log(*cause),)
    if fails_the_server(state, worker, exit_code):
        state = state._replace(exit_code=exit_code, reason=BOOT_FAILURES[exit_code])
        state, more = stop(state, Phase.QUITTING, now)
    elif died_early(worker, requests, now):
        state, more = delay_respawn(state, worker.age, now, f"Worker (pid:{pid}) died right after it was started")
    else:
        state, more = state._replace(early_deaths=0), ()
    return state, (*actions, *more)


def mourn(state: State, pid: int) -> Decision:
    """Forget a worker that was found to be gone without having been reaped."""
    worker = state.worker(pid)
    if worker is None:
        return state, ()
    gone = Log(Level.ERROR, f"Worker (pid:{pid}) is gone, and its exit status with it.")
    return state.without_worker(pid), (FreeSlot(worker.slot), gone)


def delay_respawn(state: State, age: int, now: float, what: str) -> Decision:
    """After the first of several deaths wait with the next spawn, longer each time; those during a wait count once."""
    if state.phase is not Phase.SERVING or now < state.respawn_at:
        return state, ()
    early_deaths = 1 if has_settled_since(state, state.last_early_age, now) else state.early_deaths + 1
    delay = respawn_delay(early_deaths)
    state = state._replace(early_deaths=early_deaths, last_early_age=age, respawn_at=now + delay)
    if delay == 0:
        return state, ()
    return state, (Log(Level.WARNING, f"{what}; the next one is started in {delay:g} s."),)


# The end.


def leave_when_alone(state: State, now: float) -> Decision:
    """End a stopping master once its last worker is gone, or has outlived even KILL."""
    actions: tuple[Action, ...] = ()
    if state.phase is Phase.SERVING or state.pending:
        return state, ()
    abandoned = abandon_at(state)
    if state.workers and (abandoned is None or now < abandoned):
        return state, ()
    for worker in state.workers:
        actions += (Log(Level.CRITICAL, f"Worker (pid:{worker.pid}) was killed and does not go away."),)
    actions += (Log(Level.INFO, "Shutting down: Master"),)
    if state.reason:
        actions += (Log(Level.ERROR, f"Reason: {state.reason}"),)
    return state._replace(phase=Phase.STOPPED, workers=()), (*actions, Exit(state.exit_code))
