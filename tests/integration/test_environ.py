"""What the application finds in its environ: the keys and values Gunicorn's users know."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.http import Client, Response
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"


def environ(response: Response) -> dict[str, object]:
    assert response.status == 200
    shown = json.loads(response.body)
    assert shown["type"] == "dict"
    found: dict[str, object] = shown["environ"]
    return found


def test_a_plain_request(serve: Serve):
    server = serve(APP)
    with server.client() as client:
        seen = environ(client.ask("GET", "/a%20b/%C3%A9?x=%20y&z", "User-Agent: test/1"))
        here = client.socket.getsockname()
    assert isinstance(server.address, tuple)
    strings = {name: value for name, value in seen.items() if isinstance(value, str)}
    software = strings.pop("SERVER_SOFTWARE")
    assert software.startswith("longma/")
    assert strings == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\u00c3\u00a9",
        "QUERY_STRING": "x=%20y&z",
        "RAW_URI": "/a%20b/%C3%A9?x=%20y&z",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(server.address[1]),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(here[1]),
        "HTTP_HOST": "test.invalid",
        "HTTP_USER_AGENT": "test/1",
        "wsgi.url_scheme": "http",
    }


def test_the_keys_of_pep_3333(serve: Serve, engine_model: str):
    seen = environ(serve(APP).get("/"))
    assert seen["wsgi.version"] == ["tuple", "(1, 0)"]
    assert seen["wsgi.run_once"] == ["bool", "False"]
    assert seen["wsgi.multithread"] == ["bool", str(engine_model != "sync")]
    assert seen["wsgi.multiprocess"] == ["bool", "False"]
    assert seen["wsgi.input_terminated"] == ["bool", "True"]
    for name in ("wsgi.input", "wsgi.errors", "wsgi.file_wrapper"):
        assert name in seen


def test_several_workers_are_several_processes(serve: Serve):
    assert environ(serve(APP, workers=2).get("/"))["wsgi.multiprocess"] == ["bool", "True"]


def test_a_body_has_its_type_and_length(serve: Serve):
    seen = environ(serve(APP).ask("POST", "/", "Content-Type: text/x", body=b"abc"))
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("text/x", "3")
    assert "HTTP_CONTENT_TYPE" not in seen
    assert "HTTP_CONTENT_LENGTH" not in seen


def test_without_a_body_there_is_no_type_and_no_length(serve: Serve):
    seen = environ(serve(APP).get("/"))
    assert "CONTENT_TYPE" not in seen
    assert seen.get("CONTENT_LENGTH", "") == ""


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        (("X-One: a", "x-one:b", "X-ONE: c"), "HTTP_X_ONE", "a,b,c"),
        (("Cookie: a=1", "Cookie: b=2"), "HTTP_COOKIE", "a=1; b=2"),
        (("X-Space:   around \t ",), "HTTP_X_SPACE", "around"),
        (("X-Empty:",), "HTTP_X_EMPTY", ""),
        (("X-High: caf\u00e9",), "HTTP_X_HIGH", "caf\u00e9"),
        (("x-3.odd!: 1",), "HTTP_X_3.ODD!", "1"),
        (("Connection: keep-alive",), "HTTP_CONNECTION", "keep-alive"),
    ],
)
def test_fields_become_variables(serve: Serve, fields: tuple[str, ...], name: str, value: str):
    assert environ(serve(APP).get("/", *fields))[name] == value


def test_a_chunked_request_shows_its_coding(serve: Serve):
    with serve(APP).client() as client:
        client.request("POST", "/", "Transfer-Encoding: chunked")
        client.send(b"3\r\nabc\r\n0\r\n\r\n")
        assert environ(client.read_response())["HTTP_TRANSFER_ENCODING"] == "chunked"


def test_names_with_an_underscore_are_dropped(serve: Serve):
    seen = environ(serve(APP).get("/", "X_Forwarded_For: 1.2.3.4", "X-Real: 1"))
    assert "HTTP_X_FORWARDED_FOR" not in seen
    assert seen["HTTP_X_REAL"] == "1"


def test_names_with_an_underscore_can_be_refused(serve: Serve):
    server = serve(APP, "--header-map", "refuse")
    server.expect("Invalid request")
    assert server.get("/", "X_Forwarded_For: 1.2.3.4").status == 400


def test_names_with_an_underscore_can_be_let_in(serve: Serve):
    assert environ(serve(APP, "--header-map", "dangerous").get("/", "X_A: 1"))["HTTP_X_A"] == "1"


@pytest.mark.parametrize(
    ("method", "target", "path", "query"),
    [
        ("GET", "http://other.invalid:81/p%2Fq?r", "/p/q", "r"),
        ("GET", "http://other.invalid", "/", ""),
        ("GET", "//double//slash/../dots", "//double//slash/../dots", ""),
        ("GET", "/bad%zz%4", "/bad%zz%4", ""),
        ("GET", "/?", "/", ""),
        ("GET", "/??a", "/", "?a"),
        ("OPTIONS", "*", "*", ""),
    ],
)
def test_forms_of_the_target(serve: Serve, method: str, target: str, path: str, query: str):
    host = "Host: other.invalid:81" if ":81" in target else "Host: other.invalid"
    seen = environ(serve(APP).ask(method, target, host))
    assert (seen["RAW_URI"], seen["PATH_INFO"], seen["QUERY_STRING"]) == (target, path, query)


def test_http_1_0_is_shown_and_answered_as_such(serve: Serve):
    response = serve(APP).ask("GET", "/", version="1.0")
    assert environ(response)["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_ipv6(serve: Serve):
    server = serve(APP, binds=[listener("tcp6")])
    seen = environ(server.get("/"))
    assert isinstance(server.address, tuple)
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("::1", str(server.address[1]))
    assert seen["REMOTE_ADDR"] == "::1"


def test_a_unix_socket_takes_its_name_from_host(serve: Serve, short_directory: str):
    server = serve(APP, binds=[listener("unix", short_directory)])
    seen = environ(server.get("/", "Host: site.invalid:8080"))
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("site.invalid", "8080")
    assert seen["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in seen
    assert environ(server.get("/", "Host: site.invalid"))["SERVER_PORT"] == "80"


def test_script_name_comes_from_the_environment(serve: Serve):
    seen = environ(serve(APP, env={"SCRIPT_NAME": "/mounted"}).get("/mounted/here"))
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/mounted", "/here")


def test_what_one_request_does_to_its_environ_is_not_seen_by_the_next(serve: Serve):
    server = serve("tests.apps.seen:spoiled")
    fields = ("X-Same: 1", "User-Agent: the same every time")
    with server.client() as client:
        clean = None
        for target in ("/1", "/2?clear", "/3", "/4?clear", "/5"):
            seen = json.loads(client.ask("GET", target, *fields).body)
            assert seen["RAW_URI"] == target
            # The last is each thread's own, where there are several.
            for name in ("RAW_URI", "PATH_INFO", "QUERY_STRING", "wsgi.input", "wsgi.early_hints"):
                seen.pop(name)
            clean = clean or seen
            assert seen == clean


def test_requests_that_differ_are_told_apart_on_one_connection(serve: Serve):
    server = serve(APP)
    with server.client() as client:
        for turn in range(4):
            first = environ(client.ask("GET", f"/get{turn}", "X-Turn: same"))
            again = environ(client.ask("DELETE", f"/again{turn}?q", "X-Turn: same"))
            posted = environ(client.ask("POST", "/post", "X-Turn: same", body=b"x" * (turn + 1)))
            other = environ(client.ask("GET", "/", f"X-Other: {turn}"))
            assert (first["REQUEST_METHOD"], first["PATH_INFO"]) == ("GET", f"/get{turn}")
            assert (again["REQUEST_METHOD"], again["QUERY_STRING"]) == ("DELETE", "q")
            assert (posted["CONTENT_LENGTH"], posted["HTTP_X_TURN"]) == (str(turn + 1), "same")
            assert "HTTP_X_TURN" not in other
            assert "CONTENT_LENGTH" not in other
            assert other["HTTP_X_OTHER"] == str(turn)


def test_connections_do_not_share_what_they_sent(serve: Serve):
    server = serve(APP)
    clients = [server.client() for _ in range(8)]
    for turn in range(3):
        for number, client in enumerate(clients):
            client.request("GET", f"/{number}", f"X-Number: {number}", f"Authorization: secret {number}")
        for number, client in enumerate(clients):
            seen = environ(client.read_response())
            assert (seen["PATH_INFO"], seen["HTTP_X_NUMBER"]) == (f"/{number}", str(number)), turn
            assert seen["HTTP_AUTHORIZATION"] == f"secret {number}"
    for client in clients:
        client.close()


def test_without_the_head_cache_all_is_the_same(serve: Serve):
    server = serve(APP, "--no-head-cache")
    with server.client() as client:
        for turn in range(3):
            seen = environ(client.ask("GET", f"/{turn}", "X-Same: 1"))
            assert (seen["PATH_INFO"], seen["HTTP_X_SAME"]) == (f"/{turn}", "1")


def test_early_hints_go_out_before_the_answer(serve: Serve):
    response = serve("tests.apps.seen:hints").get("/")
    assert [(head.status, head.all("Link")) for head in response.interim] == [(103, ["</style.css>; rel=preload"])]
    assert response.status == 200


def test_early_hints_are_not_for_http_1_0(serve: Serve):
    response = serve("tests.apps.seen:hints").ask("GET", "/", version="1.0")
    assert response.interim == []
    assert response.status == 200


def test_every_address_has_a_port_of_its_own(serve: Serve):
    server = serve(APP, binds=[listener(), listener()])
    ports = []
    for address in server.addresses:
        with Client(address) as client:
            ports.append(environ(client.ask("GET", "/"))["SERVER_PORT"])
            assert isinstance(address, tuple)
            assert ports[-1] == str(address[1])
    assert ports[0] != ports[1]
