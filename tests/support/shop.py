"""The site that the files in deploy/ are written for, laid out in a directory of the test instead of /srv/shop."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tests.support.http import Client, Response
from tests.support.paths import ROOT
from tests.support.server import LONGMA

DEPLOY = ROOT / "deploy"
APPLICATION = """\
from tests.apps.answers import application as answers


def application(environ, start_response):
    environ.setdefault("REMOTE_PORT", "")  # a client of a Unix socket has none
    return answers(environ, start_response)
"""


class Shop:
    """The site in a directory with a short name: its package, its configuration, its logs, and where it listens.

    Attributes:
        directory: what stands for /srv/shop.
        address: the Unix socket that stands for 0.0.0.0:8000.
    """

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self.address = f"{directory}/web"
        (self.directory / "shop").mkdir()
        (self.directory / "log").mkdir()
        (self.directory / "shop" / "wsgi.py").write_text(APPLICATION)
        self.configure(2)

    def configure(self, workers: int) -> None:
        """Write the configuration file that is shipped, with so many workers."""
        text = self.shipped("longma.conf.py").replace('"auto"', str(workers))
        (self.directory / "longma.conf.py").write_text(f"{text}pidfile = {str(self.directory / 'pid')!r}\n")

    def shipped(self, name: str) -> str:
        """The text of a file of deploy/, with the paths, the user and the address of this site."""
        text = (DEPLOY / name).read_text()
        user = pwd.getpwuid(os.getuid()).pw_name
        for there, here in (
            ("/srv/shop/venv/bin/longma", str(LONGMA)),
            ("/srv/shop", str(self.directory)),
            ("/var/log/shop", f"{self.directory}/log"),
            ("0.0.0.0:8000", f"unix:{self.address}"),
            ("user=shop", f"user={user}"),
            ("-u shop:shop", f"-u {user}"),
            ("uid = shop", f"uid = {user}"),
            ("gid = shop", f"gid = {os.getgid()}"),
        ):
            text = text.replace(there, here)
        return text

    def install(self, name: str, where: str) -> Path:
        """Write a file of deploy/ into the site, with the mode that it has there."""
        path = self.directory / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.shipped(name))
        path.chmod((DEPLOY / name).stat().st_mode & 0o777)
        return path

    def client(self) -> Client:
        """A new connection."""
        return Client(self.address)

    def get(self, target: str) -> Response:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask("GET", target)

    def answers(self) -> bool:
        """Whether somebody serves there."""
        try:
            return self.get("/hello").status == 200
        except (ConnectionError, FileNotFoundError):
            return False

    def master(self) -> int:
        """The master's number by its pidfile; 0 while there is none."""
        try:
            return int((self.directory / "pid").read_text())
        except FileNotFoundError:
            return 0

    def log(self, name: str) -> str:
        """What a log of the site says so far."""
        path = self.directory / "log" / name
        return path.read_text() if path.exists() else ""
