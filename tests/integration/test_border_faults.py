"""Faults behind the answer's end do it no harm, and every fault is told, whatever else goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.log import records
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.border"
SIZE = 8 << 20


def told(server: Server, *parts: str) -> None:
    """The error log tells of each of these, and each of its errors is one of them; the test expected them."""

    def written() -> list[str]:
        return [record.text for record in records(server.errors.so_far())[0] if record.level == "ERROR"]

    until(lambda: len(written()) >= len(parts) and parts[-1] in written()[-1], f"{len(parts)} errors in the log")
    errors = written()
    assert len(errors) == len(parts), errors
    for part, error in zip(parts, errors, strict=True):
        assert part in error
    server.expect("")


@pytest.mark.parametrize("target", ["", "?length=1", "?blocks=0"])
def test_nothing_follows_the_end_of_an_answer(serve: Serve, target: str):
    server = serve(APP)
    with server.client() as client:
        assert client.ask("GET", f"/written-while-closing{target}").body == (b"" if "blocks" in target else b"one")
        assert client.ask("GET", "/one-list").body == b"one list"
    told(server, "AssertionError: write() was called after the end of the answer")


@pytest.mark.parametrize(("by", "what"), [("close", "raised by close"), ("blocks", "raised behind the end")])
def test_a_fault_behind_the_last_byte_leaves_the_answer_whole(serve: Serve, by: str, what: str):
    """Also for a client that has read little of it by then."""
    server = serve(APP)
    with server.client(receive_buffer=8192) as client:
        client.request("GET", f"/fails-behind-the-end?by={by}&bytes={SIZE}&length=1")
        server.errors.wait(what)
        assert len(client.read_response().body) == SIZE
        assert client.ask("GET", "/one-list").body == b"one list"
    told(server, f"ValueError: {what}")


def test_a_fault_of_close_leaves_a_chunked_answer_whole(serve: Serve):
    server = serve(APP)
    with server.client(receive_buffer=8192) as client:
        client.request("GET", f"/fails-behind-the-end?by=close&bytes={SIZE}")
        server.errors.wait("raised by close")
        assert len(client.read_response().body) == SIZE
        assert client.ask("GET", "/one-list").body == b"one list"
    told(server, "ValueError: raised by close")


def test_a_fault_behind_a_body_without_a_length_cuts_it(serve: Serve):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/fails-behind-the-end?by=blocks&bytes=65536")
        assert not client.ended().endswith(b"0\r\n\r\n")
    told(server, "ValueError: raised behind the end")


@pytest.mark.parametrize(
    ("target", "first", "second"),
    [
        ("/fails-twice", "RuntimeError: raised at first", "ValueError: raised by close"),
        ("/fails-twice-the-same", "RuntimeError: raised twice", "RuntimeError: raised twice"),
        ("/fails-in-a-circle", "RuntimeError: raised at first", "ValueError: raised by close"),
        ("/fails-beside-text", "something other than bytes", "ValueError: raised by close"),
    ],
)
def test_both_faults_are_told(serve: Serve, target: str, first: str, second: str):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", target)
        client.ended()
    told(server, first, second)


def test_a_fault_of_close_is_told_when_the_client_has_gone(serve: Serve):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", "/fails-when-nobody-listens")
        client.read_head()
        client.reset()
    told(server, "ValueError: raised by close")


def test_a_fault_that_no_text_can_hold_is_told_with_what_can(serve: Serve):
    server = serve(APP)
    assert server.get("/unprintable").status == 500
    told(server, "ValueError: a lone surrogate: ")


@pytest.mark.only("sync")
def test_an_interrupt_in_close_ends_the_worker_and_not_the_answer(serve: Serve):
    server = serve(APP)
    server.expect("KeyboardInterrupt|exited|Traceback|died")
    assert server.get("/interrupts-in-close").body == b"body"
    server.errors.wait("Booting worker", count=2)
    assert server.get("/one-list").body == b"one list"
