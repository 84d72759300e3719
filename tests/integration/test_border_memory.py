"""A thousand requests on every way across the border leave references, objects and memory where they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.processes import resident_bytes
from tests.support.server import Server

Serve = Callable[..., Server]
TIMES = 1000
WARM = 100
AT_ONCE = 50
SHARED = ("status", "name", "value", "pair", "fields", "block", "blocks", "large", "file", "error", "start_response")
ANSWERED = (
    *("list", "tuple", "large", "generator", "large-generator", "write", "file", "again", "hints", "input", "lines"),
    *("refused", "changed", "bad-close"),
)
FAILED = (
    *("late", "text", "nothing", "number", "raise", "raise-later", "bad-fields", "bad-value", "bad-status"),
    *("twice", "bad-hints", "gone"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("tests.apps.border", "--limit-request-line", "0") as running:
        running.expect("")
        yield running


def ask(server: Server, target: str, times: int, body: bytes) -> None:
    """Ask so often on one connection, several at once."""
    with server.client() as client:
        for _ in range(times // AT_ONCE):
            for _ in range(AT_ONCE):
                client.request("POST", target, body=body)
            for _ in range(AT_ONCE):
                assert client.read_response().status == 200


def fail(server: Server, target: str, times: int, body: bytes) -> None:
    """Ask so often on a connection each."""
    for _ in range(times):
        with server.client() as client:
            client.request("POST", target, body=body)
            client.ended()


def leave(server: Server, target: str, times: int, body: bytes) -> None:
    """Ask so often, and go before the answer is complete."""
    for _ in range(times):
        with server.client() as client:
            client.request("POST", target, body=body)
            client.read_head()
            client.reset()


def counted(server: Server) -> dict[str, int]:
    counts: dict[str, int] = json.loads(server.get("/counts").body)
    return counts


@pytest.mark.parametrize(
    ("target", "size"), [("/many-huge", 100 << 20), ("/many-huge?cut=1", (100 << 20) - 1), ("/one-huge", 10 << 20)]
)
def test_a_huge_answer_leaves_no_room_behind(server: Server, target: str, size: int):
    assert server.get("/one-list").status == 200
    resident = resident_bytes(server.worker_pid())
    assert len(server.get(target).body) == size
    assert server.get("/one-list").status == 200
    assert resident_bytes(server.worker_pid()) - resident < 4 << 20


@pytest.mark.parametrize("how", [*ANSWERED, *FAILED])
def test_nothing_is_left_behind(server: Server, how: str):
    bodies = {"input": b"x" * 5000, "lines": b"line\n" * 3000}
    body, target = bodies.get(how, b""), f"/lend?how={how}"
    work = leave if how == "gone" else ask if how in ANSWERED else fail
    work(server, target, WARM, body)
    counted(server)
    before, resident = counted(server), resident_bytes(server.worker_pid())
    work(server, target, TIMES, body)
    after = counted(server)
    assert {name: after[name] for name in SHARED} == {name: before[name] for name in SHARED}
    # What is remembered of connections that linger still counts: one object a request would be a thousand.
    assert {name: after[name] - before[name] for name in after if after[name] - before[name] > TIMES // 2} == {}
    assert resident_bytes(server.worker_pid()) - resident < 1 << 20
