"""Which version of a library is installed, and whether it is new enough for its worker class."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from longma.workers.extras import EXTRAS, lacking, numbers, version
from tests.support.paths import ROOT


def test_the_lowest_versions_are_those_of_the_extras():
    project = (ROOT / "pyproject.toml").read_text()
    rows = re.findall(r'^(\w+) = \["\w+>=([\d.]+)"\]$', project, re.MULTILINE)
    asked = {name: numbers(lowest) for name, lowest in rows}
    assert {name: extra.lowest for name, extra in EXTRAS.items()} == {name: asked[name] for name in EXTRAS}


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_installed_here_will_do(name: str):
    assert lacking(name) is None


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("gevent-22.10.2.dist-info", "22.10.2"),
        ("gevent-22.10.2.egg-info", "22.10.2"),
        ("gevent-22.10.2-py3.11.egg-info", "22.10.2"),
        ("Gevent-24.2.1.dev3.dist-info", "24.2.1.dev3"),
        ("gevent-websocket-0.10.1.dist-info", None),
        ("gevent_socketio-0.3.dist-info", None),
        ("gevent", None),
    ],
)
def test_a_version_is_read_off_its_record(tmp_path: Path, record: str, found: str | None):
    (tmp_path / record).mkdir()
    assert version("gevent", [str(tmp_path), "/absent"]) == found


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        (["23.9.1"], "needs gevent 24 or newer, and 23.9.1 is installed"),
        (["24.2.1"], ""),
        (["24.10.1.dev0"], ""),
        (["9.0", "25.1"], ""),  # an uninstallation that broke off
        ([], ""),
    ],
)
def test_an_old_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str], words: str | None
):
    (tmp_path / "gevent").mkdir()
    (tmp_path / "gevent" / "__init__.py").write_text("raise SystemExit('imported')")
    for one in installed:
        (tmp_path / f"gevent-{one}.dist-info").mkdir()
    monkeypatch.delitem(sys.modules, "gevent", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert lacking("gevent") == (f'{words}: pip install "longma[gevent]"' if words else None)
