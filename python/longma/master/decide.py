"""The master's one decision: given what it knows, what happened and when, what it does and knows now.

Pure: it reads no clock and touches no process. What happened is dealt with first, then the rules that always hold are
applied: whoever is past its deadline is killed, whoever is missing is spawned, whoever has a successor retires, and a
stopping master without workers leaves. A new signal is a row in `react_to_signal`, a new event a case in `react`.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from longma.logs.levels import Level
from longma.master.actions import Kill, LoadSettings, Log, NoteWorkers, Promote, ReopenLogs, Upgrade
from longma.master.deaths import bury, delay_respawn, mourn
from longma.master.events import (
    Dismissed,
    Reaped,
    Reported,
    Resized,
    SettingsLoaded,
    SettingsRefused,
    Signalled,
    Spawned,
    SpawnFailed,
    Tick,
    UpgradeFailed,
    UpgradeStarted,
    Vanished,
)
from longma.master.policies import next_wake
from longma.master.rolling import (
    begin_reload,
    count_workers,
    finish_reload,
    greet,
    reload_changed,
    spawn_missing,
    welcome,
)
from longma.master.state import Phase, Stage, State
from longma.master.stopping import (
    announce_stop,
    delays_stop,
    dismiss,
    leave_when_alone,
    retire_surplus,
    stop,
    stop_in_time,
)
from longma.master.watching import give_signs_of_life, kill_overstayers, watch
from longma.process.tether import Report

if TYPE_CHECKING:
    from typing import TypeAlias

    from longma.master.actions import Action
    from longma.master.events import Event

    Decision: TypeAlias = tuple[State, tuple[Action, ...]]


def decide(state: State, event: Event, now: float) -> Decision:
    """Return the state after the event, and the actions to perform, in their order."""
    if state.phase is Phase.STOPPED:
        return state, ()
    state, reaction = react(state, event, now)
    state, stopping = stop_in_time(state, now)
    state, kills = kill_overstayers(state, now)
    state, spawns = spawn_missing(state, now)
    state, retirements = retire_surplus(state, now)
    state, finish = finish_reload(state)
    state, count = count_workers(state)
    state, signs = give_signs_of_life(state, now)
    state, ending = leave_when_alone(state, now)
    actions = (*reaction, *stopping, *kills, *spawns, *retirements, *finish, *count, *signs, *ending)
    return state._replace(wake_at=next_wake(state)), actions


def react(state: State, event: Event, now: float) -> Decision:
    match event:
        case Tick(readings, parent_is_gone):
            state, actions = promote(state) if parent_is_gone else (state, ())
            state, more = watch(state._replace(forked=0), readings, now)
            return state, (*actions, *more)
        case Signalled(number):
            return react_to_signal(state, number, now)
        case SettingsLoaded():
            return begin_reload(state, event) if state.phase is Phase.SERVING else (state, ())
        case SettingsRefused(reason):
            return state._replace(refusal=reason), (Log(Level.ERROR, f"Reload failed, nothing was changed: {reason}"),)
        case Spawned(age, pid):
            return welcome(state, age, pid, now)
        case SpawnFailed(age, reason):
            state = state.without_pending(age)
            state, delayed = delay_respawn(state, age, now, "No worker could be started")
            return state, (Log(Level.ERROR, f"Could not start a worker: {reason}"), *delayed)
        case UpgradeStarted(pid):
            return state._replace(upgrade=pid), (Log(Level.INFO, f"Started another master (pid:{pid})."),)
        case UpgradeFailed(reason):
            return state, (Log(Level.ERROR, f"Could not start another master: {reason}"),)
        case Reported(pid, report, text):
            return take_report(state, pid, report, text, now)
        case Resized(by):
            # One stays, unless there is none.
            workers = max(min(state.wanted.workers, 1), state.wanted.workers + by)
            return want(state, workers) if state.phase is Phase.SERVING else (state, ())
        case Dismissed(pid):
            return dismiss(state, pid, now)
        case Reaped():
            return bury(state, event, now)
        case Vanished(pid):
            return mourn(state, pid, now)


def take_report(state: State, pid: int, report: Report, text: str, now: float) -> Decision:
    """Listen to a worker. Why one failed is logged once, though all fail alike."""
    if report is Report.FAILED:
        repeated = text == state.failure
        return state._replace(failure=text), () if repeated else (Log(Level.ERROR, text, pid),)
    worker = state.worker(pid)
    if worker is None:
        return state, ()
    match report:
        case Report.READY:
            return greet(state, worker, now)
        case Report.RECYCLE:
            return state.with_worker(worker._replace(recycle=text or "asked for")), ()
        case Report.CHANGED:
            return reload_changed(state, worker)


# Signals.


def react_to_signal(state: State, number: int, now: float) -> Decision:
    name = signal.Signals(number).name.removeprefix("SIG").lower()
    told = Log(Level.INFO, f"Handling signal: {name}")
    if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        phase = Phase.DRAINING if number == signal.SIGTERM else Phase.QUITTING
        if state.phase is phase or state.phase is Phase.QUITTING:
            return state, ()  # the master is stopping already, and not less quickly
        begin = announce_stop(state, now) if phase is Phase.DRAINING and delays_stop(state) else stop(state, phase, now)
        state, actions = begin
        return state, (told, *actions)
    if state.phase is not Phase.SERVING:
        return state, ()
    if state.stop_at is not None and number != signal.SIGUSR1:
        return state, (Log(Level.WARNING, f"Signal {name} ignored: the server is about to stop."),)
    match number:
        case signal.SIGHUP:
            generation = state.last_generation + 1
            return state._replace(last_generation=generation), (told, LoadSettings(generation))
        case signal.SIGTTIN:
            state, actions = want(state, state.wanted.workers + 1)
        case signal.SIGTTOU:
            state, actions = want(state, min(state.wanted.workers, max(1, state.wanted.workers - 1)))
        case signal.SIGUSR1:
            living = [worker for worker in state.workers if worker.stage is not Stage.KILLED]
            actions = (ReopenLogs(), *(Kill(worker.pid, signal.SIGUSR1) for worker in living))
        case signal.SIGUSR2:
            actions = (may_upgrade(state),)
        case _:
            return winch(state, told)
    return state, (told, *actions)


def want(state: State, workers: int) -> Decision:
    """Have that many workers from now on, as long as there is a page of the board left for a successor."""
    old = state.wanted.workers
    if workers >= state.wanted.slots:
        return state, (Log(Level.WARNING, f"There is no room for more than {old} workers."),)
    if workers == old:
        return state, ()
    state = state._replace(wanted=state.wanted._replace(workers=workers), winched=0)
    return state, (NoteWorkers(workers, old),)


def winch(state: State, told: Log) -> Decision:
    """Let all workers go and be a master without any, until HUP or TTIN; half of an upgrade (USR2, WINCH, QUIT).

    A terminal sends WINCH whenever its window changes: it counts only where there is none.
    """
    if not state.honours_winch:
        return state, (Log(Level.DEBUG, "SIGWINCH ignored. Not daemonized"),)
    old = state.wanted.workers
    state, actions = want(state, 0)
    return state._replace(winched=old or state.winched), (told, *actions)


def may_upgrade(state: State) -> Action:
    """Start another master, unless there are two already."""
    if state.upgrade:
        return Log(Level.WARNING, f"USR2 ignored: the new master (pid:{state.upgrade}) is there already.")
    if state.has_parent:
        return Log(Level.WARNING, "USR2 ignored: the old master is still there. Stop it first.")
    return Upgrade()


def promote(state: State) -> Decision:
    if not state.has_parent:
        return state, ()
    return state._replace(has_parent=False), (Log(Level.INFO, "Master has been promoted."), Promote())
