"""What the operator wants by other ways than signals, and what is remembered for whoever asks."""

from __future__ import annotations

import signal

import pytest

from longma.master.actions import Kill, Log, NoteWorkers, Spawn
from longma.master.events import Dismissed, Reaped, Resized, SettingsLoaded, SettingsRefused, Tick, Vanished
from longma.master.policies import DEATHS_KEPT
from longma.master.state import Phase, Stage
from tests.unit.master.states import booting, decide, draining, running, wanted, worker

LOST = signal.SIGKILL


@pytest.mark.parametrize(("by", "workers"), [(1, 3), (3, 5), (-1, 1), (-9, 1)])
def test_there_are_as_many_workers_more_or_fewer_and_one_stays(by: int, workers: int):
    state, actions = decide(running(worker(), worker(8, slot=1)), Resized(by), 0.0)
    assert state.wanted.workers == workers
    assert NoteWorkers(workers, 2) in actions
    assert sum(isinstance(action, Spawn) for action in actions) == max(0, workers - 2)
    assert sum(isinstance(action, Kill) for action in actions) == max(0, 2 - workers)


def test_where_there_is_no_room_or_the_server_stops_nothing_changes():
    state, actions = decide(running(worker()), Resized(100), 0.0)
    assert state.wanted.workers == 1
    assert [type(action) for action in actions] == [Log]
    stopping = draining(worker(), kill_at=9.0)
    assert decide(stopping, Resized(1), 0.0)[1] == ()
    assert decide(stopping, Dismissed(7), 0.0)[1] == ()
    assert decide(running(), Resized(-1), 0.0)[0].wanted.workers == 0


@pytest.mark.parametrize("one", [worker(), booting()])
def test_a_dismissed_worker_finishes_in_time_and_has_a_successor(one: object):
    state, actions = decide(running(one, graceful_timeout=5.0), Dismissed(7), 1.0)  # type: ignore[arg-type]
    assert actions[0] == Kill(7, signal.SIGTERM)
    assert isinstance(actions[1], Spawn)
    assert (state.workers[0].stage, state.workers[0].kill_at) == (Stage.RETIRING, 6.0)
    assert decide(state, Dismissed(7), 2.0)[1] == ()  # it is on its way
    assert decide(state, Dismissed(9), 2.0)[1] == ()  # there is no such one


@pytest.mark.parametrize(
    ("one", "gone", "cause", "failed"),
    [
        (worker(), Reaped(7, -signal.SIGSEGV, requests=3), "SIGSEGV", 1),
        (worker(), Reaped(7, -LOST, out_of_memory=True), "out of memory", 1),
        (worker(), Reaped(7, 1), "exit status 1", 1),
        (worker(), Reaped(7, 0), "left by itself", 0),
        (worker()._replace(stage=Stage.RETIRING), Reaped(7, 0), "stopped", 0),
        (worker()._replace(stage=Stage.RETIRING), Reaped(7, -signal.SIGTERM), "stopped", 0),
        (worker()._replace(stage=Stage.RETIRING), Reaped(7, -signal.SIGBUS), "SIGBUS", 1),
        (worker()._replace(stage=Stage.RETIRING, recycle="max_requests"), Reaped(7, 0), "replaced: max_requests", 0),
    ],
)
def test_how_a_worker_has_ended_is_remembered(one: object, gone: Reaped, cause: str, failed: int):
    state, _ = decide(running(one), gone, 4.0)  # type: ignore[arg-type]
    (death,) = state.deaths
    assert (death.pid, death.age, death.at, death.cause, death.requests) == (7, 1, 4.0, cause, gone.requests)
    assert (state.gone, state.failed) == (1, failed)


def test_a_worker_that_the_master_ends_is_remembered_by_the_reason():
    stuck = running(worker(heartbeat_at=0.0), timeout=2.0)
    state, _ = decide(stuck, Tick(), 9.0)
    assert state.workers[0].stage is Stage.ABORTED
    state, _ = decide(state, Tick(), 20.0)
    assert state.workers[0].stage is Stage.KILLED
    state, _ = decide(state, Reaped(7, -LOST), 20.1)
    assert [death.cause for death in state.deaths] == ["timeout"]
    stubborn = running(worker()._replace(stage=Stage.RETIRING, kill_at=1.0))
    state, _ = decide(stubborn, Tick(), 2.0)
    state, _ = decide(state, Reaped(7, -LOST), 2.1)
    assert [death.cause for death in state.deaths] == ["did not stop in time"]
    state, _ = decide(running(worker()), Vanished(7), 2.0)
    assert [death.cause for death in state.deaths] == ["vanished"]


def test_only_the_last_ends_are_remembered():
    state = running(worker())
    for pid in range(100, 100 + DEATHS_KEPT + 5):
        state = state._replace(workers=(worker(pid),))
        state, _ = decide(state, Reaped(pid, 1), 0.0)
    assert [death.pid for death in state.deaths] == list(range(105, 105 + DEATHS_KEPT))
    assert (state.gone, state.failed) == (DEATHS_KEPT + 5, DEATHS_KEPT + 5)


def test_why_a_reload_has_changed_nothing_is_remembered_until_one_does():
    state, _ = decide(running(worker()), SettingsRefused("workerz is unknown"), 0.0)
    assert (state.refusal, state.phase) == ("workerz is unknown", Phase.SERVING)
    state, _ = decide(state, SettingsLoaded(1, wanted()), 0.0)
    assert state.refusal == ""
