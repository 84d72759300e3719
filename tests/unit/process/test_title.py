"""What `ps` shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from longma.process.title import set_title
from tests.unit.process.children import exit_code, fork


def test_nothing_happens_without_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    set_title("longma: master [app]")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_title_is_what_the_system_shows():
    def run() -> None:
        set_title("longma: worker [app:application]")
        shown = Path("/proc/self/cmdline").read_bytes().rstrip(b"\0")
        assert shown == b"longma: worker [app:application]"

    assert exit_code(fork(run)) == 0
