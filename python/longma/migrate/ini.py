"""The ini files of uWSGI, read as it reads them: line by line, not as Python's configparser would.

Keys repeat and keep their order, a key may stand without a value, a comment has a line of its own, a value may hold
anything (`;`, `#`, `=`), and only the section asked for counts.
"""

from __future__ import annotations

from typing import NamedTuple

BLANK = " \t\r"


class Entry(NamedTuple):
    """One `key = value` of a section; the value is as it stands in the file."""

    name: str
    value: str
    line: int


class IniFile(NamedTuple):
    """The sections of a file, each with its entries in order; a section that comes twice goes on."""

    sections: dict[str, list[Entry]]


def read(source: str) -> IniFile:
    """Return the sections; what stands before the first belongs to one without a name, which nobody asks for."""
    sections: dict[str, list[Entry]] = {}
    section = ""
    for number, whole in enumerate(source.split("\n"), 1):
        line = whole.strip(BLANK)
        if not line or line[0] in ";#":
            continue
        if line[0] == "[":
            section = line[1:-1]
            sections.setdefault(section, [])
            continue
        name, _, value = line.partition("=")
        sections.setdefault(section, []).append(Entry(name.strip(BLANK), value.strip(BLANK), number))
    return IniFile(sections)
