"""How the server uses the machine."""

from __future__ import annotations

import os
from typing import Final

from longma.config.accounts import GROUP, USER
from longma.config.option import DIRECTORY, START, Computed, Kind, Section, option
from longma.config.parsers import (
    ASSIGNMENTS,
    BOOLEAN,
    EXISTING_DIRECTORY,
    MODE,
    OPTIONAL_FILE,
    OPTIONAL_TEXT,
    boolean,
)


def sendfile_switch(value: object) -> bool:
    """Return whether sendfile(2) may be used; None, Gunicorn's way to say "not set", means that it may."""
    return True if value is None else boolean(value)


def _sendfile_variable(value: str) -> bool | None:
    return value.strip().lower() in ("y", "1", "yes", "true") if value.strip() else None


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
        kind=EXISTING_DIRECTORY,
        cli=("--chdir",),
        anchored=START,
        doc="The directory to change to, and to import from first, before the application is loaded.",
    )
    umask: int = option(
        0,
        kind=MODE,
        cli=("-m", "--umask"),
        reload=False,
        doc="The bits to clear in the mode of the Unix sockets that are made. Does not change the application's own.",
    )
    pythonpath: str | None = option(
        None,
        kind=OPTIONAL_TEXT,
        cli=("--pythonpath",),
        doc="Directories to import from, divided by commas. The last of them is searched first, and before `chdir`.",
    )
    raw_env: tuple[str, ...] = option(
        (),
        kind=ASSIGNMENTS,
        cli=("-e", "--env"),
        repeat=True,
        doc="A variable for the environment, `NAME=VALUE`. Set before the application is loaded, and taken back by a "
        "reload that no longer has it.",
    )
    preload_app: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--preload",),
        constant=True,
        reload=False,
        doc="Load the application once, in the master, before workers are forked: they start faster and share its "
        "memory. A reload (HUP) does not load it anew. Has no effect with `reload`.",
    )
    reuse_port: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--reuse-port",),
        constant=True,
        reload=False,
        doc="Open TCP sockets with `SO_REUSEPORT`, so that another server may listen on the same address.",
    )
    daemon: bool = option(
        False,
        kind=BOOLEAN,
        cli=("-D", "--daemon"),
        constant=True,
        reload=False,
        doc="Leave the terminal and go on in the background.",
    )
    enable_stdio_inheritance: bool = option(
        False,
        kind=BOOLEAN,
        cli=("-R", "--enable-stdio-inheritance"),
        constant=True,
        reload=False,
        doc="Keep standard output and standard error in the background, unless they are a terminal.",
    )
    pidfile: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("-p", "--pid"),
        anchored=DIRECTORY,
        doc="The file that holds the master's process number while it runs.",
    )
    user: int = option(
        Computed(os.geteuid, "the user who starts longma"),
        kind=USER,
        cli=("-u", "--user"),
        doc="The user, by name or number, that workers run as. The master stays what it is.",
    )
    group: int = option(
        Computed(os.getegid, "the group of the user who starts longma"),
        kind=GROUP,
        cli=("-g", "--group"),
        doc="The group, by name or number, that workers run as.",
    )
    initgroups: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--initgroups",),
        constant=True,
        doc="Give workers all the groups that `user` is a member of.",
    )
