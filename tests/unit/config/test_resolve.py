"""Which place wins, and that every mistake is reported at once."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longma.config.given import Given
from longma.config.resolve import Resolved, resolve
from longma.config.settings import Settings
from longma.errors import ConfigError, UsageError


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


NO_DIRTY = "longma has no pool for long tasks; use a task queue"
CLASSES = "'sync', 'gthread', 'gevent', 'eventlet', 'tornado' or PACKAGE.MODULE.CLASS"


def resolved(directory: Path, line: str = "", /, **environ: str) -> Resolved:
    return resolve(shlex.split(line), environ, str(directory))


def mistakes(directory: Path, line: str = "", /, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolved(directory, line, **environ)
    assert caught.value.exit_status == 1
    return str(caught.value).splitlines()


def test_without_anything_there_are_the_defaults(tmp_path: Path):
    found = resolved(tmp_path)
    assert found.settings == Settings({"chdir": str(tmp_path)})
    assert found.notices == ()
    assert str(found.source_of("workers")) == "default"


def test_what_longma_was_started_with_is_kept_for_a_reload(tmp_path: Path):
    invocation = resolved(tmp_path, "-w 2", A="1").invocation
    assert invocation == (("-w", "2"), {"A": "1"}, str(tmp_path), Given())


PLACES = ("environment", "file", "GUNICORN_CMD_ARGS", "LONGMA_CMD_ARGS", "command line")
SOURCES = {
    "environment": "environment variable WEB_CONCURRENCY",
    "file": "longma.conf.py, line 1",
}


@given(st.dictionaries(st.sampled_from(PLACES), st.integers(min_value=0, max_value=99)))
def test_the_later_place_wins(given: dict[str, int]):
    environ: dict[str, str] = {}
    if "environment" in given:
        environ["WEB_CONCURRENCY"] = str(given["environment"])
    for place in ("GUNICORN_CMD_ARGS", "LONGMA_CMD_ARGS"):
        if place in given:
            environ[place] = f"--workers {given[place]}"
    argv = ["-w", str(given["command line"])] if "command line" in given else []
    with tempfile.TemporaryDirectory() as directory:
        if "file" in given:
            Path(directory, "longma.conf.py").write_text(f"workers = {given['file']}")
        found = resolve(argv, environ, directory)
    winner = next((place for place in reversed(PLACES) if place in given), None)
    assert found.settings.workers == (1 if winner is None else given[winner])
    assert str(found.source_of("workers")) == ("default" if winner is None else SOURCES.get(winner, winner))


def test_lists_replace_each_other(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("bind = ['a:1', 'b:1']")
    assert resolved(tmp_path, PORT="5").settings.bind == ("a:1", "b:1")
    assert resolved(tmp_path, "-b c:1 -b d:1", PORT="5").settings.bind == ("c:1", "d:1")


def test_port_makes_the_default_address(tmp_path: Path):
    assert resolved(tmp_path, PORT="5000").settings.bind == ("0.0.0.0:5000",)


def test_the_file_named_last_is_the_one_that_is_read(tmp_path: Path):
    for count, name in enumerate(("gunicorn.conf.py", "a.py", "b.py", "c.py")):
        (tmp_path / name).write_text(f"workers = {count}")
    assert resolved(tmp_path).settings.workers == 0
    assert resolved(tmp_path, GUNICORN_CMD_ARGS="-c a.py").settings.workers == 1
    assert resolved(tmp_path, GUNICORN_CMD_ARGS="-c a.py", LONGMA_CMD_ARGS="-c b.py").settings.workers == 2
    assert resolved(tmp_path, "-c c.py", LONGMA_CMD_ARGS="-c b.py").settings.workers == 3
    assert resolved(tmp_path, "-c c.py").settings.config == "c.py"
    assert resolved(tmp_path).settings.config == "gunicorn.conf.py"


def test_the_application_on_the_command_line_wins(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("wsgi_app = 'a:a'")
    assert resolved(tmp_path).settings.wsgi_app == "a:a"
    assert resolved(tmp_path, "b:b").settings.wsgi_app == "b:b"


def test_chdir_is_meant_from_the_start_directory(tmp_path: Path):
    (tmp_path / "site").mkdir()
    (tmp_path / "gunicorn.conf.py").write_text("chdir = 'site'")
    assert resolved(tmp_path).settings.chdir == str(tmp_path / "site")
    assert resolved(tmp_path, "--chdir site/..").settings.chdir == str(tmp_path)
    assert resolved(tmp_path, f"--chdir {os.sep}").settings.chdir == os.sep


def test_every_mistake_is_reported_at_once(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("workers = -1\ntimeout = 'x'\nworker = 4\ndirty_apps = ['a:b']\n")
    assert mistakes(
        tmp_path, "--backlog -3 --chdir nowhere -k asgi", WEB_CONCURRENCY="many", GUNICORN_CMD_ARGS="-m 999"
    ) == [
        "gunicorn.conf.py, line 3: unknown setting 'worker'; did you mean 'workers'?",
        "environment variable WEB_CONCURRENCY: workers must be a whole number, 0 or more, or 'auto', not 'many'",
        "gunicorn.conf.py, line 1: workers must be a whole number, 0 or more, or 'auto', not -1",
        "gunicorn.conf.py, line 2: timeout must be a number of seconds, 0 or more, not 'x'",
        f"gunicorn.conf.py, line 4: dirty_apps is not supported: {NO_DIRTY}",
        "GUNICORN_CMD_ARGS: umask must be a mode from 0 to 0777, not '999'",
        "command line: backlog must be a whole number, 0 or more, not -3",
        f"command line: chdir must be an existing directory, not '{tmp_path}/nowhere'",
        f"command line: worker_class must be {CLASSES}: 'asgi' is not supported yet",
    ]


def test_a_broken_file_does_not_hide_the_other_mistakes(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("1/0")
    assert mistakes(tmp_path, "-w -1") == [
        "gunicorn.conf.py, line 1: ZeroDivisionError: division by zero",
        "command line: workers must be a whole number, 0 or more, or 'auto', not -1",
    ]


def test_a_line_that_cannot_be_read_is_another_error(tmp_path: Path):
    with pytest.raises(UsageError):
        resolved(tmp_path, "--workers x")
    with pytest.raises(UsageError, match="GUNICORN_CMD_ARGS"):
        resolved(tmp_path, GUNICORN_CMD_ARGS="--workers x")


def test_a_setting_to_come_may_hold_its_default(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text(
        "threads = 1\ndaemon = False\npidfile = None\nraw_env = []\npost_fork = None\nprotocol = 'http'\n"
    )
    line = "--threads 1 --dirty-app a:b --uwsgi-allow-from 127.0.0.1,::1"
    assert mistakes(tmp_path, line) == [f"command line: dirty_apps is not supported: {NO_DIRTY}"]
    assert resolved(tmp_path).settings == Settings({"chdir": str(tmp_path), "config": "gunicorn.conf.py"})


def test_what_only_says_how_is_worth_a_notice(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("dirty_timeout = 60\ndirty_threads = 1\ndirty_workers = 9\n")
    assert resolved(tmp_path).notices == (
        f"gunicorn.conf.py, line 3: dirty_workers has no effect: {NO_DIRTY}",
        f"gunicorn.conf.py, line 1: dirty_timeout has no effect: {NO_DIRTY}",
    )


def test_what_means_nothing_here_is_taken_with_a_notice(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("worker_tmp_dir = '/dev/shm'\nhttp_parser = 'auto'\n")
    assert resolved(tmp_path, "--asgi-loop uvloop").notices == (
        (
            "gunicorn.conf.py, line 1: worker_tmp_dir has no effect: "
            "workers show that they are alive in shared memory, not by a file"
        ),
        "command line: asgi_loop has no effect: this version serves WSGI applications only",
    )
    assert mistakes(tmp_path, "--http-parser slow") == [
        "command line: http_parser must be one of auto, fast, python, not 'slow'"
    ]


def test_an_application_that_is_watched_is_not_loaded_once_for_all(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("preload_app = True\n")
    found = resolved(tmp_path)
    assert (found.settings.preload_app, found.notices) == (True, ())
    found = resolved(tmp_path, "--reload")
    assert found.settings.preload_app is False
    assert found.notices == (
        "gunicorn.conf.py, line 1: preload_app has no effect with reload: each worker loads the application anew",
    )


def test_what_only_the_engine_does_is_not_asked_of_others_in_silence(tmp_path: Path):
    given = "--static=/static=. --health-path=/health"
    assert resolved(tmp_path, given).notices == ()
    assert resolved(tmp_path, f"{given} -k tornado").notices == (
        "command line: static has no effect: worker_class tornado brings its own HTTP",
        "command line: health_path has no effect: worker_class tornado brings its own HTTP",
    )
    assert resolved(tmp_path, "--real-ip=forwarded --limit-request-body=1M -k tornado --threads=4").notices == (
        "command line: real_ip has no effect: worker_class tornado brings its own HTTP",
        "command line: threads has no effect: worker_class tornado calls the application without threads",
    )
    assert resolved(tmp_path, "--limit-request-body=1M -k my.Worker").notices == (
        "command line: limit_request_body has no effect: worker_class my.Worker brings its own HTTP",
    )
    assert resolved(tmp_path, "--limit-request-body=1M -k gthread --threads=4").notices == ()


def test_whoever_asks_for_certificates_of_clients_hears_that_there_is_no_tls(tmp_path: Path):
    assert resolved(tmp_path, "--cert-reqs=2 --certfile=a.pem").notices == ()
    assert resolved(tmp_path, "--cert-reqs=0 --tls-min-version=1.2").notices == ()
    assert resolved(tmp_path, "--cert-reqs=2").notices == (
        "command line: cert_reqs has no effect: without certfile this server speaks no TLS",
    )


def test_what_nobody_would_ever_get_is_told(tmp_path: Path):
    assert resolved(tmp_path, "--health-path=/-/up --metrics-path=/-/up").notices == (
        "command line: metrics_path has no effect: it is the health_path, too",
    )
    assert resolved(tmp_path, "--certfile=a.pem -b uwsgi://:1 -b http://:2").notices == ()
    assert resolved(tmp_path, "--certfile=a.pem -b :1 --protocol=scgi").notices == (
        "command line: certfile has no effect: TLS is spoken where HTTP is, and no address of bind speaks that",
    )


def test_an_empty_number_of_workers_is_a_mistake(tmp_path: Path):
    assert mistakes(tmp_path, WEB_CONCURRENCY="") == [
        "environment variable WEB_CONCURRENCY: workers must be a whole number, 0 or more, or 'auto', not ''"
    ]
    with pytest.raises(SystemExit) as caught:
        resolved(tmp_path, "--version", WEB_CONCURRENCY="")
    assert caught.value.code == 0


def test_trusting_nobody_is_not_the_default(tmp_path: Path):
    assert resolved(tmp_path).settings.forwarded_allow_ips == ("127.0.0.1", "::1")
    assert resolved(tmp_path, FORWARDED_ALLOW_IPS="").settings.forwarded_allow_ips == ()


def test_paths_are_meant_from_where_gunicorn_means_them(tmp_path: Path):
    (tmp_path / "site").mkdir()
    (tmp_path / "log.ini").touch()
    (tmp_path / "site" / "log.json").touch()
    line = "--chdir site -p run/pid --log-config log.ini --log-config-json log.json --reload-extra-file *.html"
    settings = resolved(tmp_path, line).settings
    assert settings.pidfile == f"{tmp_path}/site/run/pid"
    assert settings.logconfig == f"{tmp_path}/log.ini"
    assert settings.logconfig_json == f"{tmp_path}/site/log.json"
    assert settings.reload_extra_files == (f"{tmp_path}/*.html",)
    assert resolved(tmp_path, "-p /run/pid").settings.pidfile == "/run/pid"
    assert resolved(tmp_path).settings.pidfile is None


def test_the_application_of_the_command_line_names_the_processes(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("wsgi_app = 'a:a'")
    assert resolved(tmp_path).settings.default_proc_name == "longma"
    assert resolved(tmp_path, "b:b").settings.default_proc_name == "b:b"
    (tmp_path / "gunicorn.conf.py").write_text("default_proc_name = 'shop'")
    assert resolved(tmp_path, "b:b").settings.default_proc_name == "shop"


def test_an_ini_file_of_paste_names_the_processes_and_may_configure_logs(tmp_path: Path):
    (tmp_path / "site.ini").write_text("[app:main]\n")
    settings = resolved(tmp_path, "--paste site.ini#shop --paste-global a=b").settings
    assert settings.paste == f"{tmp_path}/site.ini#shop"
    assert settings.default_proc_name == f"{tmp_path}/site.ini"
    assert settings.logconfig is None
    (tmp_path / "site.ini").write_text("[app:main]\n [loggers] \nkeys=root\n")
    assert resolved(tmp_path, "--paste site.ini").settings.logconfig == f"{tmp_path}/site.ini"
    assert mistakes(tmp_path, "--paste absent.ini") == [
        f"command line: paste must be an existing file, not '{tmp_path}/absent.ini'"
    ]


# What Gunicorn's documentation and its users' files look like: every setting by name, many of them None.
USUAL_FILE = """
import multiprocessing
import os

bind = ['127.0.0.1:8000', 'unix:/run/shop.sock']
backlog = 2048
workers = multiprocessing.cpu_count() * 2 + 1
worker_class = 'sync'
worker_connections = 1000
timeout = int(os.environ.get('NO_SUCH_TIMEOUT', '30'))
keepalive = 2
max_requests, max_requests_jitter = 1000, 50
spew = False
daemon = None
raw_env = ['DJANGO_SETTINGS_MODULE=shop.settings']
pidfile = None
umask = 0
user = group = None
tmp_upload_dir = worker_tmp_dir = None
errorlog = None
loglevel = 'WARN'
accesslog = '-'
proc_name = None
forwarded_allow_ips = '*'
secure_scheme_headers = {'X-Forwarded-Proto': 'https'}
statsd_host = None
threads = 1
certfile = keyfile = None

def post_fork(server, worker):
    server.log.info("Worker spawned (pid: %s)", worker.pid)

def pre_fork(server, worker):
    pass

def pre_exec(server):
    server.log.info("Forked child, re-executing.")

def when_ready(server):
    server.log.info("Server is ready. Spawning workers")

def worker_int(worker):
    import threading
    id2name = {th.ident: th.name for th in threading.enumerate()}

def pre_request(worker, req):
    worker.log.debug("%s %s", req.method, req.path)

def post_request(worker, req, environ, resp):
    pass

def child_exit(server, worker):
    pass

def nworkers_changed(server, new_value, old_value):
    pass

def ssl_context(conf, default_ssl_context_factory):
    return default_ssl_context_factory()
"""


def test_a_file_as_it_stands_under_gunicorn_is_read(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text(USUAL_FILE)
    found = resolved(tmp_path, "shop.wsgi")
    assert found.notices == ()
    assert (found.settings.errorlog, found.settings.loglevel, found.settings.daemon) == ("-", "warning", False)


def test_a_second_reading_knows_nothing_of_the_first(tmp_path: Path):
    file = tmp_path / "gunicorn.conf.py"
    file.write_text(
        "import os\nworkers = 2\nraw_env = ['A=1']\nname = 'first'\n"
        "def post_fork(server, worker):\n    return name\nproc_name = os.environ.get('NAME_OF_SHOP')\n"
    )
    first = resolved(tmp_path, "a:a", WEB_CONCURRENCY="9").settings
    file.write_text("name = 'second'\ndef pre_fork(server, worker):\n    return name\nbacklog = 7\n")
    second = resolved(tmp_path, "a:a").settings
    assert second == Settings(
        {
            **Settings().as_mapping(),
            "wsgi_app": "a:a",
            "default_proc_name": "a:a",
            "chdir": str(tmp_path),
            "config": "gunicorn.conf.py",
            "backlog": 7,
            "pre_fork": second.pre_fork,
        }
    )
    assert first.post_fork is not None
    assert second.pre_fork is not None
    assert (first.post_fork(0, 0), second.pre_fork(0, 0)) == ("first", "second")
    file.write_text("1/0")
    mistakes(tmp_path)
    assert second.pre_fork(0, 0) == "second"


def test_a_hook_is_a_function_of_the_file(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("def post_fork(server, worker):\n    return worker\n")
    hook = resolved(tmp_path).settings.post_fork
    assert hook is not None
    assert hook(1, 2) == 2
    (tmp_path / "gunicorn.conf.py").write_text("\ndef post_fork(worker):\n    pass\n")
    assert mistakes(tmp_path) == [
        "gunicorn.conf.py, line 2: post_fork must take 2 arguments (server, worker); post_fork takes 1"
    ]


def test_notices_are_kept_for_the_log(tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("debug = True")
    assert resolved(tmp_path, GUNICORN_CMD_ARGS="a:a").notices == (
        "gunicorn.conf.py, line 1: 'debug' is no setting and has no effect",
        "GUNICORN_CMD_ARGS: the application 'a:a' has no effect here",
    )


def test_several_threads_make_a_gthread_worker(tmp_path: Path):
    assert resolved(tmp_path, "--threads 2").settings.worker_class == "gthread"
    assert resolved(tmp_path, "--threads 1").settings.worker_class == "sync"
    assert resolved(tmp_path, "--threads 0").settings.threads == 1
    assert resolved(tmp_path, "--threads 4 -k tornado").settings.worker_class == "tornado"
    assert resolved(tmp_path, "-k gunicorn.workers.gthread.ThreadWorker").settings.worker_class == "gthread"
