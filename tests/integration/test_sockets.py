"""The connection itself in the environ: when it is there, what is done to it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.server import Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.sockets"
MODELS = ("sync", "gthread", "gevent", "eventlet")
UPGRADE = ("Connection: keep-alive, Upgrade", "Upgrade: test")


def switch(server: Server, path: str, *, behind: bytes = b"") -> Client:
    """Ask for another protocol, with bytes right behind the request."""
    client = server.client()
    client.send("\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *UPGRADE, "", ""]).encode() + behind)
    return client


def test_only_who_asks_for_another_protocol_is_offered_the_connection(serve: Serve):
    server = serve(APP)
    both = "gunicorn.socket,werkzeug.socket"
    assert server.get("/has_keys").text == ""
    assert server.get("/has_keys", "Upgrade: test").text == ""
    assert server.get("/has_keys", "Connection: Upgrade").text == ""
    assert server.get("/has_keys", *UPGRADE).text == both
    assert server.ask("GET", "/has_keys", *UPGRADE, version="1.0").text == ""


def test_an_offer_that_is_not_taken_changes_nothing(serve: Serve):
    server = serve(APP)
    with server.client() as client:
        for _ in range(3):
            assert client.ask("GET", "/has_keys", *UPGRADE).text == "gunicorn.socket,werkzeug.socket"
            assert client.ask("GET", "/has_keys").text == ""
            assert client.ask("GET", "/looked_at", *UPGRADE).text == "<the connection of a True"


def test_what_is_pipelined_behind_an_offer_has_its_answer(serve: Serve):
    server = serve(APP)
    with switch(server, "/has_keys", behind=b"GET /has_keys HTTP/1.1\r\nHost: test\r\n\r\n") as client:
        assert client.read_response().text == "gunicorn.socket,werkzeug.socket"
        assert client.read_response().text == ""


def test_bytes_go_both_ways(serve: Serve, short_directory: str):
    for kind in ("tcp", "unix"):
        server = serve(APP, binds=[listener(kind, short_directory)])
        with switch(server, "/by_hand") as client:
            assert client.read_head().status == 101
            client.send(b"abc")
            assert client.read_exactly(3) == b"ABC"
            client.finish_sending()
            client.expect_end()


def test_what_comes_right_behind_the_request_is_not_lost(serve: Serve):
    server = serve(APP)
    for path in ("/by_hand", "/selected"):
        with switch(server, path, behind=b"early") as client:
            assert client.read_head().status == 101
            assert client.read_exactly(5) == b"EARLY"
    with switch(server, "/by_hand", behind=b"x" * 200_000) as client:
        client.finish_sending()
        assert client.read_to_end().endswith(b"\r\n\r\n" + b"X" * 200_000)


def test_a_request_with_a_body_may_ask_for_it(serve: Serve):
    server = serve(APP)
    for rest in (b"", b"late"):
        with server.client() as client:
            client.request("POST", "/by_hand", *UPGRADE, "Content-Length: 4", body=b"body" + rest)
            assert client.read_head().status == 101
            assert client.read_exactly(4 + len(rest)) == b"BODY" + rest.upper()
    with server.client() as client:
        client.request("POST", "/by_hand", *UPGRADE, "Transfer-Encoding: chunked", body=b"4\r\nbody\r\n0\r\n\r\n")
        assert client.read_head().status == 101
        assert client.read_exactly(4) == b"BODY"


def test_what_is_taken_can_still_be_asked_for_names_and_options(serve: Serve, gate: Gate):
    server = serve(APP)
    for behind in (b"", b"x"):
        with switch(server, "/asked_when_taken", behind=behind) as client:
            assert client.read_head().status == 101
            if not behind:
                client.send(b"x")
            assert client.read_exactly(6) == b"True x"
            gate.wait("closed -1")
            client.expect_end()


def test_nothing_is_said_behind_what_was_taken(serve: Serve, gate: Gate):
    server = serve(APP)
    with switch(server, "/idle") as client:
        gate.wait("taken").release()
        assert client.read_head().status == 101
        client.expect_end()
    with switch(server, "/iterating") as client:
        assert client.read_head().status == 101
        client.expect_end()
    assert "asked for more" not in gate.labels()


def test_an_application_that_fails_behind_it_is_logged_and_nobody_else_suffers(serve: Serve):
    server = serve(APP)
    server.expect("taken, and then this")
    with switch(server, "/failing") as client:
        assert client.read_head().status == 101
        client.expect_end()
    server.errors.wait("taken, and then this")
    assert server.get("/has_keys").status == 200


def test_an_application_may_deal_with_the_connection_by_its_descriptor(serve: Serve):
    server = serve(APP)
    with switch(server, "/descriptor") as client:
        assert client.read_head().status == 101
        client.expect_end()


def test_the_offer_ends_with_the_call(serve: Serve):
    server = serve(APP, "--threads=1")
    with server.client() as client:
        assert client.ask("GET", "/kept", *UPGRADE).text == "first"
        for _ in range(2):
            assert client.ask("GET", "/kept", *UPGRADE).text == "9"


def test_an_answer_that_has_begun_goes_on(serve: Serve):
    server = serve(APP)
    said = server.get("/too_late", *UPGRADE).text
    assert said == "begun, the answer has begun, so the connection cannot be taken over"


def test_what_is_detached_outlives_the_call(serve: Serve):
    server = serve(APP)
    with switch(server, "/detached") as client:
        while (said := server.get("/farewell").text) and client.is_silent():
            assert said == "said"
        assert client.read_to_end() == b"farewell"
