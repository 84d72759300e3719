"""The engine refuses what it cannot work with by an exception, and takes no descriptor twice."""

from __future__ import annotations

import mmap
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from longma._core import BOARD_PAGE_BYTES, Engine

MODELS = ("sync", "gthread", "gevent", "eventlet")

SETTINGS: dict[str, object] = {
    "limit_request_line": 4094,
    "limit_request_fields": 100,
    "limit_request_field_size": 8190,
    "header_map": "drop",
    "limit_request_body": 0,
    "body_buffer_size": 1 << 20,
    "response_buffer_size": 1 << 20,
    "keepalive": 75.0,
    "header_timeout": 15.0,
    "body_timeout": 30.0,
    "write_timeout": 60.0,
    "min_transfer_rate": 240,
    "worker_connections": 1000,
    "head_cache": True,
    "sendfile": True,
    "accesslog": None,
    "access_log_format": "",
}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def engine(listener: socket.socket, **changed: Any) -> Engine:
    """An engine that would work, but for what is changed."""
    given: dict[str, Any] = {
        "application": None,
        "settings": SETTINGS,
        "board": mmap.mmap(-1, 2 * BOARD_PAGE_BYTES),
        "slot": 0,
        "slots": 2,
        "handover": None,
        "errors": None,
        "log": print,
        "multiprocess": False,
        **changed,
    }
    if "listeners" not in given:
        given["listeners"] = [(listener.dup().detach(), "http://127.0.0.1:0")]
    return Engine(given.pop("application"), **given)


@pytest.mark.parametrize(
    "changed",
    [
        {"listeners": []},
        {"listeners": [(-1, "http://127.0.0.1:0")]},
        {"listeners": [(-2, "http://127.0.0.1:0")]},
        {"handover": (-1, -1)},
        {"board": bytes(2 * BOARD_PAGE_BYTES)},
        {"board": bytearray(2 * BOARD_PAGE_BYTES - 1)},
        {"board": memoryview(bytearray(3 * BOARD_PAGE_BYTES))[1:]},
        {"board": memoryview(bytearray(8 * BOARD_PAGE_BYTES))[::2]},
        {"slot": 2},
        {"slots": 0},
        {"slots": 3},
        {"slots": 1 << 52},
        {"slots": (1 << 64) - 1},
        {"settings": {**SETTINGS, "header_map": "maybe"}},
        {"settings": {**SETTINGS, "keepalive": -1.0}},
        {"settings": {**SETTINGS, "keepalive": float("nan")}},
    ],
    ids=lambda changed: f"{changed}"[:40].split(" at 0x")[0],
)
def test_what_does_not_fit_is_a_value_error(listener: socket.socket, changed: dict[str, Any]):
    with pytest.raises(ValueError, match=r"."):
        engine(listener, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"slots": -1},
        {"slots": 1 << 64},
        {"settings": {}},
        {"settings": None},
        {"settings": {**SETTINGS, "keepalive": "long"}},
        {"settings": {**SETTINGS, "limit_request_fields": -1}},
        {"settings": {**SETTINGS, "accesslog": "/nowhere/at/all"}},
        {"listeners": [("1", "http://127.0.0.1:0")]},
        {"listeners": [(1 << 40, "http://127.0.0.1:0")]},
        {"board": None},
    ],
    ids=str,
)
def test_other_mistakes_are_exceptions_too(listener: socket.socket, changed: dict[str, Any]):
    with pytest.raises((TypeError, OverflowError, LookupError, OSError)):
        engine(listener, **changed)


def test_an_engine_that_never_runs_gives_everything_back(listener: socket.socket):
    board = mmap.mmap(-1, 2 * BOARD_PAGE_BYTES)
    for _ in range(3):
        made = engine(listener, board=board)
        with pytest.raises(BufferError):
            board.close()
        del made
    board.close()


def test_an_engine_runs_once(listener: socket.socket):
    made = engine(listener)
    made.stop(graceful=False)
    made.run()
    with pytest.raises(RuntimeError, match="once"):
        made.run()
