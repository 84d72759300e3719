"""Signals become bytes in a pipe, in their order. In children, for handlers belong to a whole process."""

from __future__ import annotations

import os
import select
import signal

from longma.process.forking import fork_blocked, unblock
from longma.process.signals import SignalPipe
from tests.support.deadlines import DEADLINE_SECONDS
from tests.unit.process.children import end_with, exit_code, fork

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def wait_readable(descriptor: int) -> None:
    readable, _, _ = select.select([descriptor], [], [], DEADLINE_SECONDS)
    assert readable == [descriptor]


def test_signals_come_out_in_the_order_they_came_in():
    def run() -> None:
        pipe = SignalPipe()
        pipe.install(SIGNALS)
        assert pipe.drain() == ()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
            os.kill(os.getpid(), number)
        wait_readable(pipe.fileno())
        assert pipe.drain() == (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
        assert pipe.drain() == ()

    assert exit_code(fork(run)) == 0


def test_signals_that_our_parent_blocked_or_ignored_are_heard():
    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        pipe = SignalPipe()
        pipe.install(SIGNALS)
        os.kill(os.getpid(), signal.SIGHUP)
        assert pipe.drain() == (signal.SIGHUP,)

    assert exit_code(fork(run)) == 0


def test_a_signal_after_the_end_of_the_pipe_does_nothing():
    def run() -> None:
        pipe = SignalPipe()
        pipe.install(SIGNALS)
        pipe.close()
        os.kill(os.getpid(), signal.SIGTERM)

    assert exit_code(fork(run)) == 0


def test_a_flood_of_signals_blocks_nobody():
    def run() -> None:
        pipe = SignalPipe()
        pipe.install(SIGNALS)
        for _ in range(100_000):
            os.kill(os.getpid(), signal.SIGUSR1)
        assert set(pipe.drain()) == {signal.SIGUSR1}

    assert exit_code(fork(run)) == 0


def test_a_signal_right_after_the_fork_waits_until_the_child_is_ready_for_it():
    def run() -> None:
        pipe = SignalPipe()
        pipe.install(SIGNALS)
        ready, told = os.pipe()
        pid, mask = fork_blocked()
        if pid == 0:
            os.read(ready, 1)  # TERM has been sent by now
            pipe.close()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            unblock(mask)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        os.write(told, b".")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
        assert pipe.drain() == (), "the child's signal came to its parent"
        os.kill(os.getpid(), signal.SIGTERM)
        assert pipe.drain() == (signal.SIGTERM,), "the parent lets signals through again"

    assert exit_code(fork(run)) == 0


def test_the_mask_of_before_the_fork_is_the_childs_after_it():
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    pid, before = fork_blocked()
    if pid == 0:

        def run() -> None:
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
            assert signal.SIGTERM in blocked
            unblock(before)
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask

        end_with(run)
    assert exit_code(pid) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
