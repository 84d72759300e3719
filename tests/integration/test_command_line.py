"""The command line: a mistake is one clear line and the documented exit status, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.cpus import available
from tests.support.http import Client
from tests.support.paths import VENV_BIN
from tests.support.server import LONGMA, Run, Server, listener

Serve = Callable[..., Server]
APP = "tests.apps.answers"


def complaint(run: Run) -> str:
    """What the run said on standard error: no traceback, and as argparse does, the usage at most above the line."""
    assert "Traceback" not in run.errors
    lines = [line for line in run.errors.splitlines() if line and not line.startswith(("usage:", " "))]
    assert len(lines) == 1, run.errors
    return lines[0]


@pytest.mark.parametrize("command", [(str(LONGMA),), (str(VENV_BIN / "python"), "-m", "longma")])
def test_it_serves_by_either_name(serve: Serve, command: tuple[str, ...]):
    assert serve(APP, command=command).get("/").status == 200


def test_the_version():
    run = Run("--version")
    assert run.status == 0
    assert run.output.startswith("longma (version ")


def test_help_names_every_section_and_the_app():
    run = Run("--help")
    assert run.status == 0
    for word in ("--bind", "--workers", "--config", "--timeout", "--access-logfile", "APP_MODULE"):
        assert word in run.output


@pytest.mark.parametrize("argument", ["--help", "--version", "--print-config"])
def test_whoever_has_read_enough_is_no_error(argument: str):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "longma", argument]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_what_cannot_be_written_is_escaped():
    run = Run("--print-config", "-n", "\u9f8d", env={"PYTHONIOENCODING": "ascii"})
    assert (run.status, run.errors) == (0, "")
    assert "proc_name = '\\u9f8d'" in run.output
    assert Run("--help", env={"PYTHONIOENCODING": "ascii"}).status == 0


def test_a_directory_that_is_gone_is_one_line(tmp_path: Path):
    (tmp_path / "gone").mkdir()
    command = [
        sys.executable,
        "-c",
        "import os; os.rmdir(os.getcwd()); from longma.cli.main import main; exit(main([]))",
    ]
    ran = subprocess.run(command, cwd=tmp_path / "gone", capture_output=True, text=True, check=False)
    words = "the directory that longma is started in cannot be used: No such file or directory"
    assert (ran.returncode, ran.stderr) == (1, f"longma: error: {words}\n")


@pytest.mark.parametrize("arguments", [("--no-such-option", APP), ("--workers", "two", APP), ("-b",)])
def test_a_wrong_option_is_status_2(arguments: tuple[str, ...]):
    run = Run(*arguments)
    assert run.status == 2
    assert "Traceback" not in run.errors
    assert arguments[0].lstrip("-") in run.errors or "-b/--bind" in run.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "application"),
        (("-k", "no_such_class", APP), "no_such_class"),
        (("-w", "-1", APP), "workers"),
        (("--chdir", "/no/such/directory", APP), "/no/such/directory"),
        (("-c", "/no/such/file.py", APP), "/no/such/file.py"),
        (("-b", "127.0.0.1:nonsense", APP), "127.0.0.1:nonsense"),
        (("-b", "127.0.0.1:70000", APP), "70000"),
        (("--header-map", "maybe", APP), "maybe"),
    ],
)
def test_a_wrong_value_is_status_1_and_one_line(arguments: tuple[str, ...], words: str):
    run = Run(*arguments)
    assert run.status == 1, run.errors
    assert words in complaint(run)


def test_a_worker_class_that_comes_later_says_so():
    run = Run("-k", "asgi", APP)
    assert run.status == 1
    assert "'asgi' is not supported yet" in complaint(run)


@pytest.mark.parametrize("value", ["", "many", "-1", "1.5"])
def test_a_bad_web_concurrency_is_one_line_but_not_for_the_version(value: str):
    run = Run(APP, env={"WEB_CONCURRENCY": value})
    assert run.status == 1
    assert "WEB_CONCURRENCY" in complaint(run)
    assert f"not {value!r}" in complaint(run)
    assert Run("--version", env={"WEB_CONCURRENCY": value}).status == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dirty_apps = ['a:B']", "dirty_apps is not supported: longma has no pool for long tasks"),
        ("def post_fork(worker): pass", "post_fork must take 2 arguments (server, worker); post_fork takes 1"),
        ("post_fork = 'no_such_module.hook'", "post_fork must be importable: 'no_such_module' failed with "),
        ("def post_frok(server, worker): pass", "unknown setting 'post_frok'; did you mean 'post_fork'?"),
        ("user = 'no-such-user'", "user must be a user of this machine: there is no 'no-such-user'"),
        ("raw_env = ['NAME']", "raw_env must be of the form NAME=VALUE, not 'NAME'"),
        ("forwarded_allow_ips = '10.0.0.1/8'", "write 10.0.0.0/8 for '10.0.0.1/8'"),
        ("max_worker_memory = '1 GB or so'", "max_worker_memory must be a whole number"),
        ("timout = 5", "unknown setting 'timout'; did you mean 'timeout'?"),
    ],
)
def test_a_mistake_in_a_file_has_its_line_and_names_the_cure(tmp_path: Path, line: str, words: str):
    (tmp_path / "gunicorn.conf.py").write_text(f"workers = 1\n{line}\n")
    run = Run("app", cwd=tmp_path)
    assert run.status == 1
    assert "gunicorn.conf.py, line 2: " in complaint(run)
    assert words in complaint(run)


def test_a_flag_whose_value_may_be_left_out_does_not_eat_the_application():
    run = Run("--print-config", "--proxy-protocol", APP)
    assert run.status == 0
    assert "proxy_protocol = 'auto'" in run.output
    assert "proxy_protocol = 'v1'" in Run("--print-config", "--proxy-protocol", "v1", APP).output


def test_what_has_no_effect_is_said_once(tmp_path: Path):
    run = Run("--check-config", "--worker-tmp-dir", "/dev/shm", "--http-parser", "auto", APP)
    assert run.status == 0
    assert run.errors == (
        "longma: command line: worker_tmp_dir has no effect: "
        "workers show that they are alive in shared memory, not by a file\n"
    )


def test_checking_loads_the_application_as_a_worker_would(tmp_path: Path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "wanted_by_shop.py").touch()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "shop.py").write_text(
        "import os, wanted_by_shop\n"
        "def application(environ, start_response): pass\n"
        "assert os.environ['SHOP'] == 'open' and os.getcwd() == os.path.dirname(__file__)\n"
    )
    (tmp_path / "longma.conf.py").write_text("raw_env = ['SHOP=open']\nchdir = 'site'\npythonpath = '../lib'\n")
    assert (Run("--check-config", "shop", cwd=tmp_path).errors, Run("shop", "--check-config", cwd=tmp_path).status) == (
        "",
        0,
    )
    run = Run("--check-config", "-e", "SHOP=closed", "shop", cwd=tmp_path)
    assert run.status == 1
    assert "AssertionError" in run.errors


def test_what_is_printed_is_a_configuration_file(tmp_path: Path):
    first = Run("--print-config", "-w", "3", "-t", "0.5", "--devices", "0,1", cwd=tmp_path)
    assert first.status == 0
    (tmp_path / "longma.conf.py").write_text(first.output)
    second = Run("--print-config", cwd=tmp_path)
    assert (second.status, second.errors) == (0, "")

    def values(text: str) -> list[str]:
        return [line.partition("  # ")[0].rstrip() for line in text.splitlines() if not line.startswith("config ")]

    assert values(first.output) == values(second.output)
    assert any(
        line.startswith("workers = 3 ") and line.endswith("# command line") for line in first.output.splitlines()
    )
    assert any("# longma.conf.py, line " in line for line in second.output.splitlines())


def test_every_bad_setting_is_told_at_once_with_its_place(tmp_path: Path):
    config = tmp_path / "longma.conf.py"
    config.write_text("workers = 'many'\nbacklgo = 5\n\ntimeout = []\n")
    run = Run("-c", str(config), APP)
    assert run.status == 1
    assert "Traceback" not in run.errors
    for words in ("workers", "backlgo", "backlog", "timeout", "longma.conf.py"):
        assert words in run.errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers = (", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("raise RuntimeError('mine')", "mine"),
    ],
)
def test_a_configuration_file_that_does_not_run(tmp_path: Path, text: str, words: str):
    config = tmp_path / "longma.conf.py"
    config.write_text(f"# a comment\n{text}\n")
    run = Run("-c", str(config), APP)
    assert run.status == 1
    line = complaint(run)
    assert "longma.conf.py" in line
    assert words in line or words == "SyntaxError"


def test_an_address_in_use_is_status_1_and_one_line(short_directory: str):
    with listener() as taken:
        port = taken.getsockname()[1]
        run = Run("-b", f"127.0.0.1:{port}", APP)
    assert run.status == 1
    assert "Traceback" not in run.errors
    assert f"127.0.0.1:{port}" in run.errors or f"('127.0.0.1', {port})" in run.errors


def test_an_address_that_is_not_this_machines_is_status_1():
    run = Run("-b", "192.0.2.1:8000", APP)
    assert run.status == 1
    assert "Traceback" not in run.errors
    assert "192.0.2.1" in run.errors


# Where settings come from


def test_a_configuration_file_sets_what_it_names(serve: Serve, tmp_path: Path):
    config = tmp_path / "conf.py"
    config.write_text("workers = 2\nwsgi_app = 'tests.apps.factories:make(\"configured\")'\naccesslog = '-'\n")
    with listener() as bound:
        process = subprocess.Popen(
            [LONGMA, "-c", config, "-b", f"fd://{bound.fileno()}"],
            cwd=Path(__file__).parents[2],
            pass_fds=(bound.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with Client(bound.getsockname()) as client:
            assert client.ask("GET", "/").body == b"configured"
    process.terminate()
    output, errors = process.communicate()
    assert process.returncode == 0
    assert errors.count("Booting worker") == 2
    assert '"GET / HTTP/1.1" 200 10' in output


def test_the_file_in_the_current_directory_is_found(serve: Serve, tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("workers = 2\n")
    (tmp_path / "mine.py").write_text("from tests.apps.factories import make\napplication = make('mine')\n")
    root = str(Path(__file__).parents[2])
    server = serve("mine", workers=1, cwd=tmp_path, env={"PYTHONPATH": root})
    server.errors.wait("Booting worker", count=2)
    assert server.get("/").body == b"mine"


def test_the_command_line_beats_the_environment_beats_the_file(serve: Serve, tmp_path: Path):
    config = tmp_path / "conf.py"
    config.write_text("keepalive = 0\nlimit_request_line = 50\n")
    server = serve(APP, "-c", str(config), "--limit-request-line", "200", env={"GUNICORN_CMD_ARGS": "--keep-alive 75"})
    server.expect("Invalid request")
    with server.client() as client:
        assert client.ask("GET", "/hello?" + "x" * 100).status == 200
        assert client.ask("GET", "/hello?" + "x" * 300).status == 414


def test_web_concurrency_and_port(serve: Serve):
    server = serve(APP, env={"WEB_CONCURRENCY": "3"})
    server.errors.wait("Booting worker", count=3)
    assert server.get("/").status == 200
    run = Run(APP, env={"PORT": "nonsense"})
    assert run.status == 1
    assert "nonsense" in run.errors


def test_chdir_is_where_the_application_is_found(serve: Serve, tmp_path: Path):
    (tmp_path / "over_there.py").write_text(
        "import os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [os.getcwd().encode()]\n"
    )
    assert serve("over_there", "--chdir", str(tmp_path)).get("/").text == str(tmp_path)


def test_settings_may_be_toml(serve: Serve, tmp_path: Path):
    (tmp_path / "mine.py").write_text("from tests.apps.factories import make\napplication = make('mine')\n")
    (tmp_path / "pyproject.toml").write_text("[tool.longma]\nworkers = 2\nwsgi_app = 'no_such_module'\n")
    server = serve("mine", workers=1, cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    server.errors.wait("Booting worker", count=2)
    assert server.get("/").body == b"mine"
    (tmp_path / "longma.toml").write_text("worker = 2\ntimeout = 'soon'\n")
    run = Run("mine", cwd=tmp_path)
    assert run.status == 1
    assert run.errors.splitlines() == [
        "longma: error: longma.toml, line 1: unknown setting 'worker'; did you mean 'workers'?",
        "longma: error: longma.toml, line 2: timeout must be a number of seconds, 0 or more, not 'soon'",
    ]


def test_workers_may_be_as_many_as_there_are_processors(serve: Serve):
    server = serve(APP, env={"WEB_CONCURRENCY": "auto"})
    server.errors.wait("Booting worker", count=available())
    assert server.get("/").status == 200


def test_an_application_in_the_variable_of_arguments_has_no_effect(serve: Serve):
    server = serve(APP, env={"GUNICORN_CMD_ARGS": "no_such_module"})
    server.expect("GUNICORN_CMD_ARGS: the application 'no_such_module' has no effect here")
    assert server.get("/").status == 200
