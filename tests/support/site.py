"""A site in a folder of the test: an application and a configuration file that can be changed while it runs."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.server import Server

# Only then has a worker read the application's file.
SERVES = r"Worker \(pid:\d+\) serves"
APPLICATION = """\
import os

{before}

VERSION = {version!r}


def application(environ, start_response):
    if environ["PATH_INFO"] == "/pid":
        body = str(os.getpid())
    elif environ["PATH_INFO"].startswith("/env/"):
        body = os.environ.get(environ["PATH_INFO"][5:], "(unset)")
    else:
        body = VERSION
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
"""


class Site:
    """The folder: `shop.py`, since `site` is the interpreter's own, and `longma.conf.py`.

    Attributes:
        app: what to serve.
    """

    app = "shop"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write("one")
        self.configure("")

    def write(self, version: str, *, before: str = "") -> None:
        """Let the application say `version`; `before` is code that is run first as it is loaded."""
        self.replace("shop.py", APPLICATION.format(version=version, before=before))

    def configure(self, text: str) -> None:
        self.replace("longma.conf.py", text)

    def replace(self, name: str, text: str) -> None:
        """Write a file at once, as an editor does, and with a size that its compiled form does not fit any more."""
        path = self.directory / name
        size = path.stat().st_size if path.exists() else 0
        if len(text.encode()) == size:
            text += "\n"
        whole = self.directory / f"{name}.new"
        whole.write_text(text)
        os.replace(whole, path)

    def path(self, name: str) -> Path:
        return self.directory / name


class SiteServer(Server):
    """A server of a site that binds what its configuration file says, first of all the Unix socket `path`."""

    def __init__(self, site: Site, *options: str, path: str | os.PathLike[str], workers: int = 1, **env: str) -> None:
        super().__init__(
            site.app,
            "--log-level=debug",
            *options,
            workers=workers,
            cwd=site.directory,
            env={"PYTHONPATH": str(ROOT), **env},
            ready=SERVES,
        )
        for bound in self._listeners:
            bound.close()
        self._listeners = []
        self.addresses = [os.fspath(path)]

    def start(self) -> None:
        """Start it with nothing but its file and its options."""
        workers = [] if self.workers == 1 else [f"--workers={self.workers}"]
        self.run([*self.command, "-c", "longma.conf.py", *workers, *self.options, self.app])
