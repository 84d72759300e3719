"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT, shown

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/*/README.md")]
)
PAGES = [page for page in PAGES if not {".venv", ".bench", "target"} & set(page.parts)]
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|rs|toml|md|sh)")
TOP_FOLDERS = ("python", "crates", "tests", "fuzz", "bench", "docs", "examples", "deploy", "tools", ".ci")


def paths_named(text: str) -> set[str]:
    """What the page's inline code names of this repository: paths from its root."""
    spans = CODE.findall(FENCED.sub("", text))
    return {span for span in spans if PATH.fullmatch(span) and span.split("/")[0] in TOP_FOLDERS and "/" in span}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_paths_in_the_documents_are_real(page: Path):
    assert [path for path in sorted(paths_named(page.read_text())) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_between_the_documents_are_real(page: Path):
    links = [
        link for link in LINK.findall(FENCED.sub("", page.read_text())) if "://" not in link and "mailto:" not in link
    ]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_begins_with_the_two_commands():
    start = (ROOT / "README.md").read_text()[:1200]
    assert "make serve" in start
    assert "make test" in start
