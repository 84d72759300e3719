"""`python -m longma.migrate FILE[:SECTION]` prints the longma.conf.py that does what a uWSGI ini file says."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from longma.errors import LongmaError, OperatorError, UsageError
from longma.migrate.expand import Place, expand, placeholders_used
from longma.migrate.ini import read
from longma.migrate.page import page
from longma.migrate.translate import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.ini import Entry, IniFile

USAGE: Final = "usage: python -m longma.migrate FILE[:SECTION] > longma.conf.py"
OTHER_FORMATS: Final = (".xml", ".yaml", ".yml", ".json", ".js")
DEFAULT_SECTION: Final = "uwsgi"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(f"{__doc__}\n\n{USAGE}\n")
        return 0
    try:
        if len(arguments) != 1:
            raise UsageError(USAGE)
        sys.stdout.write(convert(arguments[0]))
    except LongmaError as error:
        words = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in str(error))
        sys.stderr.write(f"longma: error: {words}\n")
        return error.exit_status
    return 0


def convert(given: str) -> str:
    """Return the new file.

    Raises:
        LongmaError: the old one cannot be read.
    """
    path, section = divided(given)
    if path.lower().endswith(OTHER_FORMATS):
        raise UsageError(
            f"{path}: only ini files are read; uWSGI itself can say what another one holds: uwsgi --show-config"
        )
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            source = file.read()
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from None
    ini = read(source)
    entries = gathered(ini, section)
    if not entries:
        there = ", ".join(f"[{name}]" for name in ini.sections if name) or "none"
        raise OperatorError(f"{path}: there is nothing in a section [{section}]; its sections: {there}")
    place = Place(os.path.abspath(path), path, section if path != given else "")
    outcome = translate(expand(entries, place), placeholders_used(entries))
    return page(outcome, os.path.basename(path), notes(ini, entries, section))


def divided(given: str) -> tuple[str, str]:
    """The path and the section of `FILE:SECTION`."""
    path, colon, section = given.rpartition(":")
    if colon and path and "/" not in section:
        return path, section or DEFAULT_SECTION
    return given, DEFAULT_SECTION


def gathered(ini: IniFile, section: str, seen: frozenset[str] = frozenset()) -> list[Entry]:
    """The entries of a section, with those of the sections that `ini = :NAME` loads in their place."""
    entries: list[Entry] = []
    for entry in ini.sections.get(section, []):
        name = entry.value.removeprefix(":")
        if entry.name == "ini" and entry.value.startswith(":") and name in ini.sections and name not in seen:
            entries += gathered(ini, name, seen | {section})
        else:
            entries.append(entry)
    return entries


def notes(ini: IniFile, entries: Sequence[Entry], section: str) -> list[str]:
    """What is to be said of the file as a whole: sections that were not read."""
    loaded = {entry.line for entry in entries}
    unread = [
        name
        for name, own in ini.sections.items()
        if name not in ("", section) and not any(e.line in loaded for e in own)
    ]
    listed = ", ".join(f"[{name}]" for name in unread)
    return [f"Not read, as uWSGI does not read it either: {listed}."] if unread else []


if __name__ == "__main__":
    raise SystemExit(main())
