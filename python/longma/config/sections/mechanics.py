"""How the server uses the machine."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind, Section, option
from longma.config.parsers import DIRECTORY, MODE, boolean


def sendfile_switch(value: object) -> bool:
    """Return whether sendfile(2) may be used; None, Gunicorn's way to say "not set", means that it may."""
    return True if value is None else boolean(value)


def _sendfile_variable(value: str) -> bool:
    return value.strip().lower() in ("y", "1", "yes", "true")


_SENDFILE: Final = Kind("boolean", parse=sendfile_switch)


class ServerMechanics(Section):
    """How the server uses the machine."""

    __slots__ = ()
    title = "Server mechanics"

    sendfile: bool = option(
        True,
        kind=_SENDFILE,
        cli=("--no-sendfile",),
        constant=False,
        env="SENDFILE",
        from_env=_sendfile_variable,
        doc="Send the file of a `wsgi.file_wrapper` by sendfile(2).",
    )
    chdir: str = option(
        ".",
        kind=DIRECTORY,
        cli=("--chdir",),
        anchored=True,
        doc="The directory to change to, and to import from first, before the application is loaded.",
    )
    umask: int = option(
        0,
        kind=MODE,
        cli=("-m", "--umask"),
        reload=False,
        doc="The bits to clear in the mode of the Unix sockets that are made. Does not change the application's own.",
    )
