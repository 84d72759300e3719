"""How workers come, and how a new generation takes over from an old one without a moment in which nobody serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import Abandon, Commit, CountWorkers, Log, News, NoteWorkers, Notify, Renew, Spawn
from longma.master.policies import FORKS_A_TURN, free_slot, least_used_device, missing_workers
from longma.master.state import PendingSpawn, Phase, Reload, Stage, State, WorkerRecord
from longma.master.stopping import tell_to_stop

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action
    from longma.master.events import SettingsLoaded

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


# Workers coming.


def spawn_missing(state: State, now: float) -> Decision:
    """Ask for the workers that are missing, some at a time, unless deaths ask for patience or the board is full."""
    actions: tuple[Action, ...] = ()
    if now < state.respawn_at:
        return state, ()
    missing, room = missing_workers(state), FORKS_A_TURN - state.forked
    if missing > room:
        state = state._replace(respawn_at=now)  # at once, but after whatever else has come
    for _ in range(min(missing, room)):
        slot = free_slot(state)
        if slot is None:
            break
        age = state.last_age + 1
        spawn = PendingSpawn(slot, age, state.generation, least_used_device(state))
        state = state._replace(last_age=age, forked=state.forked + 1, pending=(*state.pending, spawn))
        actions += (Spawn(slot, age, spawn.generation, spawn.device),)
    return state, actions


def welcome(state: State, age: int, pid: int, now: float) -> Decision:
    """Write a new worker down; one that comes after the master began to stop is told so at once."""
    spawn = next(spawn for spawn in state.pending if spawn.age == age)
    worker = WorkerRecord(pid, spawn.slot, age, spawn.generation, spawn.device, spawned_at=now)
    state = state.without_pending(age).with_worker(worker)
    if state.phase is not Phase.SERVING:
        return tell_to_stop(state, worker, now, gracefully=state.phase is Phase.DRAINING)
    return state, ()


def greet(state: State, worker: WorkerRecord, now: float) -> Decision:
    """A worker serves. Its heart is watched from now on, and a generation of which one serves has come to stay."""
    stage = Stage.READY if worker.stage is Stage.BOOTING else worker.stage
    state = state.with_worker(worker._replace(stage=stage, ready_at=now, heartbeat_at=now))
    took = Log(Level.DEBUG, f"Worker (pid:{worker.pid}) serves, {now - worker.spawned_at:.2f} s after it was started.")
    actions: tuple[Action, ...] = (took,) if state.ever_ready else (took, Notify(News.READY))
    state = state._replace(ever_ready=True, failure="")
    if state.reload is not None and worker.generation == state.generation:
        state = state._replace(reload=None)
        actions += (Commit(state.generation),)
    return state, actions


def count_workers(state: State) -> Decision:
    """Report the number of workers when it has changed."""
    if len(state.workers) == state.counted:
        return state, ()
    return state._replace(counted=len(state.workers)), (CountWorkers(len(state.workers)),)


# Generations.


def begin_reload(state: State, loaded: SettingsLoaded) -> Decision:
    """Have the workers replaced by those of a new generation, with what is wanted now."""
    state, actions = begin_generation(state, loaded.generation)
    return state._replace(wanted=loaded.wanted, winched=0, refusal=""), (Log(Level.INFO, "Hang up: Master"), *actions)


def reload_changed(state: State, worker: WorkerRecord) -> Decision:
    """A file of the application has changed under a worker that was to notice (`--reload`)."""
    if worker.generation != state.generation or state.phase is not Phase.SERVING:
        return state, ()  # its successors have read the file as it is now
    generation = state.last_generation + 1
    state, actions = begin_generation(state, generation)
    return state, (Renew(generation), *actions)


def begin_generation(state: State, generation: int) -> Decision:
    """A generation begins on trial; one that was still on trial is given up for it."""
    # Before anybody has served there is nothing to tell: the start is still going on.
    actions: tuple[Action, ...] = (Notify(News.RELOADING),) if state.ever_ready else ()
    if state.reload is None:
        trial = Reload(state.wanted, state.generation, winched_before=state.winched)
    else:
        actions += (Abandon(state.generation),)
        trial = state.reload._replace(deaths=0)
    state = state._replace(
        generation=generation,
        last_generation=max(state.last_generation, generation),
        reload=trial,
        is_rolling=True,
        early_deaths=0,
        respawn_at=float("-inf"),
    )
    return state, actions


def abandon_reload(state: State, why: str) -> Decision:
    """Give the new generation up: what was wanted before is wanted again, and whoever served goes on."""
    assert state.reload is not None
    failed, reload, before = state.generation, state.reload, state.reload.before
    message = f"Reload failed: {why} What was served before is served on."
    actions: tuple[Action, ...] = (Log(Level.ERROR, message), Abandon(failed))
    if before.workers != state.wanted.workers:
        actions += (NoteWorkers(before.workers, state.wanted.workers),)
    state = state._replace(
        wanted=before,
        generation=reload.generation_before,
        winched=reload.winched_before,
        reload=None,
        is_rolling=False,
        refusal=why,
    )
    return state, (*actions, *((Notify(News.READY),) if state.ever_ready else ()))


def finish_reload(state: State) -> Decision:
    """Say so when the last worker of an earlier generation is gone: nobody gets an answer of the old application."""
    actions: tuple[Action, ...] = ()
    if state.reload is not None and state.wanted.workers == 0:
        state = state._replace(reload=None)  # there is nobody to try it
        actions += (Commit(state.generation),)
    if not state.is_rolling or state.reload is not None or state.phase is not Phase.SERVING:
        return state, actions
    present = [worker for worker in state.workers if worker.stage is not Stage.KILLED]
    serving = sum(worker.stage is Stage.READY for worker in present)
    if serving < state.wanted.workers or any(worker.generation != state.generation for worker in present):
        return state, actions
    done = Log(Level.INFO, f"Reload complete: {serving} worker{'s' * (serving != 1)} of the new generation.")
    return state._replace(is_rolling=False), (*actions, done, Notify(News.READY))
