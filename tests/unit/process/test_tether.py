"""The tie between master and worker: reports go up, and each end learns that the other is gone."""

from __future__ import annotations

import os
import signal
import threading

from longma.process.tether import MAX_TEXT_CHARACTERS, Message, Report, Tether, decode, encode
from tests.support.deadlines import until
from tests.unit.process.children import exit_code, fork


def test_reports_come_in_their_order_and_then_the_end():
    tether = Tether()

    def run() -> None:
        worker = tether.worker_end()
        assert worker.send(Report.READY)
        assert worker.send(Report.FAILED, "why\nit failed: \0 \udc80 ü")

    pid = fork(run)
    master = tether.master_end()
    messages: list[Message] = []

    def is_over() -> bool:
        messages.extend(master.receive())
        return master.ended

    until(is_over, "the end of the reports")
    assert messages == [Message(Report.READY), Message(Report.FAILED, "why\nit failed: \\0 \\udc80 ü")]
    assert exit_code(pid) == 0
    assert master.receive() == []
    master.close()


def test_nothing_to_read_is_no_end():
    tether = Tether()
    worker_socket = os.dup(tether._lower.fileno())
    master = tether.master_end()
    assert (master.receive(), master.ended) == ([], False)
    os.write(worker_socket, encode(Message(Report.FAILED, "in two parts"))[:9])
    assert (master.receive(), master.ended) == ([], False)
    os.write(worker_socket, encode(Message(Report.FAILED, "in two parts"))[9:])
    assert master.receive() == [Message(Report.FAILED, "in two parts")]
    os.close(worker_socket)
    assert (master.receive(), master.ended) == ([], True)
    master.close()


def test_a_long_text_keeps_its_beginning_and_its_end():
    text = decode(encode(Message(Report.FAILED, "Traceback" + "." * 10**6 + "ValueError"))[:-1]).text
    assert text.startswith("Traceback")
    assert text.endswith("ValueError")
    assert len(text) < MAX_TEXT_CHARACTERS + 10


def test_a_report_to_nobody_is_told_apart():
    tether = Tether()
    tether._upper.close()
    worker = tether.worker_end()
    assert not worker.send(Report.READY)
    worker.close()


def test_a_worker_hears_that_its_master_is_gone():
    tether = Tether()

    def run() -> None:
        worker = tether.worker_end()
        gone = threading.Event()
        worker.watch(gone.set)
        assert not gone.is_set()
        assert worker.send(Report.READY)
        until(gone.is_set, "SIGIO")

    pid = fork(run)
    master = tether.master_end()
    until(master.receive, "the worker to watch")
    master.close()
    assert exit_code(pid) == 0


def test_a_master_that_was_gone_before_is_noticed_at_once():
    tether = Tether()

    def run() -> None:
        worker = tether.worker_end()
        calls: list[bool] = []
        worker.watch(lambda: calls.append(True))
        assert calls

    tether._upper.close()
    pid = fork(run)
    tether._lower.close()
    assert exit_code(pid) == 0


def test_sigio_without_an_end_is_no_end():
    tether = Tether()

    def run() -> None:
        worker = tether.worker_end()
        calls: list[bool] = []
        worker.watch(lambda: calls.append(True))
        os.kill(os.getpid(), signal.SIGIO)
        assert not calls

    pid = fork(run)
    tether._lower.close()
    assert exit_code(pid) == 0
    tether._upper.close()
