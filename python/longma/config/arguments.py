"""The command line, and the two variables that hold more of it: `GUNICORN_CMD_ARGS` and `LONGMA_CMD_ARGS`.

The grammar is argparse's, because it is Gunicorn's: options and the application in any order, `--name=value`, prefixes
that are unique. This module is imported when settings are read and not before.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from longma import __version__
from longma.config.later import LATER
from longma.config.layer import Layer, Source
from longma.config.nearest import nearest
from longma.config.option import rows
from longma.config.settings import SECTIONS
from longma.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longma.config.option import Option

_APPLICATION = "wsgi_app"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(arguments: Sequence[str]) -> Layer:
    """Return what the command line sets.

    Raises:
        UsageError: it cannot be read.
        SystemExit: it asked for help or for the version, which have been printed.
    """
    return _layer(arguments, Source("command line"))


def parse_variable(name: str, environ: Mapping[str, str]) -> Layer:
    """Return what an environment variable that holds arguments sets.

    Raises:
        UsageError: it cannot be read; the message begins with the variable's name.
    """
    source = Source(name)
    if not environ.get(name, "").strip():
        return Layer({}, lambda _: source)
    import shlex

    try:
        return _layer(shlex.split(environ[name]), source)
    except (UsageError, ValueError) as error:
        raise UsageError(f"{name}: {error}") from None


def _layer(arguments: Sequence[str], source: Source) -> Layer:
    parser = build()
    namespace, extra = parser.parse_known_args(list(arguments))
    if extra:
        raise UsageError(_unknown(extra, parser))
    return Layer(vars(namespace), lambda _: source)


def _unknown(extra: list[str], parser: argparse.ArgumentParser) -> str:
    """Return the message about arguments that fit nowhere; a slip in a flag is likelier than a second application."""
    flag = next((word for word in extra if word.startswith("-")), "").partition("=")[0]
    if not flag:
        return f"{extra[0]!r} is one argument too many: the application is named once, the rest are options"
    known = [spelled for action in parser._actions for spelled in action.option_strings if spelled.startswith("--")]
    near = nearest(flag, known) if flag.startswith("--") else ""
    return f"there is no option {flag}" + (f"; did you mean {near}?" if near else "; longma --help lists them")


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole table, with Gunicorn's flags that are still to come hidden in it."""
    parser = _Parser(
        prog="longma",
        usage="%(prog)s [OPTIONS] [APP_MODULE]",
        description="Serve a WSGI application.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-v", "--version", action="version", version=f"longma (version {__version__})")
    parser.add_argument(
        _APPLICATION,
        nargs="?",
        metavar="APP_MODULE",
        help="the application, MODULE:NAME or MODULE:FACTORY(ARGUMENTS); NAME is application unless given",
    )
    for section in SECTIONS:
        group = parser.add_argument_group(section.title)
        for row in rows(section):
            if row.cli:
                group.add_argument(*row.cli, dest=row.name, help=_help(row), **_how(row))
    _add_later(parser)
    return parser


def _how(row: Option[Any]) -> dict[str, Any]:
    if row.constant is not None:
        return {"action": "store_const", "const": row.constant}
    action = "append" if row.repeat else "store"
    # argparse names the type in its message, "invalid int value"; str has nothing to refuse.
    return {"action": action, "type": row.kind.text, "metavar": row.kind.metavar}


def _help(row: Option[Any]) -> str:
    words = row.doc.replace("`", "").replace("%", "%%")
    if row.constant is not None:
        return words if row.constant else f"Switch this off: {words[0].lower()}{words[1:]}"
    if row.default in (None, ""):
        return words
    shown = row.kind.show(row.default).strip("[]'").replace("%", "%%")
    return f"{words} [{shown}{' ' + row.unit if row.unit else ''}]"


def _add_later(parser: argparse.ArgumentParser) -> None:
    for row in LATER:
        if not row.flags:
            continue
        how: dict[str, Any] = {"dest": row.name, "help": argparse.SUPPRESS}
        if isinstance(row.default, bool):
            how["action"] = "store_true"
        elif row.repeat:
            how["action"] = "append"
        elif row.bare:
            how.update(nargs="?", const=row.bare)
        parser.add_argument(*row.flags, **how)
