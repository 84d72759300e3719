"""Loggers of the library and of the site in the running server, well and badly made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.log import records
from tests.support.server import Run, Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"
LOGGERS = "tests.unit.logs.loggers"


def named(path: Path) -> dict[str, object]:
    """A configuration that has both logs go to one file, with the logger's name on each line."""
    handler = {"class": "logging.FileHandler", "filename": str(path), "formatter": "named"}
    loggers = ("gunicorn.error", "gunicorn.access")
    return {
        "version": 1,
        "formatters": {"named": {"format": "%(name)s|%(levelname)s|%(message)s"}},
        "handlers": {"file": handler},
        "root": {"handlers": []},
        "loggers": {name: {"level": "INFO", "handlers": ["file"], "propagate": False} for name in loggers},
    }


def configured(tmp_path: Path, **settings: object) -> list[str]:
    """The options that name a configuration file with these settings."""
    path = tmp_path / "longma.conf.py"
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    return ["-c", str(path)]


@pytest.mark.parametrize("preload", [[], ["--preload"]])
def test_flasks_recipe(serve: Serve, preload: list[str]):
    server = serve(f"{SITE}:flask_app", *preload)
    server.expect("Exception on /fails")
    assert server.get("/").status == 200
    assert server.get("/fails").status == 500
    server.stop()
    found, _ = records(server.errors.so_far())
    said = [record for record in found if record.text == "by Flask"]
    assert [record.level for record in said] == ["INFO"]
    booting = [record for record in found if record.text.startswith("Booting worker")]
    assert said[0].pid == booting[0].pid
    (failed,) = [record for record in found if "Exception on /fails" in record.text]
    assert failed.text.endswith("\n [2026-01-01 00:00:00 +0000] [1] [INFO] forged")
    assert not any("below the level" in record.text for record in found)


def test_the_applications_access_logger(serve: Serve):
    server = serve(SITE, "--access-logfile", "-", "--access-logformat", "%(U)s")
    assert server.get("/access-logger?say=by+the+application").status == 200
    server.access.wait("^by the application$")
    server.access.wait("^/access-logger$")


@pytest.mark.parametrize("preload", [[], ["--preload"]])
def test_a_filter_of_the_applications_own(serve: Serve, preload: list[str]):
    options = ["--access-logfile", "-", "--access-logformat", "%(U)s %(s)s", *preload]
    server = serve(SITE, *options, env={"LONGMA_TEST_FILTER": "1"})
    for path in ("/one", "/health", "/two"):
        assert server.get(path).status == 200
    server.stop()
    assert server.access.so_far() == ["/one 200", "/two 200"]


LATE = """
import logging

def post_worker_init(worker):
    logging.getLogger("gunicorn.access").addFilter(lambda record: "/health" not in record.getMessage())
"""


def test_a_filter_that_a_hook_sets_once_the_application_is_loaded(serve: Serve, tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text(LATE)
    options = ["--access-logfile", "-", "--access-logformat", "%(U)s %(s)s", "-c", str(tmp_path / "longma.conf.py")]
    server = serve(SITE, *options)
    for path in ("/one", "/health", "/two"):
        assert server.get(path).status == 200
    server.stop()
    assert server.access.so_far() == ["/one 200", "/two 200"]


@pytest.mark.parametrize("kind", ["dict", "json"])
def test_a_configuration_of_logging(serve: Serve, tmp_path: Path, kind: str):
    log, as_json = tmp_path / "named.log", tmp_path / "log.json"
    as_json.write_text(json.dumps(named(log)))
    given = {"logconfig_dict": named(log)} if kind == "dict" else {"logconfig_json": str(as_json)}
    server = serve(SITE, *configured(tmp_path, access_log_format="%(m)s %(U)s %(s)s", **given), ready=None)
    assert server.get("/error-logger?say=by+the+application").status == 200
    assert server.get("/raise?x").status == 500
    assert server.get("/" + "x" * 9000).status == 414
    assert server.stop() == 0
    text = log.read_text()
    for line in (
        r"gunicorn\.error\|INFO\|Starting longma .*",
        r"gunicorn\.error\|INFO\|Booting worker with pid: \d+",
        r"gunicorn\.error\|WARNING\|by the application",
        r"gunicorn\.error\|ERROR\|Error handling request GET /raise\?x",
        r"ValueError: x",
        r"gunicorn\.access\|INFO\|GET /error-logger 200",
        r"gunicorn\.access\|INFO\|GET /raise 500",
        r"gunicorn\.access\|INFO\|.* 414",
    ):
        assert re.search(f"^{line}$", text, re.MULTILINE), f"{line} in:\n{text}"
    assert server.errors.so_far() == []


def test_a_handler_gets_the_exceptions_of_the_application(serve: Serve, tmp_path: Path):
    reports = tmp_path / "reports"
    given = named(tmp_path / "named.log")
    handlers = {"reporter": {"class": f"{LOGGERS}.Reporter", "path": str(reports)}}
    loggers = {"gunicorn.error": {"level": "INFO", "handlers": ["reporter"], "propagate": False}}
    server = serve(
        SITE, *configured(tmp_path, logconfig_dict={**given, "handlers": handlers, "loggers": loggers}), ready=None
    )
    assert server.get("/raise?x").status == 500
    assert server.stop() == 0
    assert reports.read_text() == "ERROR ValueError('x') Error handling request GET /raise?x\n"


def test_a_class_of_the_sites_own(serve: Serve, tmp_path: Path):
    log = tmp_path / "bare.log"
    server = serve(SITE, "--logger-class", f"{LOGGERS}.Bare", "--name", str(log), ready=None)
    assert server.get("/").status == 200
    assert server.stop() == 0
    text = log.read_text()
    assert re.search(r"^info Starting longma ", text, re.MULTILINE)
    assert re.search(r"^access GET 200 OK \d", text, re.MULTILINE)
    assert server.errors.so_far() == []


def test_a_class_derived_from_ours(serve: Serve, tmp_path: Path):
    access = tmp_path / "access.log"
    options = ["--access-logfile", str(access), "--access-logformat", "%(U)s %({site}x)s %({x-says}o)s"]
    server = serve(SITE, "--logger-class", f"{LOGGERS}.Derived", *options, ready=None)
    server.expect("derived ")
    assert server.get("/health").status == 200
    assert server.get("/seen").status == 200
    assert server.stop() == 0
    assert any(line.startswith("derived INFO Starting longma") for line in server.errors.so_far())
    assert access.read_text() == '/seen quoted \\"\\x0a out\n'


def test_a_logger_that_raises_takes_nothing_down(serve: Serve):
    server = serve(SITE, "--logger-class", f"{LOGGERS}.Broken")
    server.expect("The logger Broken has failed|ValueError: x")
    for _ in range(3):
        assert server.get("/").status == 200
    assert server.get("/raise?x").status == 500
    assert server.stop() == 0
    found, _ = records(server.errors.so_far())
    assert any(record.text.startswith("Error handling request GET /raise") for record in found)
    failures = [record for record in found if record.text.startswith("The logger Broken has failed")]
    assert failures
    assert all("OSError: the service is gone" in record.text for record in failures)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"logconfig_dict": {"handlers": {"a": {"class": "no.Such"}}}}, "logconfig_dict: Unable to configure handler"),
        ({"logconfig_json": "missing.json"}, "missing.json"),
        ({"logconfig": "missing.ini"}, "missing.ini"),
        ({"logger_class": "no.such.Class"}, "logger_class: no.such.Class: ModuleNotFoundError: No module named 'no'"),
        ({"logger_class": f"{LOGGERS}.Unborn"}, f"logger_class: {LOGGERS}.Unborn: ValueError: two lines"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path, settings: dict[str, object], said: str):
    done = Run(*configured(tmp_path, **settings), "-b", "127.0.0.1:0", SITE)
    assert done.status == 1
    (line,) = done.errors.splitlines()
    assert said in line
