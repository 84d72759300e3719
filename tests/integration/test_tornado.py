"""`-k tornado`: Tornado's applications and WSGI ones, by Tornado's server under our master."""

from __future__ import annotations

import base64
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import ready_made
from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.load import Load, reload_under_load
from tests.support.processes import is_alive
from tests.support.server import Run, Server
from tests.support.tls import options, secure, session_of, trusting

Serve = Callable[..., Server]
APP = "tests.apps.tornado_site:app"
SERVES = r"Worker \(pid:\d+\) serves"
TORNADO = ("-k", "tornado", "--log-level", "debug")


@pytest.fixture
def site(serve: Serve) -> Callable[..., Server]:
    """Serve the Tornado application."""
    return lambda *options, **how: serve(APP, *TORNADO, *options, ready=SERVES, **how)


def test_an_application_of_tornado_s_is_served(site: Callable[..., Server]):
    server = site(workers=2)
    assert int(server.get("/pid").body) in server.worker_pids()
    assert server.ask("POST", "/labour", body=b"a body").body == b"a body"
    server.errors.wait("Using worker: tornado")


def test_a_wsgi_application_is_served(serve: Serve):
    server = serve("tests.apps.answers", *TORNADO, ready=SERVES)
    assert server.get("/hello").text == "Hello, World!\n"
    assert int(server.get("/pid").body) == server.worker_pid()


def test_tls_is_spoken_by_python_s_means(site: Callable[..., Server]):
    certificate = ready_made("rsa")
    server = site(*options(certificate), "--tls-min-version=1.3")
    client = secure(server, trusting(certificate))
    assert int(client.ask("GET", "/pid").body) in server.worker_pids()
    assert session_of(client).version() == "TLSv1.3"


def test_a_flask_site_is_served(serve: Serve):
    server = serve("tests.apps.flask_site:app", *TORNADO, ready=SERVES)
    assert server.get("/").status in (200, 404)


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept-alive", "new-each-time"])
def test_no_request_is_lost_by_reloads(site: Callable[..., Server], keep_alive: bool):
    server = site(workers=2)
    reload_under_load(server, keep_alive=keep_alive)


def test_a_stop_answers_what_has_begun(site: Callable[..., Server], gate: Gate):
    server = site()
    with server.client() as client, server.client() as idle:
        assert idle.ask("GET", "/pid").status == 200
        client.request("GET", "/held")
        held = gate.wait("held")
        server.send_signal(signal.SIGTERM)
        idle.expect_end()
        held.release("still there")
        assert client.read_response().text == "still there"
    assert server.wait() == 0
    server.check_ended()


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept-alive", "new-each-time"])
def test_no_request_is_lost_while_workers_are_replaced_after_theirs(site: Callable[..., Server], keep_alive: bool):
    server = site("--max-requests", "50", workers=2)
    before = server.worker_pids()
    with Load(server.address, connections=4, keep_alive=keep_alive) as clients:
        server.errors.wait("Autorestarting worker after current request", count=4)
        clients.more(100)
    clients.check()
    until(lambda: not set(before) & set(server.worker_pids()), "other workers")
    assert not [line for line in server.errors.so_far() if "right after it was started" in line]


def test_a_handler_that_is_stuck_is_shown_and_its_worker_replaced(site: Callable[..., Server]):
    server = site("--timeout", "2")
    server.expect("")
    before = server.worker_pid()
    with server.client() as client:
        client.request("GET", "/stuck")
        server.errors.wait("no sign of life within the timeout; stack:")
        server.errors.wait("tornado_site.py")
    until(lambda: not is_alive(before), "the worker to be gone")
    assert int(server.get("/pid").body) != before


def test_tornado_writes_to_our_logs(site: Callable[..., Server]):
    server = site("--access-logfile", "-")
    server.expect("Uncaught exception|broken handler|500 GET /broken")
    assert server.get("/broken").status == 500
    server.errors.wait(r"\[ERROR\] Uncaught exception GET /broken")
    server.errors.wait("RuntimeError: broken handler")
    server.get("/pid")
    server.access.wait(r"200 GET /pid")


def test_a_body_beyond_the_limit_is_refused(site: Callable[..., Server]):
    server = site("--limit-request-body", "10")
    server.expect("Malformed HTTP message|Content-Length too long")
    assert server.ask("POST", "/labour", body=b"0123456789").status == 200
    assert server.ask("POST", "/labour", body=b"0123456789+").status in (400, 413)


def test_a_web_socket_is_a_web_socket(site: Callable[..., Server]):
    server = site()
    key = base64.b64encode(os.urandom(16)).decode()
    with server.client() as client:
        client.request(
            "GET",
            "/echo",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        assert client.read_head().status == 101


def test_a_broken_application_is_shown_while_it_is_developed(serve: Serve, tmp_path: Path):
    (tmp_path / "shop.py").write_text("raise RuntimeError('broken shop')")
    server = serve(
        "shop", *TORNADO, "--reload", "--reload-engine", "poll", env={"PYTHONPATH": str(tmp_path)}, ready=SERVES
    )
    server.expect("broken shop")
    answer = server.get("/")
    assert answer.status == 500
    assert "broken shop" in answer.text
    (tmp_path / "shop.py").write_text("from tests.apps.tornado_site import app as application")
    server.errors.wait("Worker reloading: .*shop.py modified")
    server.errors.wait(SERVES, count=2)
    until(lambda: server.get("/pid").status == 200, "the repaired application")


def test_without_tornado_the_cure_is_told_before_anything_is_bound(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text("import sys\n\nsys.modules['tornado'] = None\n")
    run = Run("-k", "tornado", "-b", "127.0.0.1:0", "tests.apps.answers", env={"PYTHONPATH": str(tmp_path)})
    assert run.status == 1
    assert re.fullmatch(r"longma: error: .*'tornado'.*: pip install \"longma\[tornado\]\"\n", run.errors)


def test_a_reload_changes_the_class_and_loses_no_request(serve: Serve, tmp_path: Path):
    """While both kinds are there, those with an engine must not hand connections to the one without."""
    file = tmp_path / "longma.conf.py"
    file.write_text("worker_class = 'sync'\n")
    server = serve("tests.apps.tornado_site:labour", "-c", str(file), "--log-level", "debug", workers=2, ready=SERVES)
    with Load(server.address, connections=4) as clients:
        for times, kind in enumerate(("tornado", "sync", "tornado"), 1):
            file.write_text(f"worker_class = '{kind}'\n")
            server.send_signal(signal.SIGHUP)
            server.errors.wait("Reload complete", count=times)
            clients.more(50)
    clients.check()
    assert "TornadoServer" in (server.ask("POST", "/labour").one("Server") or "")
