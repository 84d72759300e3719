"""What an application does to the loggers `gunicorn.error` and `gunicorn.access` holds for the server's records too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.logs.site import Site

REQUEST = """
import logging
from datetime import timedelta
from types import SimpleNamespace
error, access = logging.getLogger("gunicorn.error"), logging.getLogger("gunicorn.access")
def ask(path="/a"):
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": path, "PATH_INFO": path, "SERVER_PROTOCOL": "HTTP/1.1"}
    resp, req = SimpleNamespace(status="200 OK", headers=[], sent=14), SimpleNamespace(headers=[])
    log.access_observer(resp, req, environ, timedelta(seconds=1))
class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
    def emit(self, record):
        self.records.append((record.process, record.levelname, record.getMessage()))
kept = Kept()
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_loggers_that_are_as_they_were_leave_all_to_the_engine(site: Site):
    site.run(
        REQUEST
        + """
assert log.access_observer is None
assert dict(log.engine_settings) == {}
app = logging.getLogger("site")
app.handlers = error.handlers
app.setLevel(error.level)
app.info("by the site")
log.info("by the server")
assert log.site_sink() is None
""",
        accesslog=str(site.access_log),
    )
    assert site.said() == [("INFO", "by the site"), ("INFO", "by the server")]


def test_a_filter_leaves_health_checks_out(site: Site):
    site.run(
        REQUEST
        + """
access.addFilter(lambda record: record.args["U"] != "/health" and "/hidden" not in record.getMessage())
assert dict(log.engine_settings) == {"accesslog": None, "syslog": False}
ask("/health"); ask("/hidden"); ask("/seen\\n")
""",
        accesslog=str(site.access_log),
        access_log_format="%(m)s %(U)s %(s)s",
    )
    assert site.access_log.read_text() == "GET /seen\\x0a 200\n"


@pytest.mark.parametrize(
    "change",
    [
        "access.addHandler(kept)",
        "access.handlers = [kept]",
        "access.propagate = True; logging.getLogger().addHandler(kept)",
        "access.handlers[0].setFormatter(logging.Formatter('%(message)s')); access.addHandler(kept)",
    ],
)
def test_handlers_of_the_sites_own_get_access_lines(site: Site, change: str):
    site.run(
        REQUEST + f"{change}\nask()\nassert kept.records == [(os.getpid(), 'INFO', 'GET /a')], kept.records",
        accesslog=str(site.access_log),
        access_log_format="%(m)s %(U)s",
    )
    written = site.access_log.read_text() if site.access_log.exists() else ""
    assert written == ("" if "handlers = " in change else "GET /a\n")


def test_without_an_access_log_nobody_wants_lines(site: Site):
    site.run(REQUEST + "access.addHandler(kept); assert log.access_observer is None")


def test_handlers_of_the_sites_own_get_what_the_server_says(site: Site):
    site.run(
        REQUEST
        + """
error.addHandler(kept)
log.debug("below the level")
log.info("one")
log.log(40, "theirs", 4711)
try:
    raise ValueError("x\\x1b")
except ValueError:
    log.exception("failed")
assert kept.records == [(os.getpid(), "INFO", "one"), (4711, "ERROR", "theirs"), (os.getpid(), "ERROR", "failed")]
"""
    )
    assert site.said() == [("INFO", "one"), ("ERROR", "theirs"), ("ERROR", "failed")]
    assert [record[0] for record in site.records()][1] == "4711"
    assert "ValueError: x\\x1b" in site.error_log.read_text()


def test_the_level_and_the_formatter_of_the_site_hold_for_the_server(site: Site):
    site.run(
        REQUEST
        + """
error.setLevel(logging.DEBUG)
log.debug("seen")
error.setLevel(logging.ERROR)
log.warning("not seen")
error.handlers[0].setFormatter(logging.Formatter("mine|%(message)s"))
log.error("formatted")
"""
    )
    assert [line.split("] ")[-1] for line in site.error_log.read_text().splitlines()] == ["seen", "mine|formatted"]


def test_being_disabled_is_not_meant(site: Site):
    site.run(
        REQUEST
        + """
import logging.config
access.addHandler(kept)
logging.config.dictConfig({"version": 1})
assert error.disabled and access.disabled
log.info("goes on")
assert log.access_observer is None
""",
        accesslog=str(site.access_log),
    )
    assert site.said() == [("INFO", "goes on")]


def test_a_filter_that_raises_costs_no_record(site: Site):
    site.run(
        REQUEST
        + """
def broken(record):
    raise OSError("the filter is broken")
error.addFilter(broken)
access.addFilter(broken)
log.info("one")
ask()
""",
        accesslog=str(site.access_log),
    )
    failed = ("ERROR", "The logger Logger has failed")
    assert site.said() == [("INFO", "one"), failed, ("ERROR", "An access line cannot be written"), failed]


def test_json_lines_of_requests_through_the_sites_filter(site: Site):
    site.run(
        REQUEST + "access.addFilter(lambda record: True)\nask()",
        accesslog=str(site.access_log),
        log_format="json",
    )
    assert '"logger": "gunicorn.access"' in site.access_log.read_text()
    assert '"status": 200' in site.access_log.read_text()
