"""An application that imports logging finds Gunicorn's loggers, and one that does not never loads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.logs.site import Site

AWAITING = """
assert "logging" not in sys.modules
def awaiting():
    return [finder for finder in sys.meta_path if type(finder).__module__ == "longma.logs.bridge"]
assert len(awaiting()) == 1
"""


class Waiting(Site):
    """Starts before anybody has imported logging."""

    def run(self, code: str, **settings: object) -> str:
        return super().run(AWAITING + code, **settings)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Waiting(tmp_path)


def test_the_loggers_write_to_our_logs_in_gunicorns_form(site: Site):
    site.run(
        """
import logging
assert awaiting() == []
error, access = logging.getLogger("gunicorn.error"), logging.getLogger("gunicorn.access")
assert (error.propagate, access.propagate) == (False, False)
assert (error.level, access.level) == (logging.WARNING, logging.INFO)
error.info("below the level")
error.warning("%s words", 2)
access.info("a line\\nforged")
logging.getLogger().error  # the root is the application's own
assert logging.getLogger().handlers == []
""",
        accesslog=str(site.access_log),
        loglevel="warning",
    )
    assert site.said() == [("WARNING", "2 words")]
    assert site.access_log.read_text() == "a line\\x0aforged\n"


def test_without_an_access_log_its_logger_has_no_handler(site: Site):
    site.run("import logging; assert logging.getLogger('gunicorn.access').handlers == []")


def test_flasks_recipe(site: Site):
    site.run(
        """
import logging
app = logging.getLogger("site")
gunicorn = logging.getLogger("gunicorn.error")
app.handlers = gunicorn.handlers
app.setLevel(gunicorn.level)
app.info("from %s", "the site")
try:
    raise ValueError("x\\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\\x1b[2J")
except ValueError:
    app.exception("failed")
"""
    )
    assert site.said() == [("INFO", "from the site"), ("ERROR", "failed")]
    assert "\\x1b[2J" in site.error_log.read_text()
    assert "\x1b" not in site.error_log.read_text()


def test_a_formatter_of_the_sites_own_has_its_way(site: Site):
    site.run(
        """
import logging
gunicorn = logging.getLogger("gunicorn.error")
gunicorn.handlers[0].setFormatter(logging.Formatter("%(levelname)s|%(message)s"))
gunicorn.error("mine")
gunicorn.handlers[0].stream.write("by the stream\\n")
"""
    )
    assert site.error_log.read_text() == "ERROR|mine\nby the stream\n"


def test_json_names_the_logger(site: Site):
    site.run(
        """
import logging
site = logging.getLogger("site.views")
site.handlers = logging.getLogger("gunicorn.error").handlers
site.error("one", exc_info=ValueError("two"), stack_info=True)
""",
        log_format="json",
    )
    record = json.loads(site.error_log.read_text())
    assert (record["logger"], record["message"], record["level"]) == ("site.views", "one", "ERROR")
    assert record["exception"].startswith("ValueError: two\nStack (most recent call last):\n")


def test_the_module_is_what_it_would_be_without_us(site: Site):
    site.run(
        """
import importlib, inspect, logging
assert type(logging.__loader__).__module__ != "longma.logs.bridge"
assert logging.__spec__.loader is logging.__loader__
assert "class Logger" in inspect.getsource(logging)
before = logging.getLogger("gunicorn.error").handlers
importlib.reload(logging)
assert awaiting() == []
logging.getLogger("site").warning
import logging.config, logging.handlers
logging.config.dictConfig({"version": 1})
"""
    )


def test_a_dictionary_that_clears_all_handlers_leaves_our_log_alone(site: Site):
    site.run(
        """
import logging.config
logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
logging.getLogger("gunicorn.error").error("disabled by the site")
log.info("ours goes on")
logging.shutdown()
log.info("and on")
"""
    )
    assert site.said() == [("INFO", "ours goes on"), ("INFO", "and on")]


def test_logging_that_is_there_already_is_connected_at_once(site: Site):
    site.run(
        f"""
import logging
for path in (os.devnull, {str(site.error_log)!r}):
    open_error_log(Settings({{"errorlog": path}}))
    assert awaiting() == []
    assert len(logging.getLogger("gunicorn.error").handlers) == 1
logging.getLogger("gunicorn.error").info("to the last")
"""
    )
    assert site.said() == [("INFO", "to the last")]


def test_a_log_that_takes_the_place_of_another_waits_alone(site: Site):
    site.run(
        f"""
second = open_error_log(Settings({{"errorlog": {str(site.error_log)!r} + ".2"}}))
assert len(awaiting()) == 1
import logging
logging.getLogger("gunicorn.error").info("to the second")
"""
    )
    assert site.error_log.read_text() == ""
    assert "to the second" in (site.error_log.parent / "error.log.2").read_text()


@pytest.mark.parametrize("preload", [True, False])
def test_forked_workers(site: Site, preload: bool):
    site.run(
        f"""
if {preload}:
    import logging
pid = os.fork()
if pid == 0:
    import logging
    logging.getLogger("gunicorn.error").info("worker %d", os.getpid())
    os._exit(0)
os.waitpid(pid, 0)
import logging
logging.getLogger("gunicorn.error").info("master %d", os.getpid())
"""
    )
    records = site.records()
    assert [(level, text.split()[0]) for _, level, text in records] == [("INFO", "worker"), ("INFO", "master")]
    assert all(pid == text.split()[1] for pid, _, text in records)


def test_threads_that_import_at_once_all_find_the_handlers(site: Site):
    site.run(
        """
import threading
found, start = [], threading.Barrier(8)
def look():
    start.wait()
    import logging
    found.append(len(logging.getLogger("gunicorn.error").handlers))
threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert found == [1] * 8, found
"""
    )


def test_files_that_were_moved_away_are_opened_anew(site: Site):
    site.run(
        f"""
import logging
error, access = logging.getLogger("gunicorn.error"), logging.getLogger("gunicorn.access")
error.info("one")
access.info("one")
for path in ({str(site.error_log)!r}, {str(site.access_log)!r}):
    os.rename(path, path + ".1")
log.reopen()
error.info("two")
access.info("two")
""",
        accesslog=str(site.access_log),
    )
    assert site.said() == [("INFO", "two")]
    assert site.access_log.read_text() == "two\n"
    assert (site.access_log.parent / "access.log.1").read_text() == "one\n"


def test_an_access_log_that_cannot_be_opened_is_told(site: Site):
    site.run(
        "import logging; logging.getLogger('gunicorn.access').info('lost')",
        accesslog=str(site.access_log.parent / "missing" / "access.log"),
    )
    assert site.said()[0][0] == "WARNING"
    assert site.said()[0][1].startswith("accesslog: cannot write to ")


def test_what_hooks_log_by(site: Site):
    printed = site.run(
        """
logger = log.logger
logger.info("one")
logger.log("warning", "%s", "two")
logger.log(50, "three")
logger.log("no level", "four")
assert "logging" not in sys.modules
print(logger.loglevel, logger.access_log_enabled, logger.cfg.workers, logger.now()[:1])
logger.close_on_exec()
logger.setup(None)
logger.reopen_files()
print(logger.error_log.name, logger.access_log.name, len(logger.error_log.handlers), len(logger.access_log.handlers))
""",
        accesslog=str(site.access_log),
    )
    assert printed == "20 True 1 [\ngunicorn.error gunicorn.access 1 1\n"
    assert site.said() == [("INFO", "one"), ("WARNING", "two"), ("CRITICAL", "three"), ("INFO", "four")]
