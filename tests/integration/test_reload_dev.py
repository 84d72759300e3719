"""What helps whoever writes an application: `--reload`, and what is shown while it does not load; `--spew`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Closed, Response
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [{answer}]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The file of an application that answers "one"."""
    path = tmp_path / "site_of_the_test.py"
    path.write_text(SITE.format(answer='b"one"'))
    return path


@pytest.fixture(params=["poll", "inotify"])
def developed(serve: Serve, site: Path, request: pytest.FixtureRequest) -> Callable[..., Server]:
    """Serve the site with --reload, in each way to watch."""

    def start(*options: str, **how: object) -> Server:
        server = serve(site.stem, "--reload", "--reload-engine", request.param, *options, cwd=site.parent, **how)
        server.expect("SyntaxError|ModuleNotFoundError|ZeroDivisionError|no module named")
        return server

    return start


def answer(server: Server) -> Response | None:
    """What a request gets, None where it met a worker on its way out."""
    try:
        return server.get("/")
    except (Closed, ConnectionError):
        return None


def until_answered(server: Server, status: int, words: str) -> Response:
    """Ask until the answer is this one."""
    last: list[Response | None] = [None]

    def is_there() -> bool:
        last[0] = answer(server)
        return last[0] is not None and last[0].status == status and words in last[0].text

    until(is_there, f"{status} {words}")
    assert last[0] is not None
    return last[0]


def change(path: Path, text: str) -> None:
    """Write another text, in one step, as careful editors do."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(path)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_change_is_served(developed: Serve, site: Path, workers: int):
    server = developed(workers=workers)
    assert server.get("/").text == "one"
    change(site, SITE.format(answer='b"two"'))
    until_answered(server, 200, "two")
    server.errors.wait("Worker reloading: .*site_of_the_test.py modified")
    for _ in range(20):
        until_answered(server, 200, "two")


def test_a_mistake_is_shown_and_its_cure_is_served(developed: Serve, site: Path):
    server = developed()
    change(site, SITE.format(answer='b"<two>'))
    page = until_answered(server, 500, "SyntaxError")
    assert page.one("Content-Type") == "text/html; charset=utf-8"
    assert "&lt;two&gt;" in page.text
    assert "<two>" not in page.text
    server.errors.wait("SyntaxError")
    change(site, SITE.format(answer="1 / 0"))
    until_answered(server, 500, "")
    change(site, SITE.format(answer='b"three"'))
    until_answered(server, 200, "three")


@pytest.mark.parametrize("worker_class", ["gthread", "gevent", "eventlet", "tornado"])
def test_every_kind_of_worker_shows_a_mistake_and_recovers(serve: Serve, site: Path, worker_class: str):
    server = serve(site.stem, "--reload", "-k", worker_class, cwd=site.parent)
    server.expect("SyntaxError")
    change(site, SITE.format(answer='b"<two>'))
    assert "&lt;two&gt;" in until_answered(server, 500, "SyntaxError").text
    change(site, SITE.format(answer='b"three"'))
    until_answered(server, 200, "three")


def test_a_change_while_the_application_is_loaded_is_served(developed: Callable[..., Server], site: Path):
    """What the worker has read is not what the file is by the time the worker looks at it first."""
    after = SITE.format(answer='b"two"')
    site.write_text(f"import pathlib\npathlib.Path(__file__).write_text({after!r})\n" + SITE.format(answer='b"one"'))
    until_answered(developed(), 200, "two")


def test_an_application_that_never_loaded_is_served_once_it_does(developed: Serve, site: Path):
    site.write_text("import helper_of_the_test\n" + SITE.format(answer="helper_of_the_test.ANSWER"))
    server = developed()
    until_answered(server, 500, "helper_of_the_test")
    (site.parent / "helper_of_the_test.py").write_text("ANSWER = 1 / 0\n")
    until_answered(server, 500, "ZeroDivisionError")
    change(site.parent / "helper_of_the_test.py", "ANSWER = b'helped'\n")
    until_answered(server, 200, "helped")


def test_an_application_that_is_not_there_yet_is_awaited(developed: Serve, site: Path):
    text = site.read_text()
    site.unlink()
    server = developed()
    until_answered(server, 500, "no module named")
    site.write_text(text)
    until_answered(server, 200, "one")


def test_further_files_are_watched(developed: Serve, site: Path):
    template = site.parent / "page.html"
    template.write_text("one")
    site.write_text("import pathlib\n" + SITE.format(answer="pathlib.Path('page.html').read_bytes()"))
    config = site.parent / "hooks.conf.py"
    config.write_text("def worker_int(worker):\n    worker.log.info('hook worker_int')\n")
    server = developed("-c", str(config), "--reload-extra-file", str(template))
    assert server.get("/").status == 200
    change(template, "two")
    server.errors.wait("Worker reloading: .*page.html modified")
    server.errors.wait("hook worker_int")
    server.errors.wait("Booting worker with pid", count=2)


def test_without_reload_nothing_is_watched(serve: Serve, site: Path):
    server = serve(site.stem, cwd=site.parent)
    before = server.worker_pid()
    assert server.get("/").text == "one"
    change(site, SITE.format(answer='b"two"'))
    assert server.get("/").text == "one"
    assert server.worker_pids() == [before]


def test_spew_prints_each_line_that_runs(serve: Serve, site: Path):
    server = serve(site.stem, "--spew", cwd=site.parent)
    assert server.get("/").text == "one"
    server.access.wait(r'^site_of_the_test:3:     start_response\("200 OK"')
    server.access.wait(r'^site_of_the_test:4:     return \[b"one"\]')
