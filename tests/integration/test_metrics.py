"""The server's figures: read by Prometheus' own parser, and adding up whatever happens to workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.http import Client, Response
from tests.support.server import Server, listener

MODELS = ("sync", "gthread", "gevent", "eventlet")
THREADS = 3
WORKER_CONNECTIONS = 1000

Serve = Callable[..., Server]
APP = "tests.apps.answers"
PATH = "/-/metrics"
METRICS = ("--metrics-path", PATH)
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """What an answer says, by the name of a sample and its labels."""

    def __init__(self, answer: Response) -> None:
        assert (answer.status, answer.one("Content-Type"), answer.one("Cache-Control")) == (200, TYPE, "no-store")
        self.families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        self.samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        """The value of a sample."""
        return self.samples[(f"longma_{name}", *sorted(labels.items()))]

    def answers(self) -> dict[str, int]:
        """The answers so far, by their class; those that there were."""
        found = {code: int(self.of("requests_total", code=code)) for code in ("1xx", "2xx", "3xx", "4xx", "5xx")}
        return {code: count for code, count in found.items() if count}

    def workers(self) -> dict[str, int]:
        """The workers by what they do; those that there are."""
        states = ("booting", "idle", "active", "stalled", "retiring")
        found = {state: int(self.of("workers", state=state)) for state in states}
        return {state: count for state, count in found.items() if count}


def figures(server: Server) -> Figures:
    return Figures(server.get(PATH))


def test_the_figures_are_there_and_have_a_meaning(serve: Serve, engine_model: str):
    server = serve(APP, *METRICS, workers=2)
    found = figures(server)
    assert all(name.startswith("longma_") for name in found.families)
    assert all(
        family.documentation and family.type in ("gauge", "counter", "histogram") for family in found.families.values()
    )
    assert found.of("build_info", version="0.1.0") == 1
    assert sum(found.workers().values()) == 2
    assert found.of("workers_started_total") == 2
    room = 2 * {"sync": 1, "gthread": THREADS}.get(engine_model, WORKER_CONNECTIONS)
    until(lambda: figures(server).of("requests_capacity") == room, "both workers to serve")
    assert server.ask("HEAD", PATH).status == 200
    refused = server.ask("POST", PATH)
    assert (refused.status, refused.one("Allow")) == (405, "GET, HEAD")


def test_answers_are_counted_by_their_class(serve: Serve):
    server = serve(APP, *METRICS, workers=2)
    server.expect("Invalid request|ValueError|Error handling request")
    with server.client() as client:
        for status in ("200 OK", "204 No Content", "301 Moved Permanently", "404 Not Found", "418 Teapot"):
            client.ask("GET", f"/status?is={status.replace(' ', '%20')}")
    assert server.get("/raises").status == 500
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.read_response().status == 400
    found = figures(server)
    assert found.answers() == {"2xx": 2, "3xx": 1, "4xx": 3, "5xx": 1}
    assert found.of("requests_refused_total") == 1
    # The figures themselves are an answer, too, once they are given.
    assert figures(server).answers()["2xx"] == 3


def test_calls_are_sorted_by_how_long_they_take(serve: Serve, gate: Gate):
    server = serve(APP, *METRICS)
    for _ in range(3):
        assert server.get("/hello").status == 200
    with server.client() as client:
        client.request("GET", "/wait")
        visitor = gate.wait("in the application")
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 0.01, "the call to last")
        visitor.release()
        assert client.read_response().status == 200
    name = "request_duration_seconds"
    until(lambda: figures(server).of(f"{name}_count") == 4, "all calls to be over")  # the figures are no call
    found = figures(server)
    assert found.of(f"{name}_bucket", le="+Inf") == 4 > found.of(f"{name}_bucket", le="0.0025")
    assert found.of(f"{name}_sum") > 0.003
    counts = [sample.value for sample in found.families[f"longma_{name}"].samples if "le" in sample.labels]
    assert counts == sorted(counts)


def test_bytes_and_connections_are_counted(serve: Serve):
    server = serve(APP, *METRICS)
    before = figures(server)
    with server.client() as client:
        assert len(client.ask("POST", "/echo", body=b"x" * 100_000).body) == 100_000
        after = figures(server)
        assert after.of("connections") == 2
    assert after.of("received_bytes_total") - before.of("received_bytes_total") > 100_000
    assert after.of("sent_bytes_total") - before.of("sent_bytes_total") > 100_000
    assert after.of("connections_accepted_total") - before.of("connections_accepted_total") == 2


@pytest.mark.only("sync", "gthread")
def test_what_runs_and_what_waits_is_seen_while_all_workers_are_busy(serve: Serve, gate: Gate, engine_model: str):
    server = serve(APP, *METRICS, workers=2)
    room = 2 * (THREADS if engine_model == "gthread" else 1)
    known = server.client()
    assert known.ask("GET", PATH).status == 200
    clients, visitors = [], []
    for _ in range(room):
        client = server.client()
        client.request("GET", "/wait")
        clients.append(client)
        visitors.append(gate.wait("in the application"))
    for _ in range(3):
        client = server.client()
        client.request("GET", "/hello")
        clients.append(client)

    def seen() -> tuple[float, float]:
        found = Figures(known.ask("GET", PATH))
        return found.of("requests_in_flight", state="running"), found.of("requests_in_flight", state="waiting")

    until(lambda: seen() == (room, 3), "all requests to be seen")
    found = Figures(known.ask("GET", PATH))
    assert found.of("requests_capacity") == room
    until(lambda: Figures(known.ask("GET", PATH)).of("worker_call_seconds", worker="0") > 0, "the call to last")
    for visitor in visitors:
        visitor.release()
    for client in clients:
        assert client.read_response().status == 200
    until(lambda: seen() == (0, 0), "none to be left")


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_no_counter_falls_when_workers_are_replaced(serve: Serve, how: signal.Signals):
    server = serve(APP, *METRICS, workers=2)
    for _ in range(20):
        assert server.get("/hello").status == 200
    counters = [name for name, family in figures(server).families.items() if family.type != "gauge"]
    before, old = figures(server), server.worker_pids()
    if how == signal.SIGHUP:
        server.send_signal(how)
        server.errors.wait("Reload complete")
    else:
        server.expect("SIGKILL")
        for pid in old:
            os.kill(pid, how)
    server.errors.wait("Booting worker with pid", count=4)
    until(lambda: not set(old) & set(server.worker_pids()), "the old workers to be gone")
    server.settle(2)
    until(lambda: sum(figures(server).workers().values()) == 2, "two workers")
    after = figures(server)
    assert after.of("workers_started_total") == 4
    for name in counters:
        for sample in before.families[name].samples:
            assert after.samples[(sample.name, *sorted(sample.labels.items()))] >= sample.value, name
    assert after.answers()["2xx"] > before.answers()["2xx"]
    until(lambda: figures(server).of("requests_in_flight", state="running") == 0, "the last request to be over")


def test_only_those_who_may_have_them_get_them(serve: Serve, short_directory: str):
    server = serve(
        APP, *METRICS, "--metrics-allow-ips", "192.0.2.0/24", binds=[listener("unix", short_directory), listener()]
    )
    with Client(server.addresses[0]) as client:
        Figures(client.ask("GET", PATH))
    with Client(server.addresses[1]) as client:
        assert client.ask("GET", PATH).status == 404


@pytest.mark.parametrize("field", ["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 1", "Via: a"])
def test_a_proxy_does_not_hand_them_out(serve: Serve, field: str):
    server = serve(APP, *METRICS)
    assert server.get(PATH, field).status == 404
    Figures(server.get(PATH))


def test_without_the_setting_the_path_is_the_applications(serve: Serve):
    assert serve(APP).get(PATH).status == 404
