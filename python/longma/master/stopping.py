"""How the master and its workers come to their end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import CloseListeners, Exit, Kill, Log, News, Notify, SayLeaving
from longma.master.policies import QUICK_TIMEOUT, abandon_at, earliest, is_alone, next_to_retire
from longma.master.state import Phase, Stage, State, WorkerRecord

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


def delays_stop(state: State) -> bool:
    """Whether load balancers are to be told first. Not where another master goes on with the same listeners."""
    return state.phase is Phase.SERVING and state.stop_at is None and state.wanted.drain_delay > 0 and is_alone(state)


def announce_stop(state: State, now: float) -> Decision:
    """Say that the server is about to stop, and serve on."""
    delay = state.wanted.drain_delay
    told = Log(Level.INFO, f"Stopping in {delay:g} s; until then the health path says so.")
    return state._replace(stop_at=now + delay), (told, Notify(News.STOPPING), SayLeaving())


def stop_in_time(state: State, now: float) -> Decision:
    """Stop when that has been said for long enough."""
    if state.phase is not Phase.SERVING or state.stop_at is None or now < state.stop_at:
        return state, ()
    return stop(state, Phase.DRAINING, now)


def stop(state: State, phase: Phase, now: float) -> Decision:
    """Close the listeners and tell every worker to stop: by TERM to drain, by QUIT to finish its call only."""
    actions: tuple[Action, ...] = ()
    if state.phase is Phase.SERVING:
        news = News.HANDING_OVER if state.upgrade else News.STOPPING
        actions = () if state.stop_at is not None else (Notify(news),)
        actions += (CloseListeners(unlink=is_alone(state), is_quick=phase is Phase.QUITTING),)
    state = state._replace(phase=phase)
    for worker in state.workers:
        state, told = tell_to_stop(state, worker, now, gracefully=phase is Phase.DRAINING)
        actions += told
    return state, actions


def tell_to_stop(state: State, worker: WorkerRecord, now: float, *, gracefully: bool) -> Decision:
    """Send a worker the signal for it. One that was sent ABRT or KILL is on its way out already."""
    if worker.stage is Stage.KILLED:
        return state, ()
    deadline = now + (state.wanted.graceful_timeout if gracefully else QUICK_TIMEOUT)
    worker = worker._replace(kill_at=earliest(worker.kill_at, deadline))
    if worker.stage is Stage.ABORTED:
        return state.with_worker(worker), ()
    state = state.with_worker(worker._replace(stage=Stage.RETIRING))
    return state, (Kill(worker.pid, signal.SIGTERM if gracefully else signal.SIGQUIT),)


def dismiss(state: State, pid: int, now: float) -> Decision:
    """Tell one worker to stop because the operator wants it gone, unless it is on its way out already."""
    worker = state.worker(pid)
    if worker is None or worker.stage not in (Stage.BOOTING, Stage.READY) or state.phase is not Phase.SERVING:
        return state, ()
    return tell_to_stop(state, worker, now, gracefully=True)


def retire_surplus(state: State, now: float) -> Decision:
    """Tell each worker to stop that is not needed any more, because of its successor or because fewer are wanted."""
    actions: tuple[Action, ...] = ()
    while (worker := next_to_retire(state)) is not None:
        state, told = tell_to_stop(state, worker, now, gracefully=True)
        actions += told
    return state, actions


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
