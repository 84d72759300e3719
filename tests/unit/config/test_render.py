"""The page of settings is the table's, and `--print-config` can be pasted into a file."""

from __future__ import annotations

import shlex
from pathlib import Path

from longma.config import render
from longma.config.resolve import resolve
from longma.config.settings import Settings, table
from tests.support.paths import ROOT


def test_the_page_has_not_drifted_from_the_table():
    written = (ROOT / "docs" / "settings.md").read_text()
    assert written == render.page(), "run: python -m longma.config.render > docs/settings.md"


def test_every_setting_has_its_heading():
    page = render.page()
    assert [line[5:-1] for line in page.splitlines() if line.startswith("### `")] == list(table())


def test_a_listing_says_where_each_value_comes_from(tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("\nkeepalive = 2.5\n")
    lines = render.listing(resolve(shlex.split("-b a:1 -b b:2 -m 022"), {"WEB_CONCURRENCY": "3"}, str(tmp_path)))
    found = dict(line.split("  # ") for line in (" ".join(line.split(" ")) for line in lines.splitlines()))
    sources = {assignment.strip(): source for assignment, source in found.items()}
    assert sources["bind = ['a:1', 'b:2']"] == "command line"
    assert sources["keepalive = 2.5"] == "longma.conf.py, line 2"
    assert sources["timeout = 30"] == "default"
    assert sources["umask = 0o22"] == "command line"
    assert sources["workers = 3"] == "environment variable WEB_CONCURRENCY"


def test_a_function_is_a_comment_of_the_listing(tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("def post_fork(server, worker):\n    pass\n")
    lines = render.listing(resolve([], {}, str(tmp_path))).splitlines()
    assert "# post_fork = <post_fork()> # longma.conf.py, line 1" in {" ".join(line.split()) for line in lines}
    assert [line.split()[0] for line in lines if not line.startswith("#")] == sorted(set(table()) - {"post_fork"})


def test_a_listing_is_a_configuration_file(tmp_path: Path):
    wanted = resolve(shlex.split("-b a:1 -t 0.5 -m 022 --no-sendfile app:app"), {}, str(tmp_path))
    (tmp_path / "longma.conf.py").write_text(render.listing(wanted))
    found = resolve([], {}, str(tmp_path))
    assert found.settings == Settings({**wanted.settings.as_mapping(), "config": "longma.conf.py"})
    assert found.notices == ()
