"""The socket by which a running server is looked at and told what to do."""

from __future__ import annotations

import os
from typing import Final

from longma.config.option import DIRECTORY, Kind, Section, option
from longma.config.parsers import BOOLEAN, MODE, optional_text, shown

# A socket's address has room for 108 bytes, a NUL among them (unix(7)), and a second master's path ends in ".2".
MAX_PATH_BYTES: Final = 105


def control_path(value: object) -> str | None:
    """Return the path of a socket, or None for none."""
    path = optional_text(value)
    if path is None:
        return None
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise ValueError(f"be a path that the filesystem's encoding can express, not {shown(path)}") from None
    if length > MAX_PATH_BYTES:
        raise ValueError(
            f"be a path of at most {MAX_PATH_BYTES} bytes, which is what the address of a socket has room for, not of "
            f"{length}: {path!r}"
        )
    return path


CONTROL_PATH: Final = Kind("path or None", parse=control_path, metavar="FILE")


class Control(Section):
    """The socket by which `longmactl` looks at a running server and tells it what to do; see [control.md](control.md).

    There is none unless a path is given.
    """

    __slots__ = ()
    title = "Control"

    control_socket: str | None = option(
        None,
        kind=CONTROL_PATH,
        cli=("--control-socket",),
        anchored=DIRECTORY,
        doc="Where the master listens for `longmactl` and `gunicornc`. A directory that is missing is made, for its "
        "owner alone. A socket that nobody listens on any more is replaced; that of a live server is an error.",
    )
    control_socket_mode: int = option(
        0o600,
        kind=MODE,
        cli=("--control-socket-mode",),
        doc="The mode of that socket. Who may write to it may stop the server.",
    )
    control_socket_disable: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--no-control-socket",),
        constant=True,
        doc="Have no such socket, whatever `control_socket` says.",
    )
