"""Why a worker cannot boot, as words and as a status."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from longma.config.settings import Settings
from longma.errors import ApplicationError, ApplicationLoadError, BootError
from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.process.board import Board
from longma.process.handover import Handover, open_handover
from longma.process.tether import Tether
from longma.workers.boot import describe, make_model
from longma.workers.lifecycle import Lifecycle
from longma.workers.model import Assignment, Common
from longma.workers.registry import WorkerClassError, model_named

Make = Callable[[str, object], object]


@pytest.fixture
def lifecycle() -> Iterator[Lifecycle]:
    with open(os.devnull, "w") as nowhere:
        yield Lifecycle(ErrorLog(nowhere.fileno(), Level.DEBUG))


@pytest.fixture
def make(lifecycle: Lifecycle) -> Make:
    """Make a model of an application; no part of the assignment is needed for that but what is given."""

    def call(app: str, model: object) -> object:
        handover: Handover = open_handover()
        tether = Tether()
        common = Common(Settings({"wsgi_app": app}), (), handover, Board(1), lifecycle._log, model)  # type: ignore[arg-type]
        try:
            return make_model(Assignment(common, 0, 1, tether.worker_end(), frozenset()), lifecycle)
        finally:
            common.close_sockets()
            tether.close()

    return call


def test_the_model_gets_the_application(make: Make):
    from tests.apps.answers import application

    assert make("tests.apps.answers", lambda application, assignment: application) is application


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


def test_the_registry_knows_what_this_version_has():
    assert callable(model_named("sync"))
    with pytest.raises(WorkerClassError, match="'gevent' is not available yet; this version has 'sync'"):
        model_named("gevent")
