"""What goes on the wire for what an application gives: framing, fields, the statuses without a body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.support.http import Client
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.answers"
DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for every test here: none of them leaves a trace in the log."""
    with Server(APP) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connection:
        yield connection


def test_the_head_of_an_answer(client: Client):
    response = client.ask("GET", "/hello")
    assert response.body == b"Hello, World!\n"
    assert response.head.version == "1.1"
    assert (response.status, response.head.reason) == (200, "OK")
    assert DATE.fullmatch(response.one("Date") or "")
    assert (response.one("Server") or "").startswith("longma")
    assert response.one("Content-Length") == "14"
    assert response.one("Content-Type") == "text/plain"


def test_fields_keep_their_order_and_case(client: Client):
    fields = client.ask("GET", "/cookies").head.fields
    given = [field for field in fields if field[0] not in ("Date", "Server", "Connection")]
    assert given == [
        ("Content-Type", "text/plain"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Content-Length", "2"),
    ]


@pytest.mark.parametrize(
    ("target", "body", "framings"),
    [
        ("/empty", b"", ("length", "chunked")),
        ("/one-block", b"one block", ("length", "chunked")),
        ("/two-blocks", b"two blocks", ("length", "chunked")),
        ("/generator?blocks=3", b"block 0\nblock 1\nblock 2\n", ("chunked",)),
        ("/late-start", b"late", ("length", "chunked")),
        ("/empty-blocks", b"not empty", ("length", "chunked")),
        ("/write", b"written, then returned", ("chunked",)),
        ("/big?bytes=1000003", None, ("length",)),
        ("/big-in-blocks?blocks=100", None, ("chunked",)),
    ],
)
def test_bodies_arrive_whole_and_the_connection_stays(
    client: Client, target: str, body: bytes | None, framings: tuple[str, ...]
):
    for _ in range(2):
        response = client.ask("GET", target)
        assert response.framing in framings
        if body is None:
            size = 1000003 if "bytes" in target else 100 * 65536
            assert response.body == (b"0123456789abcdef" * (size // 16 + 1))[:size]
        else:
            assert response.body == body
    assert client.ask("GET", "/hello").status == 200


def test_twenty_megabytes(client: Client):
    size = 20 * 1024 * 1024
    response = client.ask("GET", f"/big?bytes={size}")
    assert len(response.body) == size
    assert response.body == b"0123456789abcdef" * (size // 16)
    response = client.ask("GET", "/big-in-blocks?blocks=320")
    assert response.body == b"0123456789abcdef" * (size // 16)


def test_for_http_1_0_the_end_of_the_connection_ends_the_body(client: Client):
    response = client.ask("GET", "/generator?blocks=2", version="1.0")
    assert response.framing == "close"
    assert response.one("Transfer-Encoding") is None
    assert response.body == b"block 0\nblock 1\n"


def test_http_1_0_keeps_the_connection_when_asked_to(client: Client):
    response = client.ask("GET", "/hello", "Connection: keep-alive", version="1.0")
    assert (response.one("Connection") or "").lower() == "keep-alive"
    assert client.ask("GET", "/hello", version="1.0").status == 200
    client.expect_end()


@pytest.mark.parametrize(
    "target", ["/hello", "/generator", "/empty", "/big?bytes=100000", "/file?bytes=100000", "/write"]
)
def test_head_has_the_head_of_get_and_no_body(client: Client, target: str):
    got, headed = client.ask("GET", target).head, client.ask("HEAD", target).head
    assert headed.status == 200
    assert headed.one("Content-Type") == got.one("Content-Type")
    if headed.one("Content-Length") is not None:
        assert headed.one("Content-Length") == got.one("Content-Length")
    assert client.ask("GET", "/hello").status == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "204", "304"])
@pytest.mark.parametrize("length", ["", "&length=3"])
def test_statuses_without_a_body(client: Client, status: str, length: str):
    response = client.ask("GET", f"/status?is={quote(status)}{length}")
    assert response.status == int(status[:3])
    assert response.body == b""
    assert response.one("Transfer-Encoding") is None
    assert client.ask("GET", "/hello").status == 200


def test_a_304_may_say_how_long_the_body_would_be(client: Client):
    assert client.ask("GET", "/status?is=304%20Not%20Modified&length=3").one("Content-Length") in ("3", None)


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        ("200 OK", 200, "OK"),
        ("200", 200, None),
        ("418 I'm a teapot", 418, "I'm a teapot"),
        ("299 Caf\u00e9 \u00fc", 299, "Caf\u00e9 \u00fc"),
        ("599 Odd", 599, "Odd"),
    ],
)
def test_statuses_go_out_as_given(client: Client, given: str, status: int, reason: str | None):
    head = client.ask("GET", f"/status?is={quote(given, encoding='latin-1')}&length=3").head
    assert head.status == status
    if reason is not None:
        assert head.reason == reason


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "TE",
        "Trailers",
        "Transfer-Encoding",
        "Upgrade",
        "Server",
        "Date",
    ],
)
def test_hop_by_hop_fields_of_the_application_are_dropped(client: Client, name: str):
    head = client.ask("GET", f"/fields?name={name}&value=mine").head
    assert head.status == 200
    assert "mine" not in head.all(name)
    assert client.ask("GET", "/hello").status == 200


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("X-A", "1", "1"),
        ("x-lower", "1", "1"),
        ("X-High", "caf\u00e9", "caf\u00e9"),
        ("X-Tab", "a\tb", "a\tb"),
        ("X-Empty", "", ""),
        ("Trailer", "X-Sum", "X-Sum"),
        ("X-Space", "  around  ", "around"),
    ],
)
def test_fields_of_the_application_pass(client: Client, name: str, value: str, sent: str):
    head = client.ask("GET", f"/fields?name={name}&value={quote(value, encoding='latin-1')}").head
    assert (name, sent) in head.fields


def test_a_body_longer_than_its_length_is_cut(client: Client):
    assert client.ask("GET", "/too-long").body == b"12345"
    assert client.ask("GET", "/hello").body == b"Hello, World!\n"


def test_start_response_again_with_exc_info_counts_while_nothing_was_sent(client: Client):
    response = client.ask("GET", "/replaced")
    assert response.status == 503
    assert response.one("X-First") is None
    assert response.one("X-Second") == "2"
    assert response.body == b"sorry"


def test_an_answer_to_connection_close_says_so_and_closes(client: Client):
    response = client.ask("GET", "/hello", "Connection: close")
    assert (response.one("Connection") or "").lower() == "close"
    client.expect_end()


def test_close_among_other_options_counts(client: Client):
    assert client.ask("GET", "/hello", "Connection: foo, Close").status == 200
    client.expect_end()


def test_a_file_is_sent_whole(client: Client):
    for size in (0, 1, 100, 65536, 3_000_001):
        response = client.ask("GET", f"/file?bytes={size}")
        assert response.body == (b"0123456789abcdef" * (size // 16 + 1))[:size]
        assert response.framing in ("length", "chunked")
    assert client.ask("GET", "/hello").status == 200


def test_a_file_is_sent_from_where_it_stands(client: Client):
    whole = b"0123456789abcdef" * 10000
    response = client.ask("GET", "/file?bytes=160000&from=100001")
    assert response.body == whole[100001:160000]


def test_a_file_is_cut_at_its_content_length(client: Client):
    response = client.ask("GET", "/file?bytes=160000&from=5&length=100000")
    assert response.body == (b"0123456789abcdef" * 10000)[5:100005]
    assert client.ask("GET", "/hello").status == 200


def test_a_file_for_http_1_0_and_for_head(client: Client):
    assert client.ask("HEAD", "/file?bytes=160000").body == b""
    assert len(client.ask("GET", "/file?bytes=160000", version="1.0").body) == 160000


def test_a_file_without_a_descriptor_is_read_by_blocks(client: Client):
    assert client.ask("GET", "/pretended-file").body == b"0123456789abcdef" * 4 * 3000


def test_middleware_may_iterate_a_file_wrapper(client: Client):
    assert client.ask("GET", "/iterated-file").body == b"abcd|efgh|ij"


def test_without_sendfile_all_is_the_same(serve: Serve):
    server = serve(APP, "--no-sendfile")
    with server.client() as client:
        for size in (0, 100, 3_000_001):
            response = client.ask("GET", f"/file?bytes={size}")
            assert response.body == (b"0123456789abcdef" * (size // 16 + 1))[:size]
        assert client.ask("GET", "/file?bytes=160000&from=5&length=100000").body[:3] == b"567"
        assert client.ask("GET", "/hello").status == 200
