"""Giving up root: a worker becomes the user and group of the settings, for good."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final

from longma.errors import OperatorError

_SETGROUPS: Final = "/proc/self/setgroups"


def drop(uid: int, gid: int, initgroups: bool) -> None:
    """Become this user and group, and nobody else again.

    As with Gunicorn, 0 means that the user or the group stays what it is. The supplementary groups of whoever started
    us go too (Gunicorn keeps them, and with them what root may read by its groups): what is left is the group alone
    or, with `initgroups`, the groups that the user's entry in the system gives it.

    Raises:
        OperatorError: the system does not let us, or we could still get back.
    """
    if uid in (0, os.geteuid()) and gid in (0, os.getegid()):
        return
    try:
        _set_groups(uid, gid, initgroups)
        # The user goes last: only root may change groups.
        if gid:
            os.setgid(gid)
        if uid:
            os.setuid(uid)
    except OSError as error:
        raise OperatorError(
            f"cannot become {_described(uid, gid)}: {error.strerror}; start longma as root, or as that user and "
            "without --user and --group"
        ) from error
    _verify(uid, gid)


def give(target: str | int, uid: int, gid: int) -> None:
    """Give a regular file (a path or a descriptor), such as a log, to the user of the workers, who reopen it.

    Does nothing unless we are root. Devices, pipes and sockets stay whose they are: standard error may be the
    operator's terminal.
    """
    if os.geteuid() != 0:
        return
    # A filesystem without owners, or one that is read-only by now, does not keep the server from running.
    with suppress(OSError):
        if stat.S_ISREG(os.stat(target).st_mode):
            os.chown(target, uid, gid)


def _set_groups(uid: int, gid: int, initgroups: bool) -> None:
    name = _user_name(uid) if initgroups and gid else None
    try:
        if name is not None:
            os.initgroups(name, gid)
        else:
            os.setgroups([gid] if gid else [])
    except PermissionError:
        # Who is not root fails at what follows. In a user namespace made without privileges nobody may change them.
        if os.geteuid() == 0 and not _groups_are_fixed():
            raise


def _verify(uid: int, gid: int) -> None:
    """Make sure of what the calls promised; a kernel, a container or a security module may see it otherwise."""
    user_differs = uid and {os.getuid(), os.geteuid()} != {uid}
    if user_differs or (gid and {os.getgid(), os.getegid()} != {gid}):
        raise OperatorError(f"did not become {_described(uid, gid)}, though the system said so")
    if uid and _can_return():
        raise OperatorError(
            f"became {_described(uid, gid)} but could become root again; take the capability CAP_SETUID from longma"
        )


def _can_return() -> bool:
    try:
        os.setuid(0)
    except OSError:
        return False
    return True


def _groups_are_fixed() -> bool:
    try:
        with open(_SETGROUPS, encoding="ascii") as answer:
            return answer.read().strip() == "deny"
    except OSError:
        return False


def _user_name(uid: int) -> str | None:
    import pwd  # looks users up in files and, where the system says so, over the network

    try:
        return pwd.getpwuid(uid).pw_name if uid else None
    except KeyError:
        return None


def _described(uid: int, gid: int) -> str:
    parts = [f"user {_user_name(uid) or uid}"] if uid else []
    parts += [f"group {gid}"] if gid else []
    return " and ".join(parts)
