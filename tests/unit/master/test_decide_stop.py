"""TERM drains, INT and QUIT hurry, and the master always comes to its end."""

from __future__ import annotations

import signal
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM

import pytest

from longma.logs.levels import Level
from longma.master import decide as decisions
from longma.master.actions import CloseListeners, Exit, FreeSlot, Kill, Log, News, Notify, ReopenLogs, SayLeaving, Spawn
from longma.master.events import Reaped, Reported, Signalled, Spawned, SpawnFailed, Tick
from longma.master.policies import KILL_PATIENCE, QUICK_TIMEOUT
from longma.master.state import PendingSpawn, Phase, Stage, State, WorkerRecord
from longma.process.tether import Report
from tests.unit.master.states import booting, decide, draining, running, wanted, worker


def test_term_closes_the_listeners_first_and_then_tells_the_workers():
    state = running(worker(7), booting(8, slot=1), graceful_timeout=20.0)
    state, actions = decide(state, Signalled(SIGTERM), now=5.0)
    assert actions == (
        Log(Level.INFO, "Handling signal: term"),
        CloseListeners(),
        Kill(7, SIGTERM),
        Kill(8, SIGTERM),
    )
    assert state.phase is Phase.DRAINING
    assert state.wake_at == 25.0


@pytest.mark.parametrize(("number", "name"), [(SIGINT, "int"), (SIGQUIT, "quit")])
def test_int_and_quit_stop_quickly(number: int, name: str):
    state, actions = decide(running(worker(7)), Signalled(number), now=5.0)
    assert actions == (Log(Level.INFO, f"Handling signal: {name}"), CloseListeners(is_quick=True), Kill(7, SIGQUIT))
    assert state.wake_at == 5.0 + QUICK_TIMEOUT


def test_int_hurries_a_master_that_drains():
    state, actions = decide(draining(worker(7), kill_at=25.0), Signalled(SIGINT), now=6.0)
    assert actions == (Log(Level.INFO, "Handling signal: int"), Kill(7, SIGQUIT))
    assert state.wake_at == 6.0 + QUICK_TIMEOUT


def test_int_near_the_end_of_draining_gives_no_more_time():
    state, _ = decide(draining(worker(7), kill_at=6.5), Signalled(SIGINT), now=6.0)
    assert state.wake_at == 6.5


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGQUIT])
def test_a_quick_stop_is_not_asked_for_twice(number: int):
    state, _ = decide(running(worker(7)), Signalled(SIGINT), now=5.0)
    assert decide(state, Signalled(number), now=5.5) == (state, ())


def test_a_second_term_changes_nothing():
    state, _ = decide(draining(worker(7), kill_at=25.0), Tick(), now=5.0)
    assert decide(state, Signalled(SIGTERM), now=6.0) == (state, ())


def test_the_last_worker_to_go_ends_the_master():
    state = draining(worker(7), worker(8, slot=1), kill_at=25.0)
    state, actions = decide(state, Reaped(7, 0), now=6.0)
    assert actions == (FreeSlot(0),)
    state, actions = decide(state, Reaped(8, 0), now=6.0)
    assert actions == (FreeSlot(1), Log(Level.INFO, "Shutting down: Master"), Exit(0))
    assert state.phase is Phase.STOPPED


def test_a_master_without_workers_leaves_at_once():
    state, _ = decide(State(wanted(0)), Tick(), now=0.0)
    _, actions = decide(state, Signalled(SIGTERM), now=1.0)
    assert actions[-1] == Exit(0)


def test_a_worker_that_overstays_is_killed_once_and_the_status_is_still_0():
    state, actions = decide(draining(worker(7), kill_at=25.0), Tick(), now=25.0)
    assert actions == (
        Log(Level.WARNING, "Killing worker (pid:7): it did not stop in time."),
        Kill(7, SIGKILL),
    )
    assert decide(state, Signalled(SIGINT), now=25.1)[1] == (Log(Level.INFO, "Handling signal: int"),)
    _, actions = decide(state, Reaped(7, -SIGKILL), now=25.2)
    assert actions[-1] == Exit(0)


def test_a_worker_that_outlives_kill_is_left_behind():
    state, _ = decide(draining(worker(7), kill_at=25.0), Tick(), now=25.0)
    assert state.wake_at == 25.0 + KILL_PATIENCE
    _, actions = decide(state, Tick(), now=25.0 + KILL_PATIENCE)
    assert actions == (
        Log(Level.CRITICAL, "Worker (pid:7) was killed and does not go away."),
        Log(Level.INFO, "Shutting down: Master"),
        Exit(0),
    )


def test_a_worker_that_dies_of_the_signal_it_was_told_by_is_no_news():
    _, actions = decide(draining(worker(7), worker(8, slot=1), kill_at=25.0), Reaped(7, -SIGTERM), now=6.0)
    assert actions == (FreeSlot(0),)


def test_an_aborted_worker_is_not_told_again_but_its_time_is_cut():
    aborted = worker(7)._replace(stage=Stage.ABORTED, kill_at=31.0)
    state, actions = decide(running(aborted), Signalled(SIGTERM), now=30.5)
    assert not any(isinstance(action, Kill) for action in actions)
    assert state.wake_at == 31.0


def test_a_worker_that_was_being_forked_is_told_to_stop_when_it_is_there():
    state = running()._replace(pending=(PendingSpawn(0, 1),), wanted=wanted(1))
    state, actions = decide(state, Signalled(SIGTERM), now=5.0)
    assert actions == (Log(Level.INFO, "Handling signal: term"), CloseListeners())
    state, actions = decide(state, Spawned(1, 7), now=5.1)
    assert actions == (Kill(7, SIGTERM),)
    state, _ = decide(state, Reported(7, Report.READY), now=5.2)
    assert state.workers[0].stage is Stage.RETIRING


def test_a_fork_that_fails_while_stopping_ends_the_master():
    state = running()._replace(pending=(PendingSpawn(0, 1),), wanted=wanted(1), phase=Phase.DRAINING)
    _, actions = decide(state, SpawnFailed(1, "no memory"), now=5.1)
    assert actions[-1] == Exit(0)


def test_no_worker_is_replaced_while_stopping():
    state = draining(worker(7), worker(8, slot=1), kill_at=25.0)
    _, actions = decide(state, Reaped(7, -signal.SIGSEGV), now=6.0)
    assert not any(isinstance(action, Spawn) for action in actions)


def test_a_stopped_master_does_nothing_more():
    state, _ = decide(draining(worker(7), kill_at=25.0), Reaped(7, 0), now=6.0)
    for event in (Tick(), Signalled(SIGTERM), Reaped(8, 3), Spawned(5, 9)):
        assert decide(state, event, now=7.0) == (state, ())


def delaying(*workers: WorkerRecord) -> State:
    """A master that says for 5 seconds that it is about to stop."""
    state = running(*workers, graceful_timeout=20.0)
    return state._replace(wanted=state.wanted._replace(drain_delay=5.0))


SAID = Log(Level.INFO, "Stopping in 5 s; until then the health path says so.")


def test_term_with_a_delay_is_announced_and_everything_goes_on():
    state, actions = decisions.decide(delaying(worker(7)), Signalled(SIGTERM), 10.0)
    assert actions == (Log(Level.INFO, "Handling signal: term"), SAID, Notify(News.STOPPING), SayLeaving())
    assert (state.phase, state.wake_at) == (Phase.SERVING, 15.0)
    state, actions = decide(state, Reaped(7, 0, requests=5), now=12.0)
    assert Spawn(0, 2) in actions, "a worker that dies meanwhile is replaced"


def test_behind_the_delay_comes_the_ordinary_stop_with_all_its_time():
    state, _ = decide(delaying(worker(7, heartbeat_at=14.0)), Signalled(SIGTERM), now=10.0)
    assert decide(state, Tick(), now=14.9) == (state, ())
    state, actions = decisions.decide(state, Tick(), now=15.0)
    assert actions == (CloseListeners(), Kill(7, SIGTERM))
    assert (state.phase, state.wake_at) == (Phase.DRAINING, 35.0)
    assert decide(state, Signalled(SIGTERM), now=16.0) == (state, ())


def test_a_second_term_ends_the_delay():
    state, _ = decide(delaying(worker(7, heartbeat_at=10.0)), Signalled(SIGTERM), now=10.0)
    state, actions = decide(state, Signalled(SIGTERM), now=11.0)
    assert actions == (Log(Level.INFO, "Handling signal: term"), CloseListeners(), Kill(7, SIGTERM))
    assert (state.phase, state.wake_at) == (Phase.DRAINING, 31.0)


@pytest.mark.parametrize("number", [SIGINT, SIGQUIT])
@pytest.mark.parametrize("announced", [True, False])
def test_a_quick_stop_knows_no_delay(number: int, announced: bool):
    state = delaying(worker(7))
    if announced:
        state, _ = decide(state, Signalled(SIGTERM), now=10.0)
    state, actions = decide(state, Signalled(number), now=11.0)
    assert actions[1:] == (CloseListeners(is_quick=True), Kill(7, SIGQUIT))
    assert state.phase is Phase.QUITTING


@pytest.mark.parametrize("other", ["upgrade", "has_parent"])
def test_a_master_beside_another_one_stops_without_delay(other: str):
    state = delaying(worker(7))._replace(**{other: 1})
    state, actions = decide(state, Signalled(SIGTERM), now=10.0)
    assert actions[1:] == (CloseListeners(unlink=False), Kill(7, SIGTERM))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH])
def test_nothing_new_is_begun_by_a_master_that_is_about_to_stop(number: signal.Signals):
    state, _ = decide(delaying(worker(7)), Signalled(SIGTERM), now=10.0)
    name = number.name.removeprefix("SIG").lower()
    ignored = Log(Level.WARNING, f"Signal {name} ignored: the server is about to stop.")
    assert decide(state, Signalled(number), now=11.0) == (state, (ignored,))


def test_a_master_that_is_about_to_stop_reopens_its_logs():
    state, _ = decide(delaying(worker(7)), Signalled(SIGTERM), now=10.0)
    _, actions = decide(state, Signalled(signal.SIGUSR1), now=11.0)
    assert actions[1:] == (ReopenLogs(), Kill(7, signal.SIGUSR1))


def test_a_server_that_fails_meanwhile_does_not_wait():
    state = delaying()._replace(workers=(booting(7),), wanted=wanted(1)._replace(drain_delay=5.0), last_age=1)
    state, _ = decide(state, Signalled(SIGTERM), now=10.0)
    state, actions = decide(state, Reaped(7, 3), now=11.0)
    assert actions[-1] == Exit(3)
