"""What is served and which file configures it."""

from __future__ import annotations

from longma.config.option import START, Section, option
from longma.config.parsers import ASSIGNMENTS, FILE_SECTION, OPTIONAL_FILE, OPTIONAL_TEXT


class Application(Section):
    """What is served, and which file holds the settings."""

    __slots__ = ()
    title = "Application and configuration file"

    config: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("-c", "--config"),
        reload=False,
        doc="The configuration file: `PATH`, `file:PATH` or `python:MODULE`. Without one, the first that is there of "
        "`./longma.conf.py`, `./gunicorn.conf.py`, `./longma.toml` and `./pyproject.toml` (with a table "
        "`[tool.longma]`) is read. Has no effect inside a configuration file.",
    )
    wsgi_app: str | None = option(
        None,
        kind=OPTIONAL_TEXT,
        doc="The application, `MODULE:NAME` or `MODULE:FACTORY(ARGUMENTS)`; `NAME` is `application` unless given. The "
        "one named on the command line wins.",
    )
    paste: str | None = option(
        None,
        kind=FILE_SECTION,
        cli=("--paste", "--paster"),
        anchored=START,
        doc="A PasteDeploy file whose application is served, `FILE` or `FILE#SECTION`. When it has a section "
        "`[loggers]` it is the `logconfig` as well. Needs `longma[paste]`.",
    )
    raw_paste_global_conf: tuple[str, ...] = option(
        (),
        kind=ASSIGNMENTS,
        cli=("--paste-global",),
        repeat=True,
        doc="A variable for the PasteDeploy file, `NAME=VALUE`; a `=` in the name is written `\\=`.",
    )
