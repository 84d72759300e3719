"""What the command says and which status it leaves with; serving itself is the integration tests' subject."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from longma.cli.main import main, start_directory

APPLICATION = "def application(environ, start_response):\n    return []\n"


class Outcome(NamedTuple):
    """What a run of the command left."""

    status: int
    out: str
    err: str


Longma = Callable[..., Outcome]


@pytest.fixture
def longma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Longma]:
    """Runs the command in a directory of its own, with only the environment given."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "WEB_CONCURRENCY", "SENDFILE", "GUNICORN_CMD_ARGS", "LONGMA_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, **environ: str) -> Outcome:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        status = main(arguments)
        return Outcome(status, *capsys.readouterr())

    yield run
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_good_configuration_is_checked_in_silence(longma: Longma, tmp_path: Path):
    (tmp_path / "good_shop.py").write_text(APPLICATION)
    assert longma("--check-config", "good_shop") == (0, "", "")


def test_checking_enters_the_directory_first(longma: Longma, tmp_path: Path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "inner_shop.py").write_text(APPLICATION)
    assert longma("--check-config", "--chdir", "site", "inner_shop").status == 0


def test_checking_sees_what_a_worker_would_see(longma: Longma, tmp_path: Path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "needed_shop.py").write_text("import os\nwanted = os.environ['SHOP_WANTED']\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "needing_shop.py").write_text(f"import needed_shop\n{APPLICATION}")
    (tmp_path / "longma.conf.py").write_text("raw_env = ['SHOP_WANTED=1']\nchdir = 'site'\npythonpath = '../lib'\n")
    assert longma("--check-config", "needing_shop") == (0, "", "")
    assert "SHOP_WANTED" not in os.environ


def test_a_paste_file_is_an_application(longma: Longma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "site.ini").write_text("[app:main]\nuse = call:nothing:nowhere\n")
    monkeypatch.setitem(sys.modules, "paste.deploy", None)
    outcome = longma("--check-config", "--paste", "site.ini")
    assert outcome.status == 1
    assert 'longma: error: the setting paste needs PasteDeploy: pip install "longma[paste]"' in outcome.err


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ((), 1, "no application was named: write longma MODULE:NAME, or set wsgi_app in the configuration file"),
        (
            ("-w", "-1", "a"),
            1,
            "command line: workers must be a whole number, 0 or more, or 'auto', not -1",
        ),
        (("-w", "x", "a"), 2, "argument -w/--workers: expected a whole number or 'auto', not 'x'"),
        (("--workes", "1", "a"), 2, "there is no option --workes; did you mean --workers?"),
        (("-c", "absent.py", "a"), 1, "absent.py: the configuration file cannot be read: No such file or directory"),
        (
            ("-b", "a:b", "a"),
            1,
            "command line: bind must hold addresses: a:b: 'b' is no port; ports are numbers from 0 to 65535",
        ),
        (
            ("--dirty-app", "a:b", "a"),
            1,
            "command line: dirty_apps is not supported: longma has no pool for long tasks; use a task queue",
        ),
        (
            ("-k", "asgi", "a"),
            1,
            (
                "command line: worker_class must be 'sync', 'gthread', 'gevent', 'eventlet', 'tornado' or "
                "PACKAGE.MODULE.CLASS: 'asgi' is not supported yet"
            ),
        ),
        (("--check-config", "empty_shop"), 1, "'empty_shop' is not there: empty_shop has no 'application'"),
    ],
)
def test_a_mistake_is_one_line_and_a_status(
    longma: Longma, tmp_path: Path, arguments: tuple[str, ...], status: int, line: str
):
    (tmp_path / "empty_shop.py").write_text("")
    assert longma(*arguments) == (status, "", f"longma: error: {line}\n")


def test_every_mistake_has_its_line(longma: Longma, tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("\nbind = ['a:b', 'unix:']\n")
    outcome = longma("a", "--backlog", "-1")
    assert outcome.err == (
        "longma: error: longma.conf.py, line 2: bind must hold addresses: a:b: 'b' is no port; "
        "ports are numbers from 0 to 65535\n"
        "longma: error: longma.conf.py, line 2: bind must hold addresses: unix:: the path is missing; write unix:PATH\n"
        "longma: error: command line: backlog must be a whole number, 0 or more, not -1\n"
    )
    assert outcome.status == 1


def test_an_application_that_raises_shows_its_traceback(longma: Longma, tmp_path: Path):
    (tmp_path / "broken_shop.py").write_text("\n1/0\n")
    outcome = longma("--check-config", "broken_shop")
    assert outcome.status == 1
    assert outcome.err.startswith("Traceback (most recent call last):\n")
    assert outcome.err.count("File ") == 1
    assert outcome.err.endswith(
        "ZeroDivisionError: division by zero\n"
        "longma: error: importing 'broken_shop' failed with ZeroDivisionError: division by zero\n"
    )


def test_the_settings_are_printed_without_an_application_too(longma: Longma):
    outcome = longma("--print-config", "-w", "3", PORT="5000")
    assert outcome.status == 0
    assert outcome.err == ""
    found = {" ".join(line.split()) for line in outcome.out.splitlines()}
    assert "workers = 3 # command line" in found
    assert "bind = ['0.0.0.0:5000'] # environment variable PORT" in found


def test_printing_checks_the_application_that_is_named(longma: Longma, tmp_path: Path):
    (tmp_path / "printed_shop.py").write_text(APPLICATION)
    assert longma("--print-config", "printed_shop").status == 0
    assert longma("--print-config", "absent_shop").status == 1


def test_a_notice_is_a_line_of_its_own(longma: Longma, tmp_path: Path):
    (tmp_path / "noted_shop.py").write_text(APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text("debug = True")
    outcome = longma("--check-config", "noted_shop")
    assert outcome == (0, "", "longma: gunicorn.conf.py, line 1: 'debug' is no setting and has no effect\n")


def test_an_impatient_operator_sees_no_traceback(longma: Longma, tmp_path: Path):
    (tmp_path / "gunicorn.conf.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)")
    assert longma("a") == (130, "", "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_start_directory_keeps_the_name_the_shell_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "link")
    real = os.fspath((tmp_path / "real").resolve())
    assert start_directory({"PWD": f"{tmp_path}/link"}) == f"{tmp_path}/link"
    assert start_directory({"PWD": os.fspath(tmp_path)}) == real
    assert start_directory({"PWD": f"{tmp_path}/absent"}) == real
    assert start_directory({"PWD": "."}) == real
    assert start_directory({}) == real


def test_the_package_can_be_run(tmp_path: Path):
    command = [sys.executable, "-m", "longma", "--version"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "longma (version 0.1.0)\n", "")
