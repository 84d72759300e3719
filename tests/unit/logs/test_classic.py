"""Loggers that sites bring, set up or derive from ours: Gunicorn's contract, and nothing they do stops the server."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from longma.config.settings import Settings
from longma.errors import OperatorError
from longma.logs.setup import open_error_log
from tests.support.listening import Daemon
from tests.unit.logs.site import Site

LOGGERS = "tests.unit.logs.loggers"
REQUEST = """
from datetime import timedelta
from types import SimpleNamespace
def ask(path="/a", agent="test", **variables):
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": path, "PATH_INFO": path, "QUERY_STRING": "q=1", **variables}
    environ.update({"SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": agent})
    resp = SimpleNamespace(status="200 OK", headers=[("X-Out", "out")], sent=14)
    req = SimpleNamespace(headers=[("USER-AGENT", agent), ("X-IN", "in")])
    log.access_observer(resp, req, environ, timedelta(days=1, seconds=2, microseconds=345678))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def dictionary(path: Path, **more: Any) -> dict[str, Any]:
    """A configuration that has both loggers write to a file, each line with its logger's name."""
    return {
        "formatters": {"named": {"format": "%(name)s %(levelname)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(path), "formatter": "named"}},
        "root": {"handlers": []},
        "loggers": {
            name: {"level": "INFO", "handlers": ["file"], "propagate": False}
            for name in ("gunicorn.error", "gunicorn.access")
        },
        **more,
    }


def test_a_dictionary_has_its_way(site: Site):
    path = site.folder / "named.log"
    site.run(
        REQUEST + "log.info('started'); log.debug('not this'); log.logger.error('by %s', 'a hook'); ask()",
        logconfig_dict=dictionary(path),
        access_log_format="%(m)s %(U)s %(s)s",
    )
    assert path.read_text().splitlines() == [
        "gunicorn.error INFO started",
        "gunicorn.error ERROR by a hook",
        "gunicorn.access INFO GET /a 200",
    ]
    assert site.error_log.read_text() == ""


def test_what_a_dictionary_leaves_out_is_as_gunicorn_has_it(site: Site):
    printed = site.run(
        """
import logging
shown = lambda logger: (logger.level, logger.propagate, [type(one).__name__ for one in logger.handlers])
for name in ("", "gunicorn.error", "gunicorn.access"): print(*shown(logging.getLogger(name)))
print(logging.getLogger().handlers[0].formatter._fmt)
""",
        logconfig_dict={"version": 1},
    )
    assert printed.splitlines() == [
        "20 True ['StreamHandler']",
        "20 True ['StreamHandler']",
        "20 True ['StreamHandler']",
        "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
    ]


def test_json_and_ini(site: Site, tmp_path: Path):
    as_json, as_ini = tmp_path / "log.json", tmp_path / "log.ini"
    as_json.write_text(json.dumps(dictionary(tmp_path / "json.log")))
    as_ini.write_text(
        """
[loggers]
keys=root, gunicorn.error
[handlers]
keys=file
[formatters]
keys=named
[logger_root]
handlers=file
[logger_gunicorn.error]
level=INFO
handlers=file
propagate=0
qualname=gunicorn.error
[handler_file]
class=FileHandler
formatter=named
args=(r"%(here)s/ini.log",)
[formatter_named]
format=%(name)s %(message)s
"""
    )
    site.run("log.info('a')", logconfig_json=str(as_json))
    assert (tmp_path / "json.log").read_text() == "gunicorn.error INFO a\n"
    site.run("log.info('b')", logconfig=str(as_ini))
    assert (tmp_path / "ini.log").read_text() == "gunicorn.error b\n"


def test_a_dictionary_comes_before_json_before_ini(site: Site, tmp_path: Path):
    as_json = tmp_path / "log.json"
    as_json.write_text(json.dumps(dictionary(tmp_path / "json.log")))
    bad = {"logconfig": str(tmp_path / "missing.ini")}
    site.run("log.info('a')", logconfig_json=str(as_json), **bad)
    site.run("log.info('a')", logconfig_dict=dictionary(tmp_path / "dict.log"), logconfig_json="missing.json", **bad)
    assert (tmp_path / "json.log").read_text() == (tmp_path / "dict.log").read_text() == "gunicorn.error INFO a\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"logconfig_dict": {"handlers": {"a": {"class": "no.Such"}}}}, "logconfig_dict: Unable to configure handler"),
        ({"logconfig_dict": {"version": 7}}, "logconfig_dict: Unsupported version: 7"),
        ({"logconfig_json": "{folder}/missing.json"}, "logconfig_json: FileNotFoundError: "),
        ({"logconfig_json": "{folder}/bad.json"}, "logconfig_json: Expecting value: line 1"),
        ({"logconfig_json": "{folder}/list.json"}, "logconfig_json: {folder}/list.json does not hold an object"),
        ({"logconfig": "{folder}/missing.ini"}, "logconfig: FileNotFoundError: "),
        ({"logconfig": "{folder}/bad.ini"}, "logconfig: "),
        ({"logger_class": "no.such.Class"}, "logger_class: no.such.Class: ModuleNotFoundError: No module named 'no'"),
        ({"logger_class": "tests.unit.logs.loggers.Nobody"}, "logger_class: tests.unit.logs.loggers.Nobody: Attribute"),
        ({"logger_class": f"{LOGGERS}.Unborn"}, f"logger_class: {LOGGERS}.Unborn: ValueError: two lines"),
        ({"logger_class": int}, "logger_class: builtins.int: TypeError: "),
        ({"logger_class": f"{LOGGERS}.Derived", "errorlog": "{folder}"}, "errorlog: cannot write to {folder}: "),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_and_changes_nothing(tmp_path: Path, given: dict[str, Any], said: str):
    (tmp_path / "bad.json").write_text("no json")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.ini").write_text("[loggers]\nkeys=root\nno pair\n")

    def handlers() -> list[list[logging.Handler]]:
        return [list(logging.getLogger(name).handlers) for name in ("", "gunicorn.error", "gunicorn.access")]

    before = handlers()
    settings = {
        name: value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value
        for name, value in given.items()
    }
    with pytest.raises(OperatorError) as raised:
        open_error_log(Settings({"errorlog": os.devnull, **settings}))
    assert str(raised.value).startswith(said.replace("{folder}", str(tmp_path)))
    assert "\n" not in str(raised.value)
    assert raised.value.exit_status == 1
    assert handlers() == before


def test_what_helps_where_gunicorn_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gunicorn", None)
    with pytest.raises(OperatorError, match=r"install it, or derive from longma\.logs\.Logger$"):
        open_error_log(Settings({"errorlog": os.devnull, "logger_class": "gunicorn.glogging.Other"}))


def test_a_logger_by_gunicorns_contract_gets_all(site: Site):
    path = site.folder / "bare.log"
    site.run(
        REQUEST
        + """
log.debug("a"); log.info("b %d%%", 1); log.warning("c"); log.error("100%"); log.critical("e")
try:
    raise ValueError("x")
except ValueError as error:
    log.exception("f")
    later = error
log.log(40, "g", error=later)
log.log(40, "h\\nTraceback (most recent call last):\\nValueError: \\x1b")
log.log(30, "theirs", 4711)
log.metric("gunicorn.workers", 2, "gauge")
ask()
log.reopen()
assert log.logger.cfg.workers == 1
assert dict(log.engine_settings) == {"accesslog": None, "syslog": False}
""",
        logger_class=f"{LOGGERS}.Bare",
        proc_name=str(path),
    )
    assert path.read_text().splitlines() == [
        *("debug a", "info b 1%", "warning c", "error 100%", "critical e", "exception f", "error g exc_info"),
        *("error h", "Traceback (most recent call last):", "ValueError: \\x1b", "warning (pid:4711) theirs"),
        "debug gunicorn.workers: 2 gunicorn.workers 2 gauge",
        *("access GET 200 OK 86402.345678", "reopen_files"),
    ]
    assert site.error_log.read_text() == ""


def test_a_logger_that_raises_costs_no_record_and_no_request(site: Site):
    site.run(
        REQUEST + "log.info('a'); ask(); log.metric('m', 1, 'gauge'); log.reopen(); log.close()",
        logger_class=f"{LOGGERS}.Broken",
    )
    failed = ("ERROR", "The logger Broken has failed")
    assert site.said() == [("INFO", "a"), failed, failed, failed, failed]
    assert site.error_log.read_text().count("OSError: the service is gone") == 4


def test_a_logger_may_be_given_as_a_class_and_count_for_itself(site: Site):
    with Daemon("udp") as daemon:
        site.run(
            """
from tests.unit.logs.loggers import Counting
log = open_error_log(Settings({**SETTINGS, "logger_class": Counting}))
log.error("a")
assert log.engine_settings["statsd_host"] is None
log = open_error_log(Settings({**SETTINGS, "logger_class": "tests.unit.logs.loggers.Bare"}))
log.error("b")
assert "statsd_host" not in log.engine_settings
log.close()
""".replace("SETTINGS", repr({"proc_name": os.devnull, "statsd_host": f"127.0.0.1:{daemon.port}"}))
        )
        assert daemon.waiting() == [b"gunicorn.log.error:1|c|@1.0"]


def test_a_class_derived_from_ours(site: Site):
    site.run(
        REQUEST + "log.info('a'); ask('/health'); ask(); log.error('b', exc_info=ValueError('c\\n[d\\x1b'))",
        logger_class=f"{LOGGERS}.Derived",
        accesslog=str(site.access_log),
        access_log_format="%(U)s %({X-In}i)s %({x-out}o)s %({Site}x)s %({remote_addr}e)s %(no)s %(T)s %(L)s",
    )
    assert site.error_log.read_text().splitlines() == [
        *("derived INFO a", "derived ERROR b", "ValueError: c", " [d\\x1b"),
    ]
    assert site.access_log.read_text() == '/a in out quoted \\"\\x0a 127.0.0.1 - 86402 86402.345678\n'


def test_without_an_access_log_ours_writes_none(site: Site):
    printed = site.run(REQUEST + "ask(); print(log.logger.access_log_enabled)", logger_class="longma.logs.Logger")
    assert printed == "False\n"
    assert site.error_log.read_text() == ""


def test_nothing_of_a_client_is_left_as_it_came(site: Site):
    site.run(
        REQUEST
        + """
import base64
user = base64.b64encode(b'u\\n"\\x1b:p').decode()
ask("/x\\n[forged] \\x9b31m", 'agent "\\\\', HTTP_AUTHORIZATION="Basic " + user)
""",
        logger_class="longma.logs.Logger",
        accesslog=str(site.access_log),
        access_log_format='%(u)s "%(r)s" "%(U)s" "%(a)s" "%({user-agent}i)s" "%({http_authorization}e)s"',
    )
    (line,) = site.access_log.read_text().splitlines()
    assert line.isascii()
    assert line.isprintable()
    path, agent = "/x\\x0a[forged] \\x9b31m", 'agent \\"\\\\'
    assert line.startswith(f'u\\x0a\\"\\x1b "GET {path} HTTP/1.1" "{path}" "{agent}" "{agent}" "Basic ')


def test_files_that_were_moved_away_are_opened_anew(site: Site):
    named = site.folder / "named.log"
    site.run(
        REQUEST
        + f"""
import os
log.info("one"); ask()
for path in {[str(site.error_log), str(named)]!r}:
    os.rename(path, path + ".1")
descriptor = log.descriptor
log.reopen()
assert log.descriptor == descriptor
log.info("two"); ask()
os.write(descriptor, b"by the descriptor\\n")
log.logger.close_on_exec()
""",
        logconfig_dict=dictionary(named),
        access_log_format="%(m)s",
    )
    assert named.read_text() == "gunicorn.error INFO two\ngunicorn.access INFO GET\n"
    assert (site.folder / "named.log.1").read_text() == "gunicorn.error INFO one\ngunicorn.access INFO GET\n"
    assert site.error_log.read_text() == "by the descriptor\n"


def test_json_lines_and_syslog(site: Site):
    with Daemon("udp") as daemon:
        site.run(
            REQUEST + "log.info('a\\nb'); ask('/\\n')",
            logger_class="longma.logs.Logger",
            log_format="json",
            syslog=True,
            syslog_addr=f"udp://127.0.0.1:{daemon.port}",
            syslog_prefix="p",
            access_log_format="%(r)s",
        )
        error, access = daemon.datagram(), daemon.datagram()
    assert error.startswith(b"<14>gunicorn.p.error: [")
    assert error.endswith(b"] a#012b")
    assert access.startswith(b"<14>gunicorn.p.access: [")
    assert access.endswith(b"] GET /\\x0a HTTP/1.1")
    record = json.loads(site.error_log.read_text())
    assert (record["message"], record["logger"]) == ("a\nb", "gunicorn.error")


def test_access_lines_as_json_are_the_engines(site: Site):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for own in ({}, {"logger_class": "longma.logs.Logger"}):
        site.run(
            REQUEST
            + f"""
observer = log.access_observer or log.logger.access
log.observer = lambda: observer
ask("/a%20b?q=1", HTTP_TRACEPARENT={trace!r}, HTTP_HOST="x\\n")
""",
            accesslog=str(site.access_log),
            log_format="json",
            **own,
        )
    first, second = (json.loads(line) for line in site.access_log.read_text(encoding="ascii").splitlines())
    for record in (first, second):
        del record["time"], record["pid"]
    assert list(first) == [
        *("level", "logger", "remote_addr", "method", "path", "query", "protocol", "status", "bytes", "duration_us"),
        *("referer", "user_agent", "host", "trace_id", "span_id"),
    ]
    assert first == second
    assert list(first.values()) == [
        *("INFO", "gunicorn.access", "127.0.0.1", "GET", "/a%20b", "q=1", "HTTP/1.1", 200, 14, 86402345678),
        *(None, "test", "x\n", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
    ]


def test_a_second_time_replaces_the_first(site: Site):
    site.run(
        """
for _ in range(2):
    log.close()
    log = open_error_log(Settings({"errorlog": ERROR, "logger_class": "longma.logs.Logger", "syslog": True}))
log.info("once")
assert len(log.logger.error_log.handlers) == 2
log = open_error_log(Settings({"errorlog": ERROR}))
log.info("light")
""".replace("ERROR", repr(str(site.error_log))),
    )
    assert site.said() == [("INFO", "once"), ("INFO", "light")]


@pytest.mark.parametrize("own", [{}, {"logger_class": "longma.logs.Logger"}])
@pytest.mark.parametrize("tried", [{}, {"logger_class": "longma.logs.Logger"}])
def test_a_log_takes_over_again_after_another_was_tried(site: Site, own: dict[str, str], tried: dict[str, str]):
    printed = site.run(
        f"""
import logging
first = open_error_log(Settings({{"errorlog": {str(site.error_log)!r}, "capture_output": True, **{own!r}}}))
second = open_error_log(Settings({{"errorlog": os.devnull, "loglevel": "error", "capture_output": True, **{tried!r}}}))
print("lost")
second.close()
first.take_over()
first.info("own")
logging.getLogger("gunicorn.error").info("the library's")
print("printed")
"""
    )
    assert printed == ""
    lines = [line.split("] ")[-1] for line in site.error_log.read_text().splitlines()]
    assert lines == ["own", "the library's", "printed"]
