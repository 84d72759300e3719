"""Packets and records byte for byte: what is served, what is refused, and what becomes of connections."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable

import pytest

from tests.support.gate import Gate
from tests.support.packets import (
    ABORT,
    BEGIN,
    ENCODERS,
    END,
    PARAMS,
    STDIN,
    STDOUT,
    Peer,
    answer_of,
    asked,
    fastcgi,
    record,
)
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
APP = "tests.apps.answers"
SEEN = "tests.apps.seen:environ"
GET = {"REQUEST_METHOD": "GET", "PATH_INFO": "/hello", "REQUEST_URI": "/hello", "SERVER_PROTOCOL": "HTTP/1.1"}
PROTOCOLS = ("uwsgi", "fastcgi", "scgi")
REFUSED = r"Invalid request from ip=127\.0\.0\.\d: .* \((400|403|408|413|414|431)\)"

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def get(path: str, **more: str) -> dict[str, str]:
    return {
        **GET,
        "PATH_INFO": path.partition("?")[0],
        "REQUEST_URI": path,
        "QUERY_STRING": path.partition("?")[2],
        **more,
    }


def post(path: str, body: bytes, **more: str) -> dict[str, str]:
    return get(path, REQUEST_METHOD="POST", CONTENT_LENGTH=str(len(body)), **more)


@every_protocol
def test_an_answer_is_framed_as_its_protocol_has_it(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol)
    status, fields, body = asked(protocol, server.address, GET)
    assert (status, body) == ("200 OK", b"Hello, World!\n")
    assert fields["Content-Length"] == str(len(body))
    assert "Connection" not in fields
    assert "Transfer-Encoding" not in fields
    status, fields, body = asked(protocol, server.address, get("/generator?blocks=3"))
    assert (status, body) == ("200 OK", b"block 0\nblock 1\nblock 2\n")
    assert "Transfer-Encoding" not in fields
    assert asked(protocol, server.address, get("/hello", REQUEST_METHOD="HEAD"))[2] == b""
    for code in ("204 No Content", "304 Not Modified"):
        answer = asked(protocol, server.address, get(f"/status?is={code.replace(' ', '%20')}"))
        assert (answer[0], answer[2]) == (code, b"")
    for size in (3, 5 << 20):
        body = b"x" * size
        assert asked(protocol, server.address, post("/echo", body), body)[2] == body


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_a_packet_may_come_in_any_pieces(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol)
    sent = ENCODERS[protocol](post("/echo", b"body"), b"body")
    for size in (1, 7):
        with Peer(server.address) as peer:
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(sent), size):
                peer.send(sent[at : at + size])
            assert answer_of(protocol, peer)[2] == b"body"


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_no_variable_takes_the_place_of_what_the_server_says(serve: Serve, protocol: str):
    server = serve(SEEN, "--protocol", protocol)
    server.expect(REFUSED)
    told = [("HTTP_A", "1"), ("HTTP_A", "2"), ("HTTP_COOKIE", "a=1"), ("HTTP_COOKIE", "b=2"), ("X", "1"), ("X", "2")]
    body = asked(protocol, server.address, [*get("/a").items(), *told, ("HTTP_PROXY", "x"), ("HTTPS", "on")])[2]
    seen = json.loads(body)["environ"]
    assert (seen["HTTP_A"], seen["HTTP_COOKIE"], seen["X"]) == ("1,2", "a=1; b=2", "2")
    assert (seen["wsgi.url_scheme"], seen["HTTPS"], "HTTP_PROXY" in seen) == ("https", "on", False)
    for name in (
        "wsgi.url_scheme",
        "wsgi.input",
        "wsgi.errors",
        "gunicorn.socket",
        "werkzeug.socket",
        "a.b",
        "",
        "a b",
    ):
        assert asked(protocol, server.address, [*GET.items(), (name, "x")])[0] == "400 Bad Request"


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_what_is_no_request_is_refused(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol, "--limit-request-body", "100", "--limit-request-line", "60")
    server.expect(REFUSED)
    for variables, status in (
        ({"PATH_INFO": "/"}, "400 Bad Request"),
        ({"REQUEST_METHOD": "GET"}, "400 Bad Request"),
        (get("/", CONTENT_LENGTH="x"), "400 Bad Request"),
        (get("/", HTTP_HOST="a b"), "400 Bad Request"),
        (get("/", HTTP_A="a\r\nB: c"), "400 Bad Request"),
        (get("/" + "a" * 60), "414 URI Too Long"),
        (get("/", HTTP_A="a" * 9000), "431 Request Header Fields Too Large"),
        (get("/", **{f"HTTP_A{number}": "" for number in range(101)}), "431 Request Header Fields Too Large"),
    ):
        if protocol == "scgi":
            variables.pop("CONTENT_LENGTH", None)
            if variables == get("/"):
                continue
        assert asked(protocol, server.address, variables)[0] == status, variables
    assert asked(protocol, server.address, post("/echo", b"x" * 101), b"x" * 101)[0] == "413 Content Too Large"
    assert asked(protocol, server.address, GET)[0] == "200 OK"


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_bytes_of_no_packet_are_refused_at_once(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol)
    server.expect(REFUSED)
    for wrong in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\xff" * 100, b"\x05\x00\x00\x00"):
        with Peer(server.address) as peer:
            peer.send(wrong)
            data = peer.read_to_end()
            assert b"200" not in data
            assert protocol == "fastcgi" or b"400 Bad Request" in data
    assert asked(protocol, server.address, GET)[0] == "200 OK"


@pytest.mark.only("sync", "gthread")
def test_packets_whose_sizes_do_not_add_up_are_refused(serve: Serve):
    server = serve(APP, "--protocol", "uwsgi")
    server.expect(REFUSED)
    for wrong in (b"\0\x03\0\0\x01\0a", b"\0\x04\0\0\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x1e"):
        with Peer(server.address) as peer:
            peer.send(wrong)
            assert b"400 Bad Request" in peer.read_to_end()


@pytest.mark.only("sync", "gthread")
def test_a_body_in_records_is_as_long_as_was_said(serve: Serve):
    server = serve(APP, "--protocol", "fastcgi", "--limit-request-body", "5000")
    server.expect(REFUSED)
    for length, body, status in (
        ("3", b"12345", "400 Bad Request"),
        ("9", b"12345", "400 Bad Request"),
        ("", b"12345", "200 OK"),
        ("", b"1" * 5001, "413 Content Too Large"),
    ):
        answer = asked("fastcgi", server.address, {**post("/echo", b""), "CONTENT_LENGTH": length}, body)
        assert answer[0] == status
        assert status != "200 OK" or answer[2] == body


def test_a_connection_is_kept_and_its_records_are_padded_numbered_and_answered(serve: Serve):
    server = serve(APP, "--protocol", "fastcgi")
    with Peer(server.address) as peer:
        for number in (1, 7, 0xFFFF):
            peer.send(fastcgi(post("/echo", b"body"), b"body", keep=True, number=number, padding=3))
            records = peer.records()
            assert {found for _, found, _ in records} == {number}
            assert records[-1] == (END, number, b"\0" * 8)
            assert records[-2] == (STDOUT, number, b"")
        # Behind one another, with a question and a second request between the records of the first.
        one, two = fastcgi(get("/generator"), keep=True), fastcgi(get("/hello"), keep=True, number=2)
        question = record(9, b"\x0f\0FCGI_MPXS_CONNS", 0)
        other = record(BEGIN, struct.pack(">HB5x", 1, 1), 9) + record(PARAMS, b"", 9)
        peer.send(one[:16] + question + other + one[16:] + two)
        answers = peer.records() + peer.records() + peer.records()
        assert (10, 0, b"\x0f\x01FCGI_MPXS_CONNS0") in answers
        assert (END, 9, b"\0\0\0\0\x01\0\0\0") in answers
        assert [number for kind, number, _ in answers if kind == END] == [9, 1, 2]
        peer.send(fastcgi(GET))
        assert answer_of("fastcgi", peer)[0] == "200 OK"
        assert peer.read(1) == b""


def test_a_request_that_is_aborted_is_not_served(serve: Serve):
    server = serve(APP, "--protocol", "fastcgi", "--access-logfile", "-")
    with Peer(server.address) as peer:
        peer.send(fastcgi(post("/echo", b"12345"), b"123")[: -len(record(STDIN))] + record(ABORT))
        assert peer.records()[-1][0] == END
        assert peer.read(1) == b""
    assert '"POST /echo HTTP/1.1" 499' in server.access.wait("POST")[0]


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_only_web_servers_of_the_operators_hand_requests_over(serve: Serve, protocol: str, short_directory: str):
    binds = [listener(), listener("unix", short_directory)]
    server = serve(APP, "--uwsgi-allow-from", "127.0.0.2", binds=binds, protocols=[protocol, protocol])
    server.expect("uwsgi_allow_ips does not let this peer hand requests over \\(403\\)")
    tcp, unix = server.addresses
    with Peer(tcp) as stranger:
        stranger.send(ENCODERS[protocol](GET))
        data = stranger.read_to_end()
        assert b"Hello" not in data
        assert protocol == "fastcgi" or b"403 Forbidden" in data
    with Peer(tcp, source="127.0.0.2") as friend:
        friend.send(ENCODERS[protocol](GET))
        assert answer_of(protocol, friend)[0] == "200 OK"
    assert asked(protocol, unix, GET)[0] == "200 OK"


def test_one_server_speaks_all_protocols_at_once(serve: Serve, short_directory: str):
    binds = [listener() for _ in range(4)]
    server = serve(SEEN, binds=binds, protocols=["http", "uwsgi", "fastcgi", "scgi"])
    assert server.get("/").status == 200
    told = get("/x", REMOTE_ADDR="192.0.2.1", REMOTE_PORT="99", SERVER_NAME="example.org", SERVER_PORT="81")
    for protocol, address in zip(PROTOCOLS, server.addresses[1:], strict=True):
        seen = json.loads(asked(protocol, address, told)[2])["environ"]
        assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == ("192.0.2.1", "99")
        assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("example.org", "81")
    server.errors.wait(r"Listening at: http://127\.0\.0\.1:\d+,uwsgi://127\.0\.0\.1:\d+,fastcgi://\S+,scgi://\S+ \(")


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_the_log_has_the_clients_address_and_a_request_line(serve: Serve, protocol: str):
    server = serve(
        APP, "--protocol", protocol, "--access-logfile", "-", "--access-logformat", '%(h)s "%(r)s" %(s)s %(b)s %(a)s'
    )
    asked(protocol, server.address, get("/hello?a=b", REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="test/1"))
    assert server.access.wait("hello") == ['192.0.2.1 "GET /hello?a=b HTTP/1.1" 200 14 test/1']


@every_protocol
def test_a_packet_that_does_not_end_has_a_deadline(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol, "--header-timeout", "0.3", "--body-timeout", "0.3")
    server.expect(REFUSED)
    sent = ENCODERS[protocol](post("/echo", b"body"), b"body")
    for end in (30, len(sent) - 9 if protocol == "fastcgi" else len(sent) - 1):
        with Peer(server.address) as peer:
            peer.send(sent[:end])
            assert answer_of(protocol, peer)[0] == "408 Request Timeout"


@pytest.mark.only("sync", "gthread")
@every_protocol
def test_health_is_answered_by_the_engine(serve: Serve, protocol: str):
    server = serve(APP, "--protocol", protocol, "--health-path", "/-/health")
    assert asked(protocol, server.address, get("/-/health"))[::2] == ("200 OK", b"ok")
    assert asked(protocol, server.address, GET)[0] == "200 OK"
    if protocol == "fastcgi":
        with Peer(server.address) as peer:
            for path in ("/-/health", "/hello", "/-/health", "/hello"):
                peer.send(fastcgi(get(path), keep=True))
                assert answer_of(protocol, peer)[0] == "200 OK"


@every_protocol
def test_a_block_arrives_while_the_next_one_is_made(serve: Serve, gate: Gate, protocol: str):
    server = serve(APP, "--protocol", protocol)
    with Peer(server.address) as peer:
        peer.send(ENCODERS[protocol](get("/stepwise")))
        data = b""
        for index in range(4):
            while b"block %d" % index not in data:
                data += peer.read(1)
            gate.wait(f"after block {index}").release()
        gate.wait("generator closed")


@every_protocol
def test_an_application_learns_that_the_web_server_has_gone(serve: Serve, gate: Gate, protocol: str):
    server = serve(APP, "--protocol", protocol)
    with Peer(server.address) as peer:
        peer.send(ENCODERS[protocol](get("/stepwise")))
        step = gate.wait("after block 0")
    while step.label != "generator closed":
        step.release()
        step = gate.wait("after block .|generator closed")
    assert asked(protocol, server.address, GET)[0] == "200 OK"


@every_protocol
@pytest.mark.only("sync")
def test_a_busy_workers_request_is_answered_by_its_sibling(serve: Serve, gate: Gate, protocol: str):
    """Each of them is read by the worker that is busy with the one before, until one of them is."""
    server = serve(APP, "--protocol", protocol, workers=2)
    with Peer(server.address) as blocker:
        blocker.send(ENCODERS[protocol](get("/wait")))
        visitor = gate.wait("in the application")
        for number in range(30):
            body = b"%d" % number * 50
            answer = asked(protocol, server.address, post("/echo", body), body)
            assert (answer[0], answer[2]) == ("200 OK", body)
        visitor.release("released")
        assert answer_of(protocol, blocker)[2] == b"%d released" % visitor.pid


@pytest.mark.only("sync")
def test_a_kept_connection_goes_to_the_sibling_with_its_request(serve: Serve, gate: Gate):
    server = serve(APP, "--protocol", "fastcgi", workers=2)
    peers = [Peer(server.address) for _ in range(12)]
    where = {}
    for peer in peers:
        peer.send(fastcgi(get("/pid"), keep=True))
        where[peer] = answer_of("fastcgi", peer)[2]
    blocker = peers[0]
    blocker.send(fastcgi(get("/wait"), keep=True))
    visitor = gate.wait("in the application")
    stuck = [peer for peer in peers[1:] if int(where[peer]) == visitor.pid]
    for peer in stuck:
        peer.send(fastcgi(post("/pid", b"body"), b"body", keep=True, number=5))
        assert int(answer_of("fastcgi", peer)[2]) != visitor.pid
        peer.send(fastcgi(GET, keep=True))
        assert answer_of("fastcgi", peer)[0] == "200 OK"
    visitor.release("released")
    assert answer_of("fastcgi", blocker)[0] == "200 OK"
    for peer in peers:
        peer.socket.close()
