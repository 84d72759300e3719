"""More and fewer workers, none at all, and another master: the orders that come by signals, and what undoes them."""

from __future__ import annotations

import signal

import pytest

from longma.master.actions import Kill, Spawn
from longma.master.events import Reaped, Reported, SettingsLoaded, Signalled, Spawned
from longma.master.state import PendingSpawn, Stage, State
from longma.process.tether import Report
from tests.unit.master.states import booting, decide, running, wanted, worker

NOW = 5.0
NEW_MASTER = 99


def told(state: State, *numbers: int) -> State:
    for number in numbers:
        state, _ = decide(state, Signalled(number), NOW)
    return state


@pytest.mark.parametrize("number", [signal.SIGTTOU, signal.SIGWINCH])
def test_of_no_workers_there_are_no_fewer(number: signal.Signals):
    state = State(wanted(0), honours_winch=True)
    assert told(state, number).wanted.workers == 0


def test_fewer_than_none_after_winch_is_none():
    state = running(worker(7), worker(8, slot=1))._replace(honours_winch=True)
    state = told(state, signal.SIGWINCH, signal.SIGTTOU)
    assert (state.wanted.workers, state.winched) == (0, 2)


def test_the_last_page_of_the_board_is_kept_for_a_successor():
    """With a worker on each of them none could ever be replaced."""
    state = running(*(worker(7 + slot, slot=slot) for slot in range(7)))
    assert told(state, signal.SIGTTIN).wanted.workers == 7


def upgraded() -> State:
    """A master whose workers have gone for another master's."""
    state = running(worker(7))._replace(honours_winch=True, upgrade=NEW_MASTER)
    state = told(state, signal.SIGWINCH)
    state, _ = decide(state, Reaped(7, 0), NOW)
    return state


def test_workers_come_back_when_the_other_master_dies():
    state, actions = decide(upgraded(), Reaped(NEW_MASTER, 1), NOW)
    assert state.wanted.workers == 1
    assert any(isinstance(action, Spawn) for action in actions)


def test_they_come_back_also_after_a_reload_that_failed_meanwhile():
    state, _ = decide(upgraded(), SettingsLoaded(1, wanted(1)), NOW)
    assert state.pending == (PendingSpawn(0, 2, 1),)
    state, _ = decide(state, Spawned(2, 8), NOW)
    state, _ = decide(state, Reaped(8, 3), NOW)
    assert (state.wanted.workers, state.generation) == (0, 0)
    state, _ = decide(state, Reaped(NEW_MASTER, 1), NOW)
    assert state.wanted.workers == 1


def test_and_when_the_other_master_dies_before_the_reload_fails():
    state, _ = decide(upgraded(), SettingsLoaded(1, wanted(1)), NOW)
    state, _ = decide(state, Spawned(2, 8), NOW)
    state, _ = decide(state, Reaped(NEW_MASTER, 1), NOW)
    state, _ = decide(state, Reaped(8, 3), NOW)
    assert (state.wanted.workers, state.generation) == (1, 0)


def test_a_reload_to_fewer_workers_lets_none_go_before_a_new_one_serves():
    state, actions = decide(running(worker(7), worker(8, slot=1)), SettingsLoaded(1, wanted(1)), NOW)
    assert actions[1:] == (Spawn(2, 3, 1),)
    state, actions = decide(state, Spawned(3, 9), NOW)
    assert actions == ()
    failed, _ = decide(state, Reaped(9, 3), NOW)
    assert [(record.pid, record.stage) for record in failed.workers] == [(7, Stage.READY), (8, Stage.READY)]
    _, actions = decide(state, Reported(9, Report.READY), NOW)
    assert [action.pid for action in actions if isinstance(action, Kill)] == [7, 8]


def test_a_worker_of_the_start_that_fails_does_not_end_a_reload_that_may_mend_it():
    state, _ = decide(State(wanted(1), workers=(booting(),), last_age=1), SettingsLoaded(1, wanted(1)), NOW)
    state, _ = decide(state, Spawned(2, 8), NOW)
    state, _ = decide(state, Reaped(7, 3), NOW)
    assert [record.pid for record in state.workers] == [8]
    assert state.exit_code == 0
    state, _ = decide(state, Reported(8, Report.READY), NOW)
    assert (state.generation, state.reload) == (1, None)
