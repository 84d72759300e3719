"""What is served and which file configures it."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import OPTIONAL_FILE, OPTIONAL_TEXT


class Application(Section):
    """What is served, and which file holds the settings."""

    __slots__ = ()
    title = "Application and configuration file"

    config: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("-c", "--config"),
        reload=False,
        doc="The configuration file: `PATH`, `file:PATH` or `python:MODULE`. Without one, `./longma.conf.py` is read, "
        "else `./gunicorn.conf.py`, when there is one. Has no effect inside a configuration file.",
    )
    wsgi_app: str | None = option(
        None,
        kind=OPTIONAL_TEXT,
        doc="The application, `MODULE:NAME` or `MODULE:FACTORY(ARGUMENTS)`; `NAME` is `application` unless given. The "
        "one named on the command line wins.",
    )
