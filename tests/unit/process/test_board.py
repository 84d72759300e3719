"""The board's pages: where the words are, and that all processes see the same."""

from __future__ import annotations

import struct

from longma import _core
from longma.process.board import PAGE_BYTES, Board, Page, WorkerState
from tests.unit.process.children import exit_code, fork


def test_a_new_board_is_empty():
    board = Board(3)
    assert len(board.memory) == (board.capacity + 1) * PAGE_BYTES
    assert board.slots == 3
    assert [board.page(slot) for slot in range(3)] == [Page(*[0] * 14)] * 3


def test_words_are_where_the_engine_writes_them():
    board = Board(2)
    offsets = {
        "pid": 0,
        "state": 8,
        "heartbeat_ns": 16,
        "call_started_ns": 24,
        "connections": 32,
        "requests": 40,
        "begun": 48,
        "handed_away": 56,
        "handed_in": 64,
        "stalls": 72,
        "accepted": 80,
        "refused": 88,
        "bytes_out": 96,
        "bytes_in": 104,
    }
    for name, offset in offsets.items():
        struct.pack_into("=Q", board.memory, PAGE_BYTES + offset, 2**63 + offset)
        assert getattr(board.page(1), name) == 2**63 + offset
    assert board.page(0) == Page(*[0] * 14)


def test_the_page_is_the_compiled_cores():
    assert _core.BOARD_PAGE_BYTES == PAGE_BYTES


def test_what_a_child_announces_its_parent_sees():
    board = Board(2)
    assert exit_code(fork(lambda: board.announce(1, 4711))) == 0
    page = board.page(1)
    assert (page.pid, page.state) == (4711, WorkerState.BOOTING)


def test_an_emptied_page_is_empty_and_the_others_are_not():
    board = Board(2)
    board.announce(0, 7)
    board.announce(1, 8)
    board.zero(0)
    assert (board.page(0).pid, board.page(0).state) == (0, WorkerState.FREE)
    assert board.page(1).pid == 8


def test_a_worker_without_an_engine_beats_and_is_never_idle():
    board = Board(2)
    assert exit_code(fork(lambda: board.beat(1, 5_000_000_000, 7))) == 0
    page = board.page(1)
    assert (page.heartbeat_ns, page.requests, page.state) == (5_000_000_000, 7, WorkerState.ACTIVE)
    assert page.call_started_ns == 0
    assert board.page(0) == Page(*[0] * 14)


def test_the_masters_page_is_the_last_and_no_workers():
    board = Board(2)
    before = board.memory[: board.capacity * PAGE_BYTES]
    board.with_slots(3).say_leaving()
    assert board.memory[: board.capacity * PAGE_BYTES] == before
    assert struct.unpack_from("=Q", board.memory, board.capacity * PAGE_BYTES) == (1,)
    board.zero(board.capacity - 1)
    assert struct.unpack_from("=Q", board.memory, board.capacity * PAGE_BYTES) == (1,)


def test_what_workers_have_counted_is_kept_when_they_are_gone():
    board = Board(2)
    own = board.capacity * PAGE_BYTES

    def words(first: int, count: int = 1) -> tuple[int, ...]:
        return struct.unpack_from(f"={count}Q", board.memory, own + first * 8)

    for _ in range(2):
        board.prepare(1)
        struct.pack_into("=2Q", board.memory, PAGE_BYTES + 5 * 8, 10, 11)
        struct.pack_into("=5Q", board.memory, PAGE_BYTES + 16 * 8, 1, 2, 3, 4, 2**64 - 1)
        struct.pack_into("=Q", board.memory, PAGE_BYTES + 15 * 8, 7)
        board.zero(1)
        board.zero(1)
    assert words(64 + 5, 2) == (20, 22)
    assert words(64 + 15, 6) == (0, 2, 4, 6, 8, 2**64 - 2)
    assert words(2) == (2,), "workers that were started"
    assert words(1)[0] % 2 == 0, "nothing is being changed any more"
    assert board.page(1) == Page(*[0] * 14)
