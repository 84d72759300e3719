"""Workers come, die and are replaced: a state, an event, a moment; the answer is a value."""

from __future__ import annotations

import signal

import pytest

from longma.logs.levels import Level
from longma.master.actions import CloseListeners, Exit, FreeSlot, Kill, Log, Spawn
from longma.master.events import Reaped, Reported, Signalled, Spawned, SpawnFailed, Tick, Vanished
from longma.master.policies import FIRST_RESPAWN_DELAY, FORKS_A_TURN, LONGEST_RESPAWN_DELAY
from longma.master.state import Phase, Stage, State
from longma.process.tether import Report
from tests.unit.master.states import booting, decide, running, wanted, worker


def test_the_first_tick_asks_for_every_worker():
    state, actions = decide(State(wanted(2)), Tick(), now=0.0)
    assert actions == (Spawn(0, 1), Spawn(1, 2))
    assert decide(state, Tick(), now=1.0) == (state._replace(forked=0), ())


def test_many_workers_are_asked_for_some_at_a_time_so_that_signals_are_heard_between():
    state, first = decide(State(wanted(1000, slots=2000)), Tick(), now=5.0)
    assert len(first) == FORKS_A_TURN
    for age in range(1, FORKS_A_TURN + 1):
        state, actions = decide(state, Spawned(age, 100 + age), now=5.0)
        assert actions == ()
    assert state.wake_at == 5.0  # at once, when whatever else has come is dealt with
    _, second = decide(state, Tick(), now=5.0)
    assert second == tuple(Spawn(slot, slot + 1) for slot in range(FORKS_A_TURN, 2 * FORKS_A_TURN))
    state, _ = decide(state, Signalled(signal.SIGTERM), now=5.0)
    state, actions = decide(state, Tick(), now=5.0)
    assert not [action for action in actions if isinstance(action, Spawn)]


def test_a_spawned_worker_is_booting_and_not_timed():
    state, _ = decide(State(wanted(1)), Tick(), now=0.0)
    state, actions = decide(state, Spawned(age=1, pid=7), now=0.0)
    assert actions == ()
    assert state.workers == (booting(7),)
    assert state.wake_at is None


def test_a_ready_worker_is_watched_from_then_on():
    state, actions = decide(running(booting(7)), Reported(7, Report.READY), now=10.0)
    assert actions == ()
    assert state.ever_ready
    assert state.workers[0].stage is Stage.READY
    assert state.wake_at == 40.0


def test_a_dead_worker_is_replaced_in_the_lowest_free_slot():
    state = running(worker(7, slot=0), worker(8, slot=1))
    state, actions = decide(state, Reaped(7, -signal.SIGKILL), now=10.0)
    assert actions == (
        FreeSlot(0),
        Log(
            Level.ERROR,
            "Worker (pid:7) was sent SIGKILL! Perhaps out of memory? "
            "It was not longma, and no limit of its control group was reached.",
        ),
        Spawn(0, 3),
    )


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (1, "Worker (pid:7) exited with code 1."),
        (3, "Worker (pid:7) exited with code 3."),
        (4, "Worker (pid:7) exited with code 4."),
        (-signal.SIGSEGV, "Worker (pid:7) was sent SIGSEGV!"),
        (-signal.SIGTERM, "Worker (pid:7) was sent SIGTERM!"),
        (-40, "Worker (pid:7) was sent signal 40!"),
    ],
)
def test_the_log_says_why_a_worker_is_gone(exit_code: int, words: str):
    _, actions = decide(running(worker(7)), Reaped(7, exit_code), now=10.0)
    assert actions == (FreeSlot(0), Log(Level.ERROR, words), Spawn(0, 2))


def test_a_worker_that_left_by_itself_is_replaced_without_a_word():
    _, actions = decide(running(worker(7)), Reaped(7, 0), now=10.0)
    assert actions == (FreeSlot(0), Spawn(0, 2))


def test_a_child_that_is_no_worker_is_passed_over():
    state, _ = decide(running(worker(7)), Tick(), now=10.0)
    assert decide(state, Reaped(99, 3), now=10.0) == (state, ())
    assert decide(state, Vanished(99), now=10.0) == (state, ())
    assert decide(state, Reported(99, Report.READY), now=10.0) == (state, ())


def test_a_worker_that_vanished_is_replaced():
    _, actions = decide(running(worker(7)), Vanished(7), now=10.0)
    assert actions == (
        FreeSlot(0),
        Log(Level.ERROR, "Worker (pid:7) is gone, and its exit status with it."),
        Spawn(0, 2),
    )


def test_one_worker_that_dies_right_after_its_start_is_replaced_at_once():
    _, actions = decide(running(worker(7)), Reaped(7, -signal.SIGSEGV), now=0.5)
    assert actions == (FreeSlot(0), Log(Level.ERROR, "Worker (pid:7) was sent SIGSEGV!"), Spawn(0, 2))


def test_each_further_worker_that_dies_right_after_its_start_makes_the_next_one_wait_longer():
    state = running(worker(7))._replace(ever_ready=True, early_deaths=1, respawn_at=0.0)
    moment = 0.5
    delays = []
    for pid in range(7, 20):
        state, actions = decide(state, Reaped(pid, -signal.SIGSEGV), now=moment)
        assert not any(isinstance(action, Spawn) for action in actions)
        assert state.wake_at == state.respawn_at
        delays.append(state.respawn_at - moment)
        warning = actions[-1]
        assert warning == Log(
            Level.WARNING,
            f"Worker (pid:{pid}) died right after it was started; the next one is started in {delays[-1]:g} s.",
        )
        moment = state.respawn_at
        state, actions = decide(state, Tick(), now=moment)
        assert actions == (Spawn(0, state.last_age),)
        state, _ = decide(state, Spawned(state.last_age, pid + 1), now=moment)
    assert delays[:3] == [FIRST_RESPAWN_DELAY, FIRST_RESPAWN_DELAY * 2, FIRST_RESPAWN_DELAY * 4]
    assert delays[-1] == LONGEST_RESPAWN_DELAY


def test_a_worker_that_has_answered_a_request_did_not_die_early():
    state = running(worker(7))._replace(ever_ready=True, early_deaths=3, respawn_at=0.0)
    state, actions = decide(state, Reaped(7, -signal.SIGKILL, requests=1), now=0.5)
    assert actions[-1] == Spawn(0, 2)
    assert state.early_deaths == 0


def test_workers_that_die_together_count_as_one_early_death():
    state = running(*(worker(pid, slot=pid) for pid in range(4)))._replace(early_deaths=1, respawn_at=0.0)
    for pid in range(4):
        state, actions = decide(state, Reaped(pid, 1), now=0.5)
        assert sum(isinstance(action, Log) and action.level == Level.WARNING for action in actions) == (pid == 0)
    assert state.early_deaths == 2
    state, actions = decide(state, Tick(), now=state.respawn_at)
    assert [action.slot for action in actions if isinstance(action, Spawn)] == [0, 1, 2, 3]


def test_early_deaths_are_forgotten_when_a_worker_since_then_lives_on():
    old, settled, new = worker(7, slot=0), worker(8, slot=1), booting(9, slot=2)
    state = running(old, settled, new)._replace(early_deaths=9, last_early_age=1, respawn_at=5.0)
    after, actions = decide(state, Reaped(9, 1), now=10.0)
    assert after.early_deaths == 1
    assert actions[-1] == Spawn(2, 4)
    after, _ = decide(state._replace(last_early_age=2), Reaped(9, 1), now=10.0)
    assert after.early_deaths == 10
    after, _ = decide(state, Reaped(8, 1), now=10.0)
    assert after.early_deaths == 0


def test_a_fork_that_fails_is_tried_again_later():
    state, _ = decide(State(wanted(1), early_deaths=1, respawn_at=0.0), Tick(), now=0.0)
    state, actions = decide(state, SpawnFailed(1, "Resource temporarily unavailable"), now=0.0)
    assert actions == (
        Log(Level.ERROR, "Could not start a worker: Resource temporarily unavailable"),
        Log(Level.WARNING, "No worker could be started; the next one is started in 0.25 s."),
    )
    assert state.wake_at == FIRST_RESPAWN_DELAY
    _, actions = decide(state, Tick(), now=FIRST_RESPAWN_DELAY)
    assert actions == (Spawn(0, 2),)


def test_no_more_workers_are_asked_for_than_there_are_slots():
    state, actions = decide(State(wanted(5, slots=3)), Tick(), now=0.0)
    assert [action.slot for action in actions if isinstance(action, Spawn)] == [0, 1, 2]
    assert state.wake_at is None


@pytest.mark.parametrize(("exit_code", "reason"), [(3, "Worker failed to boot."), (4, "App failed to load.")])
def test_a_first_worker_that_cannot_boot_ends_the_server_with_its_status(exit_code: int, reason: str):
    state, actions = decide(running(booting(7)), Reaped(7, exit_code), now=0.0)
    assert state.phase is Phase.STOPPED
    assert actions == (
        FreeSlot(0),
        Log(Level.ERROR, f"Worker (pid:7) exited with code {exit_code}."),
        CloseListeners(is_quick=True),
        Log(Level.INFO, "Shutting down: Master"),
        Log(Level.ERROR, f"Reason: {reason}"),
        Exit(exit_code),
    )


def test_several_workers_that_cannot_boot_end_the_server_once_with_the_first_ones_status():
    state = running(booting(7, slot=0), booting(8, slot=1), booting(9, slot=2))
    state, actions = decide(state, Reported(7, Report.FAILED, "no module named 'app'"), now=0.0)
    assert actions == (Log(Level.ERROR, "no module named 'app'", 7),)
    state, actions = decide(state, Reported(8, Report.FAILED, "no module named 'app'"), now=0.0)
    assert actions == ()
    state, actions = decide(state, Reaped(8, 3), now=0.0)
    assert actions == (
        FreeSlot(1),
        Log(Level.ERROR, "Worker (pid:8) exited with code 3."),
        CloseListeners(is_quick=True),
        Kill(7, signal.SIGQUIT),
        Kill(9, signal.SIGQUIT),
    )
    state, actions = decide(state, Reported(9, Report.FAILED, "no module named 'app'"), now=0.0)
    assert actions == ()
    state, actions = decide(state, Reaped(7, 4), now=0.0)
    assert actions == (FreeSlot(0),)
    state, actions = decide(state, Reaped(9, 0), now=0.0)
    assert actions[-1] == Exit(3)


def test_a_failure_to_boot_is_told_again_once_a_worker_was_ready_meanwhile():
    state, _ = decide(running(booting(7), worker(8, slot=1)), Reported(7, Report.FAILED, "why"), now=0.0)
    state, _ = decide(state, Reported(8, Report.READY), now=0.0)
    _, actions = decide(state, Reported(7, Report.FAILED, "why"), now=0.0)
    assert actions == (Log(Level.ERROR, "why", 7),)


@pytest.mark.parametrize("exit_code", [3, 4])
def test_a_status_of_3_or_4_does_not_end_a_server_that_has_served(exit_code: int):
    state = running(worker(7), booting(8, slot=1))
    state, actions = decide(state, Reaped(7, exit_code), now=10.0)
    assert state.phase is Phase.SERVING
    assert actions[-1] == Spawn(0, 3)
    state, actions = decide(state, Reaped(8, exit_code), now=10.0)
    assert state.phase is Phase.SERVING
    assert actions[-1] == Spawn(1, 4)


def test_other_ways_to_die_while_booting_do_not_end_the_server():
    state, actions = decide(running(booting(7)), Reaped(7, -signal.SIGKILL), now=0.0)
    assert state.phase is Phase.SERVING
    assert not any(isinstance(action, Exit) for action in actions)


def test_a_worker_is_replaced_without_waiting_for_a_killed_one_that_hangs():
    hanging = worker(7)._replace(stage=Stage.KILLED, killed_at=9.0)
    state, actions = decide(running(hanging), Tick(), now=10.0)
    assert actions == (Spawn(1, 2),)
    assert decide(state, Signalled(signal.SIGWINCH), now=11.0)[0].workers == (hanging,)


def test_a_successor_that_does_not_serve_yet_goes_when_fewer_workers_are_wanted():
    """The worker that is to be replaced is still needed then, and the successors would be one too many."""
    serving = [worker(pid, slot=slot) for slot, pid in enumerate((7, 8, 9))]
    recycled = worker(10, slot=3)._replace(recycle="because")
    successors = [booting(11, slot=4), booting(12, slot=5)]
    state = running(*serving, recycled, *successors)._replace(wanted=wanted(5))
    _, actions = decide(state, Signalled(signal.SIGTTOU), 1.0)
    assert [action for action in actions if isinstance(action, Kill)] == [Kill(12, signal.SIGTERM)]


def test_of_too_many_workers_those_go_whose_device_has_the_most():
    """After kills the oldest ones can all have the same few devices."""
    workers = (worker(pid, slot=pid)._replace(device=device) for pid, device in enumerate("12312300", start=1))
    state = running(*workers)._replace(wanted=wanted(4, slots=16)._replace(devices=tuple("0123")))
    state, _ = decide(state, Tick(), now=1.0)
    staying = [one for one in state.workers if one.stage is Stage.READY]
    assert sorted(one.device for one in staying) == ["0", "1", "2", "3"]
    assert [one.pid for one in staying] == [4, 5, 6, 8]
