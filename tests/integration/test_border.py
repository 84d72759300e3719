"""Across the border between server and Python: every form of an answer, and calls that nobody should make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http import Client
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

APP = "tests.apps.border"
LINE = b"0123456789abcdef" * 4


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(APP) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connection:
        yield connection


@pytest.mark.parametrize(
    ("target", "framing", "body"),
    [
        ("/one-list", "length", b"one list"),
        ("/one-tuple", "length", b"one tuple"),
        ("/no-block", "length", b""),
        ("/large", "length", LINE * 2000),
        ("/many-large", "length", LINE * 20000),
        ("/large-cut", "length", (LINE * 2000)[:70000]),
        ("/generated", "chunked", b"one generator"),
        ("/generated-nothing", "length", b""),
        ("/closed-iterator", "chunked", b"one iterator"),
        ("/subclasses", "chunked", b"subclasses"),
        ("/odd-pairs", "length", b"pairs"),
        ("/liar?length=0", "chunked", b"one liar"),
        ("/liar?length=1", "chunked", b"one liar"),
        ("/liar?length=99", "chunked", b"one liar"),
        ("/liar?length=-1", "chunked", b"one liar"),
        ("/latin", "length", b"latin"),
        ("/huge", "length", b"huge"),
        ("/written", "chunked", b"written, returned"),
        ("/written-within", "chunked", b"w0y0w1y1w2y2"),
        ("/written-within?length=1", "length", b"w0y0w1y1w2y2"),
        ("/by-name", "length", b"by name"),
        ("/any-fields?form=view", "length", b"any"),
        ("/any-fields?form=generator", "length", b"any"),
        ("/threaded", "chunked", b"threaded answer"),
        ("/hints", "chunked", b"hinted"),
        ("/collected", "chunked", b"collected"),
    ],
)
def test_every_form_of_an_answer_arrives(client: Client, target: str, framing: str, body: bytes):
    for _ in range(2):
        response = client.ask("GET", target)
        assert (response.status, response.framing, response.body) == (200, framing, body)
    assert client.ask("HEAD", target).status == 200
    for _ in range(3):
        client.request("GET", target)  # so that answers may leave together
    assert [client.read_response().body for _ in range(3)] == [body] * 3
    assert client.ask("GET", target, version="1.0").body == body


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/endless?length=25", b"0123456789012345678901234"[:25]),
        ("GET", "/endless?length=30", b"0123456789" * 3),
        ("GET", "/endless?length=0", b""),
        ("HEAD", "/endless", b""),
        ("HEAD", "/endless?length=30", b""),
        ("GET", "/endless?status=204%20No%20Content", b""),
        ("GET", "/endless?status=304%20Not%20Modified", b""),
    ],
)
def test_blocks_without_end_are_asked_for_no_longer_than_they_can_be_sent(
    client: Client, method: str, target: str, body: bytes
):
    for _ in range(2):
        assert client.ask(method, target).body == body
    assert client.ask("GET", "/one-list").body == b"one list"


def test_fields_are_taken_from_where_they_are(client: Client):
    response = client.ask("GET", "/subclasses")
    assert (response.one("X-Text"), response.one("X-Lie")) == ("true", None)
    response = client.ask("GET", "/odd-pairs")
    assert (response.one("X-Named"), response.one("X-List")) == ("1", "2")
    response = client.ask("GET", "/latin")
    assert (response.head.reason, response.one("X-Latin")) == ("Caf\u00e9", "\u00e9\u00ff")
    response = client.ask("GET", "/huge")
    assert (response.one("X-Huge"), response.one("X-1999")) == ("v" * 200_000, "v")


def test_fields_may_come_by_name_and_in_any_form(client: Client):
    assert client.ask("GET", "/by-name").one("X-Named") == "1"
    for form in ("view", "generator"):
        assert client.ask("GET", f"/any-fields?form={form}").one("X-Any") == "1"
    response = client.ask("GET", "/badly-made-fields")
    assert (response.status, response.one("X-Inner"), response.one("X-Outer")) == (201, "1", None)
    assert response.text.split() == ["AssertionError", "ZeroDivisionError", "TypeError"]


def test_what_is_said_with_exc_info_before_the_head_replaces_what_was(client: Client):
    response = client.ask("GET", "/replaced")
    assert (response.status, response.one("X-First"), response.body) == (503, None, b"replaced")


@pytest.mark.parametrize(
    ("info", "raised"),
    [
        ("right", b"RuntimeError"),
        ("value", b"RuntimeError"),
        ("short", b"TypeError"),
        ("list", b"TypeError"),
        ("traceback", b"TypeError"),
        ("class", b"SystemError"),
        ("nothing", b"SystemError"),
    ],
)
def test_exc_info_after_the_head_is_raised(client: Client, info: str, raised: bytes):
    assert client.ask("GET", f"/reraised?info={info}").body == b"out " + raised


def test_what_cannot_be_sent_is_refused_while_the_application_can_learn_of_it(client: Client):
    for _ in range(2):
        said = client.ask("GET", "/refusals").text.split()
        assert said == ["ValueError"] * 7 + ["TypeError"] * 10


def test_the_head_is_what_start_response_was_given(client: Client):
    response = client.ask("GET", "/changed")
    assert (response.one("X-Kept"), response.one("X-Late"), response.body) == ("1", None, b"changed")


@pytest.mark.parametrize("status", ["100", "101", "103"])
def test_an_interim_status_is_the_last_on_its_connection(client: Client, status: str):
    """A client that waits for the final one must not get the answer to its next request in its place."""
    client.request("GET", f"/said?status={status}%20Words")
    client.request("GET", "/one-list")
    head = client.read_head()
    assert (head.status, head.one("Connection"), head.one("Content-Length")) == (int(status), "close", None)
    assert client.ended() == b""


def test_a_tunnel_has_no_length(client: Client):
    client.request("CONNECT", "test.invalid:443", "Host: test.invalid:443")
    head = client.read_head()
    assert (head.status, head.framing, head.one("Connection")) == (200, "close", "close")
    assert client.ended() == b"tunnelled"


@pytest.mark.parametrize("size", [3000, 300_000, 3_000_000])
def test_threads_may_read_the_body_together(client: Client, size: int):
    """From memory and from a file: each byte goes to one of them, and none waits for another for ever."""
    body = (b"a line of the body\n" * (size // 19 + 1))[:size]
    for _ in range(3):
        assert client.ask("POST", "/read-together", body=body).text == str(size)


def test_calls_that_nobody_should_make_are_errors_of_the_caller(client: Client):
    said = dict(line.split(": ") for line in client.ask("GET", "/calls").text.splitlines())
    assert said.pop("attribute") == "AttributeError"
    assert set(said.values()) == {"TypeError"}, said
