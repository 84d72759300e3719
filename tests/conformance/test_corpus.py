"""The corpus against the running server, in every model and by TLS: each case whole, cut and with a request after it.

Cut means in two, and byte by byte. What the application saw must be what the case says, and after a refusal or a close
not a byte more is ever answered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import MODELS
from tests.support.certificates import ready_made
from tests.support.corpus import Case, Request, cases
from tests.support.http import Client, Closed, Response
from tests.support.server import Server
from tests.support.tls import options, secure, trusting

APP = "tests.apps.witness"
CASES = cases()
FURTHER = b"GET /z HTTP/1.1\r\nHost:z\r\n\r\n"
BYTEWISE_AT_MOST = 3000
CERTIFICATE = ready_made()
TRUSTING = trusting(CERTIFICATE)
Settings = tuple[tuple[str, Any], ...]


class Kind(NamedTuple):
    """A kind of server: its options, how a client connects to it, and in how many ways it is sent what it is sent."""

    name: str
    options: tuple[str, ...]
    connect: Callable[[Server], Client] = Server.client
    # What reads byte by byte is the same with every model; who is told when all has come is not.
    ways: int = 2


KINDS = (
    *(Kind(name, chosen, ways=3 if name == "sync" else 2) for name, chosen in MODELS.items()),
    # Where records end is no matter of HTTP; `tls/tests.rs` in the engine cuts them anywhere.
    Kind("TLS", options(CERTIFICATE), lambda server: secure(server, TRUSTING), ways=1),
)
ServerFor = Callable[[Kind, Settings], Server]


@pytest.fixture(scope="module")
def server_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFor]:
    """A running server for each kind and each set of settings that the cases ask for."""
    running: dict[tuple[str, Settings], Server] = {}
    with ExitStack() as servers:

        def find(kind: Kind, settings: Settings) -> Server:
            if (kind.name, settings) not in running:
                config: Path = tmp_path_factory.mktemp("settings") / "longma.conf.py"
                config.write_text("".join(f"{name} = {value!r}\n" for name, value in settings))
                server = servers.enter_context(Server(APP, *kind.options, "-c", str(config)))
                server.expect("Invalid request")
                running[kind.name, settings] = server
            return running[kind.name, settings]

        yield find


def send_whole(client: Client, data: bytes) -> None:
    client.send(data)


def send_in_two(client: Client, data: bytes) -> None:
    if client.send_or_stop(data[: len(data) // 2]):
        client.send_or_stop(data[len(data) // 2 :])


def send_bytewise(client: Client, data: bytes) -> None:
    """Every byte by itself; of long inputs the first and last ones so, and blocks between."""
    if len(data) <= BYTEWISE_AT_MOST:
        client.send_bytewise(data)
        return
    edge = BYTEWISE_AT_MOST // 2
    between = data[edge:-edge]
    pieces = [between[start : start + 997] for start in range(0, len(between), 997)]
    if client.send_bytewise(data[:edge]) and all(client.send_or_stop(piece) for piece in pieces):
        client.send_bytewise(data[-edge:])


def check_request(expected: Request, response: Response) -> None:
    """The application saw this request."""
    assert response.status == (405 if expected.method == "CONNECT" else 200), response
    seen = json.loads(response.one("X-Seen") or "")
    assert (seen["REQUEST_METHOD"], seen["RAW_URI"]) == (expected.method, expected.target)
    assert seen["SERVER_PROTOCOL"] == f"HTTP/{expected.version}"
    assert seen["body"] == [len(expected.body), hashlib.sha256(expected.body).hexdigest()]
    if expected.path_info is not None:
        assert seen["PATH_INFO"] == expected.path_info
    if expected.query is not None:
        assert seen["QUERY_STRING"] == expected.query
    if expected.variables is not None:
        assert seen["fields"] == expected.variables
    assert [head.status for head in response.interim] in ([], [100] if expected.expects_continue else [])


def check_outcome(case: Case, client: Client, *, further: bool) -> None:
    """The requests of the case are answered in order, and then happens what the case says."""
    for expected in case.requests:
        response = client.read_response(expected.method)
        check_request(expected, response)
        closes = (response.one("Connection") or "").lower() == "close"
        assert closes or not expected.close
    if case.refused is not None:
        response = client.read_response()
        assert response.status == case.refused
        assert (response.one("Connection") or "").lower() == "close"
        assert response.one("X-Seen") is None
        client.expect_end()
    elif case.requests and case.requests[-1].close:
        client.expect_end()
    elif case.partial:
        client.finish_sending()
        assert client.ended()[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 408")
    elif further:
        response = client.read_response()
        assert json.loads(response.one("X-Seen") or "")["RAW_URI"] == "/z"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic}:{case.name}")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_server_does_what_the_corpus_says(server_for: ServerFor, kind: Kind, case: Case):
    server = server_for(kind, case.settings)
    closes = bool(case.requests) and case.requests[-1].close and case.refused is None
    ways = (send_whole, send_in_two, send_bytewise)[: kind.ways]
    for send in ways:
        # Bytes that a client sends after it has said that none follow may meet a closed connection, and the reset
        # that they earn may overtake the answer; sent in one piece they may not.
        forgiven = (ConnectionResetError, Closed) if closes and send is not send_whole else ()
        for further in (False, True):
            if further and case.partial:
                continue
            with kind.connect(server) as client, suppress(*forgiven):
                send(client, case.input + FURTHER if further else case.input)
                check_outcome(case, client, further=further)


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)
