"""What a stop does before there is a model, while there is one, and when the application gets in its way."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.workers.handle import Worker
from longma.workers.lifecycle import ABORTED, Lifecycle

Make = Callable[..., Lifecycle]


class Recorder:
    """A model that remembers how it was stopped."""

    requests = 0

    def __init__(self) -> None:
        self.stops: list[bool] = []
        self.reopened = 0
        self.request: tuple[str, str, float] | None = None

    def run(self) -> None:
        pass

    def stop(self, graceful: bool) -> None:
        self.stops.append(graceful)

    def current(self) -> tuple[str, str, float] | None:
        return self.request

    def reopen(self) -> None:
        self.reopened += 1


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """What the lifecycle has written to its log."""
    return tmp_path / "log"


@pytest.fixture
def worker() -> Worker:
    return Worker(1, 1, [], 15.0, cast("Any", None), None)


@pytest.fixture
def make(written: Path, worker: Worker) -> Iterator[Make]:
    """Make a lifecycle with these hooks."""
    with written.open("ab", buffering=0) as file:
        yield lambda **hooks: Lifecycle(ErrorLog(file.fileno(), Level.DEBUG), worker, **hooks)


@pytest.fixture
def lifecycle(make: Make) -> Lifecycle:
    return make()


def test_a_model_is_stopped_as_it_was_asked(lifecycle: Lifecycle, worker: Worker):
    model = Recorder()
    lifecycle.adopt(model)
    assert worker.alive
    lifecycle.stop(graceful=True)
    lifecycle.stop(graceful=False)
    assert model.stops == [True, False]
    assert lifecycle.stopping
    assert not worker.alive


def test_loading_is_interrupted_once(lifecycle: Lifecycle):
    def load() -> None:
        with lifecycle.interruptible():
            lifecycle.stop(graceful=True)

    with pytest.raises(SystemExit) as raised:
        load()
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
    def load() -> None:
        with lifecycle.interruptible():
            pytest.fail("the loading began")

    lifecycle.stop(graceful=True)
    with pytest.raises(SystemExit):
        load()


def test_a_stop_that_the_application_swallowed_is_made_up_for(lifecycle: Lifecycle):
    model = Recorder()
    with lifecycle.interruptible(), contextlib.suppress(SystemExit):  # as a bare `except:` in an application does
        lifecycle.stop(graceful=True)
    lifecycle.adopt(model)
    assert model.stops == [False]


def test_an_abort_ends_the_call_that_is_being_made(make: Make, written: Path, worker: Worker):
    seen: list[Any] = []
    lifecycle, model = make(worker_abort=seen.append), Recorder()
    model.request = ("GET", "/slow", 31.5)
    lifecycle.adopt(model)
    with pytest.raises(SystemExit) as raised:
        lifecycle._abort(0, None)
    assert raised.value.code == ABORTED == lifecycle.exit_code
    assert model.stops == [False]
    assert worker.aborted
    assert seen == [worker]
    assert "[ERROR] request GET /slow has taken 31.5 s; stack:" in written.read_text()


def test_an_abort_ends_the_loading(lifecycle: Lifecycle, written: Path):
    def load() -> None:
        with lifecycle.interruptible():
            lifecycle._abort(0, None)

    with pytest.raises(SystemExit) as raised:
        load()
    assert raised.value.code == ABORTED == lifecycle.exit_code
    assert "the worker was aborted while it booted" in written.read_text()


def test_a_quick_stop_has_its_hook(make: Make, worker: Worker):
    seen: list[Any] = []
    lifecycle, model = make(worker_int=seen.append), Recorder()
    lifecycle.adopt(model)
    lifecycle._stop_gracefully(0, None)
    assert seen == []
    lifecycle._stop_quickly(0, None)
    assert seen == [worker]
    assert model.stops == [True, False]


def test_a_hook_that_fails_keeps_nothing_from_stopping(make: Make, written: Path):
    def fail(_worker: Worker) -> None:
        raise ValueError("of the hook")

    lifecycle, model = make(worker_int=fail, worker_abort=fail), Recorder()
    lifecycle.adopt(model)
    lifecycle._stop_quickly(0, None)
    with pytest.raises(SystemExit):
        lifecycle._abort(0, None)
    assert model.stops == [False, False]
    said = written.read_text()
    assert "Exception in hook worker_int" in said
    assert "Exception in hook worker_abort" in said
    assert said.count("ValueError: of the hook") == 2


def test_a_hook_that_exits_stops_the_model_all_the_same(make: Make):
    def leave(_worker: Worker) -> None:
        raise SystemExit(9)

    lifecycle, model = make(worker_int=leave, worker_abort=leave), Recorder()
    lifecycle.adopt(model)
    for handler in (lifecycle._stop_quickly, lifecycle._abort):
        with pytest.raises(SystemExit):
            handler(0, None)
    assert model.stops == [False, False]


def test_logs_are_opened_anew(lifecycle: Lifecycle):
    model = Recorder()
    lifecycle._reopen(0, None)
    lifecycle.adopt(model)
    lifecycle._reopen(0, None)
    assert model.reopened == 1
    assert model.stops == []


def test_a_worker_that_stops_already_does_not_care_for_its_masters_end(lifecycle: Lifecycle, written: Path):
    model = Recorder()
    lifecycle.adopt(model)
    lifecycle.master_is_gone()
    lifecycle.master_is_gone()
    assert model.stops == [True]
    assert "Parent changed, shutting down: <Worker" in written.read_text()


def test_any_thread_may_ask_for_a_stop(lifecycle: Lifecycle):
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        lifecycle.stop_from_anywhere()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]
