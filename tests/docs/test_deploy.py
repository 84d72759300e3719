"""The files of deploy/ and the pages about them: blocks are lines of the files, commands those of the programs."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import pytest

from longma.config.arguments import parse
from longma.config.settings import table
from tests.support.pages import Block, blocks, code_in, rows
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
PAGES = ROOT / "docs" / "deploy"
# Which folder of deploy/ a heading is about.
FILES = {
    "systemd": "systemd",
    "The socket": "systemd",
    "Supervisor": "supervisor",
    "runit": "runit",
    "Circus": "circus",
    "Gaffer": "gaffer",
    "Upstart": "upstart",
    "Docker": "docker",
    "A rolling update without a lost request": "kubernetes",
    "The autoscaler": "kubernetes",
}
OURS = ("systemd", "supervisors", "docker", "kubernetes")  # whose blocks are taken from files
QUOTED = [block for page in OURS for block in blocks(PAGES / f"{page}.md") if block.language != "sh"]
PROGRAMS = {"install", "systemctl", "supervisorctl", "sv", "circusctl", "docker", "kubectl"}
STANZAS = {
    "description": 1, "start": None, "stop": None, "respawn": None, "reload": 2, "kill": 2, "setuid": 1, "setgid": 1,
    "chdir": 1, "limit": 3, "console": 1, "exec": None,
}  # fmt: skip


def lines_of(text: str) -> list[str]:
    """The lines that are neither empty nor comments."""
    return [line for line in text.splitlines() if line and not line.startswith(("#", ";"))]


def quotes(block: Block, path: Path) -> bool:
    """Whether the lines of a block stand in a file, in that order; the page may leave some out."""
    rest = iter(lines_of(path.read_text()))
    return all(line in rest for line in lines_of(block.text))


@pytest.mark.parametrize("block", QUOTED, ids=lambda block: block.name)
def test_a_block_is_taken_from_the_file_that_is_shipped(block: Block):
    files = [path for path in (DEPLOY / FILES[block.heading]).rglob("*") if path.is_file()]
    assert any(quotes(block, path) for path in files)


@pytest.mark.parametrize("page", OURS)
def test_commands_are_those_of_the_supervisors(page: str):
    for block in blocks(PAGES / f"{page}.md", "sh"):
        if block.text.startswith("#!"):
            assert block.text == (DEPLOY / "runit" / "run").read_text()
            continue
        assert {shlex.split(line)[0] for line in block.commands} <= PROGRAMS


@pytest.mark.parametrize(
    "path", [path for path in DEPLOY.rglob("*") if path.is_file()], ids=lambda path: str(path.relative_to(DEPLOY))
)
def test_longma_is_started_with_options_that_it_has(path: Path):
    for command in re.findall(r"^(?:.*[= ])?/srv/shop/venv/bin/longma (.*)$", path.read_text(), re.MULTILINE):
        parse(shlex.split(command.replace("$(circus.sockets.web)", "3")), table())


def test_the_supervisors_wait_longer_than_the_workers_may_take():
    limit = table()["graceful_timeout"].default
    for name, found in (
        ("supervisor/longma.conf", r"^stopwaitsecs=(\d+)$"),
        ("circus/circus.ini", r"^graceful_timeout = (\d+)$"),
        ("gaffer/gaffer.ini", r"^graceful_timeout = (\d+)$"),
        ("upstart/longma.conf", r"^kill timeout (\d+)$"),
    ):
        seconds = re.search(found, (DEPLOY / name).read_text(), re.MULTILINE)
        assert seconds is not None, name
        assert int(seconds[1]) > limit


def test_the_file_for_gaffer_is_as_its_documentation_has_it():
    parsed = configparser.ConfigParser(inline_comment_prefixes=(";",))
    parsed.read(DEPLOY / "gaffer" / "gaffer.ini")
    known = {"cmd", "cwd", "uid", "gid", "numprocesses", "redirect_output", "graceful_timeout"}
    assert set(parsed["process:longma"]) == known
    assert f"endpoint:{parsed['gaffer']['http_endpoints']}" in parsed


def test_the_file_for_upstart_has_stanzas_that_there_were():
    for line in lines_of((DEPLOY / "upstart" / "longma.conf").read_text()):
        stanza, *arguments = shlex.split(line)
        assert STANZAS[stanza] in (None, len(arguments)), line


def test_the_figures_of_the_page_are_those_that_the_engine_writes():
    told = {name for row in rows(PAGES / "metrics.md", "Metrics") for name in re.findall(r"longma_\w+", row[0])}
    source = (ROOT / "crates" / "engine" / "src" / "own" / "metrics.rs").read_text()
    counters = {f"longma_{name}_total" for name in re.findall(r'^    \(Word::\w+, "(\w+)"', source, re.MULTILINE)}
    families = {f"longma_{name}" for name in re.findall(r'\.(?:family|gauge)\("(\w+)"', source)}
    assert told == counters | families | {"longma_workers_started_total"}


def test_the_commands_of_the_page_on_metrics_are_longmas():
    for block in blocks(PAGES / "metrics.md", "sh"):
        for line in block.commands:
            program, *arguments = shlex.split(line)
            assert program == "longma"
            parse(arguments, table())


def test_the_deadlines_for_slow_clients_are_the_defaults():
    for _, _, names, values in rows(PAGES / "slow-clients.md", "Slow clients"):
        defaults = [table()[name].default for name in code_in(names)]
        assert [float(value) for value in values.split(", ")] == [float(default) for default in defaults]
