"""How children go: what is said of it, what follows for their successors, and when none will ever do better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import BuryWorker, FreeSlot, Log
from longma.master.policies import (
    BOOT_FAILURES,
    DEATHS_KEPT,
    RELOAD_CHANCES,
    cause_of_death,
    died_early,
    fails_the_reload,
    fails_the_server,
    has_settled_since,
    manner_of_death,
    respawn_delay,
)
from longma.master.rolling import abandon_reload
from longma.master.state import Death, Phase, Stage, State, Wanted, WorkerRecord
from longma.master.stopping import stop

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action
    from longma.master.events import Reaped

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


def bury(state: State, gone: Reaped, now: float) -> Decision:
    """Forget a worker that is gone, say why it went, and draw the consequences.

    A child that is no worker (the master may be process 1 of a container) is passed over.
    """
    if state.upgrade and gone.pid == state.upgrade:
        return lose_upgrade(state, gone.exit_code)
    worker = state.worker(gone.pid)
    if worker is None:
        return state, ()
    state = record(state.without_worker(gone.pid), worker, manner_of_death(worker, gone), gone.requests, now)
    # As with Gunicorn, the worker that ends the server because it cannot boot is none to tell of. Where the server goes
    # on, hooks take back what they have given to it.
    hook = "" if fails_the_server(state, worker, gone.exit_code) else "child_exit"
    actions: tuple[Action, ...] = (FreeSlot(worker.slot), BuryWorker(gone.pid, hook))
    cause = cause_of_death(worker, gone.exit_code, gone.out_of_memory)
    told_before = state.reason and gone.exit_code in BOOT_FAILURES
    if cause is not None and not told_before:
        actions += (Log(*cause),)
    state, more = draw_consequences(state, worker, gone, now)
    return state, (*actions, *more)


def record(state: State, worker: WorkerRecord, manner: tuple[str, bool], requests: int, now: float) -> State:
    """Remember how a worker has ended, for whoever asks."""
    cause, is_orderly = manner
    death = Death(worker.pid, worker.age, now, cause, requests)
    return state._replace(
        deaths=(*state.deaths, death)[-DEATHS_KEPT:],
        gone=state.gone + 1,
        failed=state.failed + (not is_orderly),
    )


def draw_consequences(state: State, worker: WorkerRecord, gone: Reaped, now: float) -> Decision:
    """Stop the server, give a reload up, or let the next worker wait, where a death says it would go the same way."""
    if fails_the_reload(state, worker) and state.reload is not None:
        state = state._replace(reload=state.reload._replace(deaths=state.reload.deaths + 1))
        is_final = gone.exit_code in BOOT_FAILURES or worker.stage is not Stage.BOOTING
        if state.reload is not None and (is_final or state.reload.deaths >= RELOAD_CHANCES):
            return abandon_reload(state, "the new worker did not get as far as serving.")
    elif fails_the_server(state, worker, gone.exit_code):
        state = state._replace(exit_code=gone.exit_code, reason=BOOT_FAILURES[gone.exit_code])
        return stop(state, Phase.QUITTING, now)
    if died_early(worker, gone.requests, now):
        return delay_respawn(state, worker.age, now, f"Worker (pid:{worker.pid}) died right after it was started")
    return state._replace(early_deaths=0), ()


def mourn(state: State, pid: int, now: float) -> Decision:
    """Forget a worker that was found to be gone without having been reaped."""
    worker = state.worker(pid)
    if worker is None:
        return state, ()
    gone = Log(Level.ERROR, f"Worker (pid:{pid}) is gone, and its exit status with it.")
    state = record(state.without_worker(pid), worker, ("vanished", False), 0, now)
    return state, (FreeSlot(worker.slot), BuryWorker(pid, "worker_exit"), gone)


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


def lose_upgrade(state: State, exit_code: int) -> Decision:
    """The master that USR2 has started is gone; if this one has let its workers go for it, they come back."""
    state = state._replace(upgrade=0)
    level = Level.ERROR if exit_code else Level.INFO
    actions: tuple[Action, ...] = (Log(level, f"The new master is gone (exit status {exit_code})."),)
    if state.winched and state.phase is Phase.SERVING:
        wanted: Wanted = state.wanted._replace(workers=state.winched)
        state = state._replace(wanted=wanted, winched=0)
        actions += (Log(Level.WARNING, "Nobody serves any more: starting the workers of this master again."),)
    if state.reload is not None and state.reload.winched_before:
        # A reload that fails must not go back to what was wanted while the other master served.
        before: Wanted = state.reload.before._replace(workers=state.reload.winched_before)
        state = state._replace(reload=state.reload._replace(before=before, winched_before=0))
    return state, actions
