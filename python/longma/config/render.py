"""The table in words: `docs/settings.md`, and what `--print-config` prints.

`python -m longma.config.render` writes the page to standard output.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any, Final

from longma.config.later import LATER
from longma.config.option import rows
from longma.config.settings import SECTIONS, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longma.config.option import Option
    from longma.config.resolve import Resolved

_INTRODUCTION: Final = """\
# Settings

*Generated from the table in `python/longma/config/sections/` by `python -m longma.config.render`; edit the table.*

A setting can be given in several places. What stands further down wins:

1. the default;
2. an environment variable of its own, where it has one;
3. the configuration file: `-c PATH`, `-c file:PATH` or `-c python:MODULE`, else the first that is there of
   `./longma.conf.py`, `./gunicorn.conf.py`, `./longma.toml` and `./pyproject.toml` with a table `[tool.longma]`. A
   setting is a variable, or in TOML a key, with the setting's name;
4. `GUNICORN_CMD_ARGS`, then `LONGMA_CMD_ARGS`: environment variables that hold arguments as a shell would read them;
5. the command line.

Lists replace each other, they are never merged. Every mistake is reported, each with its place, and the exit status is
1 (2 when the command line cannot be read). `longma --print-config` shows each value with its source, and
`longma --check-config` loads the application besides. What has no effect is worth a line in the error log.

Seconds may have a fraction. Bytes may be written as strings such as `"10M"` (K, M, G and T, powers of 1024).
"""


_REFUSED: Final = """
## Not supported

Settings of Gunicorn's that are refused, since a site that asks for them must not start without them. Those marked with
a star only detail one of the others: they are taken, with a notice. Any of them may hold Gunicorn's default.

| setting | why |
|---|---|
"""


def page() -> str:
    """Return `docs/settings.md`."""
    parts = [_INTRODUCTION]
    for section in SECTIONS:
        parts.append(f"\n## {section.title}\n\n{_paragraphs(section.__doc__ or '')}\n")
        parts += [_entry(row) for row in rows(section)]
    parts.append(_REFUSED)
    parts += [f"| `{later.name}`{' *' if later.is_detail else ''} | {later.why} |\n" for later in LATER]
    return "".join(parts)


def listing(resolved: Resolved) -> str:
    """Return every setting as a line of a configuration file, with its source as a comment."""
    values = resolved.settings.as_mapping()
    assignments = {name: assignment(row, values[name]) for name, row in table().items()}
    width = min(max(len(text) for text in assignments.values()), 48)
    return "".join(f"{text:<{width}}  # {resolved.source_of(name)}\n" for name, text in sorted(assignments.items()))


def assignment(row: Option[Any], value: object) -> str:
    """Return a line of a configuration file, a comment when the value cannot be written down, as functions cannot."""
    shown = row.kind.show(value)
    try:
        ast.literal_eval(shown)
    except (SyntaxError, ValueError):
        return f"# {row.name} = {shown}"
    return f"{row.name} = {shown}"


def _paragraphs(doc: str) -> str:
    """Return a docstring as running text."""
    return "\n\n".join(" ".join(part.split()) for part in doc.strip().split("\n\n"))


def _entry(row: Option[Any]) -> str:
    return f"\n### `{row.name}`\n\n{row.doc}\n\n" + "".join(f"* {fact}\n" for fact in _facts(row))


def _facts(row: Option[Any]) -> Iterator[str]:
    if row.cli:
        argument = "" if row.constant is not None else f" {row.kind.metavar}"
        if row.words:
            argument = f" [{row.kind.metavar}]"
        often = ", may be repeated" if row.repeat else ""
        yield f"Command line: {', '.join(f'`{flag}{argument}`' for flag in row.cli)}{often}"
    if row.env:
        yield f"Environment: `{row.env}`"
    yield f"Type: {row.kind.name}{', in ' + row.unit if row.unit else ''}"
    yield f"Default: {row.default_in_words}"
    if row.inert:
        yield f"Has no effect: {row.inert}"
    if not row.reload:
        yield "Takes effect at a restart only, not at a reload"


def main() -> int:
    """Write the page to standard output."""
    sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
