"""What `--help` prints, by argparse, from the table. Only `--help` imports this.

Reading the command line is the business of `arguments.py`; the tests hold the two to the same grammar.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from longma.config.option import rows
from longma.config.settings import SECTIONS

if TYPE_CHECKING:
    from longma.config.option import Option


def build() -> argparse.ArgumentParser:
    """Return argparse's parser of the table. Options that are not given stay out of its result."""
    parser = argparse.ArgumentParser(
        prog="longma",
        usage="%(prog)s [OPTIONS] [APP_MODULE]",
        description="Serve a WSGI application.",
        epilog="Every setting can be given in a configuration file as well, some, such as hooks, only there: "
        "longma --print-config shows each by its name, with its value and where that comes from. The exit status is 0 "
        "after a stop, 1 when a setting or the machine is at fault, 2 when the command line cannot be read, and 3 or 4 "
        "when the application cannot be loaded.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-v", "--version", action="version", help="show the version and exit")
    parser.add_argument(
        "wsgi_app",
        nargs="?",
        metavar="APP_MODULE",
        help="the application, MODULE:NAME or MODULE:FACTORY(ARGUMENTS); NAME is application unless given",
    )
    for section in SECTIONS:
        group = parser.add_argument_group(section.title)
        for row in rows(section):
            if row.cli:
                group.add_argument(*row.cli, dest=row.name, help=_help(row).replace("%", "%%"), **_how(row))
    return parser


def _how(row: Option[Any]) -> dict[str, Any]:
    if row.words:
        return {"nargs": "?", "const": row.constant, "metavar": row.kind.metavar}
    if row.constant is not None:
        return {"action": "store_const", "const": row.constant}
    action = "append" if row.repeat else "store"
    return {"action": action, "type": row.kind.text, "metavar": row.kind.metavar}


def _help(row: Option[Any]) -> str:
    words = row.doc.replace("`", "")
    if row.inert:
        words += f" No effect: {row.inert}."
    if row.constant is not None and not row.words:
        return words if row.constant else f"Switch this off: {words[0].lower()}{words[1:]}"
    if row.default in (None, "", ()):
        return words
    shown = ", ".join(row.default) if isinstance(row.default, tuple) else row.default_in_words.strip("`'")
    return f"{words} [{shown}{' ' + row.unit if row.unit else ''}]"
