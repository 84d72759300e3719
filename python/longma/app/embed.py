"""`longma.serve`: a whole server, master and workers, from a call."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from longma.config.given import Given
from longma.config.resolve import resolve
from longma.config.sections.workers import brings_its_own_http
from longma.errors import ApplicationLoadError, ConfigError, OperatorError, Problem
from longma.gateway.loader import check_kind
from longma.master import arbiter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longma.config.resolve import Resolved
    from longma.typing import WSGIApplication

# Settings by which the command line does something else than serving.
NOT_SERVING = ("check_config", "print_config")


def serve(
    app: WSGIApplication | str,
    *,
    bind: str | Sequence[str] | None = None,
    workers: int | str | None = None,
    **settings: Any,
) -> None:
    """Serve an application until the server is told to stop; to be called on the main thread.

    Nothing else says anything about the settings, save the variables `PORT`, `WEB_CONCURRENCY` and
    `FORWARDED_ALLOW_IPS`: neither a configuration file, unless `config` names one, nor the program's command line.

    Args:
        app: the application, or where it is, `MODULE:NAME`. One that is given itself stays the same over every reload;
            one that is named is loaded by each worker.
        bind: where to listen, `HOST:PORT` or `unix:PATH`, or several of them.
        workers: how many worker processes serve, or "auto".
        settings: any other setting, by its name in a configuration file.

    Raises:
        ConfigError: settings are wrong; all of them are told.
        ApplicationLoadError: there is no application, or the worker class serves none of this kind.
        LongmaError: something that the settings ask for cannot be had.
        SystemExit: the server failed; and in each worker process when it ends.
    """
    given = {"bind": bind, "workers": workers, **settings}
    values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    for name in NOT_SERVING:
        if values.get(name):
            raise ConfigError([Problem(f"{name} does not serve, it is for the command line", "longma.serve")])
    if isinstance(app, str):
        run(settled(Given({**values, "wsgi_app": app}, alone=True)))
        return
    notices = []
    if values.get("reload"):
        values["reload"] = False
        notices.append("reload has no effect: the program gave the application itself; give its name, MODULE:NAME")
    resolved = settled(Given(values, alone=True))
    if not brings_its_own_http(resolved.settings.worker_class):
        if not callable(app):
            raise ApplicationLoadError(f"there is no application to serve: {app!r} cannot be called")
        check_kind(app, "the application")
    run(resolved._replace(notices=(*resolved.notices, *notices)), application=app)


def settled(given: Given, argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Resolved:
    """Return the settings of a program that runs in this directory.

    Raises:
        ConfigError: some of them are wrong.
    """
    return resolve(argv, os.environ if environ is None else environ, os.getcwd(), given)


def run(
    resolved: Resolved,
    *,
    application: WSGIApplication | None = None,
    load: Callable[[], WSGIApplication] | None = None,
) -> None:
    """Be the master until the server has stopped; then the program goes on with its signals as they were.

    Raises:
        LongmaError: something that the settings ask for cannot be had.
        SystemExit: the server failed; and in each worker process when it ends.
    """
    # Not by the threads' objects, which greenlets have of their own.
    if threading.get_native_id() != threading.main_thread().native_id:
        raise OperatorError("longma serves on the main thread only, which is where Python has its signals")
    pid = os.getpid()
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    status = arbiter.run(resolved, application, load)
    if status or os.getpid() != pid:
        sys.exit(status)
    for number, action in before.items():
        if action is not None and signal.getsignal(number) != action:
            signal.signal(number, action)
