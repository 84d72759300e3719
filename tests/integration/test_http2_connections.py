"""Connections of HTTP/2: who gets one, what is agreed on, how they end, and what an operator does to them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.http2 import DATA, END_HEADERS, HEADERS, OPTIONS, RST_STREAM, Frames, Http2, block, frame
from tests.support.http2_load import Http2Load
from tests.support.server import Server

Serve = Callable[..., Server]
APP = "tests.apps.http2"
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
SOME = 100
REFUSED = "Invalid request from ip="


def upgraded(client: Client, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Http2:
    """The connection after a request of HTTP/1.1 that asks for HTTP/2 (RFC 7540 §3.2)."""
    client.request(method, target, *UPGRADE, *fields, body=body)
    head = client.read_head()
    assert (head.status, head.one("Upgrade")) == (101, "h2c")
    return Http2(client, takes_over=True)


def test_who_is_not_trusted_is_served_as_ever(serve: Serve):
    server = serve(APP, "--http-protocols=h2,h1", "--http2-cleartext=both", "--forwarded-allow-ips=192.0.2.1")
    server.expect(REFUSED)
    assert server.get("/hello").status == 200
    assert server.get("/hello", *UPGRADE).status == 200
    with server.client() as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.read_response().status == 505


def test_who_is_to_speak_it_and_does_not_is_answered_400(serve: Serve):
    server = serve(APP, *OPTIONS)
    server.expect(REFUSED)
    with server.client() as client:
        answer = client.ask("GET", "/hello")
        assert (answer.status, answer.one("Connection")) == (400, "close")
        client.expect_end()
    assert Http2(server.client()).get("/hello").status == 200


def test_a_request_of_http_1_turns_into_the_first_one(serve: Serve):
    server = serve(APP, "--http-protocols=h2,h1", "--http2-cleartext=upgrade")
    talk = upgraded(server.client(), "/environ?x=1")
    answer = talk.answer(1)
    assert answer.status == 200
    assert '"RAW_URI": "/environ?x=1"' in answer.text
    assert "HTTP_HTTP2_SETTINGS" not in answer.text
    assert talk.ask("POST", "/echo", body=b"second").body == b"second"
    assert upgraded(server.client(), "/hello", method="HEAD").answer(1).body == b""
    with server.client() as client:  # a body is not what one would wait for
        assert client.ask("POST", "/echo", *UPGRADE, body=b"abc").body == b"abc"
    with server.client() as client:  # the field that says how is missing
        assert client.ask("GET", "/hello", "Connection: Upgrade", "Upgrade: h2c").status == 200


def test_what_a_client_may_do_is_what_the_settings_say(serve: Serve, gate: Gate):
    server = serve(
        APP, *OPTIONS, "--http2-max-concurrent-streams=3", "--http2-initial-window-size=20000",
        "--http2-max-frame-size=20000", "--http2-max-header-list-size=5000", "--threads=8",
    )  # fmt: skip
    talk = Http2(server.client())
    streams = [talk.request("GET", f"/wait?label={number}") for number in range(3)]
    for number in range(3):
        gate.wait(str(number)).release()
    for stream in streams:
        assert talk.answer(stream).status == 200
    settings = talk.protocol.remote_settings
    assert settings[SettingCodes.MAX_CONCURRENT_STREAMS] == 3
    assert settings[SettingCodes.INITIAL_WINDOW_SIZE] == 20_000
    assert settings[SettingCodes.MAX_FRAME_SIZE] == 20_000
    assert settings[SettingCodes.MAX_HEADER_LIST_SIZE] == 5000
    assert settings.enable_push == 0 or SettingCodes.ENABLE_PUSH not in dict(settings)
    assert talk.ask("POST", "/count", body=bytes(100_000)).text == "100000 0"


def test_a_request_too_many_is_refused_and_may_be_asked_again(serve: Serve, gate: Gate):
    server = serve(APP, *OPTIONS, "--http2-max-concurrent-streams=1", "--threads=8")
    frames = Frames(server.client())
    fields = ((":method", "GET"), (":scheme", "http"), (":authority", "a"))
    heads = [frame(HEADERS, 0x5, stream, block(*fields, (":path", f"/wait?label={stream}"))) for stream in (1, 3)]
    frames.client.send(heads[0])
    visitor = gate.wait("1")
    frames.client.send(heads[1])
    refused = frames.wait(RST_STREAM, 3)
    assert int.from_bytes(refused.payload, "big") == ErrorCodes.REFUSED_STREAM
    visitor.release()
    assert frames.wait(DATA, 1).payload


def test_a_body_beyond_the_window_is_refused(serve: Serve):
    server = serve(APP, *OPTIONS, "--http2-initial-window-size=100")
    server.expect("HTTP/2 .* ended: ")
    frames = Frames(server.client())
    frames.client.send(frame(0x4, 0x1))  # its settings are acknowledged
    pseudo = ((":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/echo"))
    frames.client.send(frame(HEADERS, END_HEADERS, 1, block(*pseudo)) + frame(DATA, 0, 1, bytes(10_000)))
    came = frames.read()
    while came.kind not in (RST_STREAM, 0x7):
        came = frames.read()
    assert int.from_bytes(came.payload[-4:], "big") == ErrorCodes.FLOW_CONTROL_ERROR


def test_a_body_that_is_too_large_is_answered_413(serve: Serve):
    server = serve(APP, *OPTIONS, "--limit-request-body=1000")
    server.expect(REFUSED)
    talk = Http2(server.client())
    assert talk.ask("POST", "/echo", ("content-length", "2000"), body=bytes(2000)).status == 413
    assert talk.ask("POST", "/echo", body=bytes(100_000)).status == 413
    assert talk.ask("POST", "/echo", body=bytes(1000)).status == 200


def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve):
    server = serve(APP, *OPTIONS, "--body-timeout=0.3")
    server.expect("Invalid request|did not send|body")
    talk = Http2(server.client())
    stream = talk.request("POST", "/echo", body=b"abc", authority="a", ends=False)
    other = talk.get("/hello")
    assert other.status == 200
    assert talk.head(stream) == 408


def test_the_limits_of_heads_hold(serve: Serve):
    server = serve(APP, *OPTIONS, "--limit-request-fields=10")
    server.expect(REFUSED)
    talk = Http2(server.client())
    assert talk.get("/hello", *((f"x-{number}", "y") for number in range(20))).status == 431
    assert talk.get("/hello", ("x-long", "y" * 9000)).status == 431
    assert talk.get("/" + "x" * 5000).status == 414
    assert talk.get("/hello").status == 200


def test_hosts_that_disagree_are_refused(serve: Serve):
    server = serve(APP, *OPTIONS)
    server.expect(REFUSED)
    talk = Http2(server.client())
    assert talk.get("/hello", ("host", "test.invalid")).status == 200
    assert talk.get("/hello", ("host", "other.invalid")).status == 400
    assert talk.get("/hello").status == 200


def test_an_idle_connection_ends_with_a_word(serve: Serve):
    talk = Http2(serve(APP, *OPTIONS, "--keep-alive=0.2").client())
    assert talk.get("/hello").status == 200
    assert talk.end() == ErrorCodes.NO_ERROR


def test_who_is_under_way_is_answered_before_the_end(serve: Serve, gate: Gate):
    server = serve(APP, *OPTIONS, "--threads=4")
    talk = Http2(server.client())
    stream = talk.request("GET", "/wait?label=asked")
    visitor = gate.wait("asked")
    idle = Http2(server.client())
    assert idle.get("/hello").status == 200
    server.send_signal(signal.SIGTERM)
    assert idle.end() == ErrorCodes.NO_ERROR
    while talk.gone is None:
        talk.receive("a word that it ends")
    visitor.release("well")
    assert talk.answer(stream).text.endswith(" well")
    assert talk.end() == ErrorCodes.NO_ERROR
    assert server.wait() == 0


@pytest.mark.parametrize("model", [(), ("--threads=3",), ("--worker-class=gevent",)], ids=["sync", "gthread", "gevent"])
def test_reloads_and_the_end_lose_nothing(serve: Serve, model: tuple[str, ...]):
    server = serve(APP, *OPTIONS, *model, workers=2)
    with Http2Load(server.address, connections=4) as clients:
        for times in (1, 2):
            clients.more(SOME)
            server.send_signal(signal.SIGHUP)
            server.errors.wait("Reload complete", count=times)
        clients.more(SOME)
        server.send_signal(signal.SIGTERM)
        clients.until_refused()
    clients.check()
    assert server.wait() == 0


def test_workers_that_have_served_enough_lose_nothing(serve: Serve):
    server = serve(APP, *OPTIONS, "--max-requests=60", "--max-requests-jitter=30", workers=2)
    with Http2Load(server.address, connections=4) as clients:
        server.errors.wait(r"Worker exiting \(pid", count=4)
        clients.more(SOME)
    clients.check()


def test_hooks_see_each_request(serve: Serve, tmp_path: Path):
    (tmp_path / "hooks.conf.py").write_text(
        "def pre_request(worker, req):\n"
        "    worker.log.info('before %s %s %s', req.method, req.uri, req.version)\n"
        "def post_request(worker, req, environ, resp):\n"
        "    worker.log.info('after %s %s %s %s', environ['RAW_URI'], resp.status, resp.sent, req.trailers)\n"
    )
    server = serve(APP, *OPTIONS, f"--config={tmp_path}/hooks.conf.py")
    talk = Http2(server.client())
    stream = talk.request("POST", "/echo?x", ends=False)
    talk.send(stream, b"body", ends=False)
    talk.trailers(stream, ("x-checksum", "abc"))
    assert talk.answer(stream).body == b"body"
    server.errors.wait(r"before POST /echo\?x \(2, 0\)")
    server.errors.wait(r"after /echo\?x 200 OK 4 \[\('X-CHECKSUM', 'abc'\)\]$")
