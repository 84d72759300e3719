"""The new configuration file as text.

A setting that the running version does not have, or a value that it refuses, is written as a comment with the reason:
what is printed always passes `longma --check-config`.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from longma.config.settings import table
from longma.migrate.translate import merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.outcome import Outcome, Remark, Setting

WIDTH: Final = 112
LITERAL: Final = re.compile(r"(\d+|True|False|\"[^\"\\]*\")")
MODULES: Final = ("grp", "os", "pathlib", "pwd", "time")
# Whether these are right is told by the machine that serves, not by the one the tool runs on.
OF_THE_MACHINE: Final = frozenset(
    {"chdir", "user", "group", "paste", "pidfile", "errorlog", "accesslog", "pythonpath", "static"}
)
LATER: Final = "this version does not have it yet"
OF_THE_CLASS: Final = "for the worker class above"

HEAD: Final = """\
# longma.conf.py, made from {source} by python -m longma.migrate.
# Check it, and see what every setting is in the end:
#   longma --check-config -c longma.conf.py
#   longma --print-config -c longma.conf.py
"""


def page(outcome: Outcome, source: str, notes: Sequence[str]) -> str:
    """Return the file."""
    settings = merged(outcome.settings)
    lines = [HEAD.format(source=source)]
    lines += [comment(note) for note in notes]
    used = " ".join(made.code for made in settings)
    imports = [name for name in MODULES if re.search(rf"\b{name}\.", used)]
    if imports:
        lines.append("".join(f"import {name}\n" for name in imports))
    without_class = any(made.name == "worker_class" and refusal(made) for made in settings)
    lines += [assignment(made, refused_class=without_class) for made in settings]
    lines += section("To see to: these have no equivalent", outcome.work)
    lines += section("Nothing to do: longma does this by itself", outcome.settled)
    return "\n".join(lines)


def assignment(made: Setting, *, refused_class: bool) -> str:
    """One setting, below what it is made from; one that only a refused worker class has a use for is a comment too."""
    text = "".join(comment(line) for line in made.origin or ("not in the old file",))
    if made.note:
        text += comment(made.note)
    why = refusal(made) or (OF_THE_CLASS if refused_class and made.name in ("threads", "worker_connections") else "")
    if why:
        return f"{text}{comment(why)}# {made.name} = {made.code}\n"
    return f"{text}{made.name} = {made.code}\n"


def refusal(made: Setting) -> str:
    """Why the running version would refuse the setting, "" when it takes it."""
    row = table().get(made.name)
    if row is None:
        return LATER
    found = LITERAL.fullmatch(made.code)
    if made.name in OF_THE_MACHINE or found is None:
        return ""
    value: object = made.code.strip('"')
    if made.code in ("True", "False"):
        value = made.code == "True"
    try:
        row.kind.parse(value)
    except ValueError as error:
        return f"refused by this version: it must {error}"
    return ""


def section(title: str, remarks: Sequence[Remark]) -> list[str]:
    """The remarks under a heading, those with the same words together."""
    if not remarks:
        return []
    by_words: dict[str, list[str]] = {}
    for remark in remarks:
        by_words.setdefault(remark.words, []).append(remark.origin)
    lines = [f"# -- {title}.\n"]
    for words, origins in by_words.items():
        lines.append("".join(comment(origin) for origin in origins) + comment(words, indent="    "))
    return lines


def comment(text: str, indent: str = "") -> str:
    """The text as lines of a comment; no part of it can end the comment."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    flat = " ".join(printable.split()) or "(empty)"
    wrapped = textwrap.wrap(flat, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {indent}{line}\n" for line in wrapped)
