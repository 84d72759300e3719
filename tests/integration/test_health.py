"""The health path: answered by the engine itself, whatever the application is doing."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client, Response
from tests.support.server import Run, Server

Serve = Callable[..., Server]
APP = "tests.apps.answers"
PATH = "/-/health"
HEALTH = ("--health-path", PATH)
MODELS = ("sync", "gthread", "gevent", "eventlet")
THREADS = 3


def check_well(answer: Response, body: bytes = b"ok") -> None:
    assert (answer.status, answer.body) == (200, body)
    assert answer.one("Content-Length") == "2"
    assert answer.one("Cache-Control") == "no-store"
    assert answer.one("Content-Type") == "text/plain; charset=utf-8"
    assert answer.one("Server") == "longma"
    assert answer.one("Date") is not None


def test_the_path_is_answered_and_the_application_not_asked(serve: Serve):
    server = serve(APP, *HEALTH)
    with server.client() as client:
        check_well(client.ask("GET", PATH))
        check_well(client.ask("HEAD", PATH), b"")
        check_well(client.ask("GET", f"{PATH}?now=1"))
        check_well(client.ask("GET", f"http://any.where{PATH}"))
        assert client.ask("GET", "/hello").status == 200
        old = client.ask("GET", PATH, "Connection: keep-alive", version="1.0")
        check_well(old)
        assert old.one("Connection") == "keep-alive"
        last = client.ask("GET", PATH, "Connection: close")
        check_well(last)
        assert last.one("Connection") == "close"
        client.expect_end()


def test_other_paths_are_the_applications(serve: Serve):
    server = serve("tests.apps.answers", *HEALTH)
    for target in (f"{PATH}/", "/-/healt", "/-/Health", "/-/%68ealth", "/", f"/x{PATH}"):
        assert server.get(target).one("Cache-Control") is None, target


def test_without_the_setting_the_path_is_the_applications(serve: Serve):
    assert serve("tests.apps.answers").get(PATH).one("Cache-Control") is None


def test_other_methods_are_refused_without_waiting_for_a_body(serve: Serve):
    server = serve(APP, *HEALTH)
    with server.client() as client:
        answer = client.ask("DELETE", PATH)
        assert (answer.status, answer.one("Allow")) == (405, "GET, HEAD")
        client.request("POST", PATH, "Content-Length: 1000000", "Expect: 100-continue")
        answer = client.read_response()
        assert (answer.status, answer.interim, answer.one("Connection")) == (405, [], "close")
        client.finish_sending()
        client.expect_end()
    with server.client() as client:
        client.request("GET", PATH, "Transfer-Encoding: chunked")
        check_well(client.read_response())
        assert client.send_or_stop(b"5\r\nhello\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finish_sending()
        client.expect_end()


@pytest.mark.parametrize("how", ["/wait", "/busy"])
def test_it_is_answered_while_every_worker_is_busy(serve: Serve, gate: Gate, engine_model: str, how: str):
    server = serve(APP, *HEALTH, workers=2)
    calls = 2 * (THREADS if engine_model == "gthread" else 1)
    blocked, visitors = [], []
    known = server.client()
    check_well(known.ask("GET", PATH))
    for _ in range(calls):
        client = server.client()
        client.request("GET", how)
        blocked.append(client)
        visitors.append(gate.wait("in the application"))
    check_well(known.ask("GET", PATH))
    for _ in range(20):
        check_well(server.get(PATH))
        check_well(server.ask("HEAD", PATH), b"")
    for visitor in visitors:
        visitor.release()
    assert [client.read_response().status for client in blocked] == [200] * calls


def test_it_is_answered_by_a_busy_worker_though_a_sibling_is_idle(serve: Serve, gate: Gate):
    server = serve(APP, *HEALTH, workers=2)
    clients = [server.client() for _ in range(8)]
    with server.client() as busy:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        for client in clients:
            check_well(client.ask("GET", PATH))
            check_well(server.get(PATH))
        visitor.release()
        assert busy.read_response().status == 200


def test_requests_behind_one_another_are_answered_in_their_order(serve: Serve, gate: Gate):
    server = serve(APP, *HEALTH)
    health, hello = (f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in (PATH, "/hello"))

    def statuses(client: Client, count: int) -> list[bool]:
        return [client.read_response().one("Cache-Control") == "no-store" for _ in range(count)]

    with server.client() as client:
        client.send(health * 3000)
        assert all(statuses(client, 3000))
        client.send((health + hello + health) * 300 + health[:20])
        assert statuses(client, 900) == [True, False, True] * 300
        client.send(health[20:])
        check_well(client.read_response())
        client.send_bytewise(health)
        check_well(client.read_response())
    with server.client() as busy, server.client() as client:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        client.send(health * 3000 + hello)
        assert all(statuses(client, 3000))
        visitor.release()
        assert client.read_response().body == server.get("/hello").body
        assert busy.read_response().status == 200


def test_it_has_its_line_in_the_access_log(serve: Serve):
    server = serve(
        APP, *HEALTH, "--access-logfile", "-", "--access-logformat", "%(r)s|%(s)s|%(B)s|%({cache-control}o)s"
    )
    server.get(PATH)
    server.ask("HEAD", PATH)
    server.ask("PUT", PATH, body=b"x")
    server.stop()
    assert server.access.so_far() == [
        f"GET {PATH} HTTP/1.1|200|2|no-store",
        f"HEAD {PATH} HTTP/1.1|200|0|no-store",
        f"PUT {PATH} HTTP/1.1|405|23|-",
    ]


def check_leaving(answer: Response) -> None:
    assert (answer.status, answer.text, answer.one("Cache-Control")) == (503, "leaving", "no-store")


def test_before_a_delayed_stop_it_says_so_and_everything_else_goes_on(serve: Serve, gate: Gate):
    server = serve(APP, *HEALTH, "--drain-delay=1000", "--graceful-timeout=1000", workers=2)
    with server.client() as known, server.client() as waiting:
        check_well(known.ask("GET", PATH))
        check_well(waiting.ask("GET", PATH))
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Stopping in 1000 s")
        until(lambda: server.get(PATH).status == 503, "the health path to say so")
        check_leaving(known.ask("GET", PATH))
        assert known.ask("HEAD", PATH).status == 503
        assert server.get("/hello").status == known.ask("GET", "/hello").status == 200
        known.request("GET", "/wait")
        visitor = gate.wait("in the application")
        assert [server.get(PATH).status for _ in range(4)] == [503] * 4
        server.send_signal(signal.SIGTERM)
        until(server.refuses, "the listener to close")
        visitor.release()
        assert known.read_response().status == 200
        waiting.expect_end()
    assert server.wait() == 0


def test_behind_its_delay_comes_the_ordinary_stop(serve: Serve):
    server = serve(APP, *HEALTH, "--drain-delay=0.2")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    server.errors.wait("Stopping in 0.2 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_quick_stop_does_not_wait(serve: Serve, number: signal.Signals):
    server = serve(APP, *HEALTH, "--drain-delay=1000")
    server.send_signal(signal.SIGTERM)
    server.errors.wait("Stopping in 1000 s")
    server.send_signal(number)
    assert server.wait() == 0


def test_workers_that_are_replaced_are_well(serve: Serve, gate: Gate):
    server = serve(APP, *HEALTH, "--drain-delay=1000")
    old = str(server.worker_pid()).encode()
    with server.client() as client, server.client() as busy:
        check_well(client.ask("GET", PATH))
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        server.send_signal(signal.SIGHUP)
        server.errors.wait("Booting worker with pid", count=2)
        until(lambda: server.get("/pid").body != old, "another worker")
        check_well(server.get(PATH))
        visitor.release()
        assert busy.read_response().status == 200
    server.settle(1)
    server.send_signal(signal.SIGQUIT)
    assert server.wait() == 0


@pytest.mark.parametrize("path", ["health", "/a b", "/a?b", "/ä", "/a\nb"])
def test_a_path_that_no_request_can_have_is_refused(path: str):
    run = Run("--health-path", path, APP)
    assert run.status == 1
    (line,) = run.errors.splitlines()
    assert "health_path must be a path such as /-/health" in line
