"""Many clients at once while workers are busy and connections change hands: every answer is whole and one's own."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable

import pytest

from tests.support.http import Client, Closed
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"
CLIENTS = 12


class Crowd:
    """Clients in threads of their own; the first thing that goes wrong with any of them is what the test fails with."""

    def __init__(self, behave: Callable[[int], None]) -> None:
        self.faults: list[BaseException] = []
        self.behave = behave
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        try:
            self.behave(number)
        except BaseException as fault:
            self.faults.append(fault)

    def finish(self) -> None:
        """Wait for them all."""
        for thread in self.threads:
            thread.join()
        for fault in self.faults:
            raise fault


def ask(client: Client, choose: random.Random, number: int) -> int:
    """One request with a body of the client's own; returns the worker that answered."""
    body = (b"%d:%d " % (number, choose.randrange(1 << 30))) * choose.choice([1, 10, 100, 20_000])
    response = client.ask("POST", f"/labour?ms={choose.choice([0, 0, 0, 1, 3, 8])}", body=body)
    assert response.status == 200
    assert response.body == body
    here, there = client.ends
    assert response.one("X-Server-Port") == str(there[1])
    assert response.one("X-Remote-Port") == str(here[1])
    return int(response.one("X-Pid") or 0)


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_ones_own(serve: Serve, seed: int):
    server = serve(APP, binds=[listener(), listener()], workers=2)
    seen: set[int] = set()

    def behave(number: int) -> None:
        choose = random.Random(seed * 1000 + number)
        client = Client(choose.choice(server.addresses))
        for _ in range(60):
            if choose.random() < 0.1:
                client.close()
                client = Client(choose.choice(server.addresses))
            seen.add(ask(client, choose, number))
        client.close()

    Crowd(behave).finish()
    assert seen == set(server.worker_pids())


def test_with_workers_killed_under_them_clients_lose_only_what_was_there(serve: Serve):
    """A connection may end; an answer that comes is whole and right, and a new connection is served."""
    server = serve(APP, workers=3)
    server.expect("SIGKILL|died right after")
    done = threading.Event()

    def behave(number: int) -> None:
        choose = random.Random(number)
        while not done.is_set():
            with Client(server.address) as client:
                try:
                    for _ in range(20):
                        ask(client, choose, number)
                except (Closed, ConnectionError):
                    continue

    crowd = Crowd(behave)
    for turn in range(4):
        os.kill(random.Random(turn).choice(server.worker_pids()), signal.SIGKILL)
        server.errors.wait("Booting worker with pid", count=4 + turn)
    done.set()
    crowd.finish()
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stop_under_load_cuts_no_answer(serve: Serve, workers: int):
    """Whatever answer has begun is whole; a client sees the end only between answers."""
    server = serve(APP, workers=workers)
    served = threading.Semaphore(0)

    def behave(number: int) -> None:
        choose = random.Random(number)
        while True:
            try:
                with Client(server.address) as client:
                    for _ in range(5):
                        client.request("POST", f"/labour?ms={choose.choice([0, 1, 5])}", body=b"x" * 50_000)
                        if client.is_at_end():
                            break
                        assert client.read_response().body == b"x" * 50_000
                        served.release()
            except ConnectionError:
                return  # refused, or reset while the request was on its way: nothing of an answer had come

    crowd = Crowd(behave)
    for _ in range(100):
        served.acquire()
    assert server.stop() == 0
    crowd.finish()
