"""What hooks see of a worker."""

from __future__ import annotations

import os
import sys
from typing import Any, cast

import pytest

from longma.workers.handle import Worker


@pytest.fixture
def worker() -> Worker:
    return Worker(3, 1, [], 15.0, cast("Any", object()), object())


def test_before_the_fork_a_worker_has_no_number(worker: Worker):
    assert worker.pid == "[booting]"
    assert str(worker) == "<Worker [booting]>"
    assert (worker.age, worker.ppid, worker.timeout, worker.sockets, worker.nr) == (3, 1, 15.0, [], 0)
    assert (worker.alive, worker.booted, worker.aborted, worker.device) == (True, False, False, "")
    assert worker.max_requests == sys.maxsize
    assert worker.tmp.last_update() > 0


def test_in_the_child_it_is_the_child(worker: Worker):
    worker.forked(lambda: 7.5, lambda: None)
    assert worker.pid == os.getpid()
    assert worker.tmp.last_update() == 7.5


def test_hooks_may_keep_what_they_like_on_it(worker: Worker):
    cast("Any", worker).gpu = "2"
    assert vars(worker)["gpu"] == "2"


def test_a_hook_that_sets_alive_to_false_stops_it_once(worker: Worker):
    stops: list[bool] = []
    worker.forked(lambda: 0.0, lambda: stops.append(True))
    worker.alive = True
    worker.alive = False
    worker.alive = False
    assert stops == [True]


def test_one_that_was_stopped_is_not_alive(worker: Worker):
    stops: list[bool] = []
    worker.forked(lambda: 0.0, lambda: stops.append(True))
    worker.stopped()
    worker.alive = False
    assert not worker.alive
    assert stops == []


def test_the_application_and_the_count_are_there_once_they_are_known(worker: Worker):
    def application(environ: object, start_response: object) -> list[bytes]:
        return []

    assert worker.wsgi is None
    assert worker.app.wsgi() is None
    worker.loaded(application)
    worker.counts(lambda: 12)
    assert worker.wsgi is application
    assert worker.app.callable is application
    assert worker.app.wsgi() is application
    assert worker.nr == 12


def test_beating_by_hand_does_nothing(worker: Worker):
    before = worker.tmp.last_update()
    worker.notify()
    worker.tmp.notify()
    worker.tmp.close()
    assert worker.tmp.last_update() == before
