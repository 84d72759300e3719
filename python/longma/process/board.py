"""The board: shared memory with a page a worker, through which the master and tools see what each worker does.

A worker's engine writes its own page with plain stores; everybody else only reads, but for one word by which the master
condemns it. The master empties a page when its worker is gone, and again before it forks a new one into the slot. The
last page is the master's own: what it has to say to all of them. What a page holds, and where, is agreed with the
engine's `sys/board.rs`.
"""

from __future__ import annotations

import mmap
from enum import IntEnum
from typing import NamedTuple

PAGE_BYTES = 4096
WORD_BYTES = 8
PAGE_WORDS = PAGE_BYTES // WORD_BYTES
PID_WORD = 0
STATE_WORD = 1
HEARTBEAT_WORD = 2
REQUESTS_WORD = 5
QUEUED_WORD = 15
# Behind all that the worker counts, and written by the master: not 0 when it is about to end the worker.
CONDEMNED_WORD = 38
# The length of what the worker says of its call, then the bytes of it.
CALL_BYTE = 512
MAX_CALL_BYTES = 1016
# What a worker counts, and what is kept of it when it is gone: requests to stalls, accepted to bytes_in, and the
# answers of each class of statuses; how long calls took, and how many took how long.
COUNTED_WORDS = (5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 22, *range(23, 38))
# On the master's page: not 0 when the server is about to stop; odd while the counters of a worker that is gone are
# added to those of others; how many workers were started; and the counters, each as far behind as on a worker's page.
LEAVING_WORD = 0
CHANGES_WORD = 1
STARTED_WORD = 2
GONE_WORD = 64
_WORD_MASK = (1 << 64) - 1
# Pages cost nothing until they are used, and their number cannot grow: a reload may ask for more workers.
LEAST_PAGES = 1024


class WorkerState(IntEnum):
    """What a worker says of itself; FREE is a page without a worker."""

    FREE = 0
    BOOTING = 1
    IDLE = 2
    ACTIVE = 3
    STALLED = 4
    RETIRING = 5


class Page(NamedTuple):
    """What stood on a worker's page when it was read, in the order of the words on it.

    `heartbeat_ns` and `call_started_ns` are moments of CLOCK_MONOTONIC in nanoseconds; the second is 0 outside of
    an application call. The rest are counts, of connections, requests and bytes; `begun` are the requests that the
    application was given.
    """

    pid: int
    state: int
    heartbeat_ns: int
    call_started_ns: int
    connections: int
    requests: int
    begun: int
    handed_away: int
    handed_in: int
    stalls: int
    accepted: int
    refused: int
    bytes_out: int
    bytes_in: int


class Board:
    """Pages of anonymous shared memory, made by the master before any fork and never resized.

    Attributes:
        slots: How many of the pages are for workers. An engine looks at all of these, and so brings them into being.
        capacity: How many pages there are, the master's not counted.
    """

    def __init__(self, slots: int, memory: mmap.mmap | None = None) -> None:
        self.slots = slots
        self.memory = memory or mmap.mmap(-1, (max(slots, LEAST_PAGES) + 1) * PAGE_BYTES)
        self.capacity = len(self.memory) // PAGE_BYTES - 1
        self._words = memoryview(self.memory).cast("Q")

    def with_slots(self, slots: int) -> Board:
        """The same pages, of which so many are for workers; at most `capacity`."""
        return self if slots == self.slots else Board(slots, self.memory)

    def page(self, slot: int) -> Page:
        first = slot * PAGE_WORDS
        return Page._make(self._words[first : first + len(Page._fields)])

    def queued(self, slot: int) -> int:
        """How many requests wait for the application in a worker."""
        return self._words[slot * PAGE_WORDS + QUEUED_WORD]

    def requests(self) -> int:
        """How many requests the workers have answered, those that are gone included."""
        kept: int = self._words[self.capacity * PAGE_WORDS + GONE_WORD + REQUESTS_WORD]
        return kept + sum(self._words[slot * PAGE_WORDS + REQUESTS_WORD] for slot in range(self.slots))

    def call(self, slot: int) -> str:
        """Method and target of the application call that a worker is in, once it lasts long; "" otherwise."""
        first = slot * PAGE_BYTES + CALL_BYTE
        length = min(self._words[first // WORD_BYTES], MAX_CALL_BYTES)
        text = self.memory[first + WORD_BYTES : first + WORD_BYTES + length]
        return text.decode("utf-8", "backslashreplace")

    def zero(self, slot: int) -> None:
        """Empty a page, its worker being gone, or not there yet; what it has counted is kept on the master's."""
        words, own = self._words, self.capacity * PAGE_WORDS
        words[own + CHANGES_WORD] += 1
        for word in COUNTED_WORDS:
            kept = own + GONE_WORD + word
            words[kept] = (words[kept] + words[slot * PAGE_WORDS + word]) & _WORD_MASK
        self.memory[slot * PAGE_BYTES : (slot + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
        words[own + CHANGES_WORD] += 1

    def prepare(self, slot: int) -> None:
        """Empty a page for the worker that the master is about to start, and count it."""
        self.zero(slot)
        self._words[self.capacity * PAGE_WORDS + STARTED_WORD] += 1

    def say_leaving(self) -> None:
        """Write, in the master, that the server is about to stop."""
        self._words[self.capacity * PAGE_WORDS + LEAVING_WORD] = 1

    def condemn(self, slot: int) -> None:
        """Write, in the master, that the worker is about to be ended, so that it leaves to others what it can."""
        self._words[slot * PAGE_WORDS + CONDEMNED_WORD] = 1

    def announce(self, slot: int, pid: int) -> None:
        """Write, in the worker, that it has the slot and is booting; the engine writes the page from then on."""
        self._words[slot * PAGE_WORDS + PID_WORD] = pid
        self._words[slot * PAGE_WORDS + STATE_WORD] = WorkerState.BOOTING

    def beat(self, slot: int, heartbeat_ns: int, requests: int) -> None:
        """Write, in a worker that has no engine, that it is alive, and how many requests it has answered.

        It is never said to be idle: that would tell the engines of other workers that it takes connections over.
        """
        first = slot * PAGE_WORDS
        self._words[first + STATE_WORD] = WorkerState.ACTIVE
        self._words[first + HEARTBEAT_WORD] = heartbeat_ns
        self._words[first + REQUESTS_WORD] = requests
