"""The page about the control socket: its commands are called, its client asks."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from longma.control.commands import HELP
from tests.support.control import program
from tests.support.pages import blocks, code_in, rows
from tests.support.paths import ROOT
from tests.support.server import Server

PAGE = ROOT / "docs" / "control.md"


def test_every_command_is_told_of():
    told = [code_in(row[0])[0].replace("\\|", "|") for row in rows(PAGE, "longmactl")]
    assert sorted(told) == sorted(HELP)


def test_the_commands_of_the_page_are_obeyed(serve: Callable[..., Server], tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("control_socket = 'run/shop.ctl'\n")
    env = {"PYTHONPATH": str(ROOT)}
    serve("tests.apps.answers", cwd=tmp_path, env=env)
    (block,) = blocks(PAGE, "sh")
    for line in block.commands:
        name, *arguments = shlex.split(line)
        status, output, errors = program(name, *arguments, cwd=tmp_path)
        assert (status, errors) == (0, ""), line
        assert output, line
    _, client = blocks(PAGE, "python")
    page: dict[str, Callable[[str, str], dict[str, object]]] = {}
    exec(client.text, page)
    answer = page["ask"](str(tmp_path / "run" / "shop.ctl"), "worker remove 2")
    assert answer == {"id": 1, "status": "ok", "data": {"removed": 2, "previous": 3, "total": 1}}
