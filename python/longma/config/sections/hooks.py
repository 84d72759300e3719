"""The operator's functions that the server calls at set moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.config.callables import Hook
from longma.config.option import Section, option

if TYPE_CHECKING:
    from longma.config.callables import HookFunction


class Hooks(Section):
    """Functions of the configuration file that the server calls at set moments.

    A hook is a function with the setting's name, or a string `MODULE.FUNCTION`. `docs/hooks.md` tells what the
    arguments are, the order, and what an exception in one does. A reload executes the configuration file anew, but not
    the modules that it imports.
    """

    __slots__ = ()
    title = "Hooks"

    on_starting: HookFunction | None = option(
        None, kind=Hook("server"), doc="Called in the master before it opens its sockets."
    )
    on_reload: HookFunction | None = option(
        None, kind=Hook("server"), doc="Called in the master when it reloads, before it forks new workers."
    )
    when_ready: HookFunction | None = option(
        None, kind=Hook("server"), doc="Called in the master when its sockets are open, before it forks workers."
    )
    pre_fork: HookFunction | None = option(
        None, kind=Hook("server", "worker"), doc="Called in the master before it forks a worker."
    )
    post_fork: HookFunction | None = option(
        None, kind=Hook("server", "worker"), doc="Called in a worker before it gives up privileges."
    )
    post_worker_init: HookFunction | None = option(
        None, kind=Hook("worker"), doc="Called in a worker when it has loaded the application."
    )
    worker_int: HookFunction | None = option(
        None, kind=Hook("worker"), doc="Called in a worker that was sent INT or QUIT."
    )
    worker_abort: HookFunction | None = option(
        None, kind=Hook("worker"), doc="Called in a worker that was sent ABRT, as a rule by `timeout`."
    )
    pre_exec: HookFunction | None = option(
        None, kind=Hook("server"), doc="Called in a fork of the master before it becomes another master (USR2)."
    )
    pre_request: HookFunction | None = option(
        None, kind=Hook("worker", "req"), doc="Called in a worker before each request."
    )
    post_request: HookFunction | None = option(
        None,
        kind=Hook("worker", "req", "environ", "resp", optional=2),
        doc="Called in a worker after each request.",
    )
    child_exit: HookFunction | None = option(
        None, kind=Hook("server", "worker"), doc="Called in the master when a worker is gone."
    )
    worker_exit: HookFunction | None = option(
        None, kind=Hook("server", "worker"), doc="Called in a worker last of all."
    )
    nworkers_changed: HookFunction | None = option(
        None,
        kind=Hook("server", "new_value", "old_value"),
        doc="Called in the master when another number of workers is wanted; the old one is None at the start.",
    )
    on_exit: HookFunction | None = option(None, kind=Hook("server"), doc="Called in the master when it ends.")
