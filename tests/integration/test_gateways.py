"""A web server hands requests over by uwsgi, FastCGI and SCGI: what HTTP can do, these can, over TCP and unix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.http import Client
from tests.support.nginx import check_faults, check_requests_of_every_kind, needs_nginx, nginx
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")
Serve = Callable[..., Server]
APP = "tests.apps.answers"
SEEN = "tests.apps.seen:environ"
PROTOCOLS = ("uwsgi", "fastcgi", "scgi")
PARAMETERS = {
    name: f"include /etc/nginx/{name}_params; {name}_buffering BUFFERING; {name}_request_buffering BUFFERING;"
    for name in PROTOCOLS
}
# Of a body that it has not all of yet nginx tells SCGI a wrong length.
PARAMETERS["scgi"] = PARAMETERS["scgi"].replace("scgi_request_buffering BUFFERING;", "")
KEPT = "fastcgi_keep_conn on;"

pytestmark = needs_nginx


def site(protocol: str, buffering: str = "on", more: str = "") -> str:
    """What stands within `server { … }` of a site that is passed on whole."""
    parameters = PARAMETERS[protocol].replace("BUFFERING", buffering)
    kept = KEPT if protocol == "fastcgi" else ""
    return f"client_max_body_size 100m; location / {{ {parameters} {kept} {more} {protocol}_pass longma; }}"


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, serve: Serve, protocol: str, short_directory: str) -> Server:
    return serve(APP, binds=[listener(request.param, short_directory)], protocols=[protocol])


def test_requests_of_every_kind_pass_through_and_faults_are_passed_on(
    server: Server, protocol: str, short_directory: str
):
    for buffering in ("on", "off"):
        with (
            nginx(short_directory, server.address, site(protocol, buffering)) as proxy,
            Client(proxy.front) as client,
        ):
            check_requests_of_every_kind(client)
            check_faults(server, client)


@pytest.mark.parametrize("protocol", PROTOCOLS, indirect=True)
def test_the_application_sees_the_client_and_not_nginx(serve: Serve, protocol: str, short_directory: str):
    server = serve(SEEN, protocols=[protocol])
    with nginx(short_directory, server.address, site(protocol)) as proxy, Client(proxy.front) as client:
        for _ in range(3):
            answer = client.ask(
                "POST", "/a%20b/%C3%A9%2520?c=%20d", "Host: example.org", "X-One: 1", "Proxy: x", body=b"12"
            )
            seen = json.loads(answer.body)["environ"]
            assert seen["REQUEST_METHOD"] == "POST"
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("", "/a b/\u00c3\u00a9%20")
            assert seen["QUERY_STRING"] == "c=%20d"
            assert seen["RAW_URI"] == seen["REQUEST_URI"] == "/a%20b/%C3%A9%2520?c=%20d"
            assert (seen["HTTP_HOST"], seen["HTTP_X_ONE"], seen["CONTENT_LENGTH"]) == ("example.org", "1", "2")
            assert (seen["wsgi.url_scheme"], seen["SERVER_PROTOCOL"]) == ("http", "HTTP/1.1")
            assert seen["REMOTE_ADDR"] == "unix:"
            assert "HTTP_PROXY" not in seen
            assert "HTTP_CONTENT_LENGTH" not in seen
        plain = json.loads(client.ask("GET", "/").body)["environ"]
        assert plain.get("CONTENT_LENGTH", "0") == "0"  # which SCGI always says
        assert "CONTENT_TYPE" not in plain
        assert [name for name in plain if name.startswith("wsgi.")] == [
            name for name in seen if name.startswith("wsgi.")
        ]


HOOKS = "def pre_request(worker, req):\n    worker.log.info('PEER %d %s', req.peer_addr[1], req.path)\n"
# Answers of every kind that leave a connection usable, each asked for over and over.
TARGETS = (
    "/hello", "/generator?blocks=3", "/status?is=204%20No%20Content", "/status?is=304%20Not%20Modified", "/nowhere",
    "/big?bytes=300000", "/file?bytes=300000", "/-/health",
)  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "parameters", "kept"),
    [
        ("fastcgi", KEPT, True),
        ("fastcgi", "fastcgi_keep_conn off;", False),
        # nginx has nothing of the kind for these two: it closes the connection after each answer.
        ("uwsgi", "", False),
        ("scgi", "", False),
    ],
)
@pytest.mark.only("sync")
def test_connections_are_kept_where_nginx_keeps_them(
    serve: Serve, protocol: str, parameters: str, kept: bool, short_directory: str, tmp_path: Path
):
    """How many connections a row of requests has come by; after an answer to HEAD nginx would close any."""
    (tmp_path / "longma.conf.py").write_text(HOOKS)
    server = serve(APP, "-c", str(tmp_path / "longma.conf.py"), "--health-path", "/-/health", protocols=[protocol])
    location = f"include /etc/nginx/{protocol}_params; {parameters} {protocol}_pass longma;"
    with (
        nginx(short_directory, server.address, f"location / {{ {location} }}") as proxy,
        Client(proxy.front) as client,
    ):
        for _ in range(3):
            for target in TARGETS:
                assert client.ask("GET", target).status in (200, 204, 304, 404)
            assert client.ask("POST", "/echo", body=b"x" * 70_000).body == b"x" * 70_000
    count = 3 * len(TARGETS)  # but for the checks of health, which no hook is told of
    told = server.errors.wait(r"PEER \d+ /", count=count)
    assert len({line.split("PEER ")[1].split()[0] for line in told}) == (1 if kept else count)
