"""Why a worker cannot boot, as words and as a status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from longma.config.compatible import Config
from longma.config.settings import Settings
from longma.errors import ApplicationError, ApplicationLoadError, BootError
from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.process.board import Board
from longma.process.handover import open_handover
from longma.process.tether import Tether
from longma.workers.boot import call, describe, load, make_model
from longma.workers.contract import WorkerClassError
from longma.workers.handle import Worker
from longma.workers.lifecycle import Lifecycle
from longma.workers.model import Assignment, Common
from longma.workers.registry import model_named

Assign = Callable[..., Assignment]
Make = Callable[[str, object], object]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ErrorLog]:
    with (tmp_path / "log").open("ab") as file:
        yield ErrorLog(file.fileno(), Level.DEBUG)


@pytest.fixture
def assign(log: ErrorLog) -> Iterator[Assign]:
    """Make an assignment with these settings; it has of everything what a boot needs without an engine."""
    handover, tether = open_handover(), Tether()

    def make(model: object = None, application: object = None, **settings: object) -> Assignment:
        chosen = Settings(settings)
        cfg = Config(chosen)
        given = cast("Any", (chosen, cfg, (), handover, Board(1), log, model, None, application))
        worker = Worker(1, 1, [], 15.0, cfg, log)
        return Assignment(Common(*given), 0, 1, tether.worker_end(), frozenset(), worker)

    yield make
    handover.close()
    tether.close()


@pytest.fixture
def lifecycle(log: ErrorLog, assign: Assign) -> Lifecycle:
    return Lifecycle(log, assign().worker)


@pytest.fixture
def make(assign: Assign, lifecycle: Lifecycle) -> Make:
    def make(app: str, model: object) -> object:
        assignment = assign(model, wsgi_app=app)
        return make_model(load(assignment, lifecycle), assignment, lifecycle)

    return make


def test_the_model_gets_the_application(make: Make):
    from tests.apps.answers import application

    assert make("tests.apps.answers", lambda application, assignment: application) is application


def test_hooks_find_the_application(assign: Assign, lifecycle: Lifecycle):
    from tests.apps.answers import application

    assignment = assign(wsgi_app="tests.apps.answers")
    assert load(assignment, lifecycle) is application
    assert assignment.worker.wsgi is application


def test_what_the_master_has_loaded_is_not_loaded_again(assign: Assign, lifecycle: Lifecycle):
    def preloaded(environ: object, start_response: object) -> list[bytes]:
        return []

    assert load(assign(None, preloaded, wsgi_app="tests.apps.broken"), lifecycle) is preloaded


def test_an_application_that_does_not_load_says_so(make: Make):
    with pytest.raises(ApplicationLoadError) as raised:
        make("tests.apps.answers:missing", None)
    assert describe(raised.value) == str(raised.value)
    assert raised.value.exit_status == 4


def test_an_application_that_raises_is_described_by_its_traceback(make: Make):
    with pytest.raises(BootError) as raised:
        make("tests.apps.broken", None)
    words = describe(raised.value)
    assert words.splitlines()[1] == "Traceback (most recent call last):"
    assert words.endswith("RuntimeError: this module does not load")
    assert raised.value.exit_status == 3


@pytest.mark.parametrize("error", [OSError("no descriptor left"), KeyboardInterrupt(), SystemExit(7)])
def test_a_model_that_cannot_be_made_is_a_failure_to_boot(make: Make, error: BaseException):
    def model(application: object, assignment: object) -> object:
        raise error

    with pytest.raises(BootError) as raised:
        make("tests.apps.answers", model)
    assert raised.value.__cause__ is error


def test_a_stop_while_loading_is_no_failure(make: Make, lifecycle: Lifecycle):
    def model(application: object, assignment: object) -> object:
        try:
            lifecycle.stop(graceful=True)
        except SystemExit as error:
            raise ApplicationError("the stop broke the application") from error

    with pytest.raises(SystemExit) as raised:
        make("tests.apps.answers", model)
    assert raised.value.code == 0


def test_a_hook_that_fails_keeps_a_worker_from_booting(assign: Assign, tmp_path: Path):
    def post_worker_init(worker: Worker) -> None:
        raise ValueError("no such model")

    assignment = assign(post_worker_init=post_worker_init)
    with pytest.raises(BootError, match="the hook post_worker_init failed") as raised:
        call(assignment, "post_worker_init", assignment.worker)
    assert raised.value.exit_status == 3
    assert raised.value.__cause__ is None
    assert "Exception in hook post_worker_init" in (tmp_path / "log").read_text()


def test_the_registry_knows_what_this_version_has():
    assert callable(model_named("sync"))
    assert callable(model_named("gevent"))
    with pytest.raises(WorkerClassError, match="'asgi' is not known"):
        model_named("asgi")
