"""Users and groups, by number or by name. `pwd` and `grp` are imported only where a name is given."""

from __future__ import annotations

import os
from typing import Final

from longma.config.option import Kind
from longma.config.parsers import shown

_LARGEST: Final = 2**32 - 2


def user(value: object) -> int:
    """Return a user's number; None stands for the user who runs this process."""
    if value is None:
        return os.geteuid()
    number = _number(value, "user")
    if number is not None:
        return number
    import pwd

    try:
        return pwd.getpwnam(str(value).strip()).pw_uid
    except (KeyError, ValueError):
        raise ValueError(f"be a user of this machine: there is no {shown(value)}") from None


def group(value: object) -> int:
    """Return a group's number; None stands for the group of this process."""
    if value is None:
        return os.getegid()
    number = _number(value, "group")
    if number is not None:
        return number
    import grp

    try:
        return grp.getgrnam(str(value).strip()).gr_gid
    except (KeyError, ValueError):
        raise ValueError(f"be a group of this machine: there is no {shown(value)}") from None


def _number(value: object, what: str) -> int | None:
    """Return the number that a value is or spells, None when it may be a name."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, str) and value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"be the name or number of a {what}, not {shown(value)}")
    return value


USER: Final = Kind("name or number", parse=user, metavar="USER")
GROUP: Final = Kind("name or number", parse=group, metavar="GROUP")
