"""What HUP does to the logs: new settings are applied as a whole, bad ones leave everything as it was."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.deadlines import until
from tests.support.log import records
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"


class Configured:
    """A configuration file that is written again while the server runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "longma.conf.py"
        self.options = ["-c", str(self.path)]

    def write(self, **settings: object) -> None:
        self.path.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))


def texts(path: Path) -> list[str]:
    """The words of each record of an error log, none while it is not there."""
    return [record.text for record in records(path.read_text().splitlines())[0]] if path.exists() else []


def says(path: Path, words: str, times: int = 1) -> Callable[[], bool]:
    """Whether the log has so many records with these words in them."""
    return lambda: sum(words in text for text in texts(path)) >= times


def named(path: Path, prefix: str) -> dict[str, Any]:
    """A configuration of logging that begins each line with a prefix."""
    handler = {"class": "logging.FileHandler", "filename": str(path), "formatter": "named"}
    return {
        "version": 1,
        "formatters": {"named": {"format": f"{prefix}|%(message)s"}},
        "handlers": {"file": handler},
        "root": {"handlers": []},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["file"], "propagate": False}},
    }


def test_hup_goes_over_to_other_files(serve: Serve, tmp_path: Path):
    conf = Configured(tmp_path)
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    conf.write(errorlog=str(one), capture_output=True)
    server = serve(SITE, *conf.options, ready=None)
    assert server.get("/print?say=to-one").status == 200
    conf.write(errorlog=str(two), capture_output=True, log_format="plain")
    server.send_signal(signal.SIGHUP)
    until(says(one, "Worker exiting"), "the worker of before to have gone")
    for way in ("print", "errors", "error-logger"):
        assert server.get(f"/{way}?say=to-two").status == 200
    assert server.stop() == 0
    assert "to-one" in one.read_text()
    assert "to-two" not in one.read_text()
    assert two.read_text().count("to-two") == 3
    assert texts(two)[-1] == "Shutting down: Master"
    assert server.errors.so_far() == server.access.so_far() == []


def test_hup_with_a_log_that_cannot_be_opened_changes_nothing(serve: Serve, tmp_path: Path):
    conf = Configured(tmp_path)
    log = tmp_path / "error.log"
    conf.write(errorlog=str(log))
    server = serve(SITE, *conf.options, ready=None)
    assert server.get("/").status == 200
    worker = server.worker_pid()
    conf.write(errorlog=str(tmp_path / "missing" / "error.log"))
    server.send_signal(signal.SIGHUP)
    until(says(log, f"errorlog: cannot write to {tmp_path}/missing/error.log: No such file"), "the refusal")
    assert server.get("/errors?say=still").status == 200
    assert server.worker_pid() == worker
    assert "still" in log.read_text()


def test_hup_reads_a_configuration_of_logging_again(serve: Serve, tmp_path: Path):
    conf = Configured(tmp_path)
    log, as_json = tmp_path / "named.log", tmp_path / "log.json"
    as_json.write_text(json.dumps(named(log, "before")))
    conf.write(logconfig_json=str(as_json))
    server = serve(SITE, *conf.options, ready=None)
    assert server.get("/error-logger?say=one").status == 200
    as_json.write_text(json.dumps(named(log, "after")))
    server.send_signal(signal.SIGHUP)
    until(lambda: "after|Booting worker" in log.read_text(), "a worker that has read it")
    until(lambda: "Worker exiting" in log.read_text(), "the worker of before to have gone")
    assert server.get("/error-logger?say=two").status == 200
    assert server.stop() == 0
    text = log.read_text()
    assert "before|one" in text
    assert "after|two" in text
    assert "after|Shutting down: Master" in text


def test_hup_with_a_bad_configuration_of_logging_keeps_the_old_one(serve: Serve, tmp_path: Path):
    conf = Configured(tmp_path)
    log, as_json = tmp_path / "named.log", tmp_path / "log.json"
    as_json.write_text(json.dumps(named(log, "before")))
    conf.write(logconfig_json=str(as_json))
    server = serve(SITE, *conf.options, ready=None)
    assert server.get("/").status == 200
    for bad in ("no json", json.dumps({"handlers": {"a": {"class": "no.Such"}}})):
        count = log.read_text().count("logconfig_json: ")
        as_json.write_text(bad)
        server.send_signal(signal.SIGHUP)
        until(lambda count=count: log.read_text().count("logconfig_json: ") > count, "the refusal")
    assert server.errors.so_far() == []
    assert server.get("/error-logger?say=still").status == 200
    assert server.stop() == 0
    assert "before|still" in log.read_text()
    assert "before|Shutting down: Master" in log.read_text()


def test_an_application_that_fails_leaves_the_logs_as_they_were(serve: Serve, tmp_path: Path):
    conf = Configured(tmp_path)
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    conf.write(errorlog=str(one), capture_output=True)
    server = serve(SITE, *conf.options, ready=None)
    assert server.get("/").status == 200
    conf.write(errorlog=str(two), capture_output=True, raw_env=["LONGMA_TEST_FAILS=1"])
    server.send_signal(signal.SIGHUP)
    until(lambda: says(one, "fails on purpose")() or says(two, "fails on purpose")(), "the failure")
    count = len(texts(one))
    server.send_signal(signal.SIGUSR1)
    until(lambda: len(texts(one)) > count, "the master to go on in the first log")
    assert server.get("/print?say=still").status == 200
    assert server.stop() == 0
    assert "still" in one.read_text()
    assert texts(one)[-1] == "Shutting down: Master"
    assert server.errors.so_far() == server.access.so_far() == []
