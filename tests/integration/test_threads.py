"""The gthread model: as many calls at once as there are threads, a queue behind them, and nobody else held up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate, Visitor
from tests.support.http import Client, Closed
from tests.support.processes import is_alive
from tests.support.server import Server
from tests.support.site import SERVES

Serve = Callable[..., Server]
APP = "tests.apps.threaded"


def start(serve: Serve, threads: int, *options: str, **how: object) -> Server:
    return serve(APP, "--log-level=debug", f"--threads={threads}", *options, ready=SERVES, **how)


def ask_all(server: Server, count: int, target: str = "/wait") -> list[Client]:
    """Clients that have asked for something and not read the answer."""
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.request("GET", target)
    return clients


def held(gate: Gate, count: int) -> list[Visitor]:
    return [gate.wait("in the application") for _ in range(count)]


def test_several_calls_run_at_once_and_no_more_than_there_are_threads(serve: Serve, gate: Gate):
    server = start(serve, 3)
    clients = ask_all(server, 5)
    first = held(gate, 3)
    assert len({visitor.pid for visitor in first}) == 1
    server.errors.wait("Using worker: gthread")
    with server.client() as other:
        other.request("GET", "/quick")
        assert other.is_silent(), "all three threads are in the application"
        assert gate.labels() == []
        first[0].release()
        second = gate.wait("in the application")
        for visitor in (*first[1:], second):
            visitor.release()
        gate.wait("in the application").release()
        assert other.read_response().status == 200
    assert [client.read_response().status for client in clients] == [200] * 5


def test_the_environ_says_so(serve: Serve):
    server = start(serve, 2)
    assert server.get("/multithread").text == "True"


def test_one_thread_is_a_pool_too(serve: Serve):
    server = serve(APP, "-k", "gthread", "--log-level=debug", ready=SERVES)
    server.errors.wait("Using worker: gthread")
    assert server.get("/multithread").text == "True"
    assert server.get("/thread").text.startswith("longma-0")


def test_quick_calls_stay_on_one_thread_while_another_takes_long(serve: Serve, gate: Gate):
    server = start(serve, 4)
    (slow,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    with server.client() as quick:
        for _ in range(200):
            assert quick.ask("GET", "/quick").status == 200
    visitor.release()
    assert slow.read_response().status == 200


def test_what_the_threads_keep_for_themselves_stays_theirs(serve: Serve):
    """threading.local, and many threads at once that answer each with what they were asked."""
    server = start(serve, 8)
    faults: list[str] = []

    def asks(number: int) -> None:
        with Client(server.address) as client:
            for index in range(150):
                text = client.ask("GET", f"/echo?{number}-{index}").text
                if text != f"{number}-{index}":
                    faults.append(text)

    askers = [threading.Thread(target=asks, args=(number,)) for number in range(16)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert faults == []


def test_calls_that_compute_do_not_stop_the_sockets(serve: Serve, gate: Gate):
    """While every thread keeps the interpreter busy, heads are read and answers that are ready are written."""
    server = start(serve, 2, "--header-timeout=1")
    server.expect("header_timeout")
    clients = ask_all(server, 2, "/spin")
    visitors = held(gate, 2)
    with server.client() as slow:
        slow.send(b"GET /quick HTTP/1.1\r\n")
        assert slow.read_response().status == 408
    for visitor in visitors:
        visitor.release()
    assert [client.read_response().status for client in clients] == [200, 200]


def test_a_stream_flows_while_other_threads_work(serve: Serve, gate: Gate):
    server = start(serve, 2)
    (stream,) = ask_all(server, 1, "/stream")
    stream.read_head()
    for index in range(4):
        assert stream.read_chunk() == b"block %d" % index
        visitor = gate.wait(f"after block {index}")
        assert server.get("/quick").status == 200
        visitor.release()
    assert stream.read_chunk() == b""


def test_beyond_the_limit_of_the_queue_there_is_503(serve: Serve, gate: Gate):
    server = start(serve, 1, "--queue-limit=2")
    server.expect("too many requests wait")
    clients = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    queued = ask_all(server, 2, "/quick")
    until(lambda: all(client.is_silent() for client in queued), "the queue to fill")
    refused = [server.client() for _ in range(3)]
    for client in refused:
        client.request("GET", "/quick")
    answers = [client.read_response() for client in refused]
    assert [answer.status for answer in answers] == [503] * 3
    assert answers[0].one("Retry-After") == "1"
    visitor.release()
    assert [client.read_response().status for client in (*clients, *queued)] == [200] * 3


def test_a_request_that_waits_too_long_gets_503(serve: Serve, gate: Gate):
    server = start(serve, 1, "--queue-timeout=0.3", "--access-logfile=-", "--access-logformat=%(s)s %(M)s")
    server.expect("has waited longer than queue_timeout")
    (client,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    with server.client() as waiting:
        waiting.request("GET", "/quick")
        answer = waiting.read_response()
        assert (answer.status, answer.one("Retry-After")) == (503, "1")
    (line,) = server.access.wait("503")
    assert int(line.split()[1]) >= 300
    visitor.release()
    assert client.read_response().status == 200


def test_a_worker_whose_threads_are_busy_hands_over_to_a_sibling(serve: Serve, gate: Gate):
    server = start(serve, 2, workers=2)
    clients = ask_all(server, 3)
    visitors = held(gate, 3)
    assert len({visitor.pid for visitor in visitors}) == 2
    for _ in range(10):
        assert server.get("/quick").status == 200
    for visitor in visitors:
        visitor.release()
    assert [client.read_response().status for client in clients] == [200] * 3


# The end of a worker.


def test_a_graceful_stop_answers_what_the_threads_have_and_what_waits(serve: Serve, gate: Gate):
    server = start(serve, 2)
    clients = ask_all(server, 3)
    visitors = held(gate, 2)
    server.send_signal(signal.SIGTERM)
    server.errors.wait("Handling signal: term")
    for visitor in visitors:
        visitor.release()
    gate.wait("in the application").release()
    assert [client.read_response().status for client in clients] == [200] * 3
    assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_pool_stops_at_once(serve: Serve, number: signal.Signals):
    server = start(serve, 8)
    with server.client() as idle:
        assert idle.ask("GET", "/quick").status == 200
        assert server.stop(number) == 0


def test_a_quick_stop_waits_for_no_call(serve: Serve, gate: Gate):
    server = start(serve, 2)
    server.expect("did not stop in time")
    (client,) = ask_all(server, 1)
    held(gate, 1)
    assert server.stop(signal.SIGINT) == 0
    with pytest.raises(Closed):
        client.read_response()


def test_a_request_that_takes_too_long_is_told_and_its_worker_replaced(serve: Serve, gate: Gate):
    server = start(serve, 2, "--timeout=1", "--graceful-timeout=30")
    server.expect("request GET /wait has taken")
    (client,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    (line,) = server.errors.wait(r"request GET /wait has taken \d+\.\d s; stack:")
    until(lambda: "in wait" in "\n".join(server.errors.so_far()), "the stack")
    server.errors.wait(SERVES, count=2)
    assert server.get("/quick").status == 200, "the successor serves"
    visitor.release()
    assert client.read_response().status == 200, "its own request is answered all the same"
    until(lambda: not is_alive(visitor.pid), "the worker to go")
    assert "threading.py" not in "\n".join(server.errors.so_far())
    assert line


def test_a_pool_that_keeps_the_interpreter_for_itself_is_killed(serve: Serve):
    """A call of C code that never lets go of the interpreter: nobody can log its stack but faulthandler."""
    server = start(serve, 2, "--timeout=1")
    server.expect("TIMEOUT|Killing worker|Current thread|most recent call|File |SIGKILL|died right after")
    with server.client() as client:
        client.request("GET", "/keep")
        server.errors.wait("WORKER TIMEOUT")
        server.errors.wait("Killing worker")
        assert client.read_to_end() == b""
    server.errors.wait(SERVES, count=2)
    assert server.get("/quick").status == 200


def test_a_pool_is_recycled_after_so_many_requests(serve: Serve):
    server = start(serve, 4, "--max-requests=20")
    first = server.worker_pid()
    with server.client() as client:
        for _ in range(19):
            assert client.ask("GET", "/quick").status == 200
    assert server.get("/quick").status == 200
    server.errors.wait("Autorestarting worker after current request")
    until(lambda: not is_alive(first), "the first worker to go")
    assert server.get("/quick").status == 200


def test_a_client_that_goes_away_is_in_the_access_log(serve: Serve, gate: Gate):
    server = start(serve, 2, "--access-logfile=-")
    clients = ask_all(server, 2)
    visitors = held(gate, 2)
    clients[0].close()
    for visitor in visitors:
        visitor.release()
    assert clients[1].read_response().status == 200
    server.access.wait(r'"GET /wait HTTP/1.1" 200')
    assert server.get("/quick").status == 200
    server.access.wait(r'"GET /quick HTTP/1.1" 200')


def test_an_application_that_fails_fails_its_own_request_only(serve: Serve):
    server = start(serve, 2)
    server.expect("Error handling request")
    assert server.get("/fail").status == 500
    assert server.get("/exit").status == 500
    assert server.get("/quick").status == 200
    assert len(server.worker_pids()) == 1


def test_hup_rolls_a_pool(serve: Serve, gate: Gate):
    server = start(serve, 2, workers=2)
    (client,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    server.send_signal(signal.SIGHUP)
    server.errors.wait(SERVES, count=4)
    assert server.get("/quick").status == 200
    visitor.release()
    assert client.read_response().status == 200
    server.errors.wait("Reload complete")
