"""Applications that fail: a 500 while nothing was sent, a cut connection after, and a log that tells which request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.support.gate import Gate
from tests.support.http import Closed
from tests.support.log import records
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def logged(server: Server, *parts: str) -> None:
    """The error log holds one record above INFO, and it holds each of these; the test expected it."""
    server.errors.wait(parts[-1])
    loud = [record for record in records(server.errors.so_far())[0] if record.level in ("ERROR", "CRITICAL")]
    assert len(loud) == 1, loud
    for part in parts:
        assert part in loud[0].text
    server.expect("")


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("/raises", "ValueError: raised before the head"),
        ("/raises-after-start", "ValueError: raised between head and body"),
        ("/never-start", "start_response"),
        ("/start-twice", "start_response"),
        ("/text", "something other than bytes"),
        ("/text-written", "TypeError"),
        ("/none", "TypeError"),
    ],
)
def test_a_fault_before_the_head_is_a_500(serve: Serve, target: str, what: str):
    server = serve(APP)
    with server.client() as client:
        response = client.ask("GET", f"{target}?query")
        assert response.status == 500
        assert (response.one("Connection") or "").lower() == "close"
        assert b"Traceback" not in response.body
        assert b"raised" not in response.body
        client.expect_end()
    logged(server, "GET", f"{target}?query", what)
    assert server.get("/hello").status == 200


def test_a_fault_of_the_first_block_is_a_500(serve: Serve, gate: Gate):
    server = serve(APP)
    assert server.get("/raises-at-once").status == 500
    gate.wait("closed")
    logged(server, "GET", "/raises-at-once", "ValueError: raised by the first block")


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("/raises-midway", "ValueError: raised after the head was sent"),
        ("/exc-info-after-head", "RuntimeError: halfway there"),
    ],
)
def test_a_fault_after_the_head_cuts_the_connection(serve: Serve, gate: Gate, target: str, what: str):
    server = serve(APP)
    with server.client() as client:
        client.request("GET", target)
        assert client.read_head().status == 200
        assert client.read_chunk() == b"first block"
        gate.wait("before the fault").release()
        with pytest.raises((Closed, ConnectionResetError)):
            client.read_chunk()
    logged(server, "GET", target, what)
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("target", ["/too-short", "/too-short-later"])
def test_a_body_shorter_than_its_length_closes_the_connection(serve: Serve, target: str):
    server = serve(APP)
    server.expect("")
    with server.client() as client:
        client.request("GET", target)
        client.request("GET", "/hello")
        assert client.read_head().one("Content-Length") == "10"
        assert client.ended() == b"12345"
    assert server.get("/hello").status == 200


def test_a_close_that_raises_does_no_harm_to_the_answer(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as client:
        assert client.ask("GET", "/close-raises").body == b"body"
    gate.wait("closed")
    logged(server, "/close-raises", "ValueError: raised by close")
    assert server.get("/hello").status == 200


def test_system_exit_in_the_application_ends_no_more_than_its_worker(serve: Serve):
    """As under Gunicorn: the client is told, and the worker may go and be replaced."""
    server = serve(APP)
    server.expect("SystemExit|exited with code 7")
    assert server.get("/system-exit").status == 500
    assert server.get("/hello").status == 200


BAD_FIELDS = [
    ("X-A", "1\r\nInjected: yes"),
    ("X-A", "1\nInjected: yes"),
    ("X-A", "1\rInjected: yes"),
    ("X-A", "nul\0"),
    ("X-A", "bell\x07"),
    ("X-A", "delete\x7f"),
    ("X-A\r\nInjected", "yes"),
    ("X A", "1"),
    ("X-A:", "1"),
    ("", "1"),
    ("X-Caf\u00e9", "1"),
    ("Content-Length", "two"),
    ("Content-Length", "-1"),
    ("Content-Length", "1, 1"),
]
BAD_STATUSES = [
    "200 OK\r\nInjected: yes",
    "200 OK\nInjected: yes",
    "200 \0",
    "99 Low",
    "OK",
    "",
    "2000 High",
    "20",
    "200OK",
]


@pytest.fixture(scope="module")
def faulty() -> Iterator[Server]:
    """One server for all the answers that are refused; each leaves its record in the log."""
    with Server(APP) as running:
        running.expect("")
        yield running


@pytest.mark.parametrize(("name", "value"), BAD_FIELDS)
def test_a_bad_field_is_a_500_and_never_on_the_wire(faulty: Server, name: str, value: str):
    target = f"/fields?name={quote(name, encoding='latin-1')}&value={quote(value, encoding='latin-1')}"
    with faulty.client() as client:
        response = client.ask("GET", target)
        client.expect_end()
    assert response.status == 500
    assert response.one("Injected") is None
    assert b"Injected" not in response.body


@pytest.mark.parametrize("status", BAD_STATUSES)
def test_a_bad_status_is_a_500_and_never_on_the_wire(faulty: Server, status: str):
    with faulty.client() as client:
        response = client.ask("GET", f"/status?is={quote(status)}")
        client.expect_end()
    assert response.status == 500
    assert response.one("Injected") is None


def test_two_lengths_of_the_application_are_never_both_sent(faulty: Server):
    # `fields` gives Content-Length: 2 itself; a second one that disagrees cannot be served.
    assert faulty.get("/fields?name=Content-Length&value=3").status == 500
