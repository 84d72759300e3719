"""A worker whose heart stands still is aborted, then killed, and never signalled again."""

from __future__ import annotations

from signal import SIGABRT, SIGKILL, SIGTERM

from longma.logs.levels import Level
from longma.master.actions import Condemn, FreeSlot, Kill, Log, Spawn
from longma.master.events import Reading, Reaped, Signalled, Tick
from longma.master.policies import ABORT_GRACE, IDLE_PATIENCE, STACK_BEFORE_KILL
from longma.master.state import Stage
from tests.unit.master.states import booting, decide, running, worker


def test_a_silent_worker_is_aborted_once():
    state = running(worker(pid=7, slot=2, heartbeat_at=0.0), timeout=30.0)
    state, actions = decide(state, Tick(), now=30.1)
    assert actions == (Log(Level.CRITICAL, "WORKER TIMEOUT (pid:7)"), Condemn(2), Kill(7, SIGABRT))
    assert decide(state, Tick(), now=30.2) == (state, ())


def test_an_aborted_worker_that_stays_is_killed_once():
    state, _ = decide(running(worker(7), timeout=30.0), Tick(), now=30.0)
    assert state.wake_at == 30.0 + ABORT_GRACE - STACK_BEFORE_KILL
    state, actions = decide(state, Tick(), now=31.0)
    assert Kill(7, SIGKILL) in actions
    state, _ = decide(state, Tick(), now=31.0)
    for later in (31.5, 100.0, 1000.0):
        assert not any(isinstance(action, Kill) for action in decide(state, Tick(), now=later)[1])


def test_a_killed_worker_is_replaced_at_once_and_its_end_is_no_news():
    state, _ = decide(running(worker(7), timeout=30.0), Tick(), now=30.0)
    state, actions = decide(state, Tick(), now=31.0)
    assert actions[-1] == Spawn(1, 2)
    _, actions = decide(state, Reaped(7, -SIGKILL), now=31.0)
    assert actions == (FreeSlot(0),)


def test_an_aborted_worker_that_goes_is_replaced():
    state, _ = decide(running(worker(7), timeout=30.0), Tick(), now=30.0)
    _, actions = decide(state, Reaped(7, 1), now=30.1)
    assert actions == (FreeSlot(0), Log(Level.ERROR, "Worker (pid:7) exited with code 1."), Spawn(0, 2))


def test_a_beating_worker_is_left_alone_and_looked_at_again_when_it_could_be_overdue():
    state, actions = decide(running(worker(7), timeout=30.0), Tick((Reading(0, 7, 29.5),)), now=30.0)
    assert actions == ()
    assert state.wake_at == 59.5


def test_what_another_worker_left_on_the_page_does_not_count():
    state = running(worker(7), timeout=30.0)
    _, actions = decide(state, Tick((Reading(0, 6, 29.9),)), now=30.0)
    assert Kill(7, SIGABRT) in actions


def test_a_heartbeat_never_goes_back():
    state = running(worker(7, heartbeat_at=20.0), timeout=30.0)
    state, _ = decide(state, Tick((Reading(0, 7, 0.0),)), now=30.0)
    assert state.workers[0].heartbeat_at == 20.0


def test_an_idle_worker_has_patience_beyond_a_timeout_shorter_than_its_beat():
    state = running(worker(7), timeout=0.5)
    state, actions = decide(state, Tick((Reading(0, 7, 0.0, in_call=False),)), now=1.0)
    assert actions == ()
    assert state.wake_at == IDLE_PATIENCE
    _, actions = decide(state, Tick((Reading(0, 7, 0.0, in_call=True),)), now=1.0)
    assert Kill(7, SIGABRT) in actions


def test_a_timeout_of_0_is_none():
    state, actions = decide(running(worker(7), timeout=0.0), Tick(), now=10000.0)
    assert actions == ()
    assert state.wake_at is None


def test_loading_the_application_is_not_timed():
    state, actions = decide(running(booting(7), timeout=30.0), Tick(), now=10000.0)
    assert actions == ()
    assert state.wake_at is None


def test_a_master_that_stood_still_itself_gives_its_workers_a_second_chance():
    state, _ = decide(running(worker(7), timeout=30.0), Tick(), now=0.0)
    state, actions = decide(state, Tick((Reading(0, 7, 1.0),)), now=500.0)
    assert actions == ()
    assert state.wake_at == 501.0
    _, actions = decide(state, Tick((Reading(0, 7, 500.2),)), now=501.0)
    assert actions == ()
    _, actions = decide(state, Tick((Reading(0, 7, 1.0),)), now=501.0)
    assert Kill(7, SIGABRT) in actions


def test_a_worker_that_drains_is_still_timed():
    state, _ = decide(running(worker(7), timeout=5.0, graceful_timeout=100.0), Signalled(SIGTERM), now=1.0)
    state, actions = decide(state, Tick(), now=5.0)
    assert Kill(7, SIGABRT) in actions
    assert state.workers[0].stage is Stage.ABORTED
    _, actions = decide(state, Tick(), now=6.0)
    assert Kill(7, SIGKILL) in actions
