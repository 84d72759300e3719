"""USR2: another master on the same listeners, running whatever code and settings there are now.

The old master goes on until it is told to stop. The new one is its child, and is promoted when the old one is gone.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from longma import hooks
from longma.master.events import UpgradeFailed, UpgradeStarted
from longma.net.inherit import exec_environment, leave_open
from longma.process.forking import fork_blocked, unblock
from longma.process.notify import watched

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from longma.config.resolve import Invocation
    from longma.workers.model import Common

# Gunicorn's name: deployment scripts look for it.
PARENT_VARIABLE = "GUNICORN_PID"
# What a shell makes of a command that cannot be run.
CANNOT_EXECUTE = 126


def start_master(common: Common, invocation: Invocation) -> UpgradeStarted | UpgradeFailed:
    """Fork and execute another master, which gets the listeners."""
    old = os.getpid()
    try:
        pid, mask = fork_blocked()
    except OSError as error:
        return UpgradeFailed(error.strerror or str(error))
    if pid == 0:
        become_master(common, invocation, old, mask)
    return UpgradeStarted(pid)


def become_master(common: Common, invocation: Invocation, old: int, mask: object) -> NoReturn:
    """In the child: run the hook, and execute what the operator started us with."""
    try:
        hooks.run(common.settings.pre_exec, "pre_exec", common.log, common.server)
        by_systemd = common.server.systemd
        environ = watched({**invocation.environ, PARENT_VARIABLE: str(old)}, os.getpid())
        environ = exec_environment(common.listeners, environ, by_systemd)
        leave_open(common.listeners, by_systemd)
        os.chdir(invocation.cwd)
        unblock(mask)  # type: ignore[arg-type]
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)
    except BaseException as error:
        common.log.critical(f"The new master cannot be started: {error}")
    os._exit(CANNOT_EXECUTE)


def take_parent(environ: MutableMapping[str, str]) -> int:
    """Return the process number of the master that started this one by USR2, 0 when none did, out of the environment.

    A variable that somebody else's server left there says nothing about ours.
    """
    text = environ.pop(PARENT_VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) == os.getppid() else 0
