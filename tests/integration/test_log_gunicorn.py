"""Loggers of an installed Gunicorn, and what sites derive from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.listening import Daemon
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"
CUSTOM = "tests.apps.gunicorn_loggers.Custom"
# Gunicorn's own code leaves files to the collector.
QUIET = {"PYTHONWARNINGS": "ignore"}


def test_a_class_derived_from_gunicorns(serve: Serve, tmp_path: Path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    form = "%(m)s %(U)s %(s)s %(b)s %({site}x)s %({x-says}o)s"
    options = ["--error-logfile", str(error), "--access-logfile", str(access), "--access-logformat", form]
    server = serve(SITE, *options, "--logger-class", CUSTOM, ready=None, env=QUIET)
    assert server.get("/seen").status == 200
    assert server.get("/raise?x").status == 500
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert b" 400 " in client.ended()
    assert server.stop() == 0
    text = error.read_text()
    for line in (r"INFO\|Starting longma .*", r"INFO\|Booting worker with pid: \d+", r"ERROR\|.* GET /raise\?x"):
        assert re.search(rf"^custom\|{line}$", text, re.MULTILINE), line
    assert "\nValueError: x\n" in text
    lines = access.read_text().splitlines()
    assert lines[0] == "GET /seen 200 2 of-the-site out"
    assert lines[1].startswith("GET /raise 500 ")
    assert " 400 " in lines[2]
    assert len(lines) == 3


@pytest.mark.parametrize("name", ["gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd"])
def test_the_names_of_gunicorns_own_mean_ours(serve: Serve, name: str):
    with Daemon("udp") as daemon:
        server = serve(SITE, "--logger-class", name, "--statsd-host", f"127.0.0.1:{daemon.port}")
        server.expect("by the application")
        assert server.get("/error-logger?say=by+the+application").status == 200
        seen: list[bytes] = []
        until(lambda: seen.extend(daemon.waiting()) or b"gunicorn.requests:1|c|@1.0" in seen, "the count of requests")
        assert seen.count(b"gunicorn.requests:1|c|@1.0") == 1
