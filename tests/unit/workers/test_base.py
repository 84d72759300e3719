"""What a worker class of one's own inherits: the contract of Gunicorn's workers, without Gunicorn."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from longma.config.compatible import Config
from longma.config.settings import Settings
from longma.workers.base import Worker


class Log:
    reopened = 0

    def reopen_files(self) -> None:
        self.reopened += 1


class App:
    def wsgi(self) -> str:
        return "the application"


class Traced(Worker):
    """Says in which order it is called."""

    steps: list[str]

    def init_signals(self) -> None:
        self.steps = ["init_signals"]

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.steps.append("load_wsgi")

    def run(self) -> None:
        assert self.booted
        self.steps.append("run")


def made(kind: type[Worker] = Traced, **settings: Any) -> Any:
    return kind(3, 77, ["a socket"], App(), 15.0, Config(Settings(settings)), Log())


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Give the tests' own handlers back."""
    before = {number: signal.getsignal(number) for number in Worker.SIGNALS}
    wakeup = signal.set_wakeup_fd(-1)
    yield
    signal.set_wakeup_fd(wakeup)
    for number, action in before.items():
        signal.signal(number, action)


def test_it_is_made_with_gunicorn_s_attributes():
    worker = made()
    assert (worker.age, worker.ppid, worker.sockets, worker.timeout) == (3, 77, ["a socket"], 15.0)
    assert (worker.booted, worker.aborted, worker.alive, worker.nr, worker.reloader) == (False, False, True, 0, None)
    assert worker.max_requests == sys.maxsize
    assert worker.tmp.last_update() > 0
    assert str(worker) == f"<Worker {worker.pid}>"
    assert made(max_requests=9).max_requests == 9
    assert 9 <= made(max_requests=9, max_requests_jitter=2).max_requests <= 11


def test_it_loads_calls_the_hook_and_runs():
    seen: list[Any] = []
    worker = made(post_worker_init=lambda one: seen.append((one, one.wsgi, one.booted)))
    worker.init_process()
    assert worker.steps == ["init_signals", "load_wsgi", "run"]
    assert seen == [(worker, "the application", False)]
    assert worker.wait_fds == ["a socket", worker.PIPE[0]]
    for descriptor in worker.PIPE:
        assert not os.get_blocking(descriptor)
        os.close(descriptor)


def test_it_beats():
    worker = made()
    before = worker.tmp.last_update()
    worker.notify()
    assert worker.tmp.last_update() >= before
    worker.tmp.close()


def test_a_class_without_run_says_so():
    with pytest.raises(NotImplementedError, match=r"Worker has no run\(\)"):
        made(Worker).run()


@pytest.mark.usefixtures("own_signals")
def test_signals_are_what_gunicorn_s_are():
    class Plain(Worker):
        def run(self) -> None:
            """Serve nobody."""

    called: list[str] = []
    worker = made(
        Plain,
        worker_int=lambda one: called.append("worker_int"),
        worker_abort=lambda one: called.append("worker_abort"),
    )
    worker.PIPE = os.pipe()
    os.set_blocking(worker.PIPE[1], False)
    worker.init_signals()
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGWINCH)
    assert worker.log.reopened == 1
    assert worker.alive
    signal.raise_signal(signal.SIGTERM)
    assert not worker.alive
    with pytest.raises(SystemExit) as leaving:
        signal.raise_signal(signal.SIGQUIT)
    assert leaving.value.code == 0
    with pytest.raises(SystemExit) as leaving:
        signal.raise_signal(signal.SIGABRT)
    assert leaving.value.code == 1
    assert worker.aborted
    assert called == ["worker_int", "worker_abort"]
    assert len(os.read(worker.PIPE[0], 100)) == 5
    signal.set_wakeup_fd(-1)
    for descriptor in worker.PIPE:
        os.close(descriptor)
