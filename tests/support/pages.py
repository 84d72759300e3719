"""The documents as data: their code blocks, and the rows of their tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

GUIDES = tuple(ROOT / "docs" / f"{name}.md" for name in ("signals", "hooks", "workers", "from-gunicorn", "from-uwsgi"))
HEADING = re.compile(r"^#+ (.+)$")
FENCE = re.compile(r"^```(\w*)$")
CODE = re.compile(r"`([^`]+)`")


class Block(NamedTuple):
    """A code block: its language, its text, and the page and heading it stands under."""

    page: Path
    heading: str
    language: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """Where it is, for the name of a test."""
        return f"{self.page.stem}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, without their comments."""
        lines = (line.partition("    #")[0].strip() for line in self.text.splitlines())
        return [line for line in lines if line]


def blocks(page: Path, language: str | None = None, heading: str | None = None) -> list[Block]:
    """The code blocks of a page, all or those of a language or under a heading."""
    found: list[Block] = []
    under, opened, start = "", "", 0
    inside: list[str] | None = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if inside is not None:
            if fence and not fence[1]:
                found.append(Block(page, under, opened, "\n".join(inside) + "\n", start))
                inside = None
            else:
                inside.append(line)
        elif fence:
            inside, opened, start = [], fence[1], number
        elif heads := HEADING.match(line):
            under = heads[1]
    return [block for block in found if language in (None, block.language) and heading in (None, block.heading)]


def rows(page: Path, heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cell by cell, without its head."""
    under, table = "", []
    for line in page.read_text().splitlines():
        if heads := HEADING.match(line):
            under = heads[1]
        elif under == heading and line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return [[cell.strip("| ") for cell in row] for row in table[2:]]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    under, lines = "", []
    for line in page.read_text().splitlines():
        if heads := HEADING.match(line):
            under = heads[1]
        elif under == heading:
            lines.append(line)
    return "\n".join(lines)


def code_in(text: str) -> list[str]:
    """What stands between backquotes."""
    return CODE.findall(text)
