"""Fixtures every test may use: servers that are stopped and checked at the end, gates, temporary directories."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.support.gate import Gate
from tests.support.server import Server

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="session", autouse=True)
def adopt_orphans() -> None:
    """Whatever a server leaves behind becomes a child of the tests, where it is seen, zombies included."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture
def short_directory() -> Iterator[str]:
    """A directory whose path is short enough for the address of a unix socket."""
    directory = tempfile.mkdtemp(prefix="longma-")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def gate(short_directory: str) -> Iterator[Gate]:
    """A gate for the applications of this test's servers."""
    with Gate(short_directory) as opened:
        yield opened


# The options by which a server has each of the models that the engine serves. What holds for one holds for all: a
# module of tests that says so has a name `MODELS`, the models to run it with.
MODELS = {
    "sync": (),
    "gthread": ("--threads=3",),
    "gevent": ("--worker-class=gevent",),
    "eventlet": ("--worker-class=eventlet",),
}


def pytest_configure() -> None:
    """Have Ctrl-C mean what it means to an operator: whoever starts the tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the modules that name models with each of them."""
    models = getattr(metafunc.module, "MODELS", None)
    only = metafunc.definition.get_closest_marker("only")
    if models is not None and "engine_model" in metafunc.fixturenames:
        metafunc.parametrize("engine_model", only.args if only else models)


@pytest.fixture
def engine_model() -> str:
    """The model that the test's servers call the application by."""
    return "sync"


@pytest.fixture
def serve(request: pytest.FixtureRequest, engine_model: str) -> Iterator[Callable[..., Server]]:
    """Start servers as `Server` takes them; each is up when this returns, and is stopped and checked after the test."""
    gate: Gate | None = request.getfixturevalue("gate") if "gate" in request.fixturenames else None
    with contextlib.ExitStack() as servers:

        def start(app: str, *options: str, env: Mapping[str, str] | None = None, **how: Any) -> Server:
            gated = gate.environment if gate is not None else {}
            options = (*MODELS[engine_model], *options)
            return servers.enter_context(Server(app, *options, env={**gated, **(env or {})}, **how))

        yield start
        if gate is not None:
            gate.close()  # so that no server waits for an application that waits for this test
