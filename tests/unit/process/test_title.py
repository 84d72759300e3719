"""What `ps` shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from longma.process.title import set_title
from tests.unit.process.children import exit_code, fork


def own_title() -> str:
    return Path("/proc/self/cmdline").read_bytes().rstrip(b"\0").decode()


@pytest.mark.parametrize("installed", ["nothing", "a package without its compiled half", "one compiled for another"])
def test_nothing_happens_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str):
    monkeypatch.delitem(sys.modules, "setproctitle._setproctitle", raising=False)
    if installed != "nothing":
        (tmp_path / "setproctitle").mkdir()
        (tmp_path / "setproctitle" / "__init__.py").touch()
    if installed == "one compiled for another":
        (tmp_path / "setproctitle" / "_setproctitle.abi3.so").write_bytes(b"\x7fELF")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def run() -> None:
        before = own_title()
        set_title("longma: master [app]")
        assert own_title() == before

    assert exit_code(fork(run)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_title_is_what_the_system_shows():
    def run() -> None:
        for title in ("longma: master [app]", "longma: worker [app:application]"):
            set_title(title)
            assert own_title() == title

    assert exit_code(fork(run)) == 0


PROGRAM = """
import sys
from longma.process.title import set_title
set_title("a title")
heavy = {"logging", "traceback", "threading"} & set(sys.modules)
assert not heavy, heavy
import setproctitle
assert setproctitle.getproctitle() == "a title"
"""


def test_it_brings_nothing_heavy_and_the_application_finds_the_same_package():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
