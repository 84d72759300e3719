"""The file that `python -m longma.migrate` prints is taken by the real server, and serves."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.certificates import ready_made
from tests.support.packets import asked
from tests.support.paths import ROOT, VENV_BIN
from tests.support.server import Run, Server, environment
from tests.support.tls import secure, trusting

FILES = ROOT / "tests" / "unit" / "migrate" / "files"
APPLICATION = """
import os

def application(environ, start_response):
    names = environ["PATH_INFO"].strip("/").split(",")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\\n".join(str(environ.get(name, os.environ.get(name))) for name in names).encode()]

app = application

def make(word, times):
    return application
"""
PLACES = ("mysite/wsgi.py", "main.py", "application.py", "code/service.py")
ENVIRONMENT = {"PORT": "8000", "WORKERS": "2"}


class FromFile(Server):
    """A server that gets all it knows from its configuration file, its address too where that is a unix socket."""

    def start(self) -> None:
        """Start it in the directory of the file."""
        binds = [f"--bind=fd://{bound.fileno()}" for bound in self._listeners] if not self.options else []
        self.addresses = [*self.options] or self.addresses
        self.run([*self.command, *binds, "-c", "longma.conf.py"])


@pytest.fixture
def site(short_directory: str) -> Path:
    """A directory with an application wherever one of the files looks for it."""
    site = Path(short_directory)
    for place in (*PLACES, "run/empty", "lib/empty", "more/empty", "static/empty"):
        (site / place).parent.mkdir(exist_ok=True)
        (site / place).write_text(APPLICATION if place.endswith(".py") else "")
    shutil.copy(ready_made().path, site / "site.pem")
    shutil.copy(ready_made().key, site / "site.key")
    return site


def migrate(name: str, site: Path, env: Mapping[str, str] = ENVIRONMENT) -> Path:
    """The site's longma.conf.py, made from one of the files."""
    source = site / f"{name}.ini"
    source.write_text((FILES / f"{name}.ini").read_text().replace("ROOT", str(site)))
    command = [str(VENV_BIN / "python"), "-W", "error", "-m", "longma.migrate", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(env))
    assert done.stderr == ""
    made = site / "longma.conf.py"
    made.write_text(done.stdout)
    return made


@pytest.mark.parametrize("name", sorted(file.stem for file in FILES.glob("*.ini")))
def test_the_file_passes_the_check(name: str, site: Path):
    migrate(name, site)
    run = Run("--check-config", "-c", "longma.conf.py", cwd=site, env=ENVIRONMENT)
    assert (run.status, run.output) == (0, ""), run.errors


def test_a_site_behind_nginx(site: Path):
    """Its socket has the mode it had, the pidfile is where it was, and all is gone in the end."""
    migrate("django-behind-nginx", site)
    path = site / "django-behind-nginx.sock"
    with FromFile("", str(path), workers=3, cwd=site, env=ENVIRONMENT) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert (site / "django-behind-nginx.pid").read_text().strip() == str(server.pid)
        target = "/DJANGO_SETTINGS_MODULE,LANG,wsgi.multiprocess"
        status, _, body = asked("uwsgi", str(path), {"REQUEST_METHOD": "GET", "PATH_INFO": target})
        assert status == "200 OK"
        assert body.decode().splitlines() == ["mysite.settings", "C.UTF-8", "True"]
        assert server.stop() == 0
    assert not path.exists()
    assert not (site / "django-behind-nginx.pid").exists()


@pytest.mark.parametrize(
    ("name", "workers", "names", "said"),
    [
        ("flask-in-docker", 2, "REQUEST_METHOD", ["GET"]),
        ("several-sections", 2, "NAME_one,NAME_two,QUERY", ["one", "two", "a=b;c#d"]),
        ("mounted", 1, "COLOUR,SCRIPT_NAME,PATH_INFO", ["red", "/shop", "/COLOUR,SCRIPT_NAME,PATH_INFO"]),
        ("bare", 1, "SCRIPT_NAME", [""]),
    ],
)
def test_other_sites(name: str, workers: int, names: str, said: list[str], site: Path):
    migrate(name, site)
    ready = None if name == "several-sections" else "Booting worker with pid"  # its log is a file
    with FromFile("", workers=workers, cwd=site, env=ENVIRONMENT, ready=ready) as server:
        mount = "/shop" if name == "mounted" else ""
        assert server.get(f"{mount}/{names}").text.split("\n") == said
        if name == "flask-in-docker":
            line = server.access.wait('"status":200')[0]
            assert '"line":"GET /REQUEST_METHOD HTTP/1.1"' in line
    if name == "several-sections":
        assert "Booting worker with pid" in (site / "uwsgi.log").read_text()
        assert '"GET /NAME_one,NAME_two,QUERY HTTP/1.1" 200' in (site / "uwsgi.log").read_text()


def test_a_site_with_tls_and_files_of_its_own(site: Path):
    migrate("tls-and-files", site)
    (site / "static" / "index.html").write_text("files")
    with FromFile("", cwd=site, env=ENVIRONMENT) as server, secure(server, trusting(ready_made())) as client:
        answer = client.ask("GET", "/static/")
        assert (answer.text, answer.one("Cache-Control")) == ("files", "public, max-age=3600")
        assert client.ask("GET", "/wsgi.url_scheme").text == "https"
        assert client.ask("GET", "/static/SERVER_PORT").status == 200  # the application's, where there is no file
