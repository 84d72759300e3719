"""Worker classes with Gunicorn's contract run unchanged: those of aiohttp and uvicorn, and one of one's own."""

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
from tests.support.http import Closed
from tests.support.load import reload_under_load
from tests.support.paths import ROOT
from tests.support.processes import is_alive
from tests.support.server import Run, Server

Serve = Callable[..., Server]
SERVES = r"Worker \(pid:\d+\) serves"
AIOHTTP = ("aiohttp.GunicornWebWorker", "tests.apps.aiohttp_site:app")
AIOHTTP_UVLOOP = ("aiohttp.GunicornUVLoopWebWorker", "tests.apps.aiohttp_site:create_app")
UVICORN = ("uvicorn_worker.UvicornWorker", "tests.apps.fastapi_site:app")
OWN = ("tests.apps.own_worker.Blunt", "tests.apps.own_worker")
EACH = pytest.mark.parametrize("model", [AIOHTTP, AIOHTTP_UVLOOP, UVICORN, OWN], ids=lambda model: model[0])
Model = tuple[str, str]


@pytest.fixture
def start(serve: Serve, gate: Gate) -> Callable[..., Server]:
    """Serve an application that has the gate by a class; the warnings of other people's packages are theirs."""

    def start(model: Model, *options: str, workers: int = 1, **env: str) -> Server:
        kind, app = model
        env = {"PYTHONWARNINGS": "ignore", **env}
        options = ("-k", kind, "--log-level", "debug", *options)
        return serve(app, *options, workers=workers, env=env, ready=SERVES)

    return start


def replaced(server: Server, before: int) -> int:
    """Wait for a worker that serves in place of one that is gone; returns its number."""
    until(lambda: not is_alive(before), "the worker to be gone")
    pid = int(server.get("/pid").body)
    assert pid != before
    return pid


@EACH
def test_requests_are_served(start: Callable[..., Server], model: Model):
    server = start(model, workers=2)
    assert {int(server.get("/pid").body) for _ in range(50)} <= set(server.worker_pids())
    assert server.ask("POST", "/labour", body=b"a body").body == b"a body"
    server.errors.wait(re.escape(f"Using worker: {model[0]}"))


@EACH
def test_a_reload_replaces_the_workers_and_answers_what_has_begun(
    start: Callable[..., Server], gate: Gate, model: Model
):
    server = start(model)
    before = server.worker_pid()
    with server.client() as client:
        client.request("GET", "/held")
        held = gate.wait("held")
        server.send_signal(signal.SIGHUP)
        server.errors.wait("Reload complete|Booting worker", count=2)
        held.release("still there")
        assert client.read_response().text == "still there"
    gate.wait("cleaned up")
    assert replaced(server, before) == server.worker_pid()


@EACH
def test_a_stop_answers_what_has_begun(start: Callable[..., Server], gate: Gate, model: Model):
    server = start(model)
    with server.client() as client:
        client.request("GET", "/held")
        held = gate.wait("held")
        server.send_signal(signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        held.release("still there")
        assert client.read_response().text == "still there"
    gate.wait("cleaned up")
    assert server.wait() == 0
    server.check_ended()
    server.errors.wait("Worker exiting")


def test_no_request_is_lost_by_reloads(start: Callable[..., Server]):
    """Of a class that answers all it has accepted; those of aiohttp and uvicorn close what has not begun."""
    server = start(OWN, workers=2)
    reload_under_load(server, keep_alive=False)


@EACH
def test_a_worker_whose_loop_is_stuck_is_replaced_and_shown(start: Callable[..., Server], model: Model):
    server = start(model, "--timeout", "2")
    server.expect("")
    before = server.worker_pid()
    with server.client() as client:
        client.request("GET", "/stuck")
        server.errors.wait(rf"\[CRITICAL\] WORKER TIMEOUT \(pid:{before}\)")
        server.errors.wait(r"no sign of life within the timeout; stack:")
        server.errors.wait(r"_site.py|own_worker.py")
        replaced(server, before)


@EACH
def test_a_worker_is_replaced_after_its_requests(start: Callable[..., Server], model: Model):
    server = start(model, "--max-requests", "3", "--graceful-timeout", "2")
    before = server.worker_pid()

    def is_replaced() -> bool:
        try:
            return int(server.get("/pid").body) != before
        except (Closed, ConnectionError):  # aiohttp drops what comes as it goes, or keeps it for a graceful_timeout
            return False

    until(is_replaced, "another worker to answer")
    assert not [line for line in server.errors.so_far() if "right after it was started" in line]


HOOKS = """
import os

def say(worker, name, *facts):
    worker.log.info("hook %s in %s: %s", name, os.getpid(), " ".join(str(fact) for fact in facts))

def pre_fork(server, worker):
    worker.given = "by pre_fork"

def post_fork(server, worker):
    say(worker, "post_fork", type(worker).__name__, worker.given, worker.pid == os.getpid(), worker.booted)

def post_worker_init(worker):
    say(worker, "post_worker_init", type(worker).__name__, worker.wsgi is not None, worker.app.callable is worker.wsgi)

def worker_int(worker):
    say(worker, "worker_int", type(worker).__name__)

def worker_abort(worker):
    say(worker, "worker_abort", type(worker).__name__)

def worker_exit(server, worker):
    say(worker, "worker_exit", type(worker).__name__, os.getppid() == server.pid)
"""


def hooks(server: Server) -> list[str]:
    return [found[1] for line in server.errors.so_far() if (found := re.search(r"hook (.*)$", line))]


@EACH
def test_hooks_get_the_class_s_own_object_in_gunicorn_s_order(
    start: Callable[..., Server], tmp_path: Path, model: Model
):
    (tmp_path / "hooks.conf.py").write_text(HOOKS)
    server = start(model, "-c", str(tmp_path / "hooks.conf.py"))
    pid, name = server.worker_pid(), model[0].rpartition(".")[2]
    server.stop()
    assert hooks(server) == [
        f"post_fork in {pid}: {name} by pre_fork True False",
        f"post_worker_init in {pid}: {name} True True",
        f"worker_exit in {pid}: {name} True",
    ]


@pytest.mark.parametrize("model", [UVICORN, OWN], ids=lambda model: model[0])
def test_an_abort_calls_its_hook(start: Callable[..., Server], tmp_path: Path, model: Model):
    (tmp_path / "hooks.conf.py").write_text(HOOKS)
    server = start(model, "-c", str(tmp_path / "hooks.conf.py"))
    server.expect("no sign of life|exited with code 1")
    before = server.worker_pid()
    os.kill(before, signal.SIGABRT)
    replaced(server, before)
    named = [line.split()[0] for line in hooks(server) if f" in {before}: " in line]
    assert named == ["post_fork", "post_worker_init", "worker_abort", "worker_exit"]


def test_a_quick_stop_calls_worker_int(start: Callable[..., Server], tmp_path: Path):
    (tmp_path / "hooks.conf.py").write_text(HOOKS)
    server = start(OWN, "-c", str(tmp_path / "hooks.conf.py"))
    assert server.stop(signal.SIGINT) == 0
    assert [line.split()[0] for line in hooks(server)][-2:] == ["worker_int", "worker_exit"]


def test_a_hook_that_fails_is_named_and_keeps_the_worker_from_serving(tmp_path: Path):
    (tmp_path / "hooks.conf.py").write_text("def post_worker_init(worker):\n    raise ValueError('no')\n")
    kind, app = OWN
    run = Run("-k", kind, "-b", "127.0.0.1:0", "-c", str(tmp_path / "hooks.conf.py"), app)
    assert run.status == 3
    assert "Exception in hook post_worker_init" in run.errors
    assert "Traceback" in run.errors


def test_what_a_class_is_given(start: Callable[..., Server], tmp_path: Path):
    (tmp_path / "hooks.conf.py").write_text(HOOKS)
    server = start(("tests.apps.own_worker.Curious", OWN[1]), "-c", str(tmp_path / "hooks.conf.py"))
    host, port = server.address
    assert server.get("/").text.splitlines() == [
        f"name <Worker {server.worker_pid()}>",
        "age 1",
        "pid True",
        "ppid True",
        "timeout 15.0",
        f"socket True True ('{host}', {port})",
        f"url http://{host}:{port}",
        "booted True",
        "given by pre_fork",
        "backlog 2048",
        "tls False ['ca_certs', 'cert_reqs']",
    ]


@pytest.mark.parametrize("model", [AIOHTTP, UVICORN], ids=lambda model: model[0])
def test_accesses_are_logged_by_the_class_to_our_log(start: Callable[..., Server], model: Model):
    server = start(model, "--access-logfile", "-")
    server.get("/pid")
    server.access.wait(r'"GET /pid HTTP/1.1" 200')


def test_fastapi_answers_as_it_does(start: Callable[..., Server]):
    server = start(UVICORN)
    assert json.loads(server.get("/square/12").body) == {"square": 144}
    assert server.get("/square/twelve").status == 422


def test_one_unix_socket_and_privileges_as_they_are(start: Callable[..., Server]):
    """What Gunicorn's own base class does with privileges was done before, and is not tried again."""
    server = start(UVICORN, "--user", str(os.getuid()), "--group", str(os.getgid()), "--initgroups")
    assert server.get("/pid").status == 200


def test_a_changed_file_replaces_the_worker(start: Callable[..., Server], tmp_path: Path):
    watched = tmp_path / "template.html"
    watched.write_text("one")
    server = start(OWN, "--reload", "--reload-engine", "poll", "--reload-extra-file", str(watched))
    before = server.worker_pid()
    watched.write_text("another")
    server.errors.wait(re.escape(f"Worker reloading: {watched} modified"))
    replaced(server, before)


# What cannot be served


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "tests.apps.own_worker.Stranger",
            "it lacks init_process(), init_signals(), load_wsgi(), notify(), an __init__",
        ),
        ("tests.apps.own_worker.WithoutRun", "is no worker class: it lacks a run() of its own"),
        ("tests.apps.own_worker.something", "is no class but a int"),
        ("tests.apps.own_worker.Blnt", "is not there: tests.apps.own_worker has no 'Blnt'"),
        ("tests.apps.no_such.Worker", "is not there: no module named 'tests.apps.no_such'"),
        ("tests.apps.broken.Worker", "importing tests.apps.broken failed with"),
        ("egg:no-such-package#worker", "the package 'no-such-package' is not installed"),
        ("egg:gunicorn#nothing", "gunicorn offers no worker class 'nothing'"),
    ],
)
def test_what_is_no_worker_class_is_told_in_a_line_before_anything_is_bound(kind: str, words: str):
    run = Run("-k", kind, "-b", "127.0.0.1:0", "tests.apps.answers", env={"PYTHONWARNINGS": "ignore"})
    assert run.status == 1, run.errors
    (line,) = run.errors.splitlines()
    assert line.startswith(f"longma: error: worker_class: '{kind}' ")
    assert words in line


def test_the_check_of_the_settings_finds_the_class_too(tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text(
        "from tests.apps.own_worker import Blunt\n\nworker_class = Blunt\nwsgi_app = 'tests.apps.own_worker'\n"
    )
    env = {"PYTHONPATH": str(ROOT)}
    done = Run("--check-config", cwd=tmp_path, env=env)
    assert (done.status, done.errors) == (0, "")
    done = Run("--check-config", "-k", "tests.apps.own_worker.Stranger", cwd=tmp_path, env=env)
    assert done.status == 1
    assert "is no worker class: it lacks" in done.errors


WITHOUT_GUNICORN = """
import sys

sys.modules["gunicorn"] = None
"""


@pytest.mark.parametrize("model", [AIOHTTP, UVICORN], ids=lambda model: model[0])
def test_a_class_of_gunicorn_s_needs_gunicorn(tmp_path: Path, model: Model):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_GUNICORN)
    env = {"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    run = Run("-k", model[0], "-b", "127.0.0.1:0", model[1], env=env)
    assert run.status == 1, run.errors
    (line,) = run.errors.splitlines()
    assert "pip install gunicorn" in line


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ((AIOHTTP[0], "tests.apps.aiohttp_site:fail"), "RuntimeError: no settings"),
        ((UVICORN[0], "tests.apps.fastapi_site:broken"), "RuntimeError: no database"),
        (("tests.apps.own_worker.Unmade", OWN[1]), "RuntimeError: cannot be made"),
        ((OWN[0], "tests.apps.broken"), "Worker failed to boot"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_fails_before_it_serves_ends_the_server_with_status_3(model: Model, words: str):
    kind, app = model
    run = Run("-k", kind, "-b", "127.0.0.1:0", app, env={"PYTHONWARNINGS": "ignore"})
    assert run.status == 3, run.errors
    assert words in run.errors


def test_a_reload_to_a_broken_application_leaves_the_old_workers(start: Callable[..., Server], tmp_path: Path):
    site = tmp_path / "shop.py"
    site.write_text("from tests.apps.aiohttp_site import app")
    server = start((AIOHTTP[0], "shop:app"), PYTHONPATH=str(tmp_path))
    before = server.worker_pid()
    server.expect("shop|reload|generation|Traceback|exited with code 3")
    site.write_text("raise RuntimeError('broken shop')  # another size")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("RuntimeError: broken shop")
    assert int(server.get("/pid").body) == before


CLASS = """
from longma.workers.base import Worker
from tests.apps.own_worker import Blunt

class Ours(Blunt):
    def serve(self, listener):
        self.wsgi = lambda path, body: b"{word}"
        super().serve(listener)
"""


def test_a_reload_reads_the_site_s_own_class_again(start: Callable[..., Server], tmp_path: Path):
    module = tmp_path / "ours.py"
    module.write_text(CLASS.replace("{word}", "before"))
    server = start(("ours.Ours", "tests.apps.answers"), "--chdir", str(tmp_path), PYTHONPATH=str(ROOT))
    assert server.get("/").body == b"before"
    module.write_text(CLASS.replace("{word}", "afterwards"))
    before = server.worker_pid()
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload complete")
    until(lambda: before not in server.worker_pids(), "the old worker to be gone")
    assert server.get("/").body == b"afterwards"
    server.expect("ours|reload|Reload")
    module.write_text("raise RuntimeError('a broken class')  # of another size")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("importing ours failed with RuntimeError: a broken class")
    assert server.get("/").body == b"afterwards"
    os.kill(server.worker_pid(), signal.SIGTERM)
    server.errors.wait("Booting worker with pid", count=3)
    until(lambda: server.get("/").body == b"afterwards", "another worker of the class that was good")
