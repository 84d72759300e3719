"""Clients of every bad kind, while the server is reloaded again and again and its workers are killed.

Some seconds of it here for each model, `LONGMA_SOAK_SECONDS` for longer. What the clients lose is told apart by the
worker: each head carries the number of the process that made the answer, so a body that ends early is excused if that
very worker was killed (-9), and by nothing else. A request that got no byte is excused if the worker was killed that
gave its connection's last answer, or any worker since that was read: nobody can say who had it by then.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.support.deadlines import until
from tests.support.http import Client, Closed, Head
from tests.support.processes import descriptors, in_session
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
MODELS = ("sync", "gthread", "gevent", "eventlet")
SECONDS = float(os.environ.get("LONGMA_SOAK_SECONDS", "4"))
WORKERS = 3
RELOAD_EVERY = min(5.0, SECONDS / 3)
KILL_EVERY = min(3.0, SECONDS / 5)
BODY_BYTES = 1 << 16


class Killed:
    """The workers that were killed, in two accounts: before the signal is sent, and after."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done = 0

    def kill(self, pid: int) -> None:
        self.begun.append(pid)
        with suppress(ProcessLookupError):  # a reload was quicker
            os.kill(pid, signal.SIGKILL)
        self.done += 1


class Soak:
    """The clients and what became of their requests.

    Attributes:
        ended: set when the time is over.
        counts: how many requests ended in which way.
        faults: what no kill excuses.
    """

    def __init__(self, server: Server, killed: Killed) -> None:
        self.server = server
        self.killed = killed
        self.ended = threading.Event()
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._lock = threading.Lock()

    def run(self, behave: Callable[[Soak, random.Random], None], seed: int) -> threading.Thread:
        """Start a client that behaves in this way until the end."""

        def body() -> None:
            chance = random.Random(seed)
            while not self.ended.is_set():
                try:
                    behave(self, chance)
                except BaseException as error:
                    self.fault(f"{behave.__name__}: {error!r}")

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        return thread

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def fault(self, what: str) -> None:
        with self._lock:
            self.faults.append(what)

    def visit(self, name: str) -> Visit | None:
        """A connection; None when it was reset at once."""
        done = self.killed.done
        try:
            return Visit(self, name, Client(self.server.address), done)
        except ConnectionError as error:
            if len(self.killed.begun) == done:
                self.fault(f"{name}: no connection: {error!r}")
            return None


class Visit:
    """One connection, and what is known of those who serve it."""

    def __init__(self, soak: Soak, name: str, client: Client, kills_before: int) -> None:
        self.soak = soak
        self.name = name
        self.client = client
        self.answers = 0
        self._kills_before = kills_before
        self._worker = 0

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def take(self, expected: bytes) -> bool:
        """Read the answer to a request of this body and account for it; false when the connection is of no more use."""
        head: Head | None = None
        kills = self.soak.killed.done
        try:
            head = self.client.read_head()
            body = self.client.read_exactly(int(head.one("Content-Length") or 0))
        except (Closed, ConnectionError) as error:
            self._lost(head, error)
            return False
        if head.status != 200 or body != expected:
            self.soak.fault(f"{self.name}: a wrong answer: {head.status} {body[:100]!r}, not {expected[:100]!r}")
        self.soak.count("answered")
        self.answers += 1
        self._worker, self._kills_before = int(head.one("X-Pid") or 0), kills
        return (head.one("Connection") or "").lower() != "close"

    def _lost(self, head: Head | None, error: Exception) -> None:
        soak = self.soak
        where = f"{self.name}, answer {self.answers + 1} of its connection"
        if head is not None:
            worker = int(head.one("X-Pid") or 0)
            soak.count("cut")
            if worker not in soak.killed.begun:
                soak.fault(f"{where}: cut by {worker}, which nobody killed: {error!r}")
        elif self.client.pending:
            soak.count("cut")
            soak.fault(f"{where}: cut within its head: {self.client.pending!r}")
        else:
            soak.count("unanswered")
            if self._worker not in soak.killed.begun and len(soak.killed.begun) <= self._kills_before:
                soak.fault(f"{where}: unanswered though nobody was killed: {error!r}")


def head_of(body: bytes) -> bytes:
    return f"POST /labour?ms=1 HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n\r\n".encode()


def steady(soak: Soak, chance: random.Random) -> None:
    """One request after the other on a connection."""
    visit = soak.visit("steady")
    if visit is None:
        return
    with visit:
        for _ in range(chance.randrange(1, 50)):
            body = chance.randbytes(chance.choice([1, 100, BODY_BYTES]))
            visit.client.send_or_stop(head_of(body) + body)
            if not visit.take(body):
                return


def slow(soak: Soak, chance: random.Random) -> None:
    """The head byte by byte, the body in pieces with pauses; the answer is read late."""
    visit = soak.visit("slow")
    if visit is None:
        return
    with visit:
        body = chance.randbytes(BODY_BYTES)
        sent = visit.client.send_bytewise(head_of(body))
        for start in range(0, len(body), 8192):
            sent = sent and visit.client.send_or_stop(body[start : start + 8192])
            soak.ended.wait(0.01)
        soak.ended.wait(chance.random() / 10)
        visit.take(body)


def pipelining(soak: Soak, chance: random.Random) -> None:
    """Several requests at once, whose answers come in their order; after one that closes there are no more."""
    visit = soak.visit("pipelining")
    if visit is None:
        return
    with visit:
        for _ in range(chance.randrange(1, 10)):
            bodies = [chance.randbytes(chance.choice([1, 10, 1000])) for _ in range(5)]
            visit.client.send_or_stop(b"".join(head_of(body) + body for body in bodies))
            for body in bodies:
                if not visit.take(body):
                    return


def aborting(soak: Soak, chance: random.Random) -> None:
    """A request that is given up: in its head, in its body, before its answer, or in the midst of it."""
    visit = soak.visit("aborting")
    if visit is None:
        return
    body = chance.randbytes(BODY_BYTES)
    whole = head_of(body) + body
    with visit:
        visit.client.send_or_stop(whole[: chance.choice([7, 60, 5000, len(whole)])])
        if chance.random() < 0.5:
            soak.ended.wait(chance.random() / 50)
        if chance.random() < 0.5:
            visit.client.reset()
    soak.count("given up")


def disturb(soak: Soak, chance: random.Random) -> None:
    """Reload and kill in their turns until the time is over."""
    started = time.monotonic()
    turns = [(at * RELOAD_EVERY, "reload") for at in range(1, int(SECONDS / RELOAD_EVERY) + 1)]
    turns += [(at * KILL_EVERY, "kill") for at in range(1, int(SECONDS / KILL_EVERY) + 1)]
    for at, what in sorted(turns):
        soak.ended.wait(max(0.0, started + at - time.monotonic()))
        if what == "reload":
            soak.server.send_signal(signal.SIGHUP)
        else:
            soak.killed.kill(chance.choice(soak.server.worker_pids()))
    soak.ended.wait(max(0.0, started + SECONDS - time.monotonic()))


def settled(server: Server) -> bool:
    """Whether there is the master with as many workers as wanted, and nothing else, no zombie either."""
    states = [one.state for one in in_session(server.pid)]
    return len(states) == WORKERS + 1 and "Z" not in states


@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_but_by_a_kill_and_nothing_is_left(serve: Serve, seed: int):
    server = serve(APP, workers=WORKERS)
    server.expect("SIGKILL|died right after|was killed|Perhaps out of memory")
    with server.client() as first:
        assert first.ask("GET", "/hello").status == 200
    until(lambda: settled(server), "the server to be up")
    of_master = len(descriptors(server.pid))
    until(lambda: len({len(descriptors(pid)) for pid in server.worker_pids()}) == 1, "workers that are alike")
    of_worker = len(descriptors(server.worker_pids()[0]))

    soak = Soak(server, Killed())
    kinds = (steady, steady, slow, pipelining, aborting)
    threads = [soak.run(kind, seed * 100 + number) for number, kind in enumerate(kinds * 2)]
    disturb(soak, random.Random(seed))
    soak.ended.set()
    for thread in threads:
        thread.join()

    print(f"\nsoak of {SECONDS:g} s: {dict(soak.counts)}, {len(soak.killed.begun)} workers killed")
    assert soak.faults == [], soak.faults[:10]
    assert soak.counts["answered"] > 12 * SECONDS
    assert soak.counts["given up"] > SECONDS
    server.errors.wait("Reload complete")
    until(lambda: settled(server), "as many workers as wanted, and no zombie")
    until(lambda: len(descriptors(server.pid)) == of_master, "the master's descriptors to be as many as before")
    for pid in server.worker_pids():
        until(lambda pid=pid: len(descriptors(pid)) == of_worker, "a worker's descriptors to be as many as before")
    assert server.get("/hello").status == 200
