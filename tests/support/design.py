"""docs/design.md as data: the floors, and the order of the modules inside each folder.

The page is the one truth; nothing here repeats what it says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.support.paths import DESIGN

FLOOR_ROW = re.compile(r"^F(\d)  (.+)$")
FOLDER_ROW = re.compile(r"^│   [├└]── (\w+)/\s+(.*)$")
FOLDER_MORE = re.compile(r"^│   │?\s{3,}(\S.*)$")
MODULE_NAME = re.compile(r"(?:([\w/]*)\{([\w,]+)\}|([\w/*]+))\.py")


class Place(NamedTuple):
    """Where a top-level module or folder stands: its floor, and how far to the right in the floor's row."""

    floor: int
    position: int
    is_folder: bool


def fenced_blocks() -> list[list[str]]:
    """The lines of each ``` block of the page."""
    blocks: list[list[str]] = []
    inside = False
    for line in DESIGN.read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
            if inside:
                blocks.append([])
        elif inside:
            blocks[-1].append(line)
    return blocks


def floor_places() -> dict[str, Place]:
    """The place of each top-level name of the package, as the floors table gives it."""
    block = next(block for block in fenced_blocks() if any("Rust (crates/)" in line for line in block))
    rust_column = next(line.index("Rust (crates/)") for line in block if "Rust (crates/)" in line)
    places: dict[str, Place] = {}
    for line in block:
        row = FLOOR_ROW.match(line[:rust_column].rstrip())
        if row is None:
            continue
        # Two spaces end the names; what follows them says what they are.
        names = re.split(r"\s{2,}", row[2])[0].split()
        for position, name in enumerate(names):
            places[name.rstrip("/")] = Place(int(row[1]), position, name.endswith("/"))
    return places


def modules_in_order() -> dict[str, list[str]]:
    """For each folder of the package the modules the tree lists, in its order; `sections/*` stays as written."""
    block = next(block for block in fenced_blocks() if any("├── python/longma/" in line for line in block))
    listed: dict[str, list[str]] = {}
    folder = None
    for line in block:
        if row := FOLDER_ROW.match(line):
            folder = row[1]
            listed[folder] = module_names(row[2])
        elif (more := FOLDER_MORE.match(line)) and folder is not None:
            listed[folder] += module_names(more[1])
        else:
            folder = None
    return listed


def module_names(text: str) -> list[str]:
    """The modules named in a line of the tree, what stands in parentheses left out, braces written out."""
    names: list[str] = []
    for braced_folder, braced, plain in MODULE_NAME.findall(re.sub(r"\([^)]*\)", "", text)):
        names += [braced_folder + name for name in braced.split(",")] if braced else [plain]
    return names
