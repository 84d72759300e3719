"""Programs that have a server in them: `longma.serve`, Gunicorn's application classes, PasteDeploy, the examples."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from ast import literal_eval
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.paths import ROOT
from tests.support.server import Server, environment

EXAMPLES = ROOT / "examples" / "embedding"
SERVES = r"Worker \(pid:\d+\) serves"
PROGRAM = (sys.executable, "-m", "tests.apps.embedding")
PASTE = """
import sys
from paste.deploy import loadapp, loadserver

uri = f"config:{sys.argv[1]}"
loadserver(uri)(loadapp(uri))
"""


class Program(Server):
    """A program that listens where the variable BIND says, or where `fd://N` stands in its command."""

    def start(self) -> None:
        (bound,) = self._listeners
        address = f"fd://{bound.fileno()}"
        self.env["BIND"] = address
        self.run([part.replace("BIND", address) for part in (*self.command, *self.options)])


Start = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program; it is up when its workers serve."""
    with ExitStack() as programs:

        def start(*options: str, command: Sequence[str] = PROGRAM, cwd: Path = ROOT, **how: Any) -> Program:
            program = Program("", *options, command=command, cwd=cwd, ready="Booting worker with pid", **how)
            return programs.enter_context(program)

        yield start


def run(name: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is expected to end by itself."""
    env = environment({"BIND": "127.0.0.1:0"})
    return subprocess.run(
        [*PROGRAM, name], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )


def replaced(program: Program, before: int) -> int:
    until(lambda: program.worker_pids() and before not in program.worker_pids(), "another worker")
    return program.worker_pid()


def test_an_object_is_served_and_the_program_goes_on_behind_it(start: Start):
    program = start("whole")
    program.expect("reload has no effect")
    program.errors.wait("reload has no effect: the program gave the application itself")
    assert program.get("/").text == "embedded"
    assert int(program.get("/pid").body) == program.worker_pid()
    assert program.stop() == 0
    program.access.wait("^the program goes on$")


def test_a_reload_replaces_the_workers_and_keeps_the_object(start: Start):
    program = start("whole")
    program.expect("has no effect|the application was loaded by the master")
    before = program.worker_pid()
    program.send_signal(signal.SIGHUP)
    program.errors.wait("the application was loaded by the master, and stays")
    program.errors.wait("Reload complete")
    assert int(program.get("/pid").body) == replaced(program, before)


def test_a_name_is_loaded_by_each_worker(start: Start):
    program = start("by_name")
    before = program.worker_pid()
    program.send_signal(signal.SIGHUP)
    program.errors.wait("Reload complete")
    assert int(program.get("/pid").body) == replaced(program, before)


def test_mistakes_in_the_settings_are_raised_all_at_once():
    done = run("mistaken")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "the program: unknown setting 'wrokers'; did you mean 'workers'?",
        "the program: timeout must be a number of seconds, 0 or more, not 'soon'",
        "the program: dirty_apps is not supported: longma has no pool for long tasks; use a task queue",
    ]


def test_an_asgi_application_needs_a_class_that_serves_it():
    assert "name a worker class that does, such as uvicorn_worker.UvicornWorker" in run("asynchronous").stdout


def test_what_cannot_be_called_is_not_served():
    assert run("nothing").stdout.splitlines() == [
        "there is no application to serve: None cannot be called",
        "there is no application to serve: 5 cannot be called",
        "longma.serve: check_config does not serve, it is for the command line",
    ]


def test_it_serves_on_the_main_thread_only():
    assert "on the main thread only" in run("on_a_thread").stdout


def test_a_program_made_for_gunicorn_is_served(start: Start):
    program = start("standalone", workers=2)
    pid = int(program.get("/pid").body)
    assert pid in program.worker_pids()
    # Each worker loads for itself, as with Gunicorn.
    (loaded,) = literal_eval(program.get("/loaded").text)
    assert loaded in program.worker_pids()
    before = program.worker_pids()
    program.send_signal(signal.SIGHUP)
    program.errors.wait("Reload complete")
    until(lambda: not set(before) & set(program.worker_pids()), "other workers")
    assert program.get("/").text == "embedded"


def test_preload_app_loads_in_the_master(start: Start):
    program = start("preloaded")
    assert literal_eval(program.get("/loaded").text) == [program.pid]


def test_a_reload_asks_the_program_for_its_settings_again(start: Start, tmp_path: Path):
    settings = tmp_path / "settings.json"
    settings.write_text('{"proc_name": "before", "workers": 1}')
    program = start("reading", env={"SETTINGS": str(settings)})
    assert program.get("/").text == "before"
    settings.write_text('{"proc_name": "afterwards", "workers": 2}')
    program.send_signal(signal.SIGHUP)
    program.errors.wait("Reload complete")
    until(lambda: program.get("/").text == "afterwards" and len(program.worker_pids()) == 2, "the new settings")
    program.expect("reload|Reload")
    for mistake, words in (('{"timeout": "soon"}', "timeout must be a number"), ("{", "JSONDecodeError|Expecting")):
        settings.write_text(mistake)
        program.send_signal(signal.SIGHUP)
        program.errors.wait(words)
        assert program.get("/").text == "afterwards"
    settings.unlink()
    program.send_signal(signal.SIGHUP)
    program.errors.wait(r"load_config\(\) of Reading failed with FileNotFoundError")
    assert program.get("/").text == "afterwards"


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("unknown", 1, "longma: error: Standalone: unknown setting 'wrokers'; did you mean 'workers'?"),
        ("wrong", 1, "longma: error: Standalone: timeout must be a number of seconds, 0 or more, not 'soon'"),
        ("command", 1, "longma: error: no application was named: write MODULE:NAME, or set wsgi_app"),
    ],
)
def test_a_program_that_cannot_serve_says_so_in_a_line(name: str, status: int, words: str):
    done = run(name)
    assert (done.returncode, done.stderr.strip()) == (status, words)


def test_a_load_that_fails_is_told_with_its_traceback():
    done = run("broken")
    assert done.returncode == 3
    assert "load() of Broken failed with RuntimeError: no settings" in done.stderr
    assert 'raise RuntimeError("no settings")' in done.stderr


def test_a_program_made_for_gunicorn_checks_its_settings_without_serving():
    done = run("checked")
    assert (done.returncode, done.stderr) == (0, "")
    assert "workers" in done.stdout  # --print-config, too
    broken = run("checked_in_vain")
    assert broken.returncode == 1
    assert broken.stderr.splitlines()[-1] == "longma: error: load() of Broken failed with RuntimeError: no settings"


def test_a_framework_s_defaults_lose_to_the_command_line(start: Start):
    program = start("framework", "--timeout", "50", "shop", workers=2)
    assert program.get("/").text == "2 50 framework ['shop']"


def test_a_program_that_names_its_application(start: Start):
    program = start("named")
    assert int(program.get("/pid").body) == program.worker_pid()


def test_gunicorn_s_command_in_a_program(start: Start):
    program = start("command", "-b", "BIND", "tests.apps.answers")
    assert int(program.get("/pid").body) == program.worker_pid()


# PasteDeploy


def test_an_ini_file_starts_the_server(start: Start, tmp_path: Path):
    text = (EXAMPLES / "site.ini").read_text()
    (tmp_path / "paste_site.py").write_text((EXAMPLES / "paste_site.py").read_text())
    ini = tmp_path / "site.ini"

    class Ini(Program):
        def start(self) -> None:
            (bound,) = self._listeners
            ini.write_text(text.replace("host = 127.0.0.1\nport = 8000", f"bind = fd://{bound.fileno()}"))
            self.env["PYTHONPATH"] = str(tmp_path)
            # PasteDeploy itself uses what setuptools has declared old.
            self.env["PYTHONWARNINGS"] = "ignore"
            self.run(self.command)

    with Ini("", command=(sys.executable, "-c", PASTE, str(ini)), cwd=tmp_path, workers=2) as program:
        assert program.get("/").text == "Hello from an ini file\n"


# The examples


@pytest.mark.parametrize(
    ("command", "workers", "answer"),
    [
        (("flask_script.py",), 2, "Hello from a script\n"),
        (("standalone.py",), 2, "Hello from a program\n"),
        (("manage.py", "serve", "BIND", "--workers", "1"), 1, "Hello from a management command\n"),
    ],
    ids=["flask", "gunicorn", "django"],
)
def test_an_example_serves(start: Start, command: Sequence[str], workers: int, answer: str):
    program = start(command=(sys.executable, *command), cwd=EXAMPLES, workers=workers)
    assert program.get("/").text == answer


def test_a_command_of_flask_serves_and_reloads_the_site(start: Start):
    command = (sys.executable, "-m", "flask", "--app", "shop", "serve-longma", "--bind", "BIND", "--workers", "2")
    program = start(command=command, cwd=ROOT / "examples" / "flask", workers=2)
    assert program.get("/").text == "Hello from a Flask command\n"
    before = set(program.worker_pids())
    program.send_signal(signal.SIGHUP)
    program.errors.wait("Reload complete")
    until(lambda: not before & set(program.worker_pids()), "other workers")
    assert program.get("/").text == "Hello from a Flask command\n"


@pytest.mark.parametrize(
    ("example", "app", "answer"),
    [
        ("own_worker", "plain:application", "Hello from a worker class, /\n"),
        ("tornado", "hello:app", "Hello from Tornado\n"),
        ("aiohttp", "hello:create_app", "Hello from aiohttp\n"),
        ("fastapi", "hello:app", '{"greeting":"Hello from FastAPI"}'),
    ],
)
def test_an_example_of_a_worker_class_serves(example: str, app: str, answer: str):
    folder = ROOT / "examples" / example
    env = {"PYTHONWARNINGS": "ignore", "PYTHONPATH": os.fspath(folder)}
    with Server(app, "-c", "longma.conf.py", cwd=folder, env=env, workers=2) as server:
        assert server.get("/").text == answer
