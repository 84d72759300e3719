"""The gevent and eventlet models: one hub, many calls at once, and a standard library that waits by it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate, Visitor
from tests.support.http import Client, Closed
from tests.support.processes import is_alive
from tests.support.server import Server
from tests.support.site import SERVES

Serve = Callable[..., Server]
MODELS = ("gevent", "eventlet")
APP = "tests.apps.green"
MANY = 1000


def start(serve: Serve, *options: str, **how: object) -> Server:
    return serve(APP, "--log-level=debug", *options, ready=SERVES, **how)


def ask_all(server: Server, count: int, target: str = "/stop") -> list[Client]:
    """Clients that have asked for something and not read the answer."""
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.request("GET", target)
    return clients


def held(gate: Gate, count: int, label: str = "in the application") -> list[Visitor]:
    return [gate.wait(label) for _ in range(count)]


def test_each_request_has_a_greenlet_of_the_library_and_says_so(serve: Serve, engine_model: str):
    server = start(serve)
    server.errors.wait(f"Using worker: {engine_model}")
    kind = {"gevent": "Greenlet", "eventlet": "GreenThread"}[engine_model]
    assert server.get("/identity").text == f"{engine_model} {kind} True"
    assert server.get("/multiprocess").text == "False"


def test_many_calls_run_at_once_on_one_thread_and_quick_ones_pass_them(serve: Serve, gate: Gate):
    server = start(serve)
    clients = ask_all(server, 50)
    visitors = held(gate, 50)
    assert len({visitor.pid for visitor in visitors}) == 1
    with server.client() as quick:
        for _ in range(100):
            assert quick.ask("GET", "/nothing").text == "here"
    for visitor in visitors:
        visitor.release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 50


@pytest.mark.parametrize("target", ["/sleep", "/resolve", "/fetch", "/requested"])
def test_what_waits_in_the_standard_library_waits_by_the_hub(serve: Serve, gate: Gate, target: str):
    server = start(serve)
    answers = {"/sleep": "slept", "/resolve": "True", "/fetch": "here", "/requested": "here"}
    assert server.get(target).text == answers[target]


@pytest.mark.parametrize(("target", "label"), [("/run", "in the child"), ("/thread", "in a thread")])
def test_children_and_threads_are_waited_for_by_the_hub(serve: Serve, gate: Gate, target: str, label: str):
    server = start(serve)
    clients = ask_all(server, 3, target)
    visitors = held(gate, 3, label)
    assert server.get("/nothing").text == "here"
    for visitor in visitors:
        visitor.release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 3


def test_a_lock_that_another_request_has_is_waited_for_by_the_hub(serve: Serve, gate: Gate):
    server = start(serve)
    clients = ask_all(server, 3, "/lock")
    for _ in range(3):
        visitor = gate.wait("with the lock")
        assert server.get("/nothing").text == "here"
        assert gate.labels() == []
        visitor.release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 3


def test_requests_tell_each_other_by_events_and_queues(serve: Serve, gate: Gate):
    server = start(serve)
    waiting = ask_all(server, 3, "/wait_for_event")
    for _ in range(3):
        gate.wait("waiting for the event")
    assert server.get("/set_events").text == "3"
    assert [client.read_response().text for client in waiting] == ["True"] * 3
    (getting,) = ask_all(server, 1, "/get")
    gate.wait("waiting for the queue")
    assert server.get("/put?word").text == "put"
    assert getting.read_response().text == "word"


@pytest.mark.only("gevent")
def test_gevents_own_means_work(serve: Serve, gate: Gate):
    server = start(serve)
    (client,) = ask_all(server, 1, "/asynchronous")
    gate.wait("in a greenlet").release("word")
    assert client.read_response().text == "word"
    assert server.get("/timed_out").text == "timed out"


@pytest.mark.only("gevent")
def test_a_timer_that_is_left_behind_hits_no_other_request(serve: Serve, gate: Gate):
    server = start(serve)
    with server.client() as client:
        for _ in range(5):
            assert client.ask("GET", "/left_behind?0.01").text == "left"
            assert client.ask("GET", "/sleep?0.03").text == "slept"
            client.request("GET", "/stop")
            gate.wait("in the application").release("word")
            assert client.read_response().text == "word"


def test_what_requests_have_of_their_own_is_not_mixed_up(serve: Serve):
    server = start(serve)
    for round_number in range(5):
        clients = [server.client() for _ in range(40)]
        for number, client in enumerate(clients):
            client.request("POST", f"/own?{round_number}-{number}", body=b"b%d" % number)
        texts = [client.read_response().text for client in clients]
        assert texts == [f"{round_number}-{number} {round_number}-{number} b{number}" for number in range(40)]


def test_a_failing_call_fails_its_own_request_only(serve: Serve, gate: Gate):
    server = start(serve)
    server.expect("Error handling request /(fail|leave)|Error handling request GET /(fail|leave)")
    (other,) = ask_all(server, 1)
    visitor = gate.wait("in the application")
    assert server.get("/fail").status == 500
    assert server.get("/leave").status == 500
    visitor.release("word")
    assert other.read_response().text == "word"
    assert len(server.worker_pids()) == 1


def test_what_fails_in_a_greenlet_of_the_applications_is_the_hubs_to_tell(serve: Serve):
    server = start(serve)
    server.expect("ZeroDivisionError|Traceback|File |thread|Thread|failed with|1 / 0|[~^]|^$")
    assert server.get("/spawn_failing").text == "spawned"
    assert server.get("/nothing").text == "here"
    server.errors.wait("ZeroDivisionError")


# Streams.


def test_what_is_yielded_is_on_the_wire_while_the_greenlet_waits(serve: Serve, gate: Gate):
    server = start(serve)
    clients = ask_all(server, 3, "/stream?4")
    for client in clients:
        client.read_head()
    for index in range(4):
        visitors = held(gate, 3, f"after {index}")
        assert [client.read_chunk() for client in clients] == [b"data: %d\n\n" % index] * 3
        for visitor in visitors:
            visitor.release()
    assert [client.read_chunk() for client in clients] == [b""] * 3


def test_a_thousand_streams_are_open_in_one_worker(serve: Serve):
    server = start(serve, f"--worker-connections={MANY + 20}")
    clients = ask_all(server, MANY, "/broadcast")
    for client in clients:
        client.read_head()
        assert client.read_chunk() == b"data: there\n\n"
    assert server.get("/nothing").text == "here"
    assert len(server.worker_pids()) == 1
    assert server.get("/set_events").text == str(MANY)
    for client in clients:
        assert client.read_chunk() == b"data: told\n\n"
        assert client.read_chunk() == b""


def test_a_client_that_takes_nothing_holds_up_nobody_else(serve: Serve):
    """The answer grows past what is kept in memory and in files; its greenlet waits, and the hub goes on."""
    server = start(serve)
    (slow,) = ask_all(server, 1, "/endless")
    slow.read_head()
    for _ in range(5):
        assert server.get("/sleep").text == "slept"
    slow.reset()
    assert server.get("/nothing").text == "here"


def test_at_the_cap_an_idle_connection_makes_room_and_busy_ones_do_not(serve: Serve, gate: Gate):
    server = start(serve, "--worker-connections=3")
    idle = server.client()
    assert idle.ask("GET", "/nothing").status == 200
    busy = ask_all(server, 3)
    visitors = held(gate, 3)
    idle.expect_end()
    with server.client() as other:
        other.request("GET", "/nothing")
        assert other.is_silent()
        visitors[0].release("word")
        assert busy[0].read_response().text == "word"
        busy[0].close()
        assert other.read_response().text == "here"
    for visitor in visitors[1:]:
        visitor.release("word")
    assert [client.read_response().text for client in busy[1:]] == ["word"] * 2


# The end of a worker, and of what takes too long.


def test_a_graceful_stop_answers_what_has_been_asked(serve: Serve, gate: Gate):
    server = start(serve)
    clients = ask_all(server, 5)
    visitors = held(gate, 5)
    server.send_signal(signal.SIGTERM)
    server.errors.wait("Handling signal: term")
    until(server.refuses, "the listener to close")
    for visitor in visitors:
        visitor.release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 5
    assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_hub_stops_at_once(serve: Serve, number: signal.Signals):
    server = start(serve, workers=2)
    with server.client() as idle:
        assert idle.ask("GET", "/nothing").status == 200
        assert server.stop(number) == 0


def test_a_quick_stop_ends_the_greenlets_that_wait(serve: Serve, gate: Gate):
    server = start(serve)
    (client,) = ask_all(server, 1, "/clear_up")
    held(gate, 1)
    server.send_signal(signal.SIGINT)
    gate.wait("cleared up")
    assert server.wait() == 0
    assert client.read_response().status == 500
    client.expect_end()


def test_beyond_graceful_timeout_the_worker_is_killed(serve: Serve, gate: Gate):
    server = start(serve, "--graceful-timeout=1")
    server.expect("did not stop in time|SIGKILL")
    (client,) = ask_all(server, 1)
    held(gate, 1)
    assert server.stop(signal.SIGTERM) == 0
    with pytest.raises(Closed):
        client.read_response()


def test_a_request_that_takes_too_long_is_told_and_its_worker_replaced(serve: Serve, gate: Gate):
    server = start(serve, "--timeout=1")
    server.expect("request GET /stop has taken")
    (client,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    server.errors.wait(r"request GET /stop has taken \d+\.\d s; stack:")
    until(lambda: "gate.stop(" in "\n".join(server.errors.so_far()), "the stack")
    server.errors.wait(SERVES, count=2)
    assert server.get("/nothing").text == "here"
    visitor.release("word")
    assert client.read_response().text == "word"
    until(lambda: not is_alive(visitor.pid), "the worker to go")


def test_a_stream_may_last(serve: Serve, gate: Gate):
    """It is older than the request that takes too long, and is not told of."""
    server = start(serve, "--timeout=1")
    server.expect("request GET /stop has taken")
    (stream,) = ask_all(server, 1, "/stream?1")
    stream.read_head()
    assert stream.read_chunk() == b"data: 0\n\n"
    lasting = gate.wait("after 0")
    (client,) = ask_all(server, 1)
    (visitor,) = held(gate, 1)
    server.errors.wait(r"request GET /\w+ has taken", count=1)
    visitor.release("word")
    assert client.read_response().text == "word"
    lasting.release()
    assert stream.read_chunk() == b""


def test_a_changed_file_is_noticed_between_requests(serve: Serve, gate: Gate, tmp_path: Path):
    watched = tmp_path / "watched.txt"
    watched.write_text("before")
    server = start(serve, "--reload", f"--reload-extra-file={watched}")
    (client,) = ask_all(server, 1)
    visitor = gate.wait("in the application")
    watched.write_text("afterwards")
    server.errors.wait(SERVES, count=2)
    visitor.release("word")
    assert client.read_response().text == "word"
    assert server.get("/nothing").text == "here"


def test_a_call_that_blocks_the_hub_is_told_and_its_worker_ended(serve: Serve, gate: Gate):
    server = start(serve, "--timeout=1")
    server.expect("WORKER TIMEOUT|request GET /block has taken|exited with code 1|SystemExit")
    (client,) = ask_all(server, 1, "/block")
    (visitor,) = held(gate, 1)
    server.errors.wait(r"WORKER TIMEOUT \(pid:\d+\) while it served GET /block")
    server.errors.wait(r"request GET /block has taken \d+\.\d s; stack:")
    until(lambda: "in spin" in "\n".join(server.errors.so_far()), "the stack")
    until(lambda: not is_alive(visitor.pid), "the worker to go")
    server.errors.wait(SERVES, count=2)
    assert server.get("/nothing").text == "here"
    client.close()


def test_while_the_hub_is_blocked_sockets_are_served_and_siblings_take_over(serve: Serve, gate: Gate):
    server = start(serve, "--header-timeout=1", workers=2)
    server.expect("header_timeout")
    (client,) = ask_all(server, 1, "/block")
    (visitor,) = held(gate, 1)
    for _ in range(10):
        assert int(server.get("/pid").text) != visitor.pid
    visitor.release("word")
    assert client.read_response().text == "word"


def test_what_came_while_the_hub_was_blocked_is_served_behind_it(serve: Serve, gate: Gate):
    server = start(serve)
    (client,) = ask_all(server, 1, "/block")
    (visitor,) = held(gate, 1)
    others = ask_all(server, 5, "/nothing")
    until(lambda: all(other.is_silent() for other in others), "the others to wait")
    visitor.release("word")
    assert client.read_response().text == "word"
    assert [other.read_response().text for other in others] == ["here"] * 5


def test_a_worker_is_recycled_after_so_many_requests(serve: Serve):
    server = start(serve, "--max-requests=20")
    first = server.worker_pid()
    for _ in range(20):
        assert server.get("/sleep").text == "slept"
    server.errors.wait("Autorestarting worker after current request")
    until(lambda: not is_alive(first), "the first worker to go")
    assert server.get("/nothing").text == "here"


def test_hup_rolls_the_workers(serve: Serve, gate: Gate):
    server = start(serve, workers=2)
    (client,) = ask_all(server, 1)
    visitor = gate.wait("in the application")
    server.send_signal(signal.SIGHUP)
    server.errors.wait(SERVES, count=4)
    assert server.get("/nothing").text == "here"
    visitor.release("word")
    assert client.read_response().text == "word"
    server.errors.wait("Reload complete")


@pytest.mark.only("eventlet")
@pytest.mark.parametrize("hub", ["poll", "selects", "asyncio"])
def test_eventlet_may_have_another_hub(serve: Serve, gate: Gate, hub: str):
    server = start(serve, env={"EVENTLET_HUB": hub})
    clients = ask_all(server, 3)
    visitors = held(gate, 3, "in the application")
    for target, text in (("/nothing", "here"), ("/sleep", "slept"), ("/fetch", "here")):
        assert server.get(target).text == text
    for visitor in visitors:
        visitor.release("word")
    assert [client.read_response().text for client in clients] == ["word"] * 3
