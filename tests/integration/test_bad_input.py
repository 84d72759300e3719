"""What cannot be had is told in one line, with nothing bound; on HUP the old state goes on, and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.paths import ROOT
from tests.support.server import Run, listener
from tests.support.site import Site, SiteServer

# What a setting of the file is given, and words of the line about it; DIRECTORY is the site's.
MISSING = "DIRECTORY/missing/file"
SETTINGS = {
    "errorlog": (MISSING, "missing"),
    "accesslog": (MISSING, "missing"),
    "pidfile": (MISSING, "create the directory"),
    "bind": ("unix:DIRECTORY/missing/socket", "create the directory"),
    "chdir": ("DIRECTORY/missing", "missing"),
    "certfile": (MISSING, "missing"),
}


def given(site: Site, name: str) -> tuple[str, str]:
    """The line of a configuration file, and what the error says."""
    value, words = SETTINGS[name]
    return f"{name} = {value.replace('DIRECTORY', str(site.directory))!r}\n", words


def errors_of(run: Run) -> list[str]:
    """The lines that are no records of the log."""
    assert "Traceback" not in run.errors, run.errors
    return [line for line in run.errors.splitlines() if not line.startswith("[")]


@pytest.fixture
def site(short_directory: str) -> Site:
    return Site(Path(short_directory))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_directory_that_is_not_there_is_told_at_the_start(site: Site, name: str):
    line, words = given(site, name)
    bound = "" if name == "bind" else f"bind = {'unix:' + str(site.path('web'))!r}\n"
    site.configure(bound + line)
    run = Run("-c", "longma.conf.py", site.app, cwd=site.directory, env={"PYTHONPATH": str(ROOT)})
    assert run.status == 1, run.errors
    (told,) = errors_of(run)
    assert words in told
    assert not site.path("web").exists(), "nothing is bound"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_directory_that_is_not_there_changes_nothing_on_hup(site: Site, name: str):
    line, words = given(site, name)
    address = str(site.path("web"))
    bound = f"bind = {'unix:' + address!r}\n"
    site.configure(bound)
    with SiteServer(site, path=address) as server:
        server.expect("")
        with Client(address) as client:
            pid = client.ask("GET", "/pid").text
            site.configure(bound + line)
            server.send_signal(signal.SIGHUP)
            (told,) = server.errors.wait("Reload failed, nothing was changed")
            assert words in told
            assert client.ask("GET", "/pid").text == pid
        with Client(address) as client:
            assert client.ask("GET", "/").text == "one"


@pytest.mark.parametrize("what", ["taken", "foreign"])
def test_an_address_that_cannot_be_had_changes_nothing_on_hup(site: Site, what: str):
    address = str(site.path("web"))
    with listener() as taken:
        host, port = taken.getsockname()
        wanted = f"{host}:{port}" if what == "taken" else "192.0.2.1:8000"
        site.configure(f"bind = {['unix:' + address]!r}\n")
        with SiteServer(site, path=address) as server:
            server.expect("Connection in use|Invalid address|Reload failed")
            with Client(address) as client:
                pid = client.ask("GET", "/pid").text
                site.configure(f"bind = {['unix:' + address, wanted]!r}\n")
                server.send_signal(signal.SIGHUP)
                (told,) = server.errors.wait("Reload failed, nothing was changed")
                assert wanted in told
                assert client.ask("GET", "/pid").text == pid
            until(lambda: os.path.exists(address), "the socket to be there still")


@pytest.mark.parametrize("what", ["taken", "foreign"])
def test_of_several_addresses_none_is_left_bound(site: Site, what: str):
    with listener() as taken:
        host, port = taken.getsockname()
        wanted = f"{host}:{port}" if what == "taken" else "192.0.2.1:8000"
        run = Run("-b", f"unix:{site.path('web')}", "-b", wanted, site.app, cwd=site.directory)
    assert run.status == 1
    (told,) = errors_of(run)
    assert wanted in told
    assert not site.path("web").exists()


NOBODY = 65534
REFUSED = """
import os, sys
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
from longma.config.mounts import directories, mounts
from longma.config.parsers import directory
for parse, value in ((directory, sys.argv[1]), (directories, [sys.argv[1]]), (mounts, ["/static=" + sys.argv[1]])):
    try:
        parse(value)
    except ValueError as error:
        print(error)
"""


def test_a_directory_that_may_not_be_entered_is_told_too(short_directory: str):
    os.chmod(short_directory, 0o755)
    locked = os.path.join(short_directory, "locked")
    os.mkdir(locked, 0o000)
    # The package is imported by who may, the rights are given up then: the checkout may be root's alone.
    code = "import longma.config.mounts, longma.config.parsers\n" + REFUSED
    done = subprocess.run([sys.executable, "-c", code, locked, str(NOBODY)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"be a directory that may be entered, not {locked!r}",
        f"name directories that may be entered, not {locked!r}",
        f"name directories that may be entered, not {locked!r}",
    ]


@pytest.fixture(params=["gevent", "eventlet", "tornado"])
def broken(request: pytest.FixtureRequest, site: Site) -> tuple[str, str]:
    """A library that is installed and cannot be imported; and a path to find it by."""
    folder = site.path("broken")
    folder.mkdir()
    (folder / f"{request.param}.py").write_text("raise ImportError('made for another Python')\n")
    return request.param, f"{folder}{os.pathsep}{ROOT}"


def test_a_library_that_cannot_be_imported_is_told_at_the_start(site: Site, broken: tuple[str, str]):
    name, search = broken
    run = Run("-k", name, "-b", f"unix:{site.path('web')}", site.app, cwd=site.directory, env={"PYTHONPATH": search})
    assert run.status == (3 if name == "eventlet" else 1)  # which is imported by the worker
    assert "cannot be imported: made for another Python" in run.errors
    assert not site.path("web").exists()


def test_a_library_that_cannot_be_imported_changes_nothing_on_hup(site: Site, broken: tuple[str, str]):
    name, search = broken
    address = str(site.path("web"))
    site.configure(f"bind = {'unix:' + address!r}\n")
    with SiteServer(site, path=address, PYTHONPATH=search) as server:
        server.expect(
            "cannot be imported: made for another Python|exited with code 3|What was served before is served on"
        )
        pid = server.get("/pid").text
        site.configure(f"bind = {'unix:' + address!r}\nworker_class = {name!r}\n")
        server.send_signal(signal.SIGHUP)
        server.errors.wait("Reload failed")
        server.errors.wait("cannot be imported: made for another Python")
        assert server.get("/pid").text == pid
