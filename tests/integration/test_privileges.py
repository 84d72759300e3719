"""Workers that are somebody else than the master: whose they are, what they may still do, whose files they need."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bound import Bound
from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.server import Server

Serve = Callable[..., Server]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
# It imports nothing: where Python is installed in a home directory, the user of the workers may not read it.
APP = """
import os

imported_by = os.getuid()


def application(environ, start_response):
    try:
        os.setuid(0)
        back = True
    except PermissionError:
        back = False
    said = f"{os.getresuid()} {os.getresgid()} {os.getgroups()} {back} {imported_by}".encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]
"""
NOBODY = pwd.getpwnam("nobody")
USER, GROUP = NOBODY.pw_uid, NOBODY.pw_gid


@pytest.fixture
def site(short_directory: str) -> Path:
    """A directory that everybody may read, with the application in it."""
    path = Path(short_directory)
    path.chmod(0o755)
    (path / "site_of_nobody.py").write_text(APP)
    return path


def expected(uid: int, gid: int, groups: list[int], *, imported_by: int) -> str:
    return f"{(uid,) * 3} {(gid,) * 3} {groups} {uid == 0} {imported_by}"


@pytest.mark.parametrize(
    "options", [("--user", "nobody", "--group", str(GROUP)), ("-u", str(USER), "-g", str(GROUP), "--initgroups")]
)
def test_workers_are_who_they_should_be_and_the_master_stays_root(serve: Serve, site: Path, options: tuple[str, ...]):
    server = serve("site_of_nobody", *options, cwd=site)
    assert server.get("/").text == expected(USER, GROUP, [GROUP], imported_by=USER)
    assert os.stat(f"/proc/{server.pid}").st_uid == 0


def test_a_group_alone_is_a_group_alone(serve: Serve, site: Path):
    server = serve("site_of_nobody", "--group", str(GROUP), cwd=site)
    assert server.get("/").text == expected(0, GROUP, [GROUP], imported_by=0)


def test_what_is_preloaded_is_imported_by_the_master(serve: Serve, site: Path):
    server = serve("site_of_nobody", "--user", "nobody", "--group", str(GROUP), "--preload", cwd=site)
    assert server.get("/").text == expected(USER, GROUP, [GROUP], imported_by=0)


def test_the_path_of_a_socket_is_theirs(site: Path):
    path = site / "s"
    options = ("-u", "nobody", "-g", str(GROUP), "-m", "0177", "-b", f"unix:{path}")
    with Bound(*options, app="site_of_nobody", cwd=site) as server:
        server.errors.wait("Listening at")
        with Client(str(path)) as client:
            assert client.ask("GET", "/").status == 200
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (USER, GROUP, 0o600)
    assert not path.exists()


def test_logs_can_be_rotated(serve: Serve, site: Path):
    log, access = site / "error.log", site / "access.log"
    server = serve(
        "site_of_nobody",
        *("-u", "nobody", "-g", str(GROUP), "--error-logfile", str(log), "--access-logfile", str(access)),
        cwd=site,
        ready=None,
    )
    assert server.get("/first").status == 200
    until(lambda: "/first" in access.read_text(), "the first line")
    for path in (log, access):
        path.rename(f"{path}.1")
    server.send_signal(signal.SIGUSR1)
    until(lambda: log.exists() and access.exists(), "new files")
    (worker,) = server.worker_pids()

    def is_open_in(pid: int, path: Path) -> bool:
        return str(path) in {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}

    until(lambda: is_open_in(worker, access) and is_open_in(worker, log), "the worker to write to the new files")
    assert server.get("/second").status == 200
    until(lambda: "/second" in access.read_text(), "the second line")
    assert [os.stat(path).st_uid for path in (log, access)] == [USER, USER]
