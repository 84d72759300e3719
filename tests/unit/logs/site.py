"""A process of its own, in which the standard library's logging can be imported, set up and broken at will."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

START = """
import os, sys
from longma.config.settings import Settings
from longma.logs.setup import open_error_log
log = open_error_log(Settings({settings!r}))
"""
LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[(\d+)\] \[([A-Z]+)\] (.*)$", re.MULTILINE)


class Site:
    """Runs code in a process of its own, after the logs were opened there as `log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error_log = folder / "error.log"
        self.access_log = folder / "access.log"

    def run(self, code: str, **settings: object) -> str:
        """What the code prints; it must end well, and say nothing on standard error."""
        given = {"errorlog": str(self.error_log), **settings}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", START.format(settings=given) + code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert (done.stderr, done.returncode) == ("", 0), done.stderr
        return done.stdout

    def records(self) -> list[tuple[str, ...]]:
        """(pid, level, text) of each record of the error log."""
        return LINE.findall(self.error_log.read_text())

    def said(self) -> list[tuple[str, ...]]:
        """(level, text) of each record of the error log."""
        return [record[1:] for record in self.records()]
