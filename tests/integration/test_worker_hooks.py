"""The hooks that a worker calls: when, with what, and what becomes of the worker where one of them fails."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.gate import Gate
from tests.support.processes import is_alive
from tests.support.server import Run, Server, listener

Serve = Callable[..., Server]
Configure = Callable[[str], tuple[str, str]]
APP = "tests.apps.answers"
MODELS = ("sync", "gthread", "gevent", "eventlet")
TRACED = """
import os

def say(log, name, *facts):
    log.info("hook %s in %d: %s", name, os.getpid(), " ".join(str(fact) for fact in facts))
"""


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write a configuration file of hooks, which may call `say`, and return the option that names it."""

    def write(text: str) -> tuple[str, str]:
        path = tmp_path / "hooks.conf.py"
        path.write_text(TRACED + text)
        return "-c", str(path)

    return write


def hooks_called(server: Server) -> list[str]:
    """The names of the hooks that have said something, in order."""
    return [match[1] for line in server.errors.so_far() if (match := re.search(r"\] hook (\w+) in ", line))]


def replaced(server: Server, before: int) -> int:
    """Wait for a worker that serves in place of one that is gone; returns its number."""
    until(lambda: not is_alive(before), "the worker to be gone")
    pid = int(server.get("/pid").body)
    assert pid != before
    return pid


ALL = """
def post_fork(server, worker):
    say(worker.log, "post_fork", worker.pid == os.getpid(), worker.booted, server.pid == os.getppid(), worker.age)

def post_worker_init(worker):
    say(worker.log, "post_worker_init", callable(worker.wsgi), worker.cfg.workers, worker.alive, len(worker.sockets))

def pre_request(worker, req):
    say(worker.log, "pre_request", worker.nr, req.method, req.uri, req.path, req.query, req.version)

def post_request(worker, req, environ, resp):
    say(worker.log, "post_request", worker.nr, environ["PATH_INFO"], resp.status, resp.sent, req.uri)

def worker_int(worker):
    say(worker.log, "worker_int", worker.alive)

def worker_exit(server, worker):
    say(worker.log, "worker_exit", worker.nr, worker.alive)
"""


def test_the_hooks_of_a_worker_are_called_in_their_order(serve: Serve, configure: Configure):
    server = serve(APP, *configure(ALL))
    with server.client() as client:
        assert client.ask("GET", "/hello?a=b").status == 200
        server.errors.wait("hook post_request in .* 200")
        assert client.ask("GET", "/missing").status == 404
        server.errors.wait("hook post_request in .* 404")
    worker = server.worker_pid()
    assert server.stop() == 0
    assert hooks_called(server) == [
        *("post_fork", "post_worker_init"),
        *("pre_request", "post_request", "pre_request", "post_request", "worker_exit"),
    ]
    said = "\n".join(server.errors.so_far())
    assert f"hook post_fork in {worker}: True False True 1" in said
    assert f"hook post_worker_init in {worker}: True 1 True 1" in said
    assert f"hook pre_request in {worker}: 0 GET /hello?a=b /hello a=b (1, 1)" in said
    assert re.search(rf"hook post_request in {worker}: \d /hello 200 OK 14 /hello\?a=b", said)
    assert f"hook worker_exit in {worker}: 2 False" in said
    assert said.index(f"Worker exiting (pid: {worker})") < said.index("hook worker_exit")


def test_a_quick_stop_has_its_hook_and_a_graceful_one_has_not(serve: Serve, configure: Configure):
    server = serve(APP, *configure(ALL))
    worker = int(server.get("/pid").body)
    os.kill(worker, signal.SIGTERM)
    worker = replaced(server, worker)
    assert "worker_int" not in hooks_called(server)
    os.kill(worker, signal.SIGINT)
    server.errors.wait(f"hook worker_int in {worker}: False")
    replaced(server, worker)


@pytest.mark.parametrize("hook", ["post_fork(server, worker)", "post_worker_init(worker)"])
def test_a_hook_without_which_a_worker_cannot_boot_ends_the_server(configure: Configure, hook: str):
    name = hook.partition("(")[0]
    options = configure(f"def {hook}:\n    raise ValueError('no device')\n")
    with listener() as bound:
        run = Run("-b", f"fd://{bound.fileno()}", *options, APP, pass_fds=(bound.fileno(),))
    assert run.status == 3, run.errors
    assert f"Exception in hook {name}" in run.errors
    assert "ValueError: no device" in run.errors


@pytest.mark.only("sync")
def test_a_worker_exit_that_fails_changes_nothing(serve: Serve, configure: Configure):
    server = serve(APP, *configure("def worker_exit(server, worker):\n    raise ValueError('too late')\n"))
    server.expect("Exception in hook worker_exit\nTraceback.*ValueError: too late")
    assert server.get("/hello").status == 200
    assert server.stop() == 0
    server.errors.wait("Exception in hook worker_exit")


def test_a_request_that_a_hook_refuses_is_a_500(serve: Serve, configure: Configure):
    server = serve(
        APP,
        *configure(
            """
def pre_request(worker, req):
    if req.path == "/refused":
        raise ValueError("not today")

def post_request(worker, req, environ, resp):
    say(worker.log, "post_request", req.uri, resp.status if resp else None)
"""
        ),
    )
    server.expect("not today")
    assert server.get("/refused").status == 500
    server.errors.wait("Exception in hook pre_request")
    assert server.get("/hello").status == 200
    server.errors.wait("hook post_request in .*: /hello 200 OK")
    server.errors.wait("hook post_request in .*: /refused")
    assert hooks_called(server) == ["post_request", "post_request"]


@pytest.mark.only("sync")
@pytest.mark.parametrize("arguments", ["worker, req", "worker, req, environ", "worker, req, environ, resp"])
def test_a_post_request_that_fails_is_only_logged(serve: Serve, configure: Configure, arguments: str):
    server = serve(APP, *configure(f"def post_request({arguments}):\n    raise ValueError('late')\n"))
    server.expect("Exception in hook post_request\nTraceback.*ValueError: late")
    with server.client() as client:
        for _ in range(2):
            assert client.ask("GET", "/hello").status == 200
    server.errors.wait("Exception in hook post_request", count=2)


CHANGING = """
def pre_request(worker, req):
    if req.path != "/as/it/is":
        req.headers.append(("X-Added", "one"))
        req.headers.append(("X-ADDED", "two"))
        req.headers[:] = [(name, "other" if name == "X-CHANGED" else value) for name, value in req.headers]
        req.headers.remove(("X-GONE", "1"))
        req.headers.append(("COOKIE", "c=d"))
        req.headers.append(("CONTENT-TYPE", "text/html"))
        req.path, req.query, req.method, req.scheme = "/new%20path", "q=1", "PUT", "https"
"""
CHANGED = {
    "HTTP_X_ADDED": "one,two",
    "HTTP_X_CHANGED": "other",
    "HTTP_X_GONE": None,
    "HTTP_X_LEFT": "1,2",
    "HTTP_COOKIE": "a=b; c=d",
    "HTTP_UNDER_SCORE": None,
    "CONTENT_TYPE": "text/html",
    "PATH_INFO": "/new path",
    "QUERY_STRING": "q=1",
    "REQUEST_METHOD": "PUT",
    "wsgi.url_scheme": "https",
    "HTTP_HOST": "a",
}


@pytest.mark.only("sync", "gthread", "gevent", "eventlet")
def test_what_a_hook_changes_of_a_request_the_application_finds_changed(serve: Serve, configure: Configure):
    server = serve("tests.apps.seen:environ", *configure(CHANGING))
    fields = ("Host: a", "X-Changed: 1", "X-Gone: 1", "X-Left: 1", "X-Left: 2", "Cookie: a=b", "Under_Score: 1")
    left = {**dict.fromkeys(CHANGED), "HTTP_X_CHANGED": "1", "HTTP_X_GONE": "1", "HTTP_X_LEFT": "1,2"}
    left |= {"HTTP_COOKIE": "a=b", "PATH_INFO": "/as/it/is", "QUERY_STRING": "", "REQUEST_METHOD": "GET"}
    left |= {"wsgi.url_scheme": "http", "HTTP_HOST": "a"}
    with server.client() as client:
        for target, expected in (("/as/it/is", left), ("/old", CHANGED), ("/old", CHANGED), ("/as/it/is", left)):
            environ = json.loads(client.ask("GET", target, *fields).body)["environ"]
            assert {name: environ.get(name) for name in CHANGED} == expected


def test_a_worker_that_a_hook_declares_dead_stops_gracefully(serve: Serve, configure: Configure):
    server = serve(
        APP,
        *configure(
            """
def post_request(worker, req, environ, resp):
    if req.path == "/pid":
        worker.alive = False
"""
        ),
    )
    with server.client() as client:
        answer = client.ask("GET", "/pid")
        assert answer.status == 200
        client.expect_end()
    replaced(server, int(answer.body))


def test_an_application_that_fails_shows_hooks_its_answer(serve: Serve, configure: Configure):
    server = serve(APP, *configure(ALL))
    server.expect("Error handling request")
    with server.client() as client:
        assert client.ask("GET", "/raises").status == 500
    server.errors.wait("hook post_request in .* /raises 500 ")


@pytest.mark.only("gthread", "gevent", "eventlet")
def test_requests_that_are_served_at_once_are_shown_to_hooks_as_their_own(
    serve: Serve, configure: Configure, gate: Gate
):
    server = serve(
        APP,
        *configure(
            """
def pre_request(worker, req):
    from tests.apps.gate import stop
    req.seen = stop(f"pre {req.query}")

def post_request(worker, req, environ, resp):
    from tests.apps.gate import stop
    stop(f"post {req.query}")
    say(worker.log, "post_request", req.query, req.seen, environ["QUERY_STRING"], resp.status)
"""
        ),
    )
    with server.client() as first, server.client() as second:
        clients = {"first": first, "second": second}
        for step in ("pre", "post"):
            stopped = {}
            for name, client in clients.items():
                if step == "pre":
                    client.request("GET", f"/hello?{name}")
                stopped[name] = gate.wait(f"{step} {name}")
            for name in ("second", "first"):
                stopped[name].release(f"seen {name}")
        for name, client in clients.items():
            assert client.read_response().status == 200
            server.errors.wait(f"hook post_request in .*: {name} seen {name} {name} 200 OK")


@pytest.mark.only("sync")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_post_fork_is_still_root_and_what_follows_is_not(serve: Serve, short_directory: str):
    # The application imports nothing: nobody may not read where Python is, if that is somebody's home.
    site = Path(short_directory)
    site.chmod(0o755)
    (site / "site_of_nobody.py").write_text("def application(environ, start_response):\n    raise KeyError\n")
    (site / "hooks.conf.py").write_text(
        "import os\n"
        "def post_fork(server, worker):\n    worker.log.info('post_fork by root: %s', os.geteuid() == 0)\n"
        "def post_worker_init(worker):\n    worker.log.info('post_worker_init by root: %s', os.geteuid() == 0)\n"
        "def worker_exit(server, worker):\n    worker.log.info('worker_exit by root: %s', os.geteuid() == 0)\n"
    )
    server = serve("site_of_nobody", "-c", "hooks.conf.py", "--user", "nobody", cwd=site)
    server.errors.wait("post_fork by root: True")
    server.errors.wait("post_worker_init by root: False")
    assert server.stop() == 0
    server.errors.wait("worker_exit by root: False")


# Signals


@pytest.mark.only("sync")
@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH])
def test_a_signal_for_the_master_has_no_meaning_for_a_worker(serve: Serve, number: signal.Signals):
    server = serve(APP)
    worker = int(server.get("/pid").body)
    os.kill(worker, number)
    assert int(server.get("/pid").body) == worker
    assert server.worker_pids() == [worker]


def test_a_worker_that_is_sent_hup_finishes_and_is_replaced(serve: Serve, gate: Gate):
    server = serve(APP)
    with server.client() as busy:
        busy.request("GET", "/wait")
        visitor = gate.wait("in the application")
        os.kill(visitor.pid, signal.SIGHUP)
        visitor.release()
        assert busy.read_response().status == 200
        busy.expect_end()
    replaced(server, visitor.pid)


def test_a_worker_reopens_its_logs(serve: Serve, tmp_path: Path):
    errors, access = tmp_path / "errors", tmp_path / "access"
    server = serve(APP, "--error-logfile", str(errors), "--access-logfile", str(access), ready=None)
    worker = int(server.get("/pid").body)
    for file in (errors, access):
        file.rename(f"{file}.old")
    os.kill(worker, signal.SIGUSR1)
    until(errors.exists, "the error log to be made anew")
    assert server.get("/hello").status == 200
    until(lambda: access.exists() and "/hello" in access.read_text(), "the access log to be made anew")
    assert int(server.get("/pid").body) == worker
    assert "/hello" not in (tmp_path / "access.old").read_text()


@pytest.mark.only("sync")
def test_a_stop_while_the_application_is_imported_leaves_nothing_in_the_log(serve: Serve, gate: Gate):
    for _ in range(10):
        server = serve("tests.apps.importing", ready=None)
        gate.wait("loading")
        assert server.stop() == 0


# What a worker does with the application


@pytest.mark.only("sync")
def test_chance_is_another_in_each_worker(serve: Serve):
    server = serve("tests.apps.hooked:draws", "--preload", workers=2)
    drawn = {server.get("/").text for _ in range(20)}
    assert len(drawn) == 20


@pytest.mark.only("sync")
def test_what_an_application_writes_to_wsgi_errors_is_in_the_error_log(serve: Serve, tmp_path: Path):
    errors = tmp_path / "errors"
    server = serve("tests.apps.hooked:complains", "--error-logfile", str(errors), ready=None)
    assert server.get("/").status == 200
    until(lambda: "the application complains\n" in errors.read_text(), "the complaint")


@pytest.mark.only("sync")
def test_an_application_of_an_ini_file(serve: Serve, tmp_path: Path):
    (tmp_path / "pasted.py").write_text(
        "def factory(settings, **local):\n"
        "    def application(environ, start_response):\n"
        "        start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "        return [f\"{settings['colour']} {local['size']}\".encode()]\n"
        "    return application\n"
    )
    (tmp_path / "site.ini").write_text("[app:small]\npaste.app_factory = pasted:factory\nsize = 3\n")
    server = serve("", "--paste", "site.ini#small", "--paste-global", "colour=red", cwd=tmp_path)
    assert server.get("/").text == "red 3"


def test_a_hook_may_say_how_many_requests_its_worker_is_good_for(serve: Serve, configure: Configure):
    server = serve(APP, *configure("def post_worker_init(worker):\n    worker.max_requests = 3\n"))
    before = server.worker_pid()
    for _ in range(3):
        assert server.get("/hello").status == 200
    server.errors.wait("Autorestarting worker after current request")
    assert replaced(server, before) == server.worker_pid()


@pytest.mark.only("sync")
def test_what_the_master_has_loaded_is_none_of_the_collectors_business(serve: Serve, configure: Configure):
    """Collecting it would write into every page of it, which workers share with the master as long as nobody does."""
    hook = (
        "import gc\ndef post_fork(server, worker):\n    say(worker.log, 'post_fork', gc.get_freeze_count() > 10_000)\n"
    )
    server = serve(APP, "--preload", *configure(hook))
    server.errors.wait("hook post_fork in .*: True")
