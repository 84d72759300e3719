"""What a stop does before there is a model, while there is one, and when the application gets in its way."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.workers.lifecycle import ABORTED, Lifecycle


class Recorder:
    """A model that remembers how it was stopped."""

    def __init__(self) -> None:
        self.stops: list[bool] = []

    def run(self) -> None:
        pass

    def stop(self, graceful: bool) -> None:
        self.stops.append(graceful)


@pytest.fixture
def lifecycle() -> Iterator[Lifecycle]:
    with open(os.devnull, "w") as nowhere:
        yield Lifecycle(ErrorLog(nowhere.fileno(), Level.DEBUG))


def test_a_model_is_stopped_as_it_was_asked(lifecycle: Lifecycle):
    model = Recorder()
    lifecycle.adopt(model)
    lifecycle.stop(graceful=True)
    lifecycle.stop(graceful=False)
    assert model.stops == [True, False]
    assert lifecycle.stopping


def test_loading_is_interrupted_once(lifecycle: Lifecycle):
    with pytest.raises(SystemExit) as raised, lifecycle.interruptible():
        lifecycle.stop(graceful=True)
    assert raised.value.code == 0
    lifecycle.stop(graceful=False)


def test_a_second_stop_does_not_break_into_the_clearing_up_of_the_first(lifecycle: Lifecycle):
    cleared: list[bool] = []

    def load() -> None:
        with lifecycle.interruptible():
            try:
                lifecycle.stop(graceful=True)
            finally:
                lifecycle.stop(graceful=False)
                cleared.append(True)

    with pytest.raises(SystemExit):
        load()
    assert cleared


def test_a_stop_before_the_loading_keeps_it_from_beginning(lifecycle: Lifecycle):
    lifecycle.stop(graceful=True)
    with pytest.raises(SystemExit), lifecycle.interruptible():
        pytest.fail("the loading began")


def test_a_stop_that_the_application_swallowed_is_made_up_for(lifecycle: Lifecycle):
    model = Recorder()
    with lifecycle.interruptible(), contextlib.suppress(SystemExit):  # as a bare `except:` in an application does
        lifecycle.stop(graceful=True)
    lifecycle.adopt(model)
    assert model.stops == [False]


def test_an_abort_ends_the_call_that_is_being_made(lifecycle: Lifecycle):
    model = Recorder()
    lifecycle.adopt(model)
    with pytest.raises(SystemExit) as raised:
        lifecycle._abort(0, None)
    assert raised.value.code == ABORTED == lifecycle.exit_code
    assert model.stops == [False]


def test_a_worker_that_stops_already_does_not_care_for_its_masters_end(lifecycle: Lifecycle):
    model = Recorder()
    lifecycle.adopt(model)
    lifecycle.master_is_gone()
    lifecycle.master_is_gone()
    assert model.stops == [True]
