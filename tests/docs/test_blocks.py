"""Every code block of the guides is tried: files are served, commands are read as the program reads them."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.arguments import parse
from longma.config.settings import table
from longma.migrate.__main__ import convert
from tests.support.pages import GUIDES, Block, blocks
from tests.support.paths import ROOT, VENV_BIN
from tests.support.server import Run, Server, environment

Serve = Callable[..., Server]
ALL = [block for page in GUIDES for block in blocks(page)]
LANGUAGES = {"sh", "python", "ini", "nginx", "logrotate", "text"}
COMMANDS = {"longma", "kill", "pip", "python"}
APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
"""


def of(language: str) -> pytest.MarkDecorator:
    found = [block for block in ALL if block.language == language]
    return pytest.mark.parametrize("block", found, ids=lambda block: block.name)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the application that the guides serve."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "wsgi.py").write_text(APPLICATION)
    return tmp_path


def is_known(line: str) -> bool:
    """Whether a line of shell is one of the commands that the guides use, with options that exist."""
    command, *arguments = shlex.split(line.partition(">")[0])
    if command == "longma":
        parse([word for word in arguments if word != "--check-config"], table())
    elif command == "kill":
        return arguments[0].removeprefix("-") in ("HUP", "USR1", "USR2", "WINCH", "QUIT", "TERM", "TTIN", "TTOU")
    elif command == "pip":
        return arguments == ["install", "longma"]
    elif command == "python":
        return arguments[:2] == ["-m", "longma.migrate"]
    return command in COMMANDS


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.name)
def test_a_block_has_a_language(block: Block):
    assert block.language in LANGUAGES


@of("sh")
def test_shell_is_shell_of_known_commands(block: Block):
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    assert [line for line in block.commands if not is_known(line)] == []


@of("python")
def test_a_configuration_file_passes_the_check_and_serves(serve: Serve, block: Block, site: Path):
    file = site / "longma.conf.py"
    file.write_text(block.text)
    run = Run("--check-config", "-c", "longma.conf.py", "shop.wsgi", cwd=site, env={"PORT": "8000"})
    assert (run.status, run.output, run.errors) == (0, "", "")
    server = serve("shop.wsgi", "-c", "longma.conf.py", cwd=site, env={"PORT": "8000"})
    assert server.get("/").text == "served"


def test_the_recipe_for_devices_is_the_example():
    (recipe,) = blocks(ROOT / "docs" / "hooks.md", "python", "A GPU for each worker")
    assert recipe.text == (ROOT / "examples" / "gpu" / "longma.conf.py").read_text()


def test_the_migrated_file_is_what_the_program_prints(tmp_path: Path):
    page = ROOT / "docs" / "from-uwsgi.md"
    (source,), (made,) = blocks(page, "ini"), blocks(page, "python")
    file = tmp_path / "uwsgi.ini"
    file.write_text(source.text)
    assert convert(str(file)) == made.text


def test_the_commands_of_a_migration(serve: Serve, site: Path):
    """The first commands of the page, executed."""
    (block,) = blocks(ROOT / "docs" / "from-uwsgi.md", "sh")
    (source,) = blocks(ROOT / "docs" / "from-uwsgi.md", "ini")
    (site / "uwsgi.ini").write_text(source.text)
    env = environment({"PORT": "8000"})
    env["PATH"] = f"{VENV_BIN}{os.pathsep}{env['PATH']}"
    for line in block.commands[:-1]:
        subprocess.run(["bash", "-c", line], cwd=site, env=env, check=True, capture_output=True)
    server = serve("shop.wsgi", *shlex.split(block.commands[-1])[1:], workers=4, cwd=site, env={"PORT": "8000"})
    assert server.get("/").text == "served"


@of("ini")
def test_a_unit_starts_longma_with_options_it_has(block: Block):
    unit = configparser.RawConfigParser(strict=False, allow_no_value=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.text)
    if not unit.has_section("Service"):
        return
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/longma")
    parse(arguments, table())
    assert is_known(service["ExecReload"].removeprefix("/bin/"))
    assert service["Type"] == "notify"
    assert float(service["TimeoutStopSec"]) > table()["graceful_timeout"].default


@of("logrotate")
def test_the_rotation_sends_a_signal(block: Block):
    lines = [line.strip() for line in block.text.splitlines()]
    assert is_known(lines[lines.index("postrotate") + 1])
